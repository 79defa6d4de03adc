/** Widrow and Hoff's adaptive linear neuron. */
import { checkOptions, NumericError } from "../../base/index.ts";
import { norm } from "../../base/vectors.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import { type ClassifiedRows, classified, type Filled, type LearnOptions } from "../estimator.ts";
import { type Examples, type Features, rowOf, type Targets } from "../input.ts";
import {
  addAffine,
  affine,
  binaryState,
  checkTwoClasses,
  LinearClassifier,
  type LinearClassifierState,
  type OrderOptions,
} from "./linear-classifier.ts";
import { epochOrders } from "./perceptron.ts";

/** Options of {@link Adaline}. */
export interface AdalineOptions extends OrderOptions {
  /** Whether a step is along x or along x/‖x‖. Default "original". */
  readonly rule?: "original" | "unit-norm" | undefined;
  /** The targets of the two classes: −1 and 1 (default), or 0 and 1. */
  readonly labels?: "signed" | "zero-one" | undefined;
  /** η > 0. The original rule is stable for η < 2/‖(x, 1)‖². Default 0.01. */
  readonly lr?: number | undefined;
  /** Epochs, passes through the examples. Default 100. */
  readonly epochs?: number | undefined;
}

type AdalineState = LinearClassifierState & { readonly losses: readonly number[] };

/**
 * ADALINE: the delta rule on the score itself, before the threshold, descends the squared error (y
 * − z)²,
 *
 *   z = wᵀx + b,   original: (w, b) ← (w, b) + η (y − z) (x, 1),   unit-norm: … + η (y − z) (x, 1)/‖x‖
 *
 * from zero weights, one example after the other. The threshold lies midway between the targets: 0
 * for ±1, ½ for 0 and 1, where the score predicts the target itself. A row of zeros has no
 * direction and is skipped by the unit-norm rule.
 *
 * O(ND) per epoch. It ends near the least-squares line even if the classes are not linearly
 * separable; the perceptron does not.
 *
 * @see Widrow & Hoff 1960, "Adaptive switching circuits"
 * @example
 * const or = await new Adaline({ lr: 0.1 }).fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["no", "yes", "yes", "yes"]);
 * or.predict([[0, 0], [1, 0]]); // ["no", "yes"]
 */
export class Adaline extends LinearClassifier<AdalineState> {
  readonly name = "Adaline";
  readonly options: Filled<AdalineOptions>;

  /** @throws {ConfigError} for a step that is not above 0, or no epochs. */
  constructor(options: AdalineOptions = {}) {
    super();
    checkOptions("Adaline", options, {
      ...{ rule: true, labels: true, lr: true, epochs: true },
      ...{ shuffle: true, seed: true },
    });
    const { rule = "original", labels = "signed", lr = 0.01, epochs = 100 } = options;
    const { shuffle = false, seed = 0 } = options;
    this.options = { rule, labels, lr, epochs, shuffle, seed };
    checkWord("Adaline", "rule", rule, ["original", "unit-norm"]);
    checkWord("Adaline", "labels", labels, ["signed", "zero-one"]);
    checkNumber("Adaline", "lr", lr, "above 0");
    checkWhole("Adaline", "epochs", epochs);
  }

  /** The mean of (y − z)² over each epoch, each example before its own step. */
  get losses(): readonly number[] {
    return this.state.losses;
  }

  protected override isSecond(z: number): boolean {
    return z >= (this.options.labels === "signed" ? 0 : 0.5);
  }

  /**
   * @throws {DataError} unless there are two classes.
   * @throws {NumericError} if the weights overflow because η is too large.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = classified(this.name, x, y, options);
    checkTwoClasses(this.name, rows);
    const { w, losses } = descend(rows, this.options);
    return this.learn({ ...binaryState(rows.classes, w), losses });
  }
}

function descend(
  { x, indices, weights }: ClassifiedRows,
  { rule, labels, lr, epochs, shuffle, seed }: Adaline["options"],
): { w: Float64Array; losses: number[] } {
  const w = new Float64Array(x.columns + 1);
  const total = weights.reduce((a, b) => a + b, 0);
  const losses: number[] = [];
  for (const order of epochOrders(x.rows, epochs, shuffle, seed)) {
    let loss = 0;
    for (const i of order) {
      const row = rowOf(x, i);
      const target = labels === "signed" ? 2 * indices[i]! - 1 : indices[i]!;
      const error = target - affine(w, row);
      loss += weights[i]! * error ** 2;
      const length = rule === "original" ? 1 : norm(row);
      if (length > 0) addAffine(w, (lr * weights[i]! * error) / length, row);
    }
    losses.push(loss / total);
    if (!Number.isFinite(loss)) throw diverged(lr, losses.length);
  }
  return { w, losses };
}

const diverged = (lr: number, epoch: number) =>
  new NumericError({
    subject: "Adaline",
    problem: `the weights left the finite numbers in epoch ${epoch} with lr ${lr}.`,
    fix: 'take a smaller lr, standardize the features, or rule: "unit-norm".',
  });

/** Rosenblatt's perceptron, with its number of mistakes and their bound. */
import { checkOptions, RandomStream, warnOnce } from "../../base/index.ts";
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

/** Options of {@link Perceptron}. */
export interface PerceptronOptions extends OrderOptions {
  /** The labels, which decide the meaning of a score of 0. Default "zero-one". */
  readonly labels?: "zero-one" | "signed" | undefined;
  /** η > 0, the length of a step; from zero weights it only scales them. Default 1. */
  readonly lr?: number | undefined;
  /** The most epochs. Default 1000. */
  readonly epochs?: number | undefined;
  /**
   * Whether to average the weights over all examples instead of keeping the last ones. Default
   * false.
   */
  readonly averaged?: boolean | undefined;
}

/** The report of a perceptron's training. */
export type PerceptronReport = {
  /** Whether an epoch passed without a mistake. */
  readonly converged: boolean;
  readonly epochs: number;
  /** The mistakes of each epoch, and their total. */
  readonly mistakes: readonly number[];
  readonly total: number;
  /** R = max ‖(x, 1)‖: the constant 1 carries b. */
  readonly radius: number;
  /**
   * γ = min y (wᵀx + b) / ‖(w, b)‖, the largest for the last weights, their mean, and those of the
   * signed rule, which leaves no example on the boundary; null if none of them separates the
   * classes.
   */
  readonly margin: number | null;
  /** (R/γ)², which the total cannot exceed; null without a margin, or with sample weights. */
  readonly bound: number | null;
};

type PerceptronState = LinearClassifierState & { readonly report: PerceptronReport };

/**
 * The perceptron: from zero weights, every misclassified example updates them,
 *
 *   ŷ = g(wᵀx + b),   w ← w + η (y − ŷ) x,   b ← b + η (y − ŷ)
 *
 * - `labels: "zero-one"`: y, ŷ ∈ {0, 1} with g(z) = 1 for z ≥ 0, as in course texts.
 * - `labels: "signed"`: y = ±1, and an example with y z ≤ 0 changes w by η y x: a score of 0 is a
 *   mistake for either class.
 *
 * It ends with the first epoch without a mistake. If a hyperplane separates the classes with margin
 * γ and no example is farther than R from the origin, there are at most (R/γ)² mistakes, in any
 * order; {@link Perceptron.report} has all three. Otherwise it does not converge, and reports that.
 *
 * O(ND) per epoch. Use it to understand learning; {@link LogisticRegression} and {@link LinearSVC}
 * have a unique and better solution.
 *
 * @see Rosenblatt 1958; Novikoff 1962, "On convergence proofs on perceptrons"; Freund & Schapire
 * 1999 for the averaged weights
 * @example
 * const and = await new Perceptron().fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]);
 * and.predict([[1, 1], [1, 0]]); // [1, 0]
 * and.report.converged; // true
 * and.report.total <= and.report.bound!; // true
 */
export class Perceptron extends LinearClassifier<PerceptronState> {
  readonly name = "Perceptron";
  readonly options: Filled<PerceptronOptions>;

  /** @throws {ConfigError} for a step that is not above 0, or no epochs. */
  constructor(options: PerceptronOptions = {}) {
    super();
    checkOptions("Perceptron", options, {
      ...{ labels: true, lr: true, epochs: true, averaged: true },
      ...{ shuffle: true, seed: true },
    });
    const { labels = "zero-one", lr = 1, epochs = 1000, averaged = false } = options;
    const { shuffle = false, seed = 0 } = options;
    this.options = { labels, lr, epochs, averaged, shuffle, seed };
    checkWord("Perceptron", "labels", labels, ["zero-one", "signed"]);
    checkNumber("Perceptron", "lr", lr, "above 0");
    checkWhole("Perceptron", "epochs", epochs);
  }

  /** How training went: mistakes, margin and bound. */
  get report(): PerceptronReport {
    return this.state.report;
  }

  protected override isSecond(z: number): boolean {
    return this.options.labels === "zero-one" ? z >= 0 : z > 0;
  }

  /** @throws {DataError} unless there are two classes. */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = classified(this.name, x, y, options);
    checkTwoClasses(this.name, rows);
    const { w, mean, mistakes } = perceive(rows, this.options);
    const strict = perceive(rows, { ...this.options, labels: "signed" });
    const separators = [w, mean, strict.w, strict.mean];
    const report = reportOf(rows, separators, mistakes, options.sampleWeight !== undefined);
    if (!report.converged) warnOnce(unsettled(report));
    const kept = binaryState(rows.classes, this.options.averaged ? mean : w);
    return this.learn({ ...kept, report });
  }
}

/** Weights (w, b) at the end, their mean, and the mistakes of each epoch. */
function perceive(
  { x, indices, weights }: ClassifiedRows,
  { labels, lr, epochs, shuffle, seed }: Perceptron["options"],
): { w: Float64Array; mean: Float64Array; mistakes: number[] } {
  const w = new Float64Array(x.columns + 1);
  const sum = new Float64Array(x.columns + 1); // Σ t Δw: the mean is w − sum / t
  const mistakes: number[] = [];
  let t = 0;
  for (const order of epochOrders(x.rows, epochs, shuffle, seed)) {
    let wrong = 0;
    for (const i of order) {
      t++;
      const z = affine(w, rowOf(x, i));
      const sign = 2 * indices[i]! - 1;
      const isWrong = labels === "signed" ? sign * z <= 0 : z >= 0 !== sign > 0;
      if (!isWrong || weights[i] === 0) continue;
      wrong++;
      addAffine(w, lr * weights[i]! * sign, rowOf(x, i));
      addAffine(sum, (t - 1) * lr * weights[i]! * sign, rowOf(x, i));
    }
    mistakes.push(wrong);
    if (wrong === 0) break;
  }
  return { w, mean: w.map((wj, j) => wj - sum[j]! / t), mistakes };
}

/** The rows of each epoch, in their order. */
export function* epochOrders(
  rows: number,
  epochs: number,
  shuffle: boolean,
  seed: number,
): Generator<Uint32Array | Int32Array> {
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  const random = new RandomStream(seed, orderStream);
  for (let epoch = 0; epoch < epochs; epoch++)
    yield shuffle ? Int32Array.from(random.permutation(rows)) : order;
}

/** The random stream of orders, separate from other uses. */
const orderStream = 0x1ea4_0001;

function reportOf(
  rows: ClassifiedRows,
  separators: readonly Float64Array[],
  mistakes: readonly number[],
  isWeighted: boolean,
): PerceptronReport {
  const { x, weights } = rows;
  const radius = weights.reduce(
    (most, weight, i) => (weight > 0 ? Math.max(most, Math.hypot(norm(rowOf(x, i)), 1)) : most),
    0,
  );
  const widest = Math.max(...separators.map((w) => marginOf(rows, w)));
  const margin = widest > 0 ? widest : null;
  return {
    converged: mistakes.at(-1) === 0,
    epochs: mistakes.length,
    mistakes,
    total: mistakes.reduce((a, b) => a + b, 0),
    radius,
    margin,
    bound: margin === null || isWeighted ? null : (radius / margin) ** 2,
  };
}

/** min y (wᵀx + b) / ‖(w, b)‖ over the examples with nonzero weight. */
function marginOf({ x, indices, weights }: ClassifiedRows, w: Float64Array): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < x.rows; i++)
    if (weights[i]! > 0) least = Math.min(least, (2 * indices[i]! - 1) * affine(w, rowOf(x, i)));
  return least / norm(w);
}

const unsettled = ({ epochs, mistakes }: PerceptronReport) => ({
  subject: "Perceptron",
  problem: `after ${epochs} epochs it still errs, ${mistakes.at(-1)} times in the last one: no line may part the classes.`,
  fix: "allow more epochs, take averaged: true, or use LogisticRegression.",
});

/** Multiclass classification by binary learners. */
import { ConfigError, DataError, describe } from "../base/index.ts";
import type { Tensor } from "../tensor/index.ts";
import {
  Classifier,
  type ClassifierState,
  classified,
  type Estimator,
  type LearnOptions,
} from "./estimator.ts";
import {
  copied,
  type Examples,
  type Features,
  type Targets,
  takeRows,
  tensorOf,
  vectorTensor,
} from "./input.ts";
import { largest } from "./linear/linear-classifier.ts";

/** A binary learner with a score that increases with the second class. */
export interface BinaryClassifier extends Classifier {
  /** Learns from two classes. */
  fit(x: Features | Examples, y?: Targets, options?: LearnOptions): Promise<unknown>;
  /** A score for each row that increases with the second class. */
  decisionFunction(x: Features): Tensor;
}

type SeveralState = ClassifierState & { readonly estimators: readonly Estimator[] };

function checkScored(subject: string, learner: BinaryClassifier): void {
  if (typeof learner?.decisionFunction === "function" && typeof learner.fresh === "function")
    return;
  throw new ConfigError({
    subject,
    problem: `${describe(learner)} has no decisionFunction.`,
    fix: `give a learner of two classes, such as new ${subject}(new Perceptron()).`,
  });
}

abstract class SeveralClassifier extends Classifier<SeveralState> {
  /** The binary learner; a fresh copy is fitted for each part. */
  readonly estimator: BinaryClassifier;
  readonly options = {};

  constructor(estimator: BinaryClassifier, subject: string) {
    super();
    checkScored(subject, estimator);
    this.estimator = estimator;
  }

  override fresh(): this {
    const Several = this.constructor as new (estimator: BinaryClassifier) => this;
    return new Several(this.estimator.fresh());
  }

  /** The fitted learners. */
  get estimators(): readonly BinaryClassifier[] {
    return this.state.estimators as readonly unknown[] as readonly BinaryClassifier[];
  }

  /** The score of each class, `[N, K]` row-major. */
  protected abstract scores(x: Features): { values: Float64Array; rows: number };

  /** The score of each class, `[N, K]`. */
  decisionFunction(x: Features): Tensor {
    const { values, rows } = this.scores(x);
    return vectorTensor(values, [rows, this.classes.length]);
  }

  protected indicesOf(x: Features): Int32Array {
    const { values, rows } = this.scores(x);
    const k = this.classes.length;
    return Int32Array.from({ length: rows }, (_, i) =>
      largest(values.subarray(i * k, (i + 1) * k)),
    );
  }
}

/**
 * One-vs-rest: one learner for each class against all others; the class with the largest score
 * wins. K fits of all N examples. For binary learners such as {@link Perceptron}; the classes are
 * imbalanced against the rest.
 *
 * @see Rifkin & Klautau 2004, "In defense of one-vs-all classification"
 * @example
 * const model = new OneVsRestClassifier(new Adaline({ lr: 0.05, epochs: 300 }));
 * await model.fit([[0, 0], [1, 0], [0, 1]], ["a", "b", "c"]);
 * model.predict([[0.9, 0.1], [0.1, 0.9]]); // ["b", "c"]
 */
export class OneVsRestClassifier extends SeveralClassifier {
  readonly name = "OneVsRestClassifier";

  /** @throws {ConfigError} if the learner has no score. */
  constructor(estimator: BinaryClassifier) {
    super(estimator, "OneVsRestClassifier");
  }

  /** Fits a learner for each class. @throws {DataError} if all examples have one class. */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = classified(this.name, x, y, options);
    const { sampleWeight } = options;
    const features = tensorOf(copied(rows.x));
    const estimators: BinaryClassifier[] = [];
    for (const k of rows.classes.keys()) {
      const one = this.estimator.fresh();
      await one.fit(
        features,
        rows.indices.map((label) => Number(label === k)),
        { sampleWeight },
      );
      estimators.push(one);
    }
    return this.learn({ classes: rows.classes, estimators });
  }

  protected scores(x: Features): { values: Float64Array; rows: number } {
    const k = this.classes.length;
    const each = this.estimators.map((one) => one.decisionFunction(x).dataSync());
    const rows = each[0]!.length;
    const values = new Float64Array(rows * k);
    for (const [c, scores] of each.entries())
      for (let i = 0; i < rows; i++) values[i * k + c] = scores[i]!;
    return { values, rows };
  }
}

/**
 * One-vs-one: one learner for each pair of classes, on their examples alone; the class with the
 * most votes wins, ties by the larger sum of scores. K(K − 1)/2 fits of about 2N/K examples each:
 * cheaper than {@link OneVsRestClassifier} for learners whose cost grows faster than N, but slower
 * to predict.
 *
 * @see Hastie & Tibshirani 1998, "Classification by pairwise coupling"
 * @example
 * const model = new OneVsOneClassifier(new Perceptron());
 * await model.fit([[0], [1], [5], [6], [10], [11]], [0, 0, 1, 1, 2, 2]);
 * model.estimators.length; // 3
 * model.predict([[0.5], [5.5], [10.5]]); // [0, 1, 2]
 */
export class OneVsOneClassifier extends SeveralClassifier {
  readonly name = "OneVsOneClassifier";

  /** @throws {ConfigError} if the learner has no score. */
  constructor(estimator: BinaryClassifier) {
    super(estimator, "OneVsOneClassifier");
  }

  /**
   * Fits a learner for each pair of classes. @throws {DataError} if all examples have one class.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const { x: matrix, indices, classes, weights } = classified(this.name, x, y, options);
    const totals = new Float64Array(classes.length);
    for (const [i, k] of indices.entries()) totals[k]! += weights[i]!;
    const unknown = classes.filter((_, k) => totals[k] === 0);
    if (unknown.length > 1)
      throw new DataError({
        subject: this.name,
        problem: `all examples of ${unknown.map(describe).join(" and ")} have weight 0, and nothing parts these classes.`,
        fix: "leave their examples out, or give some of them a weight.",
      });
    const estimators: BinaryClassifier[] = [];
    for (const [a, b] of pairsOf(classes.length)) {
      const rows = [...indices.keys()].filter((i) => indices[i] === a || indices[i] === b);
      const one = this.estimator.fresh();
      const given = options.sampleWeight && { sampleWeight: rows.map((i) => weights[i]!) };
      const labels = rows.map((i) => Number(indices[i] === b));
      await one.fit(tensorOf(takeRows(matrix, rows)), labels, given ?? {});
      estimators.push(one);
    }
    return this.learn({ classes, estimators });
  }

  protected scores(x: Features): { values: Float64Array; rows: number } {
    const k = this.classes.length;
    const pairs = [...pairsOf(k)];
    const each = this.estimators.map((one) => one.decisionFunction(x).dataSync());
    const rows = each[0]!.length;
    const values = new Float64Array(rows * k);
    const sums = new Float64Array(rows * k);
    for (const [n, [a, b]] of pairs.entries())
      for (let i = 0; i < rows; i++) {
        const score = each[n]![i]!;
        values[i * k + (score > 0 ? b : a)]! += 1;
        sums[i * k + b]! += score;
        sums[i * k + a]! -= score;
      }
    // less than a third of a vote in total, so that sums only break ties
    return { values: values.map((v, at) => v + sums[at]! / (3 * (Math.abs(sums[at]!) + 1))), rows };
  }
}

function* pairsOf(classes: number): Generator<readonly [number, number]> {
  for (let a = 0; a < classes; a++) for (let b = a + 1; b < classes; b++) yield [a, b];
}

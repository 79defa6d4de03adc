/** Common to the three naive Bayes classifiers. */
import { ConfigError, DataError, describe } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import {
  type ClassifiedRows,
  Classifier,
  type ClassifierState,
  examplesOf,
  type LearnOptions,
} from "../estimator.ts";
import {
  classesOf,
  type Examples,
  type Features,
  type Label,
  matrixOf,
  type Targets,
  vectorTensor,
  weightsOf,
} from "../input.ts";
import { largest } from "../linear/linear-classifier.ts";

/** Options of `partialFit`. */
export interface PartialOptions extends LearnOptions {
  /** All classes that will ever occur; needed in the first call only. */
  readonly classes?: readonly Label[] | undefined;
}

/**
 * A generative classifier: P(class | x) ∝ P(class) Πⱼ P(xⱼ | class), the features independent of each
 * other within a class.
 */
export abstract class NaiveBayes<S extends ClassifierState> extends Classifier<S> {
  /** Class priors, if given rather than estimated. */
  protected abstract readonly givenPriors: readonly number[] | undefined;

  /** The empty sums, for a number of features. */
  protected abstract empty(classes: readonly Label[], features: number): S;
  /** The sums after more examples. */
  protected abstract plus(state: S, rows: ClassifiedRows): S;
  /** log P(class) + log P(x | class) of each row and class, `[N, K]` row-major. */
  protected abstract logJoint(x: Features): { values: Float64Array; rows: number };

  /** Learns from all examples at once. @throws {DataError} if all have one class. */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const given = examplesOf(this.name, x, y);
    const matrix = matrixOf(this.name, given.x);
    const { classes, indices } = classesOf(this.name, given.y, matrix.rows);
    const weights = weightsOf(this.name, options.sampleWeight, matrix.rows);
    checkPriors(this.name, this.givenPriors, classes.length);
    const empty = this.empty(classes, matrix.columns);
    return this.learn(this.plus(empty, { x: matrix, classes, indices, weights }));
  }

  /**
   * Learns from more examples: after all calls the result is that of `fit` on all of them together.
   *
   * @throws {DataError} for a label that is none of `classes`, or if these are missing in the first
   * call.
   */
  async partialFit(
    x: Features | Examples,
    y?: Targets,
    options: PartialOptions = {},
  ): Promise<this> {
    const given = examplesOf(this.name, x, y);
    const matrix = matrixOf(this.name, given.x);
    const classes = this.isFitted ? this.classes : options.classes;
    if (classes === undefined)
      throw new DataError({
        subject: this.name,
        problem: "the first part of the data need not hold all classes.",
        fix: "name them all: partialFit(x, y, { classes: [0, 1, 2] }).",
      });
    const all = classesOf(this.name, classes as Targets, classes.length).classes;
    const known = this.isFitted ? this.state : this.empty(all, matrix.columns);
    const rows = this.checkColumns(matrix, this.features(known));
    checkPriors(this.name, this.givenPriors, all.length);
    const indices = indicesIn(this.name, all, given.y, rows.rows);
    const weights = weightsOf(this.name, options.sampleWeight, rows.rows);
    return this.learn(this.plus(known, { x: rows, classes: all, indices, weights }));
  }

  /** The number of features of a state. */
  protected abstract features(state: S): number;

  /** P(class | x), `[N, K]`; rows sum to 1. */
  predictProba(x: Features): Tensor {
    const { values, rows } = this.logJoint(x);
    return vectorTensor(values, [rows, this.classes.length]).softmax(1);
  }
  /** log P(class | x), `[N, K]`, accurate even where a probability rounds to 0. */
  predictLogProba(x: Features): Tensor {
    const { values, rows } = this.logJoint(x);
    return vectorTensor(values, [rows, this.classes.length]).logSoftmax(1);
  }

  protected indicesOf(x: Features): Int32Array {
    const { values, rows } = this.logJoint(x);
    const k = this.classes.length;
    return Int32Array.from({ length: rows }, (_, i) =>
      largest(values.subarray(i * k, (i + 1) * k)),
    );
  }
}

function indicesIn(
  subject: string,
  classes: readonly Label[],
  y: Targets,
  rows: number,
): Int32Array {
  const given = classesOf(subject, y, rows, 1);
  const index = given.classes.map((label) => classes.indexOf(label));
  const unknown = index.indexOf(-1);
  if (unknown >= 0)
    throw new DataError({
      subject,
      problem: `the label ${describe(given.classes[unknown])} is not one of the classes ${classes.join(", ")}.`,
      fix: "name all classes in the first partialFit.",
    });
  return given.indices.map((k) => index[k]!);
}

function checkPriors(
  subject: string,
  priors: readonly number[] | undefined,
  classes: number,
): void {
  if (priors === undefined) return;
  const sum = priors.reduce((a, b) => a + b, 0);
  if (priors.length === classes && Math.abs(sum - 1) < 1e-9 && priors.every((p) => p >= 0)) return;
  throw new ConfigError({
    subject,
    problem: `the priors are ${priors.join(", ")} (sum ${sum}) for ${classes} classes.`,
    fix: "give a probability of 0 or more for each class, in ascending order of the classes; together they are 1.",
  });
}

/** log P(class), from given priors or from the weights of the classes. */
export function logPriors(
  priors: readonly number[] | undefined,
  counts: ArrayLike<number>,
): Float64Array {
  const list = Float64Array.from(counts);
  const total = list.reduce((a, b) => a + b, 0);
  return list.map((count, k) => Math.log(priors ? priors[k]! : count / total));
}

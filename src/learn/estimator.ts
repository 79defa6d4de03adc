/** Common to all learners: options, fitted state, and storage in files. */
import { ConfigError, DataError, ShapeError } from "../base/index.ts";
import type { Tensor } from "../tensor/index.ts";
import {
  type ClassTargets,
  classesOf,
  type Examples,
  type Features,
  type Label,
  type Matrix,
  matrixOf,
  numbersOf,
  type Targets,
  vectorTensor,
  weightsOf,
} from "./input.ts";
import type { State } from "./state.ts";
import { type Snapshot, snapshotOf, writeSnapshot } from "./storage.ts";

/** Options of every `fit`. */
export interface LearnOptions {
  /** A weight ≥ 0 for each row; an example of weight 2 counts as if it occurred twice. */
  readonly sampleWeight?: ArrayLike<number> | undefined;
}

export type { FittedValue, State } from "./state.ts";

/** Options with their defaults. */
export type Filled<O> = { readonly [Name in keyof O]-?: Exclude<O[Name], undefined> };

/**
 * A learner: options in the constructor, `fit` to learn from examples, and the fitted state as
 * fields. Using it before `fit` is an error.
 *
 * @see Buitinck et al. 2013, "API design for machine learning software: experiences from the
 * scikit-learn project"
 */
export abstract class Estimator<S extends State = State> {
  /** The options, with defaults filled in. */
  abstract readonly options: object;
  #state: S | undefined;

  /** The name under which it is stored: that of its class, even if a bundler renames it. */
  abstract readonly name: string;

  /** An unfitted learner of the same class with the same options. */
  fresh(): this {
    const Learner = this.constructor as new (options: object) => this;
    return new Learner(this.options);
  }

  /** Whether it has been fitted. */
  get isFitted(): boolean {
    return this.#state !== undefined;
  }

  /** The fitted state. @throws {DataError} before `fit`. */
  protected get state(): S {
    if (this.#state) return this.#state;
    throw new DataError({
      subject: this.name,
      problem: "it has not learned anything yet.",
      fix: "call fit first, and await it.",
    });
  }

  protected learn(state: S): this {
    this.#state = state;
    return this;
  }

  /** Restores the fitted state of a stored learner of the same kind. */
  restore(state: State): this {
    return this.learn(state as S);
  }

  /** New rows, with as many features as in `fit`. @throws {ShapeError} naming both numbers. */
  protected rows(x: Features, features: number): Matrix {
    void this.state;
    return this.checkColumns(matrixOf(this.name, x), features);
  }

  protected checkColumns(matrix: Matrix, features: number): Matrix {
    if (matrix.columns === features) return matrix;
    throw new ShapeError({
      subject: this.name,
      problem: `the rows have ${matrix.columns} features, it has learned from ${features} (${matrix.columns} ≠ ${features}).`,
      fix: "give the same features in the same order as in fit.",
    });
  }

  /** Name, options and fitted state as plain JSON; {@link learnerFromJSON} reads it. */
  toJSON(): Snapshot {
    return snapshotOf(this, this.state);
  }

  /** Writes a safetensors file with options and names in its header; {@link loadLearner} reads it. */
  async save(path: string): Promise<void> {
    await writeSnapshot(path, this.toJSON());
  }
}

/** Rows, targets and weights from the arguments of `fit`: separate, or as a split. */
export function examplesOf(
  subject: string,
  x: Features | Examples,
  y: Targets | undefined,
): { x: Features; y: Targets } {
  if (typeof x === "object" && x !== null && "inputs" in x && "targets" in x) {
    const { inputs, targets, classes } = x;
    if (y !== undefined) return { x: inputs, y };
    return { x: inputs, y: classes ? Array.from(targets.data, (k) => classes[k]!) : targets };
  }
  if (y !== undefined) return { x, y };
  throw new DataError({
    subject,
    problem: "there are examples, but no targets.",
    fix: "give targets as the second argument, one for each row.",
  });
}

/** The fitted state common to all classifiers. */
export type ClassifierState = State & { readonly classes: readonly Label[] };

/** A learner that predicts classes. */
export abstract class Classifier<S extends ClassifierState = ClassifierState> extends Estimator<S> {
  /** The classes, ascending: column k of `predictProba` belongs to `classes[k]`. */
  get classes(): readonly Label[] {
    return this.state.classes;
  }

  /** The index in `classes` of the class of each row. */
  protected abstract indicesOf(x: Features): Int32Array;

  /** The class of each row, as passed to `fit`. */
  predict(x: Features): Label[] {
    const { classes } = this;
    return Array.from(this.indicesOf(x), (k) => classes[k]!);
  }

  /** The accuracy: the (weighted) fraction of rows that `predict` gets right. */
  score(x: Features | Examples, y?: Targets, { sampleWeight }: LearnOptions = {}): number {
    const given = examplesOf(this.name, x, y);
    const predicted = this.predict(given.x);
    const { classes, indices } = classesOf(this.name, given.y, predicted.length, 1);
    const weights = weightsOf(this.name, sampleWeight, predicted.length);
    let right = 0;
    for (const [i, label] of predicted.entries())
      if (label === classes[indices[i]!]) right += weights[i]!;
    return right / weights.reduce((a, b) => a + b, 0);
  }
}

/** A learner that predicts a number. */
export abstract class Regressor<S extends State = State> extends Estimator<S> {
  /** The number of each row. */
  protected abstract numbers(x: Features): Float64Array;

  /** The prediction for each row, `[N]` float64. */
  predict(x: Features): Tensor {
    return vectorTensor(this.numbers(x));
  }

  /**
   * The coefficient of determination, weighted,
   *
   *   R² = 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)²
   *
   * 1 for exact predictions, 0 for the mean; for targets that are all equal it is 1 or 0.
   */
  score(x: Features | Examples, y?: Targets, { sampleWeight }: LearnOptions = {}): number {
    const given = examplesOf(this.name, x, y);
    const predicted = this.numbers(given.x);
    const truth = numbersOf(this.name, given.y, predicted.length);
    const weights = weightsOf(this.name, sampleWeight, predicted.length);
    const total = weights.reduce((a, b) => a + b, 0);
    const mean = truth.reduce((sum, t, i) => sum + weights[i]! * t, 0) / total;
    let [residual, spread] = [0, 0];
    for (const [i, t] of truth.entries()) {
      residual += weights[i]! * (t - predicted[i]!) ** 2;
      spread += weights[i]! * (t - mean) ** 2;
    }
    if (spread === 0) return residual === 0 ? 1 : 0;
    return 1 - residual / spread;
  }
}

/** A matrix with its classes and weights. */
export interface ClassifiedRows extends ClassTargets {
  readonly x: Matrix;
  readonly weights: Float64Array;
}

/** A weight per class, by its label: 1 by default; "balanced" gives every class the same total weight. */
export type LabelWeights = "balanced" | Readonly<Record<string, number>> | undefined;

/**
 * Rows, class indices and weights, multiplied by class weights. @throws {ConfigError} for the
 * weight of an unknown class.
 */
export function classified(
  subject: string,
  x: Features | Examples,
  y: Targets | undefined,
  { sampleWeight }: LearnOptions,
  classWeight?: LabelWeights,
): ClassifiedRows {
  const given = examplesOf(subject, x, y);
  const matrix = matrixOf(subject, given.x);
  const targets = classesOf(subject, given.y, matrix.rows);
  const weights = weightsOf(subject, sampleWeight, matrix.rows);
  const factors = classFactors(subject, targets, weights, classWeight);
  return {
    x: matrix,
    ...targets,
    weights: weights.map((w, i) => w * factors[targets.indices[i]!]!),
  };
}

/**
 * A factor per class. Balanced: (Σ w) / (K Σ w of the class), so that all classes have the same
 * total weight.
 */
function classFactors(
  subject: string,
  { classes, indices }: ClassTargets,
  weights: Float64Array,
  classWeight: LabelWeights,
): Float64Array {
  const factors = new Float64Array(classes.length).fill(1);
  if (classWeight === undefined) return factors;
  if (classWeight === "balanced") {
    const totals = new Float64Array(classes.length);
    for (const [i, k] of indices.entries()) totals[k]! += weights[i]!;
    const all = totals.reduce((a, b) => a + b, 0);
    return factors.map((_, k) => (totals[k]! > 0 ? all / (classes.length * totals[k]!) : 0));
  }
  for (const [label, weight] of Object.entries(classWeight)) {
    const k = classes.findIndex((name) => String(name) === label);
    if (k < 0 || !(weight >= 0 && Number.isFinite(weight)))
      throw new ConfigError({
        subject,
        problem: `classWeight gives class "${label}" the weight ${weight}; the classes are ${classes.join(", ")}.`,
        fix: 'give existing classes weights of 0 or more, or "balanced".',
      });
    factors[k] = weight;
  }
  return factors;
}

/** A matrix with targets and weights. */
export function measured(
  subject: string,
  x: Features | Examples,
  y: Targets | undefined,
  { sampleWeight }: LearnOptions,
): { x: Matrix; y: Float64Array; weights: Float64Array } {
  const given = examplesOf(subject, x, y);
  const matrix = matrixOf(subject, given.x);
  return {
    x: matrix,
    y: numbersOf(subject, given.y, matrix.rows),
    weights: weightsOf(subject, sampleWeight, matrix.rows),
  };
}

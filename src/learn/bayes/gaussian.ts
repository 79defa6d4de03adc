/** Gaussian naive Bayes. */
import { checkOptions, describe, type HostArray, NumericError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber } from "../checks.ts";
import type { ClassifiedRows, ClassifierState, Filled } from "../estimator.ts";
import {
  type Features,
  type Label,
  type Matrix,
  rowOf,
  rowsBetween,
  vectorTensor,
} from "../input.ts";
import { blocksOf } from "../moments.ts";
import { logPriors, NaiveBayes } from "./naive-bayes.ts";

/** Options of {@link GaussianNB}. */
export interface GaussianNBOptions {
  /** P(class) in ascending order of the classes. Default: their fractions of the examples. */
  readonly priors?: readonly number[] | undefined;
  /** The fraction of the largest feature variance that is added to all variances. Default 1e-9. */
  readonly varSmoothing?: number | undefined;
}

/** Σw `[K]`, means and Σw (x − mean)² `[K, D]` of each class. */
type GaussianState = ClassifierState & {
  readonly counts: HostArray;
  readonly means: HostArray;
  readonly squares: HostArray;
};

const array = (shape: readonly number[], data: Float64Array): HostArray => ({
  dtype: "float64",
  shape,
  data,
});

/** Rows of a block take 8 megabytes. */
const blockElements = 1 << 20;

/** Σw `[K]`, means and Σw (x − mean)² `[K, D]`. */
interface ClassSums {
  readonly counts: Float64Array;
  readonly means: Float64Array;
  readonly squares: Float64Array;
}

/**
 * Gaussian naive Bayes: within a class every feature is normal by itself,
 *
 *   log P(class | x) = log P(class) − ½ Σⱼ [log 2πσⱼ² + (xⱼ − μⱼ)²/σⱼ²] + constant
 *
 * with the mean and the variance (÷ N) of the class, and ε = `varSmoothing` · maxⱼ Var(xⱼ) added to
 * every σ², so that a feature that is constant within a class does not decide alone. Means and sums
 * of squares are merged by Chan's formula, so that fitting in parts gives the same result as
 * fitting on everything, without cancellation.
 *
 * O(NDK). The generative counterpart of logistic regression: better with few examples, if the
 * features are nearly independent.
 *
 * @see Ng & Jordan 2001, "On discriminative vs. generative classifiers"; Chan, Golub & LeVeque 1983
 * @example
 * const model = await new GaussianNB().fit([[1], [2], [3], [11], [12], [13]], [0, 0, 0, 1, 1, 1]);
 * model.theta.toArray(); // [[2], [12]]
 * model.predict([[4], [9]]); // [0, 1]
 */
export class GaussianNB extends NaiveBayes<GaussianState> {
  readonly name = "GaussianNB";
  readonly options: Omit<Filled<GaussianNBOptions>, "priors"> & Pick<GaussianNBOptions, "priors">;

  /** @throws {ConfigError} if `varSmoothing` is negative. */
  constructor(options: GaussianNBOptions = {}) {
    super();
    checkOptions("GaussianNB", options, { priors: true, varSmoothing: true });
    const { priors, varSmoothing = 1e-9 } = options;
    checkNumber("GaussianNB", "varSmoothing", varSmoothing, "of 0 or more");
    this.options = { priors, varSmoothing };
  }

  protected get givenPriors(): readonly number[] | undefined {
    return this.options.priors;
  }

  /** The mean of each class and feature, `[K, D]`. */
  get theta(): Tensor {
    return vectorTensor(this.state.means.data as Float64Array, this.state.means.shape);
  }
  /** The variance of each class and feature, with ε, `[K, D]`. */
  get variances(): Tensor {
    return vectorTensor(this.#variances(), this.state.means.shape);
  }
  /** P(class), `[K]`. */
  get classPrior(): Tensor {
    return vectorTensor(logPriors(this.options.priors, this.state.counts.data).map(Math.exp));
  }

  protected features({ means }: GaussianState): number {
    return means.shape[1]!;
  }

  protected empty(classes: readonly Label[], d: number): GaussianState {
    const k = classes.length;
    return {
      classes,
      counts: array([k], new Float64Array(k)),
      means: array([k, d], new Float64Array(k * d)),
      squares: array([k, d], new Float64Array(k * d)),
    };
  }

  protected plus(state: GaussianState, { x, classes, indices, weights }: ClassifiedRows) {
    const sums: ClassSums = {
      counts: Float64Array.from(state.counts.data),
      means: Float64Array.from(state.means.data),
      squares: Float64Array.from(state.squares.data),
    };
    for (const [first, last] of blocksOf(x, blockElements))
      addBlock(sums, rowsBetween(x, first, last), {
        labels: indices.subarray(first, last),
        weights: weights.subarray(first, last),
      });
    const shape = [classes.length, x.columns];
    return {
      classes,
      counts: array([classes.length], sums.counts),
      means: array(shape, sums.means),
      squares: array(shape, sums.squares),
    };
  }

  /** σ² of each class and feature, with ε from the variances over all classes. */
  #variances(): Float64Array {
    const { counts, means, squares } = this.state;
    const [classes, d] = means.shape as readonly [number, number];
    let largest = 0;
    for (let j = 0; j < d; j++) {
      let [count, mean, square] = [0, 0, 0];
      for (let k = 0; k < classes; k++) {
        const n = counts.data[k]!;
        if (n === 0) continue;
        const apart = means.data[k * d + j]! - mean;
        square += squares.data[k * d + j]! + (apart * apart * count * n) / (count + n);
        mean += (apart * n) / (count + n);
        count += n;
      }
      largest = Math.max(largest, square / count);
    }
    const epsilon = this.options.varSmoothing * (largest || 1); // constant features have the unit 1
    return Float64Array.from(squares.data, (square, at) => {
      const count = counts.data[Math.floor(at / d)]!;
      const variance = count === 0 ? 1 : square / count + epsilon;
      if (variance > 0) return variance;
      throw new NumericError({
        subject: this.name,
        problem: `feature ${at % d} is constant in class ${describe(this.classes[Math.floor(at / d)])}, and a variance of 0 has no density.`,
        fix: "take a varSmoothing above 0, or leave the feature out.",
      });
    });
  }

  protected logJoint(x: Features): { values: Float64Array; rows: number } {
    const { means, counts } = this.state;
    const [k, d] = means.shape as readonly [number, number];
    const matrix = this.rows(x, d);
    const centers = means.data as Float64Array;
    const variances = this.#variances();
    const prior = logPriors(this.options.priors, counts.data);
    const constant = prior.map((p, c) => {
      if (counts.data[c] === 0) return Number.NEGATIVE_INFINITY; // nothing is known of the class
      let sum = p;
      for (let j = 0; j < d; j++) sum -= 0.5 * Math.log(2 * Math.PI * variances[c * d + j]!);
      return sum;
    });
    const halves = variances.map((variance) => 0.5 / variance);
    const values = new Float64Array(matrix.rows * k);
    for (let i = 0; i < matrix.rows; i++) {
      const row = rowOf(matrix, i);
      for (let c = 0; c < k; c++) {
        let sum = constant[c]!;
        for (let j = 0, at = c * d; j < d; j++, at++) {
          const apart = row[j]! - centers[at]!;
          sum -= apart * apart * halves[at]!;
        }
        values[i * k + c] = sum;
      }
    }
    return { values, rows: matrix.rows };
  }
}

/**
 * Adds the rows of a block, class by class, by their distances to the class's mean so far (of the first ones: to the
 * first row), then moves the mean by Chan's formula. A constant feature keeps exactly its value and a variance of 0.
 */
function addBlock(
  sums: ClassSums,
  { columns: d, data }: Matrix,
  { labels, weights }: { readonly labels: Int32Array; readonly weights: Float64Array },
): void {
  const [apart, squares] = [new Float64Array(d), new Float64Array(d)];
  for (const k of sums.counts.keys()) {
    const origin = sums.means.subarray(k * d, (k + 1) * d);
    let n = 0;
    for (const [i, label] of labels.entries()) {
      const w = weights[i]!;
      if (label !== k || w === 0) continue;
      const row = data.subarray(i * d, (i + 1) * d);
      if (sums.counts[k] === 0 && n === 0) origin.set(row);
      addRow(apart, squares, w, row, origin);
      n += w;
    }
    if (n > 0) sums.counts[k] = merge(sums, k, apart, squares, n);
    apart.fill(0);
    squares.fill(0);
  }
}

/** Σ w (x − origin) and Σ w (x − origin)² with one more row. */
function addRow(
  apart: Float64Array,
  squares: Float64Array,
  w: number,
  row: Float64Array,
  origin: Float64Array,
): void {
  for (let j = 0; j < row.length; j++) {
    const difference = row[j]! - origin[j]!;
    const weighted = w * difference;
    apart[j]! += weighted;
    squares[j]! += weighted * difference;
  }
}

/** Moves the mean of a class by sums around it, and gives its new count. */
function merge(
  sums: ClassSums,
  k: number,
  apart: Float64Array,
  squares: Float64Array,
  n: number,
): number {
  const total = sums.counts[k]! + n;
  for (let j = 0, at = k * apart.length; j < apart.length; j++, at++) {
    // above 0 but for rounding
    sums.squares[at]! += Math.max(0, squares[j]! - (apart[j]! * apart[j]!) / total);
    sums.means[at]! += apart[j]! / total;
  }
  return total;
}

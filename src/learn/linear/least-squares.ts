/** Linear regression and ridge regression, in closed form. */
import { ConfigError, checkOptions, type HostArray } from "../../base/index.ts";
import { eigenSymmetric } from "../../base/symmetric.ts";
import { dot } from "../../base/vectors.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber } from "../checks.ts";
import { type Filled, type LearnOptions, measured, Regressor, type State } from "../estimator.ts";
import { type Examples, type Features, type Matrix, type Targets, vectorTensor } from "../input.ts";
import {
  choleskySolve,
  columnsOf,
  gram,
  leastSquares,
  outerGram,
  times,
  timesTransposed,
} from "../linalg.ts";
import { meanOf, productsAround } from "../moments.ts";

/** The fitted state of a linear regressor: w `[D]` float64 and b. */
export type LinearState = State & { readonly coef: HostArray; readonly intercept: number };

/** A prediction ŷ = wᵀx + b. */
export abstract class LinearRegressor<S extends LinearState = LinearState> extends Regressor<S> {
  /** w, `[D]` float64. */
  get coef(): Tensor {
    return vectorTensor(this.state.coef.data as Float64Array);
  }
  /** b */
  get intercept(): number {
    return this.state.intercept;
  }

  protected numbers(x: Features): Float64Array {
    const { coef, intercept } = this.state;
    const matrix = this.rows(x, coef.data.length);
    const values = times(matrix, coef.data as Float64Array);
    for (let i = 0; i < values.length; i++) values[i]! += intercept;
    return values;
  }
}

/** A vector as a learned value. */
export const learnedVector = (data: Float64Array): HostArray => ({
  dtype: "float64",
  shape: [data.length],
  data,
});

/** The weighted means of rows and targets; 0 where there is no intercept. */
interface Means {
  readonly xMean: Float64Array;
  readonly yMean: number;
}

/** The weighted problem without its intercept: rows and targets around their means, times √weight. */
interface Centered extends Means {
  readonly x: Matrix;
  readonly y: Float64Array;
  readonly total: number;
}

/** A problem as it was given. */
interface Given {
  readonly x: Matrix;
  readonly y: Float64Array;
  readonly weights: Float64Array;
}

function meansOf({ x, y, weights }: Given, fitIntercept: boolean): Means {
  if (!fitIntercept) return { xMean: new Float64Array(x.columns), yMean: 0 };
  return { xMean: meanOf(x, weights), yMean: dot(weights, y) / sum(weights) };
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

/** The intercept of a least-squares problem is ȳ − wᵀx̄, and the rest does not see it. */
export function centered(
  x: Matrix,
  y: Float64Array,
  weights: Float64Array,
  fitIntercept: boolean,
): Centered {
  const { xMean, yMean } = meansOf({ x, y, weights }, fitIntercept);
  const { rows, columns, data } = x;
  const roots = weights.map(Math.sqrt);
  const inner = new Float64Array(data.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      inner[i * columns + j] = roots[i]! * (data[i * columns + j]! - xMean[j]!);
  const targets = y.map((t, i) => roots[i]! * (t - yMean));
  return { x: { rows, columns, data: inner }, y: targets, xMean, yMean, total: sum(weights) };
}

/** The state of a centered problem that w solves. */
export const withIntercept = (w: Float64Array, { xMean, yMean }: Means): LinearState => ({
  coef: learnedVector(w),
  intercept: yMean - dot(w, xMean),
});

/** Options of {@link LinearRegression}. */
export interface LinearRegressionOptions {
  /** Whether to fit an intercept b; without it the line goes through 0. Default true. */
  readonly fitIntercept?: boolean | undefined;
}

/**
 * Linear regression by least squares:
 *
 *   minimise Σ sₙ (wᵀxₙ + b − yₙ)²   over w, b
 *
 * with sample weights sₙ. It is solved by a singular value decomposition, so that linearly
 * dependent features have a solution, the one of minimum norm. O(ND² + D³). For many more examples
 * than features; with nearly dependent features {@link Ridge} is more stable.
 *
 * @see Golub & Van Loan 2013, "Matrix Computations", §5.5
 * @example
 * const line = await new LinearRegression().fit([[0], [1], [2]], [1, 3, 5]);
 * line.coef.toArray(); // [2]
 * line.intercept; // 1.000…
 * line.score([[3], [4]], [7, 9]); // 1
 */
export class LinearRegression extends LinearRegressor<LinearState & { readonly rank: number }> {
  readonly name = "LinearRegression";
  readonly options: Filled<LinearRegressionOptions>;

  constructor(options: LinearRegressionOptions = {}) {
    super();
    checkOptions("LinearRegression", options, { fitIntercept: true });
    this.options = { fitIntercept: options.fitIntercept ?? true };
  }

  /** The rank: how many features are independent. */
  get rank(): number {
    return this.state.rank;
  }

  /** Solves the weighted least-squares problem. @throws {DataError} if a target is not a number. */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const given = measured(this.name, x, y, options);
    const problem = centered(given.x, given.y, given.weights, this.options.fitIntercept);
    const { w, rank } = leastSquares(columnsOf(problem.x), problem.y);
    return this.learn({ ...withIntercept(w, problem), rank });
  }
}

/** Options of {@link Ridge}. */
export interface RidgeOptions {
  /**
   * α ≥ 0, the weight of ‖w‖². From a list of candidates, the one with the smallest leave-one-out
   * error is chosen. Default 1.
   */
  readonly alpha?: number | readonly number[] | undefined;
  /** Whether to fit an intercept b, which is not penalized. Default true. */
  readonly fitIntercept?: boolean | undefined;
}

/** The fitted state of a ridge regression: with candidates, the leave-one-out error of each. */
export type RidgeState = LinearState & {
  readonly alpha: number;
  readonly errors: readonly number[] | null;
};

/**
 * Ridge regression:
 *
 *   minimise Σ sₙ (wᵀxₙ + b − yₙ)² + α ‖w‖²   over w, b
 *
 * in closed form, w = (XᵀX + αI)⁻¹ Xᵀy of centered data, or Xᵀ(XXᵀ + αI)⁻¹ y if there are fewer
 * examples than features. Of several α the one with the smallest leave-one-out error is chosen; a
 * single decomposition XᵀX = QΛQᵀ gives it for all of them: eₙ / (1 − hₙₙ), with residuals e and
 * the diagonal h of the projection onto the predictions. O(ND min(N, D) + min(N, D)³). The first
 * thing to try for numbers, with α chosen from a list.
 *
 * @see Hoerl & Kennard 1970, "Ridge regression"; Golub, Heath & Wahba 1979, §1, for leaving one out
 * @example
 * const ridge = await new Ridge({ alpha: 1 }).fit([[-1], [1]], [-2, 2]);
 * ridge.coef.toArray(); // [1.333…]
 * const chosen = await new Ridge({ alpha: [0.01, 1, 100] }).fit([[-2], [-1], [1], [2]], [-4, -2, 2, 4]);
 * chosen.alpha; // 0.01
 */
export class Ridge extends LinearRegressor<RidgeState> {
  readonly name = "Ridge";
  readonly options: Filled<RidgeOptions>;

  /** @throws {ConfigError} if an α is negative. */
  constructor(options: RidgeOptions = {}) {
    super();
    checkOptions("Ridge", options, { alpha: true, fitIntercept: true });
    this.options = { alpha: options.alpha ?? 1, fitIntercept: options.fitIntercept ?? true };
    const candidates = [this.options.alpha].flat();
    for (const alpha of candidates) checkNumber("Ridge", "alpha", alpha, "of 0 or more");
    if (candidates.length > 0) return;
    throw new ConfigError({
      subject: "Ridge",
      problem: "there is no alpha to choose from.",
      fix: "give candidates, such as alpha: [0.1, 1, 10].",
    });
  }

  /** The α of the fit. */
  get alpha(): number {
    return this.state.alpha;
  }
  /**
   * The leave-one-out error of each candidate, (1/Σs) Σ sₙ (yₙ − ŷ₋ₙ)²; null without candidates.
   */
  get errors(): readonly number[] | null {
    return this.state.errors;
  }

  /**
   * Solves the normal equations, after choosing α. @throws {DataError} if a target is not a number.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const given = measured(this.name, x, y, options);
    const { alpha, fitIntercept } = this.options;
    if (typeof alpha === "number")
      return this.learn({ ...ridge(given, alpha, fitIntercept), alpha, errors: null });
    const problem = centered(given.x, given.y, given.weights, fitIntercept);
    const errors = leaveOneOut(problem, given.weights, alpha, fitIntercept);
    const best = alpha[errors.indexOf(Math.min(...errors))]!;
    return this.learn({ ...ridge(given, best, fitIntercept), alpha: best, errors });
  }
}

/** The regression by the smaller normal equations; by least squares where they are singular. */
function ridge(given: Given, alpha: number, fitIntercept: boolean): LinearState {
  const { x, y, weights } = given;
  if (x.rows >= x.columns) {
    const means = meansOf(given, fitIntercept);
    const apart = y.map((t) => t - means.yMean);
    const { gram: a, along } = productsAround(x, means.xMean, { weights, y: apart });
    const w = choleskySolve(shifted(a, alpha), along);
    if (w) return withIntercept(w, means);
  }
  const problem = centered(x, y, weights, fitIntercept);
  const isWide = x.rows < x.columns;
  const dual = isWide && choleskySolve(shifted(outerGram(problem.x), alpha), problem.y);
  const w = dual
    ? timesTransposed(problem.x, dual)
    : leastSquares(columnsOf(problem.x), problem.y).w;
  return withIntercept(w, problem);
}

/** A + α I, in place. */
function shifted(a: Float64Array, alpha: number): Float64Array {
  const size = Math.sqrt(a.length);
  for (let i = 0; i < size; i++) a[i * size + i]! += alpha;
  return a;
}

/** The leave-one-out error of each α, by the eigenvectors of XXᵀ: ŷ = U diag(λ / (λ + α)) Uᵀ y. */
function leaveOneOut(
  { x, y, total }: Centered,
  weights: Float64Array,
  alphas: readonly number[],
  fitIntercept: boolean,
): number[] {
  const { u, values } = leftVectors(x);
  const along = u.map((vector) => dot(vector, y));
  return alphas.map((alpha) => {
    const shrink = values.map((value) => (value === 0 ? 0 : value / (value + alpha)));
    let error = 0;
    for (let i = 0; i < x.rows; i++) {
      // the intercept predicts the weighted mean, to which example i contributes its fraction
      let [predicted, share] = [0, fitIntercept ? weights[i]! / total : 0];
      for (let k = 0; k < u.length; k++) {
        predicted += shrink[k]! * u[k]![i]! * along[k]!;
        share += shrink[k]! * u[k]![i]! ** 2;
      }
      if (weights[i]! > 0)
        error += ((y[i]! - predicted) / Math.max(1 - share, Number.MIN_VALUE)) ** 2;
    }
    return error / total;
  });
}

/** The left singular vectors of X with nonzero singular values, and the squares of these. */
function leftVectors(x: Matrix): { u: Float64Array[]; values: Float64Array } {
  const isWide = x.rows < x.columns;
  const size = Math.min(x.rows, x.columns);
  const a = isWide ? outerGram(x) : gram(x);
  const rows = Array.from({ length: size }, (_, i) => a.subarray(i * size, (i + 1) * size));
  const { values, vectors } = eigenSymmetric(rows);
  const least = size * Number.EPSILON * values[0]!;
  const rank = values.findIndex((value) => !(value > least));
  const kept = values.slice(0, rank < 0 ? size : rank);
  const u = vectors.slice(0, kept.length).map((vector, k) => {
    if (isWide) return vector;
    const long = times(x, vector);
    return long.map((value) => value / Math.sqrt(kept[k]!));
  });
  return { u, values: kept };
}

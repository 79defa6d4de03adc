/** Linear regression with sparse weights: lasso and elastic net. */
import { ConfigError, checkOptions, describe, warnOnce } from "../../base/index.ts";
import { dot } from "../../base/vectors.ts";
import { checkNumber, checkWhole } from "../checks.ts";
import { type Filled, type LearnOptions, measured } from "../estimator.ts";
import type { Examples, Features, Targets } from "../input.ts";
import { columnsOf } from "../linalg.ts";
import { centered, LinearRegressor, type LinearState, withIntercept } from "./least-squares.ts";

/** Options of {@link Lasso}. */
export interface LassoOptions {
  /** α > 0, the weight of the penalty. Default 1. */
  readonly alpha?: number | undefined;
  /** Whether to fit an intercept b, which is not penalized. Default true. */
  readonly fitIntercept?: boolean | undefined;
  /** The tolerance: it ends when the duality gap is below this times Σ s y² / Σ s. Default 1e-6. */
  readonly tolerance?: number | undefined;
  /** The most passes over the features. Default 10 000. */
  readonly maxIterations?: number | undefined;
}

/** Options of {@link ElasticNet}. */
export interface ElasticNetOptions extends LassoOptions {
  /** ρ in [0, 1]: 1 is the lasso, 0 a ridge regression. Default 0.5. */
  readonly l1Ratio?: number | undefined;
}

type SparseState = LinearState & { readonly iterations: number; readonly dualGap: number };

abstract class SparseRegressor extends LinearRegressor<SparseState> {
  abstract override readonly options: Filled<LassoOptions>;
  protected abstract readonly ratio: number;

  /** Passes over the features. */
  get iterations(): number {
    return this.state.iterations;
  }
  /** The duality gap: a bound on how far the objective is from its minimum. */
  get dualGap(): number {
    return this.state.dualGap;
  }

  /**
   * Iterates until the duality gap is below the tolerance. @throws {DataError} if a target is not a
   * number.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const given = measured(this.name, x, y, options);
    const { alpha, fitIntercept, tolerance, maxIterations } = this.options;
    const problem = centered(given.x, given.y, given.weights, fitIntercept);
    const l1 = alpha * this.ratio * problem.total;
    const l2 = alpha * (1 - this.ratio) * problem.total;
    const limits = { tolerance, maxIterations };
    const end = descend(columnsOf(problem.x), problem.y, { l1, l2 }, limits);
    if (!end.converged) warnOnce(unfinished(this.name, maxIterations));
    const dualGap = end.gap / problem.total;
    return this.learn({ ...withIntercept(end.w, problem), iterations: end.iterations, dualGap });
  }
}

/** Coordinate descent on ½ ‖y − Xw‖² + l1 ‖w‖₁ + ½ l2 ‖w‖², feature by feature to its exact minimum. */
function descend(
  columns: readonly Float64Array[],
  y: Float64Array,
  { l1, l2 }: { l1: number; l2: number },
  { tolerance, maxIterations }: { tolerance: number; maxIterations: number },
) {
  const w = new Float64Array(columns.length);
  const residual = y.slice();
  const squares = columns.map((column) => dot(column, column));
  const least = tolerance * dot(y, y);
  for (let iteration = 1; ; iteration++) {
    let [most, change] = [0, 0];
    for (const [j, column] of columns.entries()) {
      if (squares[j] === 0) continue;
      const before = w[j]!;
      const along = dot(column, residual) + squares[j]! * before;
      w[j] = (Math.sign(along) * Math.max(Math.abs(along) - l1, 0)) / (squares[j]! + l2);
      const step = before - w[j]!;
      if (step !== 0) for (let i = 0; i < y.length; i++) residual[i]! += step * column[i]!;
      change = Math.max(change, Math.abs(step));
      most = Math.max(most, Math.abs(w[j]!));
    }
    const last = iteration === maxIterations;
    if (!last && change > tolerance * most) continue; // the gap costs a pass of its own
    const gap = dualGap(columns, y, w, residual, { l1, l2 });
    const converged = gap <= least;
    if (converged || last || change === 0) return { w, gap, iterations: iteration, converged };
  }
}

/**
 * The duality gap: the objective minus the dual one, at the residual scaled into the feasible set.
 */
function dualGap(
  columns: readonly Float64Array[],
  y: Float64Array,
  w: Float64Array,
  residual: Float64Array,
  { l1, l2 }: { l1: number; l2: number },
): number {
  let [most, size] = [0, 0];
  for (const [j, column] of columns.entries()) {
    most = Math.max(most, Math.abs(dot(column, residual) - l2 * w[j]!));
    size += Math.abs(w[j]!);
  }
  const scale = most > l1 ? l1 / most : 1;
  const rr = dot(residual, residual);
  const ww = dot(w, w);
  const primal = 0.5 * rr + l1 * size + 0.5 * l2 * ww;
  const dual = scale * dot(residual, y) - 0.5 * scale * scale * (rr + l2 * ww);
  return primal - dual;
}

const unfinished = (subject: string, iterations: number) => ({
  subject,
  problem: `after ${iterations} passes the duality gap is not below the tolerance.`,
  fix: "standardize the features, allow more maxIterations, or take a larger alpha.",
});

function filled(subject: string, options: LassoOptions): Filled<LassoOptions> {
  const { alpha = 1, fitIntercept = true, tolerance = 1e-6, maxIterations = 10_000 } = options;
  checkNumber(subject, "alpha", alpha, "above 0");
  checkNumber(subject, "tolerance", tolerance, "above 0");
  checkWhole(subject, "maxIterations", maxIterations);
  return { alpha, fitIntercept, tolerance, maxIterations };
}

/**
 * The lasso:
 *
 *   minimise 1/(2 Σs) Σ sₙ (wᵀxₙ + b − yₙ)² + α ‖w‖₁
 *
 * by coordinate descent, to a duality gap that bounds the error. Irrelevant features get the weight
 * 0. O(ND) per pass. For problems where few of many features matter, and to find these. Standardize
 * the features first: the penalty depends on their units.
 *
 * @see Tibshirani 1996; Friedman, Hastie & Tibshirani 2010, "Regularization paths for generalized
 * linear models via coordinate descent"
 * @example
 * const model = await new Lasso({ alpha: 0.5 }).fit([[1, 0], [-1, 1], [1, 1], [-1, 0]], [2, -2, 2, -2]);
 * model.coef.toArray(); // [1.5, 0]
 */
export class Lasso extends SparseRegressor {
  readonly name = "Lasso";
  readonly options: Filled<LassoOptions>;
  protected readonly ratio = 1;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: LassoOptions = {}) {
    super();
    checkOptions("Lasso", options, {
      ...{ alpha: true, fitIntercept: true, tolerance: true, maxIterations: true },
    });
    this.options = filled("Lasso", options);
  }
}

/**
 * The elastic net:
 *
 *   minimise 1/(2 Σs) Σ sₙ (wᵀxₙ + b − yₙ)² + α ρ ‖w‖₁ + ½ α (1 − ρ) ‖w‖²
 *
 * As {@link Lasso}; of correlated features it keeps all rather than one. O(ND) per pass. For
 * problems where few of many features matter and those are correlated.
 *
 * @see Zou & Hastie 2005, "Regularization and variable selection via the elastic net"
 * @example
 * const model = await new ElasticNet({ alpha: 1, l1Ratio: 0.5 }).fit([[1], [-1]], [2, -2]);
 * model.coef.toArray(); // [1]
 */
export class ElasticNet extends SparseRegressor {
  readonly name = "ElasticNet";
  readonly options: Filled<ElasticNetOptions>;
  protected readonly ratio: number;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: ElasticNetOptions = {}) {
    super();
    checkOptions("ElasticNet", options, {
      ...{ alpha: true, fitIntercept: true, tolerance: true, maxIterations: true, l1Ratio: true },
    });
    const { l1Ratio = 0.5, ...rest } = options;
    if (!(l1Ratio >= 0 && l1Ratio <= 1))
      throw new ConfigError({
        subject: "ElasticNet",
        problem: `l1Ratio is ${describe(l1Ratio)}.`,
        fix: "give a number from 0 to 1.",
      });
    this.options = { ...filled("ElasticNet", rest), l1Ratio };
    this.ratio = l1Ratio;
  }
}

/** Sums of squares, whose second derivatives are nearly determined by first ones. */
import { ConfigError, checkOptions, NumericError } from "../../base/index.ts";
import { compile, jvp, type Tensor, tensor, vjp } from "../../tensor/index.ts";
import type { Descent } from "./descent.ts";
import {
  type Evaluation,
  flatParametersOf,
  flattened,
  numbers,
  type ParameterSource,
  valueAndGradient,
} from "./flat-parameters.ts";
import {
  checkCount,
  checkFinite,
  checkMethod,
  checkTolerance,
  type DescentEnd,
  descend,
  type Iteration,
  iteration,
  type Limits,
  type Minimum,
  report,
} from "./minimize.ts";
import { leastSquaresStep } from "./solve.ts";
import { dot, norm, plus } from "./vectors.ts";

/** The damping and the stopping rule of {@link leastSquares}. */
export interface LeastSquaresOptions {
  /** Default "levenberg-marquardt"; see {@link leastSquares}. */
  readonly method?: "levenberg-marquardt" | "gauss-newton" | undefined;
  /** The tolerance: the norm of the gradient Jᵀr that counts as 0. Default 1e-8. */
  readonly tolerance?: number | undefined;
  /** Default 200. */
  readonly maxIterations?: number | undefined;
  /**
   * The initial μ, relative to the largest diagonal element of JᵀJ. Default 1e-3; 1 for poor
   * starts.
   */
  readonly damping?: number | undefined;
}

const methods = ["levenberg-marquardt", "gauss-newton"] as const;

/**
 * A local minimum of half a sum of squares, ½ ‖r(θ)‖², with the exact Jacobian J = ∂r/∂θ:
 *
 *   minimise ‖J s + r‖² + μ ‖s‖² over s,   θ ← θ + s
 *
 * - `levenberg-marquardt`: μ falls when a step achieves the decrease predicted by the linear model;
 *   otherwise it grows until a step lowers the sum. J may have dependent columns.
 * - `gauss-newton`: μ = 0, and a line search along s.
 *
 * If the final residuals are small or nearly linear, convergence is quadratic, without second
 * derivatives. The linear problem is solved by QR, because JᵀJ would lose half of the digits.
 *
 * @param residuals a function of the parameters that returns a tensor, or a tree of them.
 * @param start as for {@link minimize}.
 * @returns `value` is ½ ‖r‖², `gradientNorm` is ‖Jᵀr‖₂; `evaluations` counts residuals, and
 * Jacobians in `gauss-newton`'s search.
 * @throws {NumericError} if a residual is not finite at the start, or if J has dependent columns
 * and μ is 0.
 * @see Levenberg 1944; Marquardt 1963; Madsen, Nielsen & Tingleff 2004, "Methods for non-linear
 * least squares problems", algorithms 3.1 and 3.16
 * @example
 * const t = tensor([0, 1, 2, 3], "float64");
 * const y = t.mul(-0.5).exp().mul(2);
 * const residuals = ({ a, b }: { a: Tensor; b: Tensor }) => t.mul(b).exp().mul(a).sub(y);
 * const fit = leastSquares(residuals, { a: tensor(1, "float64"), b: tensor(0, "float64") });
 * [fit.x.a.item(), fit.x.b.item()]; // [2, -0.5]
 */
export function leastSquares(
  residuals: () => unknown,
  start: ParameterSource,
  options?: LeastSquaresOptions,
): Minimum<Record<string, Tensor>>;
export function leastSquares<X>(
  residuals: (x: X) => unknown,
  start: X,
  options?: LeastSquaresOptions,
): Minimum<X>;
export function leastSquares<X>(
  residuals: (x: X) => unknown,
  start: unknown,
  options: LeastSquaresOptions = {},
): Minimum<X> {
  checkOptions("leastSquares", options, {
    ...{ method: true, tolerance: "number", maxIterations: "number", damping: "number" },
  });
  const { method = "levenberg-marquardt", damping = 1e-3, ...limits } = options;
  checkMethod("leastSquares", method, methods);
  checkDamping(damping);
  const flat = flatParametersOf<X>("leastSquares", start);
  const r = (theta: Tensor) => flattened("leastSquares", flat.at(theta, residuals));
  const linear = linearizer(r, flat.start.length);
  const { point, ...rest } =
    method === "gauss-newton"
      ? descend(
          "leastSquares",
          valueAndGradient((theta) => r(theta).square().sum().mul(0.5)),
          flat,
          gaussNewton(linear),
          limits,
        )
      : levenbergMarquardt(r, linear, flat, damping, limits);
  return { x: flat.finish(point.x), ...rest };
}

/** r `[m]` and the columns of J, `[m]` each. */
interface Linear {
  readonly r: Float64Array;
  readonly columns: readonly Float64Array[];
}

/**
 * Residuals and Jacobian at a point: n forward products or m backward ones, whichever is cheaper.
 */
function linearizer(r: (theta: Tensor) => Tensor, n: number): (x: Float64Array) => Linear {
  const values = compile(r);
  const forward = compile((theta: Tensor, v: Tensor) => jvp(r, theta, v).tangent);
  const backward = compile((theta: Tensor, u: Tensor) => vjp(r, theta).pullback(u));
  return (x) => {
    const theta = tensor(x);
    const now = numbers(values.sync(theta));
    const m = now.length;
    const product = (f: typeof forward) => (size: number, i: number) => {
      const unit = new Float64Array(size);
      unit[i] = 1;
      return numbers(f.sync(theta, tensor(unit)));
    };
    if (n <= m)
      return { r: now, columns: Array.from({ length: n }, (_, i) => product(forward)(n, i)) };
    const rows = Array.from({ length: m }, (_, i) => product(backward)(m, i));
    const columns = Array.from({ length: n }, (_, j) => Float64Array.from(rows, (row) => row[j]!));
    return { r: now, columns };
  };
}

function gaussNewton(linear: (x: Float64Array) => Linear): Descent {
  return {
    curvature: 0.9,
    direction({ x }) {
      const { r, columns } = linear(x);
      const step = leastSquaresStep(columns, r, 0);
      if (step) return step;
      throw new NumericError({
        subject: "leastSquares",
        problem: `the ${columns.length} columns of the Jacobian depend on each other.`,
        fix: 'use method "levenberg-marquardt", or fewer unknowns.',
      });
    },
    first: () => 1,
    learn: () => {},
    forget: () => false,
  };
}

type Point = Evaluation & Linear & { readonly x: Float64Array };

/** θ ← θ + s(μ) if that lowers the sum, with Nielsen's update of μ. */
function levenbergMarquardt(
  residuals: (theta: Tensor) => Tensor,
  linear: (x: Float64Array) => Linear,
  { start, epsilon }: { readonly start: Float64Array; readonly epsilon: number },
  damping: number,
  { tolerance = 1e-8, maxIterations = 200 }: Limits,
): DescentEnd {
  checkTolerance("leastSquares", tolerance);
  checkCount("leastSquares", "maxIterations", maxIterations);
  const values = compile(residuals);
  let evaluations = 1;
  const at = (x: Float64Array): Point => {
    const { r, columns } = linear(x);
    const gradient = Float64Array.from(columns, (column) => dot(column, r));
    return { x, r, columns, value: 0.5 * dot(r, r), gradient };
  };
  const valueAt = (x: Float64Array): number => {
    evaluations++;
    const r = numbers(values.sync(tensor(x)));
    return 0.5 * dot(r, r);
  };
  let point = at(start);
  checkFinite("leastSquares", point);
  let mu = damping * point.columns.reduce((most, c) => Math.max(most, dot(c, c)), 0);
  let growth = 2;
  const history: Iteration[] = [iteration(point, 0)];
  const ended = (why: string): DescentEnd =>
    report(point, { tolerance, evaluations, history, why });
  while (norm(point.gradient) > tolerance) {
    if (history.length > maxIterations) return ended(`all ${maxIterations} iterations are done`);
    const s = leastSquaresStep(point.columns, point.r, mu);
    if (s && norm(s) <= epsilon * norm(point.x)) return ended("no step is longer than rounding");
    const x = s && plus(point.x, 1, s);
    const value = x ? valueAt(x) : Number.NaN;
    // the decrease predicted by the linear model: ½‖r‖² − ½‖Js + r‖² = ½ sᵀ(μ s − g)
    const promised = s ? 0.5 * (mu * dot(s, s) - dot(s, point.gradient)) : 1;
    const ratio = (point.value - value) / promised;
    if (x && ratio > 0) {
      point = at(x);
      history.push(iteration(point, norm(s)));
      mu *= Math.max(1 / 3, 1 - (2 * ratio - 1) ** 3);
      growth = 2;
    } else {
      mu = Math.max(mu, Number.MIN_VALUE) * growth;
      growth *= 2;
      if (!Number.isFinite(mu)) return ended("no step lowers the value by more than rounding");
    }
  }
  return ended(`the gradient's norm is below ${tolerance}`);
}

function checkDamping(damping: number): void {
  if (damping > 0 && damping < Number.POSITIVE_INFINITY) return;
  throw new ConfigError({
    subject: "leastSquares",
    problem: `damping is ${damping}.`,
    fix: 'give a share above 0, such as 1e-3; for none use method "gauss-newton".',
  });
}

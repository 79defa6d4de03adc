/** Full-batch minimization with second derivatives, or approximations of them from gradients. */
import { ConfigError, checkOptions, NumericError, nearest } from "../../base/index.ts";
import { compile, hvp, type Tensor, tensor } from "../../tensor/index.ts";
import {
  conjugate,
  type Descent,
  fletcherReeves,
  lbfgs,
  newton,
  type Point,
  polakRibiere,
} from "./descent.ts";
import {
  type Evaluation,
  flatParametersOf,
  numbers,
  type ParameterSource,
  valueAndGradient,
} from "./flat-parameters.ts";
import { type LinePoint, strongWolfe } from "./line-search.ts";
import { dot, largest, norm, plus } from "./vectors.ts";

/** The method and the stopping rule of {@link minimize}. */
export interface MinimizeOptions {
  /** Default "lbfgs"; see {@link minimize}. */
  readonly method?: "newton" | "lbfgs" | "cg" | "cg-fletcher-reeves" | undefined;
  /** The tolerance: the gradient norm that counts as 0. Default 1e-8. */
  readonly tolerance?: number | undefined;
  /** Default 200. */
  readonly maxIterations?: number | undefined;
  /** The number of steps in the history of L-BFGS. Default 10. */
  readonly memory?: number | undefined;
}

/** One iteration, as plain numbers; the first entry of a history is the start, with step 0. */
export interface Iteration {
  readonly value: number;
  readonly gradientNorm: number;
  /** ‖θₖ − θₖ₋₁‖ */
  readonly step: number;
}

/** The result of a minimization. */
export interface Minimum<X> {
  /**
   * The final point, in the form of the start; for a model, its trainable parameters by path, which
   * it now has.
   */
  readonly x: X;
  readonly value: number;
  /** ‖∇f‖₂ */
  readonly gradientNorm: number;
  readonly iterations: number;
  /** How often value and gradient were computed. */
  readonly evaluations: number;
  /** True if the gradient norm fell below the tolerance. */
  readonly converged: boolean;
  /** Why it ended, as a clause. */
  readonly why: string;
  readonly history: readonly Iteration[];
}

const methods = ["newton", "lbfgs", "cg", "cg-fletcher-reeves"] as const;

/**
 * A local minimum of a smooth function of few parameters (up to some thousands; "newton":
 * hundreds), by steps θ ← θ + t d whose length t meets the strong Wolfe conditions:
 *
 * - `newton`: d = −(∇²f + τ I)⁻¹ ∇f, from n exact Hessian-vector products. τ is 0 where the Hessian
 *   is positive definite, so that convergence is quadratic; elsewhere the smallest of β, 4β, 16β, …
 *   that makes it so, with β = 10⁻⁸ ‖∇²f‖, which turns d towards −∇f.
 * - `lbfgs`: d = −H ∇f, where H approximates the inverse Hessian from the last `memory` steps.
 * - `cg`: d = −∇f + β d by Polak and Ribière, β ≥ 0; `cg-fletcher-reeves`: with their β, reset
 *   after every n + 1 steps.
 *
 * When a direction fails, the method is reset to −∇f. It stops at any point of gradient 0: a start
 * exactly on a saddle stays there. Use float64; in float32 the values differ only by rounding long
 * before the gradient is small, and the result says so.
 *
 * @param loss a function of the parameters that returns a float scalar; of a model, usually `() =>
 *   …` over the full batch. Meanwhile a model is in evaluation mode, in which its loss is
 *   deterministic.
 * @param start a tensor or a tree of them; or a model, or parameters by path, to which the result
 * is written.
 * @throws {NumericError} if the loss is not finite at the start. @throws {ConfigError} for invalid
 * options.
 * @see Nocedal & Wright 2006, algorithms 3.2, 7.5 and 5.4; Liu & Nocedal 1989; Polak & Ribière
 * 1969; Fletcher & Reeves 1964
 * @example
 * const rosenbrock = (x: Tensor) => {
 *   const [a, b] = [x.slice(0), x.slice(1)];
 *   return a.neg().add(1).square().add(b.sub(a.square()).square().mul(100));
 * };
 * const { x, converged } = minimize(rosenbrock, tensor([-1.2, 1], "float64"), { method: "newton" });
 * x.toArray(); // [1, 1]
 * converged; // true
 */
export function minimize(
  loss: () => Tensor,
  start: ParameterSource,
  options?: MinimizeOptions,
): Minimum<Record<string, Tensor>>;
export function minimize<X>(
  loss: (x: X) => Tensor,
  start: X,
  options?: MinimizeOptions,
): Minimum<X>;
export function minimize<X>(
  loss: (x: X) => Tensor,
  start: unknown,
  options: MinimizeOptions = {},
): Minimum<X> {
  checkOptions("minimize", options, {
    ...{ method: true, tolerance: "number", maxIterations: "number", memory: "number" },
  });
  const { method = "lbfgs", memory = 10 } = options;
  checkMethod("minimize", method, methods);
  checkCount("minimize", "memory", memory);
  const flat = flatParametersOf<X>("minimize", start);
  const f = (theta: Tensor) => flat.at(theta, loss);
  const descents: Record<typeof method, () => Descent> = {
    newton: () => newton(hessianOf(f)),
    lbfgs: () => lbfgs(memory),
    cg: () => conjugate(polakRibiere),
    "cg-fletcher-reeves": () => conjugate(fletcherReeves),
  };
  const end = descend("minimize", valueAndGradient(f), flat, descents[method](), options);
  const { point, ...rest } = end;
  return { x: flat.finish(point.x), ...rest };
}

/** When a descent ends. */
export type Limits = Pick<MinimizeOptions, "tolerance" | "maxIterations">;

/** A finished minimization, its point still a vector. */
export type DescentEnd = Omit<Minimum<never>, "x"> & { readonly point: Point };

/** The reason for stopping. */
export const report = (
  point: Point,
  {
    tolerance,
    ...rest
  }: Pick<DescentEnd, "evaluations" | "history" | "why"> & { readonly tolerance: number },
): DescentEnd => {
  const gradientNorm = norm(point.gradient);
  const converged = gradientNorm <= tolerance;
  const iterations = rest.history.length - 1;
  return { point, value: point.value, gradientNorm, iterations, converged, ...rest };
};

/** The loop shared by all methods. */
export function descend(
  subject: string,
  evaluate: (x: Float64Array) => Evaluation,
  { start, epsilon }: { readonly start: Float64Array; readonly epsilon: number },
  descent: Descent,
  { tolerance = 1e-8, maxIterations = 200 }: Limits,
): DescentEnd {
  checkTolerance(subject, tolerance);
  checkCount(subject, "maxIterations", maxIterations);
  let evaluations = 0;
  const at = (x: Float64Array): Point => {
    evaluations++;
    return { x, ...evaluate(x) };
  };
  let point = at(start);
  checkFinite(subject, point);
  const history = [iteration(point, 0)];
  const ended = (why: string): DescentEnd =>
    report(point, { tolerance, evaluations, history, why });
  while (norm(point.gradient) > tolerance) {
    if (history.length > maxIterations) return ended(`all ${maxIterations} iterations are done`);
    const direction = descent.direction(point);
    const next = along(point, direction, descent, at, epsilon);
    if (next) {
      descent.learn(point, next, direction);
      history.push(iteration(next, norm(plus(next.x, -1, point.x))));
      point = next;
    } else if (!descent.forget()) return ended("no step lowers the value by more than rounding");
  }
  return ended(`the gradient's norm is below ${tolerance}`);
}

/** The point found by the line search, or null if the direction leads nowhere. */
function along(
  from: Point,
  direction: Float64Array,
  descent: Descent,
  at: (x: Float64Array) => Point,
  epsilon: number,
): Point | null {
  const slope = dot(from.gradient, direction);
  if (!(slope < 0 && Number.isFinite(slope))) return null;
  const sample = (t: number): LinePoint & Point => {
    const point = at(plus(from.x, t, direction));
    // treat NaN as +∞: a wall to stay away from
    const value = Number.isFinite(point.value) ? point.value : Number.POSITIVE_INFINITY;
    return { ...point, t, value, slope: dot(point.gradient, direction) };
  };
  const found = strongWolfe({ ...from, t: 0, slope }, sample, {
    first: descent.first(from, direction),
    curvature: descent.curvature,
    noise: 16 * epsilon * Math.abs(from.value),
    shortest: (epsilon * Math.max(largest(from.x), Number.MIN_VALUE)) / largest(direction),
  });
  const helps = found.value < from.value || norm(found.gradient) < norm(from.gradient); // or a tie
  return found.t > 0 && Number.isFinite(found.slope) && helps ? found : null;
}

/** ∇²f(θ) as rows, from one compiled Hessian-vector product. */
function hessianOf(f: (theta: Tensor) => Tensor): (x: Float64Array) => Float64Array[] {
  const product = compile((theta: Tensor, v: Tensor) => hvp(f, theta, v));
  return (x) => {
    const theta = tensor(x);
    return Array.from(x, (_, i) => {
      const unit = new Float64Array(x.length);
      unit[i] = 1;
      return numbers(product.sync(theta, tensor(unit)));
    });
  };
}

/** The history entry of a point. */
export const iteration = ({ value, gradient }: Evaluation, step: number): Iteration => ({
  value,
  gradientNorm: norm(gradient),
  step,
});

/** Throws unless value and gradient are finite. */
export function checkFinite(subject: string, { value, gradient }: Evaluation): void {
  if (Number.isFinite(value) && gradient.every(Number.isFinite)) return;
  throw new NumericError({
    subject,
    problem: `at the start the value is ${value}${Number.isFinite(value) ? " and its gradient not finite" : ""}.`,
    fix: "start where the function is finite and smooth.",
  });
}

export function checkMethod(subject: string, method: string, known: readonly string[]): void {
  if (known.includes(method)) return;
  const near = nearest(method, known);
  throw new ConfigError({
    subject,
    problem: `there is no method "${method}".`,
    fix: near ? `did you mean "${near}"?` : `the methods are ${known.join(", ")}.`,
  });
}

export function checkTolerance(subject: string, tolerance: number): void {
  if (tolerance >= 0) return;
  throw new ConfigError({
    subject,
    problem: `tolerance is ${tolerance}.`,
    fix: "give the gradient's norm that counts as 0, such as 1e-8.",
  });
}

export function checkCount(subject: string, name: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 1) return;
  throw new ConfigError({
    subject,
    problem: `${name} is ${count}, not a whole number of 1 or more.`,
    fix: `give a number such as ${name}: 10.`,
  });
}

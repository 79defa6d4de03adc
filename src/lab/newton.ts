/** Newton's method for ∇L = 0, with the full Hessian. */
import { ConfigError } from "../base/index.ts";
import { type Eigen, eigenSymmetric } from "../base/symmetric.ts";
import type { LossSurface } from "./surface.ts";
import { addTo, dot, norm, plus, type Vector } from "./vectors.ts";

/** The result of {@link findCriticalPoint}. */
export interface Search {
  readonly point: Float64Array;
  readonly gradientNorm: number;
  readonly steps: number;
  /**
   * "converged"; "stuck" if the gradient norm has a minimum above 0, or a Newton step leads to
   * where it is not finite, so that this start leads to no critical point; "singular" if Newton's
   * equation has no solution; "steps" if the limit was reached.
   */
  readonly end: "converged" | "stuck" | "singular" | "steps";
  /** ‖∇L‖ at the start and after each step taken. */
  readonly norms: readonly number[];
}

/**
 * Eigenvalues below this fraction of the largest seen count as 0: their digits are rounding errors.
 */
const leastCurvature = 1e-12;
/** The fraction of g along such eigenvectors that counts as none. */
const leastFlat = 1e-8;
/** The Hessian is dense, and so are its eigenvectors: n³ per step. */
const mostParameters = 300;

/**
 * θ ← θ + s with H s = −g, by the eigenvectors of H: s = −Σ qᵢ (qᵢᵀg) / λᵢ. Where λᵢ is 0 and g has
 * no part along qᵢ, as in the directions along which a net stays the same function, s has none
 * either; where it has one, no s solves the system, and the search ends as "singular".
 *
 * Full steps are taken: methods that require ‖g‖, or the next step, to decrease get stuck at points
 * where H is singular, which a full step crosses, and which usually lie between a start and a
 * saddle.
 */
export function newtonSearch(
  surface: LossSurface,
  start: Vector,
  { tolerance, maxSteps }: { readonly tolerance: number; readonly maxSteps: number },
): Search {
  checkSize(surface.size);
  let point: Float64Array = Float64Array.from(start);
  let g = surface.gradient(point);
  let size = 0; // of H, as seen so far
  const norms = [norm(g)];
  const found = (end: Search["end"]): Search => {
    return { point, gradientNorm: norm(g), steps: norms.length - 1, end, norms };
  };
  while (norm(g) > tolerance) {
    if (norms.length > maxSteps) return found("steps");
    const spectrum = eigenSymmetric(surface.hessian(point));
    size = Math.max(size, Math.abs(spectrum.values[0]!), Math.abs(spectrum.values.at(-1)!));
    const { step, flat } = newtonStep(spectrum, g, leastCurvature * size);
    if (flat > Math.max(tolerance, leastFlat * norm(g))) return found("singular");
    const next = plus(point, 1, step);
    const nextG = surface.gradient(next);
    if (!nextG.every(Number.isFinite)) return found("stuck");
    [point, g] = [next, nextG];
    norms.push(norm(g));
  }
  return found("converged");
}

/** s, and the norm of the part of g that it ignores: that along eigenvalues not above `least`. */
function newtonStep({ values, vectors }: Eigen, g: Float64Array, least: number) {
  const step = new Float64Array(g.length);
  let flat = 0;
  values.forEach((lambda, i) => {
    const along = dot(vectors[i]!, g);
    if (Math.abs(lambda) > least) addTo(step, -along / lambda, vectors[i]!);
    else flat = Math.hypot(flat, along);
  });
  return { step, flat };
}

function checkSize(size: number): void {
  if (size <= mostParameters) return;
  throw new ConfigError({
    subject: "findCriticalPoint",
    problem: `method "newton" on ${size} parameters needs all of a Hessian of ${size} × ${size}.`,
    fix: `use method "gradient-norm", which takes products with it alone, or at most ${mostParameters} parameters.`,
  });
}

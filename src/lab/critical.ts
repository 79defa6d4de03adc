/** Points where the gradient vanishes: finding and classifying them. */
import { ConfigError, checkOptions, NumericError, nearest } from "../base/index.ts";
import { eigenSymmetric } from "../base/symmetric.ts";
import { lanczos } from "./lanczos.ts";
import { newtonSearch, type Search } from "./newton.ts";
import type { LossSurface } from "./surface.ts";
import { type Definiteness, defaultTolerance, definiteness } from "./taylor.ts";
import { addTo, dot, norm, plus, scaled, type Vector } from "./vectors.ts";

/** The method of {@link findCriticalPoint}, and when it stops. */
export interface CriticalPointOptions {
  /** Default "gradient-norm"; see {@link findCriticalPoint}. */
  readonly method?: "gradient-norm" | "newton" | undefined;
  /** The gradient norm ‖∇L‖ that counts as 0, default 1e-10. */
  readonly tolerance?: number | undefined;
  /** Most steps, default 200. */
  readonly maxSteps?: number | undefined;
}

/** Damping may not fall below this, relative to ‖H‖²: flat directions must not take long steps. */
const leastDamping = 1e-16;

const methods = ["gradient-norm", "newton"] as const;

/**
 * A critical point near a start, of any kind: minima, maxima and saddles attract alike. With g = ∇L
 * and H = ∇²L:
 *
 * - `gradient-norm`: minimise ½ ‖g(θ)‖² by (H² + μI) s = −H g, θ ← θ + s, the step of Levenberg and
 *   Marquardt for the residual g. It is solved by conjugate gradients on the least-squares problem
 *   ‖Hs + g‖² + μ‖s‖², two Hessian-vector products an iteration, and never forms H². μ follows the
 *   ratio of actual to predicted decrease; near a nondegenerate point it vanishes and the steps are
 *   Newton's.
 * - `newton`: H s = −g, θ ← θ + s. It computes all of H and its eigenvectors, n³ per step, so that
 *   narrow valleys cost no more than wide ones; at most 300 parameters. Full steps are taken, and
 *   ‖g‖ may rise on the way: from a start far from every critical point it may wander until
 *   "steps". Where H s = −g has no solution it ends as "singular".
 *
 * @param start θ `[n]`.
 * @throws {ConfigError} for an unknown method, or too many parameters for "newton".
 * @throws {NumericError} if the gradient at the start is not finite.
 * @see Levenberg 1944; Marquardt 1963; Pennington & Bahri 2017, "Geometry of neural network loss
 *   surfaces", §5; Nocedal & Wright 2006, algorithm 11.1, for Newton's method
 * @example
 * const f = (x: Tensor) => x.square().sub(1).square().sum(); // minima at ±1, a maximum at 0
 * const surface = LossSurface.of(f, tensor([0.2]));
 * const { point } = findCriticalPoint(surface, [0.2]);
 * Math.abs(point[0]) < 1e-9; // true
 * classify(surface, point).kind; // "maximum"
 * findCriticalPoint(surface, [0.2], { method: "newton" }).end; // "converged"
 */
export function findCriticalPoint(
  surface: LossSurface,
  start: Vector,
  options: CriticalPointOptions = {},
): Search {
  checkOptions("findCriticalPoint", options, {
    method: true,
    tolerance: "number",
    maxSteps: "number",
  });
  const { method = "gradient-norm", tolerance = 1e-10, maxSteps = 200 } = options;
  const search = { "gradient-norm": gradientNormSearch, newton: newtonSearch }[method];
  if (!search) throw unknownMethod(method);
  if (!surface.gradient(start).every(Number.isFinite))
    throw new NumericError({
      subject: "findCriticalPoint",
      problem: "the gradient at the start is not finite.",
      fix: "start where the loss and its gradient are finite.",
    });
  return search(surface, start, { tolerance, maxSteps });
}

function unknownMethod(method: string): ConfigError {
  const near = nearest(method, methods);
  return new ConfigError({
    subject: "findCriticalPoint",
    problem: `unknown method "${method}".`,
    fix: near ? `did you mean "${near}"?` : `use one of ${methods.join(", ")}.`,
  });
}

function gradientNormSearch(
  surface: LossSurface,
  start: Vector,
  { tolerance, maxSteps }: { readonly tolerance: number; readonly maxSteps: number },
): Search {
  let point: Float64Array = Float64Array.from(start);
  let g = surface.gradient(point);
  let mu: number | null = null;
  let size = 0; // of H², as seen so far
  let steps = 0;
  const norms = [norm(g)];
  const found = (end: Search["end"]): Search => ({
    point,
    gradientNorm: norm(g),
    steps,
    end,
    norms,
  });
  while (norm(g) > tolerance) {
    if (steps === maxSteps) return found("steps");
    steps++;
    const hg = surface.hvp(point, g);
    size = Math.max(size, dot(hg, hg) / dot(g, g));
    if (norm(hg) <= 1e-12 * Math.sqrt(size) * norm(g)) return found("stuck");
    mu = Math.max(mu ?? 1e-3 * size, leastDamping * size);
    const { step, rest } = dampedStep((v) => surface.hvp(point, v), g, hg, mu);
    const next = plus(point, 1, step);
    const nextG = surface.gradient(next);
    const ratio = (dot(g, g) - dot(nextG, nextG)) / (dot(g, g) - dot(rest, rest));
    mu *= ratio > 0.75 ? 0.1 : ratio > 0.25 ? 1 : 4;
    if (ratio > 1e-4) {
      point = next;
      g = nextG;
      norms.push(norm(g));
    } else if (norm(step) <= Number.EPSILON * norm(point)) return found("stuck");
  }
  return found("converged");
}

/** Minimises ‖Hs + g‖² + μ‖s‖² over s; `rest` is Hs + g. Hestenes and Stiefel's method for least squares. */
function dampedStep(
  h: (v: Float64Array) => Float64Array,
  g: Float64Array,
  hg: Float64Array,
  mu: number,
): { step: Float64Array; rest: Float64Array } {
  const n = g.length;
  const step = new Float64Array(n);
  const rest = Float64Array.from(g);
  let p = scaled(-1, hg);
  let gamma = dot(p, p);
  const enough = 1e-24 * gamma;
  for (let k = 0; k < Math.min(2 * n, 500) && gamma > enough; k++) {
    const q = h(p);
    const alpha = gamma / (dot(q, q) + mu * dot(p, p));
    addTo(step, alpha, p);
    addTo(rest, alpha, q);
    const down = h(rest); // −½ of the least-squares gradient is −(H rest + μ s)
    addTo(down, mu, step);
    const before = gamma;
    gamma = dot(down, down);
    const beta = gamma / before;
    p = p.map((x, i) => beta * x - down[i]!);
  }
  return { step, rest };
}

/** The kind of a critical point. "degenerate": the second derivatives do not decide. */
export type CriticalKind = "minimum" | "maximum" | "saddle" | "degenerate" | "not critical";

/** A point with the data that decide its kind. */
export interface Classification {
  readonly kind: CriticalKind;
  readonly gradientNorm: number;
  /** Directions of descent: negative eigenvalues. A lower bound unless `complete`. */
  readonly index: number;
  readonly definiteness: Definiteness;
  /** Eigenvalues of the Hessian, the largest first; only those at both ends unless `complete`. */
  readonly eigenvalues: Float64Array;
  /** Whether `eigenvalues` is the whole spectrum. */
  readonly complete: boolean;
}

/** The tolerances of {@link classify}. */
export interface ClassifyOptions {
  /** Eigenvalues that count as 0, relative to the largest size, default 1e-8. */
  readonly tolerance?: number | undefined;
  /** The gradient norm below which a point counts as critical, default 1e-6. */
  readonly gradientTolerance?: number | undefined;
}

/** Up to this many parameters the whole spectrum is computed. */
const denseLimit = 300;
/** Eigenvalues computed at each end otherwise. */
const ends = 10;

/**
 * The kind of a point, by the second-derivative test:
 *
 *   all λ > 0: minimum   all λ < 0: maximum   both signs: saddle, its index the number of λ < 0
 *
 * and degenerate where some λ are 0 within the tolerance and all others have one sign: higher
 * derivatives decide there. The whole spectrum is computed up to 300 parameters, else ten
 * eigenvalues at each end by {@link lanczos}, which decide the kind equally well; there, values not
 * larger than the largest residual count as 0.
 *
 * @see Milnor 1963, "Morse theory", §2
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.prod(), tensor([0, 0]));
 * const { kind, index, eigenvalues } = classify(surface, [0, 0]);
 * kind; // "saddle"
 * index; // 1
 * eigenvalues; // [1, -1]
 */
export function classify(
  surface: LossSurface,
  point: Vector,
  options: ClassifyOptions = {},
): Classification {
  checkOptions("classify", options, { tolerance: "number", gradientTolerance: "number" });
  const { tolerance = defaultTolerance, gradientTolerance = 1e-6 } = options;
  const gradientNorm = norm(surface.gradient(point));
  const complete = surface.size <= denseLimit;
  const { eigenvalues, error } = complete
    ? { eigenvalues: eigenSymmetric(surface.hessian(point)).values, error: 0 }
    : endsOfSpectrum(surface, point);
  const signs = definiteness(eigenvalues, Math.max(tolerance, error));
  return {
    kind: gradientNorm > gradientTolerance ? "not critical" : kindOf(signs),
    gradientNorm,
    index: signs.negative,
    definiteness: signs,
    eigenvalues,
    complete,
  };
}

/** Ten eigenvalues at each end, and their largest residual relative to the largest size. */
function endsOfSpectrum(surface: LossSurface, point: Vector) {
  const { largest, smallest } = lanczos(surface.hessianAt(point), { count: ends });
  const pairs = [...largest, ...[...smallest].reverse()];
  const eigenvalues = Float64Array.from(pairs, ({ value }) => value);
  const size = Math.max(Math.abs(eigenvalues[0]!), Math.abs(eigenvalues.at(-1)!));
  const residual = Math.max(...pairs.map((pair) => pair.residual));
  return { eigenvalues, error: size > 0 ? residual / size : 0 };
}

function kindOf({ kind }: Definiteness): CriticalKind {
  if (kind === "indefinite") return "saddle";
  if (kind === "positive definite") return "minimum";
  return kind === "negative definite" ? "maximum" : "degenerate";
}

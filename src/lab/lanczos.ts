/** Properties of a symmetric matrix from its products with vectors. */
import { ConfigError, checkOptions, RandomStream } from "../base/index.ts";
import { type Eigen, eigenTridiagonal } from "../base/symmetric.ts";
import { addTo, dot, norm, normalVector, scaled, signVector, type Vector } from "./vectors.ts";

/** A symmetric matrix given by its products with vectors `[size]`. */
export interface LinearOperator {
  readonly size: number;
  /** A v */
  readonly apply: (v: Float64Array) => Float64Array;
}

/** An eigenvalue and its unit vector. */
export interface EigenPair {
  readonly value: number;
  readonly vector: Float64Array;
  /** ‖Av − λv‖, computed with a separate product: some eigenvalue of A is this close to λ. */
  readonly residual: number;
}

/** How many eigenpairs {@link lanczos} computes, and how accurately. */
export interface LanczosOptions {
  /** How many eigenpairs at each end, default 1. */
  readonly count?: number | undefined;
  /** Which ends must converge and are returned, default "both". */
  readonly end?: "largest" | "smallest" | "both" | undefined;
  /** Residuals that count as converged, relative to ‖A‖, default 1e-8. */
  readonly tolerance?: number | undefined;
  /** Most products with the matrix, default 300; each stores one vector. */
  readonly maxSteps?: number | undefined;
  /** Seed of the random first vector, default 0. */
  readonly seed?: number | undefined;
}

/** The result of {@link lanczos}. */
export interface Extremes {
  /** The largest first; empty if not requested. */
  readonly largest: readonly EigenPair[];
  /** The smallest, most negative first; empty if not requested. */
  readonly smallest: readonly EigenPair[];
  /** Dimension of the Krylov space. */
  readonly steps: number;
  /** Whether all residuals are below the tolerance. */
  readonly converged: boolean;
}

/** The matrix on the space spanned by the rows of `basis`: T = VᵀAV, tridiagonal. */
interface Krylov {
  readonly basis: Float64Array[];
  readonly diagonal: number[];
  /**
   * off[k] couples vectors k and k + 1; the last one measures how far the space is from invariant.
   */
  readonly off: number[];
}

/**
 * The extreme eigenpairs of a symmetric matrix, by Lanczos' three-term recurrence
 *
 *   βₖ vₖ₊₁ = A vₖ − αₖ vₖ − βₖ₋₁ vₖ₋₁
 *
 * with every new vector orthogonalized against all previous ones, twice: otherwise rounding
 * produces copies of converged eigenvalues. The error of an eigenvalue is at most its residual, and
 * about residual²/gap. If the space becomes invariant, a new random vector is added, so that
 * `maxSteps ≥ n` finds every pair; before that, only one vector of a multiple eigenvalue is found.
 *
 * @throws {ConfigError} for a count or a number of steps that is not a positive integer.
 * @see Lanczos 1950; Parlett 1998, "The symmetric eigenvalue problem", chapter 13
 * @example
 * const apply = (v: Float64Array) => v.map((x, i) => (i - 3) * x); // diag(−3, −2, …, 96)
 * const { largest, smallest } = lanczos({ size: 100, apply });
 * largest[0].value; // 96
 * smallest[0].value; // -3
 */
export function lanczos(operator: LinearOperator, options: LanczosOptions = {}): Extremes {
  checkOptions("lanczos", options, {
    count: "number",
    end: true,
    tolerance: "number",
    maxSteps: "number",
    seed: "number",
  });
  const { count = 1, end = "both", tolerance = 1e-8, maxSteps = 300, seed = 0 } = options;
  checkCount("lanczos", "count", count);
  checkCount("lanczos", "maxSteps", maxSteps);
  const n = operator.size;
  const wanted = Math.min(count, n);
  const limit = Math.min(n, Math.max(maxSteps, wanted));
  const random = new RandomStream(seed);
  const krylov: Krylov = { basis: [firstVector(n, random)], diagonal: [], off: [] };
  /** Indices of the requested pairs among k, which are sorted in decreasing order. */
  const positions = (k: number) => ({
    top: end === "smallest" ? [] : Array.from({ length: wanted }, (_, i) => i),
    bottom: end === "largest" ? [] : Array.from({ length: wanted }, (_, i) => k - 1 - i),
  });
  const hasConverged = (k: number) => {
    const last = ritzPairs(krylov, component(k, k - 1));
    const bound = tolerance * size(last);
    const { top, bottom } = positions(k);
    return [...top, ...bottom].every((i) => residualBound(krylov, last, i) <= bound);
  };
  let steps = 0;
  do {
    extend(operator, krylov, random);
    steps++;
  } while (steps < limit && (steps < 2 * wanted || steps % 5 !== 0 || !hasConverged(steps)));
  const ritz = ritzPairs(krylov);
  const { top, bottom } = positions(steps);
  const largest = top.map((i) => eigenPair(operator, krylov, ritz, i));
  const smallest = bottom.map((i) => eigenPair(operator, krylov, ritz, i));
  const bound = tolerance * size(ritz);
  const converged = [...largest, ...smallest].every(({ residual }) => residual <= bound);
  return { largest, smallest, steps, converged };
}

/** An estimate of ‖A‖; at least the smallest normal number, so that A = 0 converges. */
const size = ({ values }: Eigen): number =>
  Math.max(Math.abs(values[0]!), Math.abs(values.at(-1)!), Number.MIN_VALUE);

function firstVector(n: number, random: RandomStream): Float64Array {
  const v = normalVector(n, random);
  return scaled(1 / norm(v), v);
}

/** One step: one product with the matrix, and the next vector of the basis if there is one. */
function extend({ apply, size: n }: LinearOperator, krylov: Krylov, random: RandomStream): void {
  const { basis, diagonal, off } = krylov;
  const v = basis[diagonal.length]!;
  let next: Float64Array = Float64Array.from(apply(v));
  const length = norm(next);
  diagonal.push(dot(v, next));
  orthogonalize(next, basis);
  let beta = norm(next);
  if (beta <= 1e-14 * n * Math.max(length, Math.abs(off.at(-1) ?? 0)) || beta === 0) {
    beta = 0; // the space is invariant: continue in a new direction
    if (basis.length === n) {
      off.push(0);
      return;
    }
    next = normalVector(n, random);
    orthogonalize(next, basis);
  }
  off.push(beta);
  if (basis.length < n) basis.push(scaled(1 / norm(next), next));
}

/** Subtracts the projections on all vectors; the second pass removes rounding errors. */
function orthogonalize(x: Float64Array, basis: readonly Float64Array[]): void {
  for (let pass = 0; pass < 2; pass++) for (const v of basis) addTo(x, -dot(v, x), v);
}

/** Eigenpairs of T; of the vectors only the components in `rows` are computed. */
const ritzPairs = ({ diagonal, off }: Krylov, rows?: Float64Array[]): Eigen =>
  eigenTridiagonal(Float64Array.from(diagonal), Float64Array.from(off.slice(0, -1)), rows);

/** One component of each of k vectors. */
const component = (k: number, at: number): Float64Array[] =>
  Array.from({ length: k }, (_, i) => Float64Array.of(i === at ? 1 : 0));

/** ‖Av − λv‖ = β |last component|, without a product. */
const residualBound = ({ off }: Krylov, last: Eigen, i: number): number =>
  off.at(-1)! * Math.abs(last.vectors[i]![0]!);

function eigenPair(operator: LinearOperator, krylov: Krylov, ritz: Eigen, i: number): EigenPair {
  const vector = new Float64Array(operator.size);
  const weights = ritz.vectors[i]!;
  for (let k = 0; k < weights.length; k++) addTo(vector, weights[k]!, krylov.basis[k]!);
  const value = ritz.values[i]!;
  const rest = Float64Array.from(operator.apply(vector));
  addTo(rest, -value, vector);
  return { value, vector, residual: norm(rest) };
}

/** The random vectors of {@link hutchinsonTrace}. */
export interface TraceOptions {
  /** Random vectors, default 30. */
  readonly probes?: number | undefined;
  readonly seed?: number | undefined;
}

/** The result of {@link hutchinsonTrace}. */
export interface TraceEstimate {
  readonly trace: number;
  /** Standard error of `trace`, estimated from the samples; NaN for one probe. */
  readonly standardError: number;
  /** zᵀAz of each probe. */
  readonly samples: Float64Array;
}

/**
 * The trace of a matrix from its products with random signs:
 *
 *   tr A = E[zᵀ A z],   zᵢ = ±1,   variance 2 Σ_{i≠j} aᵢⱼ² per probe
 *
 * Signs have the smallest variance of all distributions with independent components: a diagonal matrix is
 * summed without error.
 *
 * @see Hutchinson 1989, "A stochastic estimator of the trace of the influence matrix"
 * @example
 * const apply = (v: Float64Array) => v.map((x, i) => i * x); // diag(0, 1, 2, 3)
 * hutchinsonTrace({ size: 4, apply }, { probes: 2 }).trace; // 6
 */
export function hutchinsonTrace(
  { size: n, apply }: LinearOperator,
  options: TraceOptions = {},
): TraceEstimate {
  checkOptions("hutchinsonTrace", options, { probes: "number", seed: "number" });
  const { probes = 30, seed = 0 } = options;
  checkCount("hutchinsonTrace", "probes", probes);
  const random = new RandomStream(seed);
  const samples = Float64Array.from({ length: probes }, () => {
    const z = signVector(n, random);
    return dot(z, apply(z));
  });
  const trace = samples.reduce((a, b) => a + b, 0) / probes;
  const squares = samples.reduce((a, s) => a + (s - trace) ** 2, 0);
  return { trace, standardError: Math.sqrt(squares / (probes - 1) / probes), samples };
}

/** The steps and the smoothing of {@link spectralDensity}. */
export interface DensityOptions extends TraceOptions {
  /** Lanczos steps per probe, default 50. */
  readonly steps?: number | undefined;
  /** Points of the grid, default 200. */
  readonly points?: number | undefined;
  /** Standard deviation of the smoothing, in units of the eigenvalues; default 1 % of their range. */
  readonly width?: number | undefined;
}

/**
 * The result of {@link spectralDensity}: a sum of point masses, and the same smoothed on a grid.
 */
export interface SpectralDensity {
  /** Positions of the point masses, ascending. */
  readonly values: Float64Array;
  /** The fraction of the spectrum that each represents; they sum to 1. */
  readonly weights: Float64Array;
  readonly grid: Float64Array;
  /** Per unit of eigenvalue; its integral is 1. */
  readonly density: Float64Array;
}

/**
 * The density of the eigenvalues, without computing them, by stochastic Lanczos quadrature:
 *
 *   φ(t) = (1/n) Σᵢ δ(t − λᵢ) ≈ mean over probes of Σₖ τₖ² δ(t − θₖ)
 *
 * with the eigenvalues θₖ and first components τₖ of the tridiagonal matrix of a Lanczos run from a
 * random unit vector. The moments ∫ tʲ φ up to j = 2·steps − 1 are exact for each probe. The
 * density is smoothed with a Gaussian.
 *
 * @see Golub & Meurant 2010; Ghorbani, Krishnan & Xiao 2019, "An investigation into neural net
 * optimization via Hessian eigenvalue density"
 * @example
 * const apply = (v: Float64Array) => v.map((x, i) => (i % 2 ? 3 : -1) * x);
 * spectralDensity({ size: 50, apply }, { steps: 2, probes: 1 }).values; // [-1, 3]
 */
export function spectralDensity(
  operator: LinearOperator,
  options: DensityOptions = {},
): SpectralDensity {
  checkOptions("spectralDensity", options, {
    probes: "number",
    steps: "number",
    points: "number",
    width: "number",
    seed: "number",
  });
  const { probes = 10, steps = 50, points = 200, width, seed = 0 } = options;
  checkCount("spectralDensity", "probes", probes);
  checkCount("spectralDensity", "steps", steps);
  checkCount("spectralDensity", "points", points);
  const random = new RandomStream(seed);
  const masses: { value: number; weight: number }[] = [];
  for (let probe = 0; probe < probes; probe++) {
    const krylov: Krylov = {
      basis: [firstVector(operator.size, random)],
      diagonal: [],
      off: [],
    };
    do extend(operator, krylov, random);
    while (krylov.diagonal.length < Math.min(steps, operator.size) && krylov.off.at(-1)! > 0);
    const { values, vectors } = ritzPairs(krylov, component(krylov.diagonal.length, 0));
    values.forEach((value, k) => {
      masses.push({ value, weight: vectors[k]![0]! ** 2 / probes });
    });
  }
  masses.sort((a, b) => a.value - b.value);
  const values = Float64Array.from(masses, ({ value }) => value);
  const weights = Float64Array.from(masses, ({ weight }) => weight);
  return { values, weights, ...smoothed(values, weights, points, width) };
}

/** The point masses as Gaussians, on a grid that reaches four standard deviations beyond them. */
function smoothed(values: Vector, weights: Vector, points: number, width: number | undefined) {
  const low = values[0]!;
  const high = values[values.length - 1]!;
  const sigma = width ?? (0.01 * (high - low) || 0.01 * Math.abs(high) || 1);
  const from = low - 4 * sigma;
  const step = points > 1 ? (high - low + 8 * sigma) / (points - 1) : 0;
  const grid = Float64Array.from({ length: points }, (_, i) => from + step * i);
  const density = grid.map((t) => {
    let total = 0;
    for (let k = 0; k < values.length; k++)
      total += weights[k]! * Math.exp(-0.5 * ((t - values[k]!) / sigma) ** 2);
    return total / (sigma * Math.sqrt(2 * Math.PI));
  });
  return { grid, density };
}

/** Throws unless the option is a positive integer. */
export function checkCount(subject: string, name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new ConfigError({
    subject,
    problem: `${name} is ${value}.`,
    fix: `give a positive whole number for ${name}.`,
  });
}

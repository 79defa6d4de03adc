/** Measures what delays gradient descent: saddles, symmetry, plateaux. */
import { ConfigError, checkOptions, RandomStream } from "../base/index.ts";
import { checkCount } from "./lanczos.ts";
import type { LossSurface } from "./surface.ts";
import { addTo, checkLength, norm, normalVector, plus, scaled, type Vector } from "./vectors.ts";

/** The gradient descent of {@link measureEscape}. */
export interface EscapeOptions {
  /** α of plain gradient descent. */
  readonly lr: number;
  /** ‖p‖ of the initial perturbation, default 1e-3; 0 for none. */
  readonly perturbation?: number | undefined;
  /** The decrease of the loss that counts as an escape, default 1e-3. */
  readonly fall?: number | undefined;
  /** Most steps, default 1000. */
  readonly maxSteps?: number | undefined;
  readonly seed?: number | undefined;
}

/** The result of {@link measureEscape}. */
export interface Escape {
  /** Steps until the loss had decreased; null if it did not. */
  readonly steps: number | null;
  readonly point: Float64Array;
  /** L at the start, and after each step. */
  readonly losses: readonly number[];
}

/**
 * How long plain gradient descent takes to leave a point, after one random perturbation of a given
 * norm:
 *
 *   θ₀ = start + p,  ‖p‖ = perturbation,   θ ← θ − α ∇L(θ)   until L < L(start) − fall
 *
 * At a saddle with smallest eigenvalue −λ the part of p along its direction grows by 1 + αλ each
 * step, so the number of steps grows as log(1/‖p‖) / (αλ), and without a perturbation there is no
 * escape at all.
 *
 * @param start θ `[n]`, such as a saddle that `findCriticalPoint` found.
 * @see Jin et al. 2017, "How to escape saddle points efficiently"
 * @example
 * const saddle = LossSurface.of((x: Tensor) => x.prod(), tensor([0, 0]));
 * measureEscape(saddle, [0, 0], { lr: 0.1, perturbation: 0 }).steps; // null
 * measureEscape(saddle, [0, 0], { lr: 0.1 }).steps !== null; // true
 */
export function measureEscape(surface: LossSurface, start: Vector, options: EscapeOptions): Escape {
  checkOptions("measureEscape", options ?? null, {
    lr: "number",
    perturbation: "number",
    fall: "number",
    maxSteps: "number",
    seed: "number",
  });
  const { lr, perturbation = 1e-3, fall = 1e-3, maxSteps = 1000, seed = 0 } = options;
  checkLength("measureEscape", "θ", start, surface.size);
  checkCount("measureEscape", "maxSteps", maxSteps);
  const push = normalVector(surface.size, new RandomStream(seed));
  const point = plus(start, perturbation / norm(push), push);
  const first = surface.value(start);
  const losses: number[] = [];
  for (let step = 0; ; step++) {
    const { value, gradient } = surface.valueAndGradient(point);
    losses.push(value);
    const left = value < first - fall;
    if (left || step === maxSteps) return { steps: left ? step : null, point, losses };
    addTo(point, -lr, gradient);
  }
}

/** How much of a neighbourhood is flat; see {@link measurePlateau}. */
export interface Plateau {
  /** The fraction of samples whose gradient norm does not exceed the tolerance. */
  readonly share: number;
  /** ‖∇L‖ of each sample, ascending. */
  readonly norms: Float64Array;
  /**
   * Whether the loss itself differs between samples: then it is flat almost everywhere, yet not
   * constant.
   */
  readonly varies: boolean;
}

/**
 * How much of a point's neighbourhood is a plateau, where gradient descent makes no progress:
 *
 *   fraction with ‖∇L(θ + r z)‖ ≤ tolerance,   z ~ N(0, I)
 *
 * The 0-1 loss and nets of hard thresholds consist of plateaux of different heights; logistic units
 * with squared error have plateaux where they are confidently wrong; with cross-entropy they do
 * not.
 *
 * @param options `radius` r (default 1), `samples` (default 100), `tolerance` (default 1e-6),
 * `seed`.
 * @see Goodfellow, Bengio & Courville 2016, §6.2.2.2, §8.2.2; Rumelhart, Hinton & Williams 1986
 * @example
 * const steps = LossSurface.of((x: Tensor) => x.sign().sum(), tensor([0, 0]));
 * const { share, varies } = measurePlateau(steps, [0, 0]);
 * [share, varies]; // [1, true]
 */
export function measurePlateau(
  surface: LossSurface,
  point: Vector,
  options: {
    readonly radius?: number | undefined;
    readonly samples?: number | undefined;
    readonly tolerance?: number | undefined;
    readonly seed?: number | undefined;
  } = {},
): Plateau {
  checkOptions("measurePlateau", options, {
    radius: "number",
    samples: "number",
    tolerance: "number",
    seed: "number",
  });
  const { radius = 1, samples = 100, tolerance = 1e-6, seed = 0 } = options;
  checkLength("measurePlateau", "θ", point, surface.size);
  checkCount("measurePlateau", "samples", samples);
  const random = new RandomStream(seed);
  const found = Array.from({ length: samples }, () => {
    const { value, gradient } = surface.valueAndGradient(
      plus(point, radius, normalVector(surface.size, random)),
    );
    return { value, size: norm(gradient) };
  });
  const norms = Float64Array.from(found, ({ size }) => size).sort();
  return {
    share: norms.filter((size) => size <= tolerance).length / samples,
    norms,
    varies: found.some(({ value }) => value !== found[0]!.value),
  };
}

/** How far initially similar units have diverged; see {@link measureSymmetryBreaking}. */
export interface SymmetryBreaking {
  /** ‖θᵢ − θⱼ‖ between the two units at the start, and after each step. */
  readonly distances: readonly number[];
  readonly losses: readonly number[];
}

/**
 * Whether two equal units separate under plain gradient descent from a point: units with identical
 * incoming and outgoing weights get identical gradients and stay equal for ever; a tiny difference
 * grows if the loss has negative curvature between them.
 *
 * @param units the indices in θ that belong to each of the two, in the same order: incoming
 *   weights, bias, outgoing weights.
 * @param options `lr`, `steps` (default 100), and `perturbation`: the size of a random perturbation
 * of θ at the start (default 0).
 * @throws {ConfigError} if the units have different numbers of indices.
 * @see Goodfellow, Bengio & Courville 2016, §8.4
 * @example
 * // y = v₁ tanh(w₁) + v₂ tanh(w₂) towards 1, θ = (w₁, w₂, v₁, v₂)
 * const f = (x: Tensor) => x.slice([0, 2]).tanh().mul(x.slice([2, 4])).sum().sub(1).square();
 * const surface = LossSurface.of(f, tensor([1, 1, 1, 1]));
 * const { distances } = measureSymmetryBreaking(surface, [1, 1, 1, 1], [[0, 2], [1, 3]], { lr: 0.1 });
 * distances.at(-1); // 0
 */
export function measureSymmetryBreaking(
  surface: LossSurface,
  start: Vector,
  units: readonly [readonly number[], readonly number[]],
  options: {
    readonly lr: number;
    readonly steps?: number | undefined;
    readonly perturbation?: number | undefined;
    readonly seed?: number | undefined;
  },
): SymmetryBreaking {
  const names = { lr: "number", steps: "number", perturbation: "number", seed: "number" } as const;
  checkOptions("measureSymmetryBreaking", options ?? null, names);
  const { lr, steps = 100, perturbation = 0, seed = 0 } = options;
  checkLength("measureSymmetryBreaking", "θ", start, surface.size);
  checkCount("measureSymmetryBreaking", "steps", steps);
  const [one, other] = units;
  if (one.length !== other.length || one.length === 0)
    throw new ConfigError({
      subject: "measureSymmetryBreaking",
      problem: `the units have ${one.length} and ${other.length} places.`,
      fix: "give the indices of both in the same order and number.",
    });
  const z = normalVector(surface.size, new RandomStream(seed));
  const point = plus(start, 1, scaled(perturbation / norm(z), z));
  const apart = () => norm(one.map((at, k) => point[at]! - point[other[k]!]!));
  const distances = [apart()];
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { value, gradient } = surface.valueAndGradient(point);
    losses.push(value);
    addTo(point, -lr, gradient);
    distances.push(apart());
  }
  losses.push(surface.value(point));
  return { distances, losses };
}

/** Whether a loss is convex: a counter-example settles it, and no number of examples does. */
import { checkOptions, type OptionNames, RandomStream } from "../base/index.ts";
import { eigenSymmetric } from "../base/symmetric.ts";
import { checkCount, lanczos } from "./lanczos.ts";
import type { LossSurface } from "./surface.ts";
import { defaultTolerance } from "./taylor.ts";
import { checkLength, normalVector, plus, type Vector } from "./vectors.ts";

/** A chord below the loss: L((1 − t) a + t b) > (1 − t) L(a) + t L(b). */
export interface ChordCounterExample {
  readonly kind: "chord";
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly t: number;
  /** The loss at (1 − t) a + t b. */
  readonly loss: number;
  /** The chord there. */
  readonly chord: number;
}

/** A point where the loss bends down: vᵀ ∇²L(θ) v = `eigenvalue` < 0 for the unit vector v. */
export interface CurvatureCounterExample {
  readonly kind: "curvature";
  readonly point: Float64Array;
  readonly eigenvalue: number;
  readonly direction: Float64Array;
}

/** The result of {@link checkConvexity}. */
export interface ConvexityCheck {
  /** "undecided" if no counter-example was found: evidence, not a proof. */
  readonly verdict: "not convex" | "undecided";
  readonly counterExample: ChordCounterExample | CurvatureCounterExample | null;
  /** Chords and Hessians that were examined. */
  readonly chords: number;
  readonly hessians: number;
  /** The smallest eigenvalue of all Hessians examined; +∞ if there were none. */
  readonly smallest: number;
}

/** Where {@link checkConvexity} samples, and how often. */
export interface ConvexityOptions {
  /** Where samples lie: center + radius · N(0, I). Default the surface's point, and 1. */
  readonly center?: Vector | undefined;
  readonly radius?: number | undefined;
  /** Chords between two samples, default 200. */
  readonly chords?: number | undefined;
  /** Samples whose Hessian is computed, default 10. */
  readonly hessians?: number | undefined;
  /** What counts as 0, relative to the numbers compared, default 1e-8. */
  readonly tolerance?: number | undefined;
  readonly seed?: number | undefined;
}

export const convexityNames: OptionNames<ConvexityOptions> = {
  center: true,
  radius: "number",
  chords: "number",
  hessians: "number",
  tolerance: "number",
  seed: "number",
};

/** The largest number of parameters for which Hessians are fully decomposed. */
const denseLimit = 300;

/**
 * Looks for a counter-example to the convexity of a loss, first against Jensen's inequality on
 * random chords, then against the second-order condition on random points:
 *
 *   L((1 − t) a + t b) ≤ (1 − t) L(a) + t L(b),   ∇²L(θ) ⪰ 0
 *
 * One that exceeds the tolerance proves that the loss is not convex. Linear, logistic and softmax
 * regression are convex and stay "undecided"; squares behind a sigmoid, and any hidden layer, are not.
 *
 * @see Boyd & Vandenberghe 2004, "Convex optimization", §3.1
 * @example
 * const bowl = LossSurface.of((x: Tensor) => x.square().sum(), tensor([0, 0]));
 * checkConvexity(bowl).verdict; // "undecided"
 * const saddle = LossSurface.of((x: Tensor) => x.prod(), tensor([0, 0]));
 * checkConvexity(saddle).verdict; // "not convex"
 */
export function checkConvexity(
  surface: LossSurface,
  options: ConvexityOptions = {},
): ConvexityCheck {
  checkOptions("checkConvexity", options, convexityNames);
  const {
    center = surface.point(),
    radius = 1,
    chords = 200,
    hessians = 10,
    tolerance = defaultTolerance,
    seed = 0,
  } = options;
  checkLength("checkConvexity", "the center", center, surface.size);
  if (chords !== 0) checkCount("checkConvexity", "chords", chords);
  if (hessians !== 0) checkCount("checkConvexity", "hessians", hessians);
  const random = new RandomStream(seed);
  const sample = () => plus(center, radius, normalVector(surface.size, random));
  let smallest = Number.POSITIVE_INFINITY;
  const found = (
    counterExample: ConvexityCheck["counterExample"],
    chords: number,
    hessians: number,
  ): ConvexityCheck => {
    const verdict = counterExample ? "not convex" : "undecided";
    return { verdict, counterExample, chords, hessians, smallest };
  };
  for (let i = 1; i <= chords; i++) {
    const counterExample = onChord(surface, sample(), sample(), random.uniform(), tolerance);
    if (counterExample) return found(counterExample, i, 0);
  }
  for (let i = 1; i <= hessians; i++) {
    const point = sample();
    const { low, high, direction } = extremes(surface, point);
    smallest = Math.min(smallest, low);
    if (low < -tolerance * Math.max(Math.abs(low), Math.abs(high)))
      return found({ kind: "curvature", point, eigenvalue: low, direction }, chords, i);
  }
  return found(null, chords, hessians);
}

function onChord(
  surface: LossSurface,
  a: Float64Array,
  b: Float64Array,
  t: number,
  tolerance: number,
): ChordCounterExample | null {
  const [start, end] = [surface.value(a), surface.value(b)];
  const loss = surface.value(a.map((x, i) => (1 - t) * x + t * b[i]!));
  const chord = (1 - t) * start + t * end;
  const size = Math.max(Math.abs(start), Math.abs(end), Math.abs(loss));
  return loss - chord > tolerance * size ? { kind: "chord", a, b, t, loss, chord } : null;
}

/** The extreme eigenvalues of the Hessian, and the direction of the most negative curvature. */
function extremes(surface: LossSurface, point: Float64Array) {
  if (surface.size > denseLimit) {
    const { largest, smallest } = lanczos(surface.hessianAt(point));
    const { value, vector } = smallest[0]!;
    return { low: value, high: largest[0]!.value, direction: vector };
  }
  const { values, vectors } = eigenSymmetric(surface.hessian(point));
  return { low: values.at(-1)!, high: values[0]!, direction: vectors.at(-1)! };
}

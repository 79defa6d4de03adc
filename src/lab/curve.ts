/** Curves between two nets along which the loss stays low. */
import { ConfigError, checkOptions, RandomStream } from "../base/index.ts";
import { checkCount } from "./lanczos.ts";
import { type Axis, barrierOf, coordinates, type PathSlice } from "./slices.ts";
import type { LossSurface } from "./surface.ts";
import { checkLength, norm, plus, type Vector } from "./vectors.ts";

/** The training options of {@link trainCurve}. */
export interface CurveOptions {
  /** Steps of training, each one gradient. Default 100. */
  readonly steps?: number | undefined;
  /** The step size of a parameter, in units of the root mean square of b − a. Default 0.1. */
  readonly lr?: number | undefined;
  readonly seed?: number | undefined;
  /** Called after each step. */
  readonly onStep?: ((step: number) => void) | undefined;
}

/** φ(t) of {@link trainCurve}: (1 − t)² a + 2t(1 − t) c + t² b. */
export const bezier = (a: Vector, c: Vector, b: Vector, t: number): Float64Array =>
  Float64Array.from(a, (x, i) => (1 - t) ** 2 * x + 2 * t * (1 - t) * c[i]! + t * t * b[i]!);

/**
 * The bend c `[n]` of a quadratic Bézier curve between two nets, trained so that the loss along it
 * is low on average:
 *
 *   φ(t) = (1 − t)² a + 2t(1 − t) c + t² b,   minimise E L(φ(t)) over c,   t uniform in [0, 1]
 *
 * by Adam on ∂/∂c L(φ(t)) = 2t(1 − t) ∇L(φ(t)), one t per step, with a cosine schedule to 0. c
 * starts at the midpoint of a and b, displaced by a hundredth of their distance: the midpoint
 * itself may be a saddle that gradients do not leave. Nets separated by a high barrier on the
 * straight line are often connected by such a curve.
 *
 * @param a @param b the two nets `[n]`.
 * @see Garipov et al. 2018, "Loss surfaces, mode connectivity, and fast ensembling of DNNs", §3
 * @example
 * const ring = (x: Tensor) => x.square().sum().sub(1).square(); // 0 on the unit circle
 * const surface = LossSurface.of(ring, tensor([1, 0]));
 * const c = trainCurve(surface, [-1, 0], [1, 0]);
 * sliceBetween(surface, [-1, 0], [1, 0]).barrier; // 1
 * sliceCurve(surface, [-1, 0], c, [1, 0]).barrier < 0.1; // true
 */
export function trainCurve(
  surface: LossSurface,
  a: Vector,
  b: Vector,
  options: CurveOptions = {},
): Float64Array {
  checkOptions("trainCurve", options, {
    steps: "number",
    lr: "number",
    seed: "number",
    onStep: "function",
  });
  const { steps = 100, lr = 0.1, seed = 0, onStep } = options;
  checkLength("trainCurve", "a", a, surface.size);
  checkLength("trainCurve", "b", b, surface.size);
  checkCount("trainCurve", "steps", steps);
  const scale = norm(plus(b, -1, a)) / Math.sqrt(surface.size);
  if (scale === 0)
    throw new ConfigError({
      subject: "trainCurve",
      problem: "both ends are the same point.",
      fix: "give two different nets.",
    });
  const random = new RandomStream(seed);
  const c = Float64Array.from(a, (x, i) => (x + b[i]!) / 2 + 0.01 * scale * random.normal());
  const [m, v] = [new Float64Array(c.length), new Float64Array(c.length)];
  for (let step = 1; step <= steps; step++) {
    const t = random.uniform();
    const g = surface.gradient(bezier(a, c, b, t));
    const rate = lr * scale * 0.5 * (1 + Math.cos((Math.PI * (step - 1)) / steps));
    adam(c, m, v, g, 2 * t * (1 - t), rate, step);
    onStep?.(step);
  }
  return c;
}

const [beta1, beta2] = [0.9, 0.99];

/** One step of Adam on factor · g, in place. @see Kingma & Ba 2015, algorithm 1 */
function adam(
  c: Float64Array,
  m: Float64Array,
  v: Float64Array,
  g: Float64Array,
  factor: number,
  lr: number,
  t: number,
): void {
  for (let i = 0; i < c.length; i++) {
    const gi = factor * g[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * gi;
    v[i] = beta2 * v[i]! + (1 - beta2) * gi * gi;
    const mHat = m[i]! / (1 - beta1 ** t);
    const vHat = v[i]! / (1 - beta2 ** t);
    if (vHat > 0) c[i]! -= (lr * mHat) / Math.sqrt(vHat);
  }
}

/**
 * L(φ(t)) along the curve of {@link trainCurve}, by default at 51 points from a to b, and how far it
 * rises above the straight line between the losses of its ends.
 */
export function sliceCurve(
  surface: LossSurface,
  a: Vector,
  c: Vector,
  b: Vector,
  axis: Axis = {},
): PathSlice {
  for (const [name, x] of [
    ["a", a],
    ["c", c],
    ["b", b],
  ] as const)
    checkLength("sliceCurve", name, x, surface.size);
  const t = coordinates("sliceCurve", axis, { from: 0 });
  const at = (ti: number) => surface.value(bezier(a, c, b, ti));
  const losses = t.map(at);
  return { t, losses, barrier: barrierOf(t, losses, at(0), at(1)) };
}

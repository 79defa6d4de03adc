/** The loss on lines and planes through parameter space, as grids of numbers. */
import { ConfigError, checkOptions } from "../base/index.ts";
import { checkCount } from "./lanczos.ts";
import type { LossSurface } from "./surface.ts";
import { checkLength, plus, type Vector } from "./vectors.ts";

/** Evenly spaced coordinates, both ends included. */
export interface Axis {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** The number of points, at least 2. */
  readonly points?: number | undefined;
}

/** The loss along a line. */
export interface LineSlice {
  /** Coordinates, in units of the direction. */
  readonly t: Float64Array;
  readonly losses: Float64Array;
}

/** The loss on a plane. */
export interface PlaneSlice {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** losses[j][i] is at x[i] and y[j]. */
  readonly losses: readonly Float64Array[];
}

/** The loss between two nets. */
export interface PathSlice extends LineSlice {
  /**
   * The barrier: how far the loss rises above the straight line between the losses at both ends,
   * over the points from 0 to 1. It is 0 if nothing separates them, and for every convex loss.
   */
  readonly barrier: number;
}

/** The coordinates of an axis; missing fields come from `defaults`. */
export function coordinates(subject: string, axis: Axis, defaults: Axis = {}): Float64Array {
  checkOptions(subject, axis, { from: "number", to: "number", points: "number" });
  const { from = -1, to = 1, points = 51 } = { ...defaults, ...axis };
  checkCount(subject, "points", points);
  if (points < 2 || !(to > from))
    throw new ConfigError({
      subject,
      problem: `${points} points from ${from} to ${to}.`,
      fix: "give at least 2 points, and from < to.",
    });
  const last = points - 1;
  return Float64Array.from({ length: points }, (_, i) => (from * (last - i) + to * i) / last);
}

/**
 * L(θ + t d) for t on an axis, by default 51 points from −1 to 1.
 *
 * @param direction d `[n]`, for example {@link filterDirection} or one of {@link topDirections}.
 * @see Goodfellow, Vinyals & Saxe 2015, "Qualitatively characterizing neural network optimization problems"
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.square().sum(), tensor([1, 0]));
 * sliceLine(surface, [1, 0], [0, 2], { points: 3 }); // { t: [-1, 0, 1], losses: [5, 1, 5] }
 */
export function sliceLine(
  surface: LossSurface,
  origin: Vector,
  direction: Vector,
  axis: Axis = {},
): LineSlice {
  checkLength("sliceLine", "the direction", direction, surface.size);
  const t = coordinates("sliceLine", axis);
  return { t, losses: t.map((ti) => surface.value(plus(origin, ti, direction))) };
}

/**
 * L(θ + x d₁ + y d₂) on a grid, by default 25 × 25 points of [−1, 1]²: the data of contour and
 * surface plots. {@link project} projects the optimizer's path onto it.
 *
 * @param directions d₁ and d₂, each `[n]`.
 * @param axes of x and of y; a single one is used for both.
 * @see Li et al. 2018, "Visualizing the loss landscape of neural nets"
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.prod(), tensor([0, 0]));
 * const { losses } = slicePlane(surface, [0, 0], [[1, 0], [0, 1]], [{ points: 3 }]);
 * losses; // [[1, 0, -1], [0, 0, 0], [-1, 0, 1]]
 */
export function slicePlane(
  surface: LossSurface,
  origin: Vector,
  directions: readonly [Vector, Vector],
  axes: readonly [Axis, Axis?] = [{}],
): PlaneSlice {
  for (const d of directions) checkLength("slicePlane", "a direction", d, surface.size);
  const [first, second = first] = axes;
  const x = coordinates("slicePlane", first, { points: 25 });
  const y = coordinates("slicePlane", second, { points: 25 });
  const losses = Array.from(y, (yj) => {
    const row = plus(origin, yj, directions[1]);
    return x.map((xi) => surface.value(plus(row, xi, directions[0])));
  });
  return { x, y, losses };
}

/**
 * L((1 − t) a + t b): the loss between two nets, by default 51 points from one to the other, and
 * the barrier on the way.
 *
 * @see Goodfellow, Vinyals & Saxe 2015; Frankle et al. 2020, "Linear mode connectivity and the lottery ticket hypothesis"
 * @example
 * const f = (x: Tensor) => x.square().sub(1).square().sum(); // wells at ±1
 * const surface = LossSurface.of(f, tensor([0]));
 * sliceBetween(surface, [-1], [1]).barrier; // 1
 */
export function sliceBetween(
  surface: LossSurface,
  a: Vector,
  b: Vector,
  axis: Axis = {},
): PathSlice {
  checkLength("sliceBetween", "a", a, surface.size);
  checkLength("sliceBetween", "b", b, surface.size);
  const t = coordinates("sliceBetween", axis, { from: 0 });
  const at = (ti: number) =>
    surface.value(Float64Array.from(a, (x, i) => (1 - ti) * x + ti * b[i]!));
  const losses = t.map(at);
  return { t, losses, barrier: barrierOf(t, losses, at(0), at(1)) };
}

/** The largest rise of losses above the line between the two ends, over t in [0, 1]. */
export function barrierOf(t: Vector, losses: Float64Array, start: number, end: number): number {
  const rises = losses.map((loss, i) => {
    const ti = t[i]!;
    return ti >= 0 && ti <= 1 ? loss - (1 - ti) * start - ti * end : 0;
  });
  return Math.max(0, ...rises);
}

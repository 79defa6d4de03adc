/** Orders, and points of a space of weights. */
import { mean } from "./statistics.ts";

/** All orders of 0 … n − 1. */
export const orders = (n: number): number[][] =>
  n === 0
    ? [[]]
    : orders(n - 1).flatMap((rest) =>
        Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
      );

/** a + t (b − a) */
export const between = (a: Float64Array, b: Float64Array, t: number) =>
  a.map((x, i) => x + t * (b[i]! - x));
/** The mean of points. */
export const centre = (points: readonly Float64Array[]) =>
  points[0]!.map((_, i) => mean(points.map((p) => p[i]!)));

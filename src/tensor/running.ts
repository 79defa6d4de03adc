/** Shared by cumulative sums, products and extremes along an axis; nodes in, nodes out. */
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";

/** The elements shifted by one position, starting with `value`. */
export const shifted = (x: Node, axis: number, value: number): Node => {
  const n = x.shape[axis]!;
  if (n === 0) return x;
  const first = op.constant(value, x.shape.map((d, i) => (i === axis ? 1 : d)), x.dtype); // biome-ignore format: one thought
  return op.concat([first, op.span(x, axis, 0, n - 1)], axis);
};

/** Runs along the axis, from its end if `reverse`. */
export const towards = (reverse: boolean, x: Node, axis: number, run: (x: Node) => Node): Node =>
  reverse ? op.flip(run(op.flip(x, [axis])), [axis]) : run(x);

/**
 * y[k] = Π_{j ≤ k} x[j]: after round r every element holds the product of 2ʳ elements up to it, so
 * that derivatives of every order are right where factors are 0.
 */
export const cumprod = (x: Node, axis: number): Node => {
  const n = x.shape[axis]!;
  let y = x;
  for (let d = 1; d < n; d *= 2) {
    const products = op.mul(op.span(y, axis, 0, n - d), op.span(y, axis, d, n - d));
    y = op.concat([op.span(y, axis, 0, d), products], axis);
  }
  return y;
};

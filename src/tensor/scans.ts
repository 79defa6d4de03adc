/** Cumulative extremes along an axis, by doubling: log₂ n rounds of elementwise work. */
import { normalizeAxis } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { nodeOf, withAxis } from "./arguments.ts";
import { numberOf } from "./elementwise-methods.ts";
import { towards } from "./running.ts";
import { type AxisOptions, Tensor } from "./tensor.ts";

/** The direction of {@link cummax} and {@link cummin}. */
export interface RunningOptions extends AxisOptions {
  /** From the end; default false. */
  readonly reverse?: boolean | undefined;
}

/** Values with their positions in the input. */
export interface Indexed {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/**
 * The position of the cumulative extreme: the last of equal ones; after the first NaN, the last
 * NaN.
 */
function winners(x: Node, axis: number, better: (a: Node, b: Node) => Node): Node {
  const n = x.shape[axis]!;
  let at = op.iota(x.shape, axis);
  let best = x;
  for (let d = 1; d < n; d *= 2) {
    const [before, here] = [op.span(best, axis, 0, n - d), op.span(best, axis, d, n - d)];
    const [then, now] = [op.span(at, axis, 0, n - d), op.span(at, axis, d, n - d)];
    const nan = (y: Node) => op.not(op.equal(y, y));
    const stays = op.and(op.not(nan(here)), op.or(nan(before), better(before, here)));
    best = op.concat([op.span(best, axis, 0, d), op.where(stays, before, here)], axis);
    at = op.concat([op.span(at, axis, 0, d), op.where(stays, then, now)], axis);
  }
  return at;
}

function running(
  name: string,
  x: Tensor,
  options: RunningOptions | number | undefined,
  better: (a: Node, b: Node) => Node,
): Indexed {
  nodeOf(name, x);
  const { axis = -1, reverse = false } = withAxis(name, options, { axis: true, reverse: true });
  const { node } = numberOf(x);
  const along = normalizeAxis(name, axis, node.shape.length);
  const found = towards(Boolean(reverse), node, along, (y) => winners(y, along, better));
  const n = node.shape[along]!;
  const at = reverse ? op.sub(n - 1, found) : found;
  return { values: new Tensor(op.gather(node, at, along)), indices: new Tensor(at) };
}

/**
 * The largest element so far along `axis`, by default the last, and its position: y[k] = max_{j ≤
 * k} x[j].
 *
 * From the first NaN on all values are NaN. Among equal elements it is the last, as in PyTorch's
 * `cummax`, and the derivative goes there.
 *
 * @param x any shape but that of a scalar. @returns values of x's shape, indices int32.
 * @throws {ShapeError} for an axis that does not exist.
 * @example
 * const { values, indices } = cummax(tensor([1, 3, 2, 3]));
 * values.toArray(); // [1, 3, 3, 3]
 * indices.toArray(); // [0, 1, 1, 3]
 */
export const cummax = (x: Tensor, options?: RunningOptions | number): Indexed =>
  running("cummax", x, options, (a, b) => op.less(b, a));
/**
 * The smallest element so far along `axis`, by default the last, and its position; otherwise like
 * {@link cummax}.
 *
 * @param x any shape but that of a scalar. @returns values of x's shape, indices int32.
 * @throws {ShapeError} for an axis that does not exist.
 * @example
 * cummin(tensor([2, 3, 1])).values.toArray(); // [2, 2, 1]
 */
export const cummin = (x: Tensor, options?: RunningOptions | number): Indexed =>
  running("cummin", x, options, (a, b) => op.less(a, b));

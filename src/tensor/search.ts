/**
 * Operations on the order of values: largest values, positions in a sorted row, distinct and
 * nonzero values.
 */
import {
  allocate,
  ConfigError,
  checkOptions,
  describe,
  forEachIndex,
  normalizeAxis,
  type Shape,
  ShapeError,
  sameShape,
  show,
  sizeOf,
  type TypedArray,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { nodeOf, withAxis } from "./arguments.ts";
import { keepHost } from "./host.ts";
import { comparison } from "./promote.ts";
import type { Indexed } from "./scans.ts";
import { type AxisOptions, Tensor } from "./tensor.ts";
import { isTracing } from "./variable.ts";

/** Of {@link topK}. */
export interface TopKOptions extends AxisOptions {
  /** The smallest instead; default false. */
  readonly smallest?: boolean | undefined;
}

/**
 * The k largest along `axis`, by default the last, in descending order, with their positions; or
 * the k smallest in ascending order. Equal elements keep their order. NaN comes after all numbers,
 * as in {@link Tensor.sort}: it is neither large nor small.
 *
 * @param x any shape but that of a scalar. @param k from 0 to the size of the axis.
 * @returns both of x's shape but with k along the axis; indices int32.
 * @throws {ShapeError} for an invalid k.
 * @example
 * const { values, indices } = topK(tensor([1, 4, 3]), 2);
 * values.toArray(); // [4, 3]
 * indices.toArray(); // [1, 2]
 * topK(tensor([1, 4, 3]), 2, { smallest: true }).values.toArray(); // [1, 3]
 */
export function topK(x: Tensor, k: number, options?: TopKOptions | number): Indexed {
  const { axis = -1, smallest = false } = withAxis("topK", options, { axis: true, smallest: true });
  const { shape } = nodeOf("topK", x);
  const n = shape.length === 0 ? undefined : shape[normalizeAxis("topK", axis, shape.length)];
  if (n === undefined || !Number.isInteger(k) || k < 0 || k > n)
    throw new ShapeError({
      subject: "topK",
      problem: `${describe(k)} of ${n ?? "no"} elements along axis ${axis} of ${show(shape)}.`,
      fix: n === undefined ? "a scalar has no axis." : `ask for 0 … ${n}.`,
    });
  const at = normalizeAxis("topK", axis, shape.length);
  const order = x.argsort({ axis: at, descending: !smallest });
  const indices = new Tensor(op.span(order.node, at, 0, k));
  return { values: x.takeAlong(indices, { axis: at }), indices };
}

/** Of {@link searchSorted}. */
export interface SearchSortedOptions {
  /** Before ("left") or after ("right") equal elements; default "left". */
  readonly side?: "left" | "right" | undefined;
}

/**
 * Where values belong in sorted rows:
 *
 *   i = #{j : sorted[j] < value}   on the left, #{j : sorted[j] ≤ value} on the right
 *
 * by bisection, in log₂ n rounds. NaN belongs after all numbers, as in NumPy. For rows that are not
 * sorted the positions are meaningless.
 *
 * @param sorted `[n]`, or `[…, n]` rows. @param values any shape for one row, else `[…, m]`
 * matching the rows.
 * @returns int32 of the shape of the values.
 * @throws {ShapeError} if shapes do not fit. @throws {ConfigError} for an unknown side.
 * @example
 * searchSorted(tensor([1, 3, 3, 5]), tensor([3, 0, 9])).toArray(); // [1, 0, 4]
 * searchSorted(tensor([1, 3, 3, 5]), tensor([3]), { side: "right" }).toArray(); // [3]
 */
export function searchSorted(
  sorted: Tensor,
  values: Tensor,
  options: SearchSortedOptions = {},
): Tensor {
  checkOptions("searchSorted", options, { side: true });
  const given = [nodeOf("searchSorted", sorted), nodeOf("searchSorted", values)];
  const { side = "left" } = options;
  if (side !== "left" && side !== "right")
    throw new ConfigError({
      subject: "searchSorted",
      problem: `unknown side ${describe(side)}.`,
      fix: 'the sides are "left" and "right".',
    });
  const dtype = comparison(given);
  const [rows, wanted] = given.map((x) => op.cast(x, dtype)) as [Node, Node];
  const lead = rows.shape.slice(0, -1);
  const alone = rows.shape.length === 1;
  if (rows.shape.length === 0 || !(alone || sameShape(lead, wanted.shape.slice(0, -1))))
    throw new ShapeError({
      subject: "searchSorted",
      problem: `values ${show(wanted.shape)} for rows ${show(rows.shape)}.`,
      fix: "give one row, or as many rows as the values have.",
    });
  const flat = alone ? op.reshape(wanted, [wanted.size]) : wanted;
  return new Tensor(op.reshape(bisected(rows, flat, side === "right"), wanted.shape));
}

/**
 * Counts the elements before each value: starting with the largest power of two, a step is taken if
 * it stays before the value.
 */
function bisected(rows: Node, values: Node, right: boolean): Node {
  const axis = values.shape.length - 1;
  const n = rows.shape.at(-1)!;
  let count: Node = op.constant(0, values.shape, "int32");
  if (n === 0) return count;
  const nan = (x: Node) => op.not(op.equal(x, x));
  for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
    const next = op.add(count, step);
    const x = op.gather(rows, op.minimum(op.sub(next, 1), n - 1), axis);
    const below = right
      ? op.or(op.lessEqual(x, values), nan(values))
      : op.or(op.less(x, values), op.and(nan(values), op.not(nan(x))));
    count = op.where(op.and(op.lessEqual(next, n), below), next, count);
  }
  return count;
}

/** @throws {ConfigError} inside a function that is being traced, where values are not known. */
function valuesOf(name: string, x: Tensor): TypedArray {
  nodeOf(name, x);
  if (!isTracing()) return x.dataSync();
  throw new ConfigError({
    subject: name,
    problem:
      "the shape of its result depends on values, which are not known while a function is being traced.",
    fix: "call it outside of the compiled function, or weigh elements by a mask: where(condition, x, 0).",
  });
}

const ints = (values: readonly number[], shape: Shape): Tensor =>
  keepHost({ dtype: "int32", shape, data: Int32Array.from(values) });

/**
 * The indices of all elements that are true, or not 0, in row-major order. The shape depends on
 * values, so they are computed immediately, and compiled functions cannot use it.
 *
 * @param x any shape and dtype. @returns `[found, rank]` int32, as PyTorch's `nonzero`.
 * @throws {ConfigError} inside a compiled function.
 * @example
 * nonzero(tensor([[0, 1], [2, 0]])).toArray(); // [[0, 1], [1, 0]]
 */
export function nonzero(x: Tensor): Tensor {
  const values = valuesOf("nonzero", x);
  const found: number[] = [];
  let count = 0;
  forEachIndex(x.shape, (index, i) => {
    if (values[i] === 0) return; // NaN is not 0
    count++;
    for (const at of index) found.push(at);
  });
  return ints(found, [count, x.rank]);
}

/** The result of {@link unique}. */
export interface Unique {
  /** Distinct elements in ascending order, NaN last. */
  readonly values: Tensor;
  /** The position of the first occurrence of each, int32. */
  readonly indices: Tensor;
  /** For every element of x its position among the values, int32. */
  readonly inverse: Tensor;
  /** The number of occurrences of each, int32. */
  readonly counts: Tensor;
}

const compare = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b)
    ? Number(Number.isNaN(a)) - Number(Number.isNaN(b))
    : a < b ? -1 : Number(a > b); // biome-ignore format: one ladder

/**
 * The distinct elements of x, or its distinct slices along `axis`, in ascending order; all NaN
 * count as one. The shapes depend on values, so they are computed immediately, and compiled
 * functions cannot use it.
 *
 * @param x any shape and dtype; derivatives treat the result as a constant.
 * @returns `values` `[u]`, or x's shape with u along the axis; `indices` and `counts` `[u]`;
 * `inverse` x's shape, or `[n]` along the axis.
 * @throws {ConfigError} inside a compiled function. @throws {ShapeError} for an axis that does not
 * exist.
 * @see NumPy's `unique`
 * @example
 * const { values, inverse, counts } = unique(tensor([3, 1, 3]));
 * values.toArray(); // [1, 3]
 * inverse.toArray(); // [1, 0, 1]
 * counts.toArray(); // [1, 2]
 */
export function unique(x: Tensor, options?: AxisOptions | number): Unique {
  const { axis } = withAxis("unique", options, { axis: true });
  const data = valuesOf("unique", x);
  const at = axis === undefined ? undefined : normalizeAxis("unique", axis, x.rank);
  const n = at === undefined ? x.size : x.shape[at]!;
  const [outer, inner] =
    at === undefined ? [1, 1] : [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at + 1))];
  const element = (row: number, k: number) =>
    data[(Math.floor(k / inner) * n + row) * inner + (k % inner)]!;
  const order = (a: number, b: number): number => {
    for (let k = 0; k < outer * inner; k++) {
      const sign = compare(element(a, k), element(b, k));
      if (sign !== 0) return sign;
    }
    return 0;
  };
  const sorted = Array.from({ length: n }, (_, i) => i).sort((a, b) => order(a, b) || a - b);
  const [firsts, counts, inverse]: number[][] = [[], [], new Array<number>(n).fill(0)];
  for (const [i, row] of sorted.entries()) {
    if (i === 0 || order(sorted[i - 1]!, row) !== 0) {
      firsts!.push(row);
      counts!.push(0);
    }
    counts![counts!.length - 1]!++;
    inverse![row] = counts!.length - 1;
  }
  const u = firsts!.length;
  const values = allocate(x.dtype, outer * u * inner);
  for (let k = 0; k < outer * inner; k++)
    for (let j = 0; j < u; j++)
      values[(Math.floor(k / inner) * u + j) * inner + (k % inner)] = element(firsts![j]!, k);
  return {
    values: keepHost({ dtype: x.dtype, shape: at === undefined ? [u] : x.shape.with(at, u), data: values }), // biome-ignore format: one of four
    indices: ints(firsts!, [u]),
    inverse: ints(inverse!, at === undefined ? x.shape : [n]),
    counts: ints(counts!, [u]),
  };
}

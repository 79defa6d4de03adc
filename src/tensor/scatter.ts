/** Elements and slices at computed positions: read from x, or written into it. */
import {
  ConfigError,
  checkOptions,
  DTypeError,
  describe,
  normalizeAxis,
  numeric,
  type Shape,
  ShapeError,
  sameShape,
  show,
  sizeOf,
  stridesOf,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { checkWhole, nodeOf, withAxis } from "./arguments.ts";
import { common } from "./promote.ts";
import { type AxisOptions, Tensor } from "./tensor.ts";

/** How an update combines with the present element: it replaces it, or both are combined. */
export type Reduction = "set" | "add" | "mul" | "max" | "min";

const combine: Readonly<Record<Exclude<Reduction, "set" | "add">, (a: Node, b: Node) => Node>> = {
  mul: op.mul,
  max: op.maximum,
  min: op.minimum,
};

function checkReduction(name: string, reduction: Reduction): void {
  if (["set", "add", ...Object.keys(combine)].includes(reduction)) return;
  throw new ConfigError({
    subject: name,
    problem: `unknown reduction ${describe(reduction)}.`,
    fix: 'the reductions are "set", "add", "mul", "max" and "min".',
  });
}

/** An int32 tensor of positions. */
function positionsOf(name: string, indices: Tensor): Node {
  const node = nodeOf(name, indices);
  if (node.dtype === "int32") return node;
  throw new DTypeError({
    subject: name,
    problem: `indices are ${node.dtype}.`,
    fix: 'cast them: indices.cast("int32").',
  });
}

/** The positions; computing them is an error unless all are in 0 … size − 1. */
const within = (name: string, at: Node, size: number): Node =>
  op.checked(at, op.and(op.lessEqual(0, at), op.less(at, size)), {
    subject: name,
    wanted: `an index of 0…${size - 1}`,
    fix: "check the indices against the sizes of the axes.",
  });

/** Rows `[n, inner]` of a matrix by their numbers `[n]`. */
const rowsOf = (x: Node, at: Node): Node =>
  op.gather(x, op.broadcastInto(at, [at.size, x.shape[1]!], [1]), 0);

/**
 * Row numbers in ascending order, with their updates; updates of one row keep their order, and the
 * last of them holds all combined.
 */
function grouped(at: Node, updates: Node, reduction: Exclude<Reduction, "add">) {
  const order = op.argsort(at, 0);
  const sorted = op.gather(at, order, 0);
  let rows = rowsOf(updates, order);
  const n = at.size;
  // log₂ n rounds over doubling distances: each row takes in the row that far before it
  for (let d = 1; reduction !== "set" && d < n; d *= 2) {
    const [front, here] = [op.span(rows, 0, 0, n - d), op.span(rows, 0, d, n - d)];
    const same = op.equal(op.span(sorted, 0, 0, n - d), op.span(sorted, 0, d, n - d));
    const wide = op.broadcastInto(same, here.shape, [1]);
    const both = op.where(wide, combine[reduction](front, here), here);
    rows = op.concat([op.span(rows, 0, 0, d), both], 0);
  }
  return { sorted, rows };
}

/**
 * Updates the rows `at` `[n]` of `x` `[p, inner]` with `[n, inner]`. With "set", the last of
 * several updates of a row wins.
 */
function scattered(x: Node, at: Node, updates: Node, reduction: Reduction): Node {
  const [p, inner] = x.shape as [number, number];
  const n = at.size;
  if (n === 0 || x.size === 0) return x;
  if (reduction === "add") {
    const wide = op.broadcastInto(at, [n, inner], [1]);
    return op.add(x, op.scatterAdd(wide, updates, 0, p));
  }
  const { sorted, rows } = grouped(at, updates, reduction);
  const changes = op.not(op.equal(op.span(sorted, 0, 0, n - 1), op.span(sorted, 0, 1, n - 1)));
  const last = op.concat([changes, op.constant(1, [1], "bool")], 0);
  // for each row of x the position of its last update, counted from 1; 0 if there is none
  const place = op.scatterAdd(sorted, op.where(last, op.add(op.iota([n], 0), 1), 0), 0, p);
  const hit = op.broadcastInto(op.less(0, place), x.shape, [1]);
  const found = rowsOf(rows, op.maximum(op.sub(place, 1), 0));
  return op.where(hit, reduction === "set" ? found : combine[reduction](x, found), x);
}

/** The common dtype of x and its updates; bool can only be set. */
function prepared(name: string, x: Node, updates: Node, reduction: Reduction): [Node, Node] {
  checkReduction(name, reduction);
  const dtype = common([x, updates]);
  if (reduction !== "set" && !numeric.includes(dtype))
    throw new DTypeError({
      subject: name,
      problem: `${dtype} has no "${reduction}".`,
      fix: 'cast x: x.cast("int32").',
    });
  return [op.cast(x, dtype), op.cast(updates, dtype)];
}

/** Options of {@link gatherNd}. */
export interface GatherNdOptions {
  /** Leading axes that x and the indices share and that are not indexed; default 0. */
  readonly batchDims?: number | undefined;
}

/** The number of the slice addressed by each row of indices `[…, k]`, over axes of `sizes`. */
function sliceNumbers(name: string, indices: Node, sizes: Shape): Node {
  const k = sizes.length;
  const last = indices.shape.length - 1;
  const steps = stridesOf(sizes);
  const lead = indices.shape.slice(0, -1);
  const terms = sizes.map((size, i) => {
    const column = op.reshape(op.span(indices, last, i, 1), lead);
    return op.mul(within(name, column, size), steps[i]!);
  });
  return k === 0 ? op.constant(0, lead, "int32") : terms.reduce((a, b) => op.add(a, b));
}

/**
 * Slices of x by rows of indices:
 *
 *   y[b…, i…] = x[b…, indices[b…, i…, 0], …, indices[b…, i…, k − 1]]   with all remaining axes
 *
 * @param x any shape and dtype. @param indices `[…batch, …, k]` int32, k up to x's further axes.
 * @returns `[…batch, …, …rest of x]`
 * @throws {ShapeError} if shapes do not fit. @throws {DTypeError} for indices that are not int32.
 * @throws {DataError}, when the values are computed, for an index outside its axis.
 * @see ONNX, GatherND
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * gatherNd(x, tensor([[0, 1], [1, 0]], "int32")).toArray(); // [2, 3]
 * gatherNd(x, tensor([[1]], "int32")).toArray(); // [[3, 4]]
 */
export function gatherNd(x: Tensor, indices: Tensor, options: GatherNdOptions = {}): Tensor {
  const [node, at] = [nodeOf("gatherNd", x), positionsOf("gatherNd", indices)];
  checkOptions("gatherNd", options, { batchDims: true });
  const { batchDims = 0 } = options;
  checkWhole("gatherNd", "batchDims", batchDims, 0);
  const k = at.shape.at(-1) ?? -1;
  const batch = node.shape.slice(0, batchDims);
  if (
    k < 0 ||
    batchDims >= at.shape.length ||
    batchDims + k > node.shape.length ||
    !sameShape(batch, at.shape.slice(0, batchDims))
  )
    // biome-ignore format: one condition
    throw new ShapeError({
      subject: "gatherNd",
      problem: `indices ${show(at.shape)} for ${show(node.shape)} with ${batchDims} batch axes.`,
      fix: "give […batch, …, k] indices, where k axes of x follow the same batch axes.",
    });
  const sizes = node.shape.slice(batchDims, batchDims + k);
  const rest = node.shape.slice(batchDims + k);
  const lead = at.shape.slice(0, -1);
  let slice = sliceNumbers("gatherNd", at, sizes);
  if (batchDims > 0) {
    const row = op.reshape(op.iota([sizeOf(batch)], 0), batch);
    const others = lead.map((_, i) => i).slice(batchDims);
    slice = op.add(slice, op.mul(op.broadcastInto(row, lead, others), sizeOf(sizes)));
  }
  const table = op.reshape(node, [sizeOf(batch) * sizeOf(sizes), sizeOf(rest)]);
  const found = rowsOf(table, op.reshape(slice, [sizeOf(lead)]));
  return new Tensor(op.reshape(found, [...lead, ...rest]));
}

/** How {@link scatterNd} and {@link scatterElements} combine. */
export interface ScatterOptions {
  /** Default "set". */
  readonly reduction?: Reduction | undefined;
}

/**
 * x with slices replaced by updates, or combined with them, the counterpart of {@link gatherNd}:
 *
 *   y = x, then y[indices[i…, 0], …, indices[i…, k − 1]] ← updates[i…]   for every i
 *
 * Of several updates of one position "set" keeps the last; the others combine all. The derivative
 * goes to the selected value; equal values in "max" and "min" share it.
 *
 * @param x any shape. @param indices `[…, k]` int32. @param updates `[…, …rest of x]`.
 * @returns x's shape, in the dtype that holds both.
 * @throws {ShapeError} if shapes do not fit. @throws {DTypeError} for indices that are not int32,
 * and of bool for all but "set". @throws {ConfigError} for an unknown reduction. @throws
 * {DataError}, when the values are computed, for an index outside its axis.
 * @see ONNX, ScatterND
 * @example
 * const [x, at] = [tensor([1, 2, 3]), tensor([[0], [2], [0]], "int32")];
 * scatterNd(x, at, tensor([5, 6, 7])).toArray(); // [7, 2, 6]
 * scatterNd(x, at, tensor([5, 6, 7]), { reduction: "mul" }).toArray(); // [35, 2, 18]
 */
export function scatterNd(
  x: Tensor,
  indices: Tensor,
  updates: Tensor,
  options: ScatterOptions = {},
): Tensor {
  const at = positionsOf("scatterNd", indices);
  checkOptions("scatterNd", options, { reduction: true });
  const { reduction = "set" } = options;
  const [node, given] = prepared("scatterNd", nodeOf("scatterNd", x), nodeOf("scatterNd", updates), reduction); // biome-ignore format: one thought
  const k = at.shape.at(-1) ?? -1;
  const [sizes, rest] = [node.shape.slice(0, Math.max(k, 0)), node.shape.slice(Math.max(k, 0))];
  const lead = at.shape.slice(0, -1);
  if (k < 0 || k > node.shape.length || !sameShape(given.shape, [...lead, ...rest]))
    throw new ShapeError({
      subject: "scatterNd",
      problem: `indices ${show(at.shape)} and updates ${show(given.shape)} for ${show(node.shape)}.`,
      fix: `give […, k] indices and […, …rest] updates${k >= 0 && k <= node.shape.length ? `, here ${show([...lead, ...rest])}` : ""}.`,
    });
  const table = op.reshape(node, [sizeOf(sizes), sizeOf(rest)]);
  const rows = op.reshape(sliceNumbers("scatterNd", at, sizes), [sizeOf(lead)]);
  const changed = scattered(table, rows, op.reshape(given, [rows.size, sizeOf(rest)]), reduction);
  return new Tensor(op.reshape(changed, node.shape));
}

/** x's first elements along every axis but one, as many as the indices have. */
function beside(name: string, x: Node, at: Node, axis: number): Node {
  const fits = (n: number, i: number) => i === axis || n <= x.shape[i]!;
  if (at.shape.length !== x.shape.length || !at.shape.every(fits))
    throw new ShapeError({
      subject: name,
      problem: `indices ${show(at.shape)} for ${show(x.shape)} along axis ${axis}.`,
      fix: `give as many axes, none longer than x's but axis ${axis}.`,
    });
  return op.slice(x, {
    start: x.shape.map(() => 0),
    size: x.shape.map((n, i) => (i === axis ? n : at.shape[i]!)),
    step: x.shape.map(() => 1),
  });
}

/**
 * Elements by their position along one axis, by default the first, like PyTorch's `gather` and
 * ONNX's GatherElements: y[i] = x[i with its `axis` replaced by indices[i]]. Along the other axes
 * the indices may be shorter than x.
 *
 * @param x any shape and dtype. @param indices int32, as many axes as x.
 * @returns the shape of the indices.
 * @throws {ShapeError} if shapes do not fit. @throws {DTypeError} for indices that are not int32.
 * @throws {DataError}, when the values are computed, for an index outside the axis.
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * gatherElements(x, tensor([[1, 0]], "int32"), { axis: 0 }).toArray(); // [[3, 2]]
 */
export function gatherElements(x: Tensor, indices: Tensor, options?: AxisOptions | number): Tensor {
  const { axis = 0 } = withAxis("gatherElements", options, { axis: true });
  const [node, at] = [nodeOf("gatherElements", x), positionsOf("gatherElements", indices)];
  const along = normalizeAxis("gatherElements", axis, node.shape.length);
  return new Tensor(op.gather(beside("gatherElements", node, at, along), at, along));
}

/**
 * x with elements replaced by updates, or combined with them, by their position along one axis, by
 * default the first: the counterpart of {@link gatherElements}, PyTorch's `scatter` and
 * `scatter_reduce`. For several updates of one position, see {@link scatterNd}.
 *
 * @param x any shape. @param indices int32, as many axes as x. @param updates the shape of the
 * indices.
 * @returns x's shape, in the dtype that holds both.
 * @throws {ShapeError} if shapes do not fit. @throws {DTypeError} for indices that are not int32,
 * and of bool for all but "set". @throws {ConfigError} for an unknown reduction. @throws
 * {DataError}, when the values are computed, for an index outside the axis.
 * @see ONNX, ScatterElements
 * @example
 * const at = tensor([[1, 0]], "int32");
 * scatterElements(zeros([2, 2]), at, tensor([[5, 6]])).toArray(); // [[0, 6], [5, 0]]
 */
export function scatterElements(
  x: Tensor,
  indices: Tensor,
  updates: Tensor,
  options: AxisOptions & ScatterOptions = {},
): Tensor {
  const at = positionsOf("scatterElements", indices);
  checkOptions("scatterElements", options, { axis: true, reduction: true });
  const { axis = 0, reduction = "set" } = options;
  const [node, given] = prepared("scatterElements", nodeOf("scatterElements", x), nodeOf("scatterElements", updates), reduction); // biome-ignore format: one thought
  const along = normalizeAxis("scatterElements", axis, node.shape.length);
  beside("scatterElements", node, at, along);
  if (!sameShape(at.shape, given.shape))
    throw new ShapeError({
      subject: "scatterElements",
      problem: `indices ${show(at.shape)} and updates ${show(given.shape)} differ.`,
      fix: "give one index per update.",
    });
  const steps = stridesOf(node.shape);
  const terms = node.shape.map((n, i) =>
    op.mul(i === along ? within("scatterElements", at, n) : op.iota(at.shape, i), steps[i]!),
  );
  const flat = terms.reduce((a, b) => op.add(a, b));
  const table = op.reshape(node, [node.size, 1]);
  const rows = op.reshape(flat, [flat.size]);
  const changed = scattered(table, rows, op.reshape(given, [given.size, 1]), reduction);
  return new Tensor(op.reshape(changed, node.shape));
}

/**
 * The sum of all rows of x with the same segment number: y[s] = Σ x[i] over all i with segments[i]
 * = s. A segment without rows is 0.
 *
 * @param x `[n, …]`. @param segments `[n]` int32, in any order. @param count of segments.
 * @returns `[count, …]`; sums of bool are int32.
 * @throws {ShapeError} unless there is one number per row. @throws {DTypeError} for numbers that
 * are not int32. @throws {DataError}, when the values are computed, for one outside 0 … count − 1.
 * @see `jax.ops.segment_sum`
 * @example
 * segmentSum(tensor([1, 2, 3]), tensor([0, 2, 0], "int32"), 3).toArray(); // [4, 0, 2]
 */
export function segmentSum(x: Tensor, segments: Tensor, count: number): Tensor {
  const [node, at] = [nodeOf("segmentSum", x), positionsOf("segmentSum", segments)];
  checkWhole("segmentSum", "the number of segments", count, 0, 2 ** 31 - 1);
  if (at.shape.length !== 1 || at.shape[0] !== node.shape[0])
    throw new ShapeError({
      subject: "segmentSum",
      problem: `segments ${show(at.shape)} for rows of ${show(node.shape)}.`,
      fix: "give one number per row.",
    });
  const others = node.shape.map((_, i) => i).slice(1);
  const summand = node.dtype === "bool" ? op.cast(node, "int32") : node;
  const wide = op.broadcastInto(at, node.shape, others);
  return new Tensor(op.scatterAdd(wide, summand, 0, count));
}

/** Rearranging elements: repeating, splitting, and moving between axes. All of these are linear. */
import {
  ConfigError,
  checkOptions,
  describe,
  normalizeAxis,
  type Shape,
  ShapeError,
  show,
  sizeOf,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { type Axes, checkList, checkWhole, nodeOf, withAxis } from "./arguments.ts";
import { type AxisOptions, Tensor } from "./tensor.ts";

const axisName = { axis: true } as const;

/** The shape with one axis replaced by any number of others. */
const withSizes = (shape: Shape, axis: number, ...sizes: readonly number[]): number[] => [
  ...shape.slice(0, axis),
  ...sizes,
  ...shape.slice(axis + 1),
];

/** Repeats each element along the axis `count` times in a row, or the entire axis `count` times. */
function copied(x: Node, axis: number, count: number, inner: boolean): Node {
  if (count === 1) return x;
  const n = x.shape[axis]!;
  const wide = withSizes(x.shape, axis, ...(inner ? [n, count] : [count, n]));
  const stretched = op.broadcastInto(x, wide, [inner ? axis + 1 : axis]);
  return op.reshape(stretched, withSizes(x.shape, axis, n * count));
}

/**
 * Repeats x `counts[i]` times along axis i, as NumPy's and PyTorch's `tile`: fewer counts than axes
 * apply to the last axes; with more, x gets leading axes of size 1.
 *
 *   y[i] = x[i mod n]   along each axis
 *
 * @param x any shape and dtype. @param counts integers ≥ 0, or one for the last axis.
 * @throws {ConfigError} for a count that is not an integer ≥ 0.
 * @example
 * tile(tensor([1, 2]), 2).toArray(); // [1, 2, 1, 2]
 * tile(tensor([[1], [2]]), [2, 3]).toArray(); // [[1, 1, 1], [2, 2, 2], [1, 1, 1], [2, 2, 2]]
 */
export function tile(x: Tensor, counts: number | readonly number[]): Tensor {
  const node = nodeOf("tile", x);
  const list = Array.isArray(counts) ? Array.from<number>(counts) : [counts as number];
  for (const count of list) checkWhole("tile", "a count", count);
  const rank = Math.max(list.length, node.shape.length);
  const ones = (n: number) => new Array<number>(n).fill(1);
  const times = [...ones(rank - list.length), ...list];
  const wide = op.reshape(node, [...ones(rank - node.shape.length), ...node.shape]);
  return new Tensor(times.reduce((y, count, axis) => copied(y, axis, count, false), wide));
}

/**
 * Each element several times in a row along `axis`, as NumPy's `repeat` and PyTorch's
 * `repeat_interleave`; without an axis x is flattened first.
 *
 * @param x any shape and dtype. @param counts one for all elements, or one for each along the axis.
 * @throws {ConfigError} for a count that is not an integer ≥ 0. @throws {ShapeError} for a list
 * whose length differs from the axis.
 * @example
 * repeat(tensor([1, 2]), 2).toArray(); // [1, 1, 2, 2]
 * repeat(tensor([[1, 2], [3, 4]]), [0, 2], { axis: 0 }).toArray(); // [[3, 4], [3, 4]]
 */
export function repeat(
  x: Tensor,
  counts: number | readonly number[],
  options?: AxisOptions | number,
): Tensor {
  const { axis } = withAxis("repeat", options, axisName);
  if (axis === undefined && nodeOf("repeat", x).shape.length !== 1)
    return repeat(x.flatten(), counts);
  const node = nodeOf("repeat", x);
  const at = normalizeAxis("repeat", axis ?? 0, node.shape.length);
  if (!Array.isArray(counts)) {
    checkWhole("repeat", "the count", counts);
    return new Tensor(copied(node, at, counts as number, true));
  }
  const list = Array.from<number>(counts);
  for (const count of list) checkWhole("repeat", "a count", count);
  if (list.length !== node.shape[at])
    throw new ShapeError({
      subject: "repeat",
      problem: `${list.length} counts for axis ${at} of ${show(node.shape)}.`,
      fix: `give one count, or ${node.shape[at]}.`,
    });
  const parts = list.flatMap((count, i) =>
    count === 0 ? [] : [copied(op.span(node, at, i, 1), at, count, true)],
  );
  return new Tensor(parts.length === 0 ? op.span(node, at, 0, 0) : op.concat(parts, at));
}

/**
 * Splits x along `axis`, by default the first, into a number of equal pieces or into pieces of the
 * given sizes.
 *
 * @param x any shape and dtype. @param parts the number of pieces, or their sizes, which add up to
 * the axis.
 * @throws {ShapeError} if the pieces do not add up to the axis.
 * @example
 * split(arange(6), 3).map((part) => part.toArray()); // [[0, 1], [2, 3], [4, 5]]
 * split(arange(4), [1, 3]).map((part) => part.toArray()); // [[0], [1, 2, 3]]
 */
export function split(
  x: Tensor,
  parts: number | readonly number[],
  options?: AxisOptions | number,
): Tensor[] {
  const { axis = 0 } = withAxis("split", options, axisName);
  const node = nodeOf("split", x);
  const at = normalizeAxis("split", axis, node.shape.length);
  const n = node.shape[at]!;
  if (!Array.isArray(parts)) checkWhole("split", "the number of pieces", parts, 1);
  const sizes = Array.isArray(parts)
    ? Array.from<number>(parts)
    : new Array<number>(parts as number).fill(n / (parts as number));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== n || sizes.some((size) => !Number.isInteger(size) || size < 0))
    throw new ShapeError({
      subject: "split",
      problem: Array.isArray(parts)
        ? `pieces of [${sizes.map(describe).join(", ")}] do not make up axis ${at} of ${show(node.shape)}.`
        : `axis ${at} of ${show(node.shape)} does not divide into ${parts} equal pieces.`,
      fix: `give sizes of 0 or more that add up to ${n}.`,
    });
  let from = 0;
  return sizes.map((size) => {
    from += size;
    return new Tensor(op.span(node, at, from - size, size));
  });
}

/**
 * The slices of x along `axis`, by default the first, which disappears: the inverse of {@link stack}.
 *
 * @param x any shape but that of a scalar, any dtype.
 * @returns as many tensors as the axis is long.
 * @throws {ShapeError} for an axis that does not exist.
 * @example
 * unstack(tensor([[1, 2], [3, 4]]), 1).map((column) => column.toArray()); // [[1, 3], [2, 4]]
 */
export function unstack(x: Tensor, options?: AxisOptions | number): Tensor[] {
  const { axis = 0 } = withAxis("unstack", options, axisName);
  const node = nodeOf("unstack", x);
  const at = normalizeAxis("unstack", axis, node.shape.length);
  const shape = withSizes(node.shape, at);
  return Array.from(
    { length: node.shape[at]! },
    (_, i) => new Tensor(op.reshape(op.span(node, at, i, 1), shape)),
  );
}

/**
 * Shifts x along its axes; elements that leave at one end return at the other: y[i] = x[(i − shift)
 * mod n]. Without an axis the elements move in row-major order through all of x.
 *
 * @param x any shape and dtype. @param shift an integer per given axis; negative shifts move to the
 * front.
 * @throws {ConfigError} for shifts that are not integers, or not as many as the axes.
 * @see NumPy's and PyTorch's `roll`
 * @example
 * roll(tensor([1, 2, 3, 4]), 1).toArray(); // [4, 1, 2, 3]
 * roll(tensor([[1, 2], [3, 4], [5, 6]]), [1, 1], { axis: [0, 1] }).toArray(); // [[6, 5], [2, 1], [4, 3]]
 */
export function roll(
  x: Tensor,
  shift: number | readonly number[],
  options?: { readonly axis?: Axes | undefined } | Axes,
): Tensor {
  const { axis } = withAxis("roll", options, axisName);
  const node = nodeOf("roll", x);
  const shifts = Array.isArray(shift) ? Array.from<number>(shift) : [shift as number];
  const given = axis === undefined ? [0] : Array.isArray(axis) ? Array.from<number>(axis) : [axis];
  if (shifts.length !== given.length || !shifts.every(Number.isSafeInteger))
    throw new ConfigError({
      subject: "roll",
      problem: `shifts of [${shifts.map(describe).join(", ")}] for ${given.length} axes.`,
      fix: "give one whole number per axis.",
    });
  const flat = axis === undefined ? op.reshape(node, [node.size]) : node;
  const rolled = given.reduce<Node>((y, a, i) => {
    const at = normalizeAxis("roll", a as number, flat.shape.length);
    const n = y.shape[at]!;
    const by = n === 0 ? 0 : ((shifts[i]! % n) + n) % n;
    if (by === 0) return y;
    return op.concat([op.span(y, at, n - by, by), op.span(y, at, 0, n - by)], at);
  }, flat);
  return new Tensor(op.reshape(rolled, node.shape));
}

/** x where its column minus its row satisfies `kept`, else 0. */
function triangle(name: string, x: Tensor, diagonal: number, upper: boolean): Tensor {
  const node = nodeOf(name, x);
  const rank = node.shape.length;
  if (rank < 2)
    throw new ShapeError({
      subject: name,
      problem: `${show(node.shape)} is no matrix.`,
      fix: "give two axes or more, of which the last two are rows and columns.",
    });
  if (!Number.isSafeInteger(diagonal))
    throw new ConfigError({
      subject: name,
      problem: `the diagonal is ${describe(diagonal)}, which is not a whole number.`,
      fix: "count diagonals from the main one, 0, upwards.",
    });
  const most = Math.max(...node.shape.slice(-2)); // larger values change nothing
  const from = Math.max(-most - 1, Math.min(most + 1, diagonal));
  const [row, column] = [rank - 2, rank - 1].map((axis) => op.iota(node.shape, axis));
  const reach = op.sub(column!, row!);
  const kept = upper ? op.lessEqual(from, reach) : op.lessEqual(reach, from);
  return new Tensor(op.where(kept, node, 0));
}

/**
 * The upper triangle of matrices `[…, m, n]`: x[…, i, j] where j − i ≥ `diagonal`, else 0.
 *
 * @throws {ShapeError} for fewer than two axes.
 * @example
 * triu(tensor([[1, 2], [3, 4]])).toArray(); // [[1, 2], [0, 4]]
 */
export const triu = (x: Tensor, diagonal = 0): Tensor => triangle("triu", x, diagonal, true);
/**
 * The lower triangle of matrices `[…, m, n]`: x[…, i, j] where j − i ≤ `diagonal`, else 0.
 *
 * @throws {ShapeError} for fewer than two axes.
 * @example
 * tril(tensor([[1, 2], [3, 4]]), -1).toArray(); // [[0, 0], [3, 0]]
 */
export const tril = (x: Tensor, diagonal = 0): Tensor => triangle("tril", x, diagonal, false);

/**
 * How channels count positions within a block, in ONNX's terms: "DCR" has the block's rows and
 * columns first and the remaining channels last, as in TensorFlow; "CRD" has the remaining channels
 * first, as PyTorch's `pixel_shuffle`.
 */
export type DepthOrder = "DCR" | "CRD";

/** The order of the channels in {@link depthToSpace} and {@link spaceToDepth}. */
export interface DepthOptions {
  /** Default "DCR". */
  readonly order?: DepthOrder | undefined;
}

/** Computed for both directions: the sizes, and whether channels come first. */
function depthMove(name: string, x: Tensor, block: number, options: DepthOptions) {
  const node = nodeOf(name, x);
  checkOptions(name, options, { order: true });
  checkWhole(name, "the block", block, 1);
  const { order = "DCR" } = options;
  if (order !== "DCR" && order !== "CRD")
    throw new ConfigError({
      subject: name,
      problem: `unknown order ${describe(order)}.`,
      fix: 'the orders are "DCR" and "CRD".',
    });
  if (node.shape.length !== 4)
    throw new ShapeError({
      subject: name,
      problem: `takes [N, C, H, W], got ${show(node.shape)}.`,
      fix: "add the missing axes with unsqueeze.",
    });
  return { node, channelsFirst: order === "CRD" };
}

/**
 * Moves blocks of channels into space: `[N, C · b², H, W]` → `[N, C, H · b, W · b]`.
 *
 * @param block b. @throws {ShapeError} if b² does not divide the channels.
 * @see ONNX, DepthToSpace; Shi et al. 2016, "Real-time single image and video super-resolution"
 * @example
 * depthToSpace(tensor([[[[1]], [[2]], [[3]], [[4]]]]), 2).toArray(); // [[[[1, 2], [3, 4]]]]
 */
export function depthToSpace(x: Tensor, block: number, options: DepthOptions = {}): Tensor {
  const { node, channelsFirst } = depthMove("depthToSpace", x, block, options);
  const [n, depth, h, w] = node.shape as [number, number, number, number];
  const c = depth / block ** 2;
  if (!Number.isInteger(c))
    throw new ShapeError({
      subject: "depthToSpace",
      problem: `${depth} channels of ${show(node.shape)} do not divide into blocks of ${block} × ${block}.`,
      fix: `give a multiple of ${block ** 2} channels.`,
    });
  const cut = channelsFirst ? [n, c, block, block, h, w] : [n, block, block, c, h, w];
  const order = channelsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]; // N, C, H, b, W, b
  const turned = op.permute(op.reshape(node, cut), order);
  return new Tensor(op.reshape(turned, [n, c, h * block, w * block]));
}

/**
 * Moves blocks of space into channels: `[N, C, H · b, W · b]` → `[N, C · b², H, W]`, the inverse of
 * {@link depthToSpace} in the same order.
 *
 * @param block b. @throws {ShapeError} if b does not divide height and width.
 * @see ONNX, SpaceToDepth
 * @example
 * spaceToDepth(tensor([[[[1, 2], [3, 4]]]]), 2).shape; // [1, 4, 1, 1]
 */
export function spaceToDepth(x: Tensor, block: number, options: DepthOptions = {}): Tensor {
  const { node, channelsFirst } = depthMove("spaceToDepth", x, block, options);
  const [n, c, height, width] = node.shape as [number, number, number, number];
  const [h, w] = [height / block, width / block];
  if (!Number.isInteger(h) || !Number.isInteger(w))
    throw new ShapeError({
      subject: "spaceToDepth",
      problem: `${height} × ${width} does not divide into blocks of ${block} × ${block}.`,
      fix: "pad or crop to a multiple of the block.",
    });
  const cut = op.reshape(node, [n, c, h, block, w, block]);
  const turned = op.permute(cut, channelsFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]);
  return new Tensor(op.reshape(turned, [n, c * block ** 2, h, w]));
}

const pairsOf = (name: string, what: string, given: unknown, rank: number): [number, number][] => {
  checkList(name, what, given, "[[0, 1], [0, 0]]");
  const pairs = Array.from(given as readonly (readonly [number, number])[], (p) => [...p]);
  const fine = pairs.length === rank && pairs.every((p) => p.length === 2);
  if (!fine || pairs.flat().some((w) => !Number.isInteger(w) || w < 0))
    throw new ShapeError({
      subject: name,
      problem: `${what} ${JSON.stringify(given)} for ${rank} spatial axes.`,
      fix: "give [before, after] of 0 or more for each.",
    });
  return pairs as [number, number][];
};

/** The block, one integer ≥ 1 per spatial axis. */
function blockOf(name: string, x: Node, block: readonly number[]): number[] {
  checkList(name, "the block", block, "[2, 2]");
  const list = Array.from(block);
  for (const b of list) checkWhole(name, "a size of the block", b, 1);
  if (list.length === 0 || x.shape.length < 2 + list.length)
    throw new ShapeError({
      subject: name,
      problem: `a block of ${show(list)} in ${show(x.shape)}.`,
      fix: "give [N, C, …spatial], and a size for each of the first spatial axes.",
    });
  return list;
}

/**
 * Every block-th position of the spatial axes becomes an image of its own: `[N, C, …S]`, padded
 * with zeros, → `[Π b · N, C, …S/b]`. A convolution of the result is the convolution of x with
 * dilation b.
 *
 * @param block b, one per spatial axis. @param padding `[before, after]` per spatial axis, default
 * 0.
 * @throws {ShapeError} if b does not divide the padded sizes.
 * @see TensorFlow's `space_to_batch_nd`, with channels before the spatial axes
 * @example
 * spaceToBatch(tensor([[[1, 2, 3, 4]]]), [2]).toArray(); // [[[1, 3]], [[2, 4]]]
 */
export function spaceToBatch(
  x: Tensor,
  block: readonly number[],
  padding: readonly (readonly [number, number])[] = block.map(() => [0, 0] as const),
): Tensor {
  const node = nodeOf("spaceToBatch", x);
  const b = blockOf("spaceToBatch", node, block);
  const widths = pairsOf("spaceToBatch", "the padding", padding, b.length);
  const rest = node.shape.slice(2 + b.length);
  const around = (side: number) => [0, 0, ...widths.map((w) => w[side]!), ...rest.map(() => 0)];
  const padded = op.pad(node, { low: around(0), high: around(1) });
  const [n, c] = padded.shape as [number, number];
  const sizes = b.map((size, i) => padded.shape[2 + i]! / size);
  if (!sizes.every(Number.isInteger))
    throw new ShapeError({
      subject: "spaceToBatch",
      problem: `padded sizes ${show(padded.shape.slice(2, 2 + b.length))} are no multiples of the block ${show(b)}.`,
      fix: "pad more.",
    });
  const cut = op.reshape(padded, [n, c, ...sizes.flatMap((s, i) => [s, b[i]!]), ...rest]);
  const perm = [
    ...b.map((_, i) => 3 + 2 * i),
    ...[0, 1],
    ...b.map((_, i) => 2 + 2 * i),
    ...rest.map((_, i) => 2 + 2 * b.length + i),
  ];
  return new Tensor(op.reshape(op.permute(cut, perm), [n * sizeOf(b), c, ...sizes, ...rest]));
}

/**
 * The inverse of {@link spaceToBatch}: `[Π b · N, C, …S]` → `[N, C, …S · b]`, with `crops` cut off.
 *
 * @param block b, one per spatial axis. @param crops `[before, after]` per spatial axis, default 0.
 * @throws {ShapeError} if the block does not divide the batch, or the crops leave nothing.
 * @see TensorFlow's `batch_to_space_nd`, with channels before the spatial axes
 * @example
 * batchToSpace(tensor([[[1, 3]], [[2, 4]]]), [2]).toArray(); // [[[1, 2, 3, 4]]]
 */
export function batchToSpace(
  x: Tensor,
  block: readonly number[],
  crops: readonly (readonly [number, number])[] = block.map(() => [0, 0] as const),
): Tensor {
  const node = nodeOf("batchToSpace", x);
  const b = blockOf("batchToSpace", node, block);
  const cut = pairsOf("batchToSpace", "crops", crops, b.length);
  const [batch, c] = node.shape as [number, number];
  const sizes = node.shape.slice(2, 2 + b.length);
  const rest = node.shape.slice(2 + b.length);
  const n = batch / sizeOf(b);
  const whole = sizes.map((s, i) => s * b[i]!);
  const left = whole.map((s, i) => s - cut[i]![0] - cut[i]![1]);
  if (!Number.isInteger(n) || left.some((s) => s < 0))
    throw new ShapeError({
      subject: "batchToSpace",
      problem: `a block of ${show(b)} and crops ${JSON.stringify(crops)} of ${show(node.shape)}.`,
      fix: `give a batch that is a multiple of ${sizeOf(b)}, and crops that leave something.`,
    });
  const apart = op.reshape(node, [...b, n, c, ...sizes, ...rest]);
  const d = b.length;
  const perm = [
    ...[d, d + 1],
    ...b.flatMap((_, i) => [d + 2 + i, i]),
    ...rest.map((_, i) => 2 * d + 2 + i),
  ];
  const together = op.reshape(op.permute(apart, perm), [n, c, ...whole, ...rest]);
  const cropped = op.slice(together, {
    start: [0, 0, ...cut.map((w) => w[0]), ...rest.map(() => 0)],
    size: [n, c, ...left, ...rest],
    step: together.shape.map(() => 1),
  });
  return new Tensor(cropped);
}

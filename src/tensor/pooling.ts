import {
  ConfigError,
  checkOptions,
  describe,
  type Shape,
  ShapeError,
  sameShape,
  show,
  sizeOf,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { nodeOf } from "./arguments.ts";
import { averaged } from "./composite.ts";
import { type Padding, type PerAxis, spread, type Windows, windows } from "./geometry.ts";
import { Tensor } from "./tensor.ts";

/** Window options of {@link maxPool} and {@link avgPool}. */
export interface PoolOptions {
  /** The window's size. */
  readonly size: PerAxis;
  /** Default: the window's size. */
  readonly stride?: PerAxis | undefined;
  readonly padding?: Padding | undefined;
}

/** x padded with `value`, and the windows over its spatial axes. */
function pooled(name: string, x: Tensor, options: PoolOptions, value: number) {
  nodeOf(name, x);
  checkOptions(name, options ?? null, { size: true, stride: true, padding: true });
  const rank = checkImages(name, x.shape);
  const found = windows(`${name}${rank}d`, x.shape.slice(2), options.size, {
    stride: options.stride ?? options.size,
    padding: options.padding,
  });
  if (value === Number.NEGATIVE_INFINITY) checkCover(`${name}${rank}d`, x.shape.slice(2), found);
  const { kernel, stride, dilation, padding } = found;
  const padded = op.pad(x.node, {
    low: [0, 0, ...padding.map((p) => p[0])],
    high: [0, 0, ...padding.map((p) => p[1])],
    value,
  });
  return { padded, geometry: { size: kernel, stride, dilation } };
}

/** The number of spatial axes. */
function checkImages(name: string, shape: Shape): number {
  const rank = shape.length - 2;
  if (rank >= 1 && rank <= 3) return rank;
  throw new ShapeError({
    subject: name,
    problem: `takes [N, C, …] with 1 to 3 spatial axes, got ${show(shape)}.`,
    fix: "add the missing axes with unsqueeze.",
  });
}

/** A window entirely in the padding has no largest value: it would be −∞. */
function checkCover(name: string, size: Shape, { kernel, stride, padding, out }: Windows): void {
  const axis = size.findIndex((n, i) => {
    const [before] = padding[i]!;
    return before >= kernel[i]! || (out[i]! - 1) * stride[i]! >= before + n;
  });
  if (axis < 0) return;
  throw new ShapeError({
    subject: name,
    problem: `padding ${show(padding[axis]!)} of axis ${axis} holds a whole window of ${kernel[axis]}, which has no largest value.`,
    fix: "keep the padding below the size of the window.",
  });
}

/**
 * The largest value of each window, and its flat position within the (padded) plane, int32. On ties
 * it is the first; the derivative goes to the selected element.
 *
 * @param x `[N, C, …spatial]`. @returns both `[N, C, …out]`
 * @throws {ShapeError} if a window lies entirely in the padding.
 */
export function maxPoolWithIndices(
  x: Tensor,
  options: PoolOptions,
): { values: Tensor; indices: Tensor } {
  const { padded, geometry } = pooled("maxPool", x, options, Number.NEGATIVE_INFINITY);
  return {
    values: new Tensor(op.maxPool(padded, geometry)),
    indices: new Tensor(op.winners(padded, geometry)),
  };
}

/** The window of the pooling, and the size of its input. */
export interface MaxUnpoolOptions extends PoolOptions {
  /**
   * Spatial size of the pooling's input; default (n − 1)s + f − 2p. Needed if pooling dropped a
   * remainder, or padded by name or unevenly.
   */
  readonly outputSize?: Shape | undefined;
}

/**
 * Writes values back to the positions of the maxima of {@link maxPoolWithIndices}, and 0 elsewhere.
 * Where overlapping windows share a maximum, the position gets the mean of their values, so
 * unpooling always restores the maxima.
 *
 * @param x `[N, C, …pooled]`. @param indices of the same shape, int32, with the options of the
 * pooling.
 * @returns `[N, C, …outputSize]`
 * @throws {ShapeError} if shapes differ, or pooling the output size would not give this shape.
 * @see Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", §2.1
 * @example
 * const { values, indices } = maxPoolWithIndices(tensor([[[1, 3, 2, 0]]]), { size: 2 });
 * maxUnpool(values, indices, { size: 2 }).toArray(); // [[[0, 3, 2, 0]]]
 */
export function maxUnpool(x: Tensor, indices: Tensor, options: MaxUnpoolOptions): Tensor {
  nodeOf("maxUnpool", x);
  nodeOf("maxUnpool", indices);
  const names = { size: true, stride: true, padding: true, outputSize: true } as const;
  checkOptions("maxUnpool", options ?? null, names);
  checkImages("maxUnpool", x.shape);
  const [n, c, ...pooledSize] = x.shape as [number, number, ...number[]];
  const out = options.outputSize ?? unpooledSize(pooledSize, options);
  const {
    kernel: size,
    stride,
    padding,
    out: expected,
  } = windows("maxUnpool", out, options.size, {
    stride: options.stride ?? options.size,
    padding: options.padding,
  });
  const padded = out.map((d, i) => d + padding[i]![0] + padding[i]![1]);
  if (!sameShape(x.shape, indices.shape) || !sameShape(expected, pooledSize))
    throw new ShapeError({
      subject: "maxUnpool",
      problem: `values ${show(x.shape)} and indices ${show(indices.shape)}, but pooling ${show(out)} gives ${show(expected)}.`,
      fix: "give values and indices of one pooling with its own size, stride and padding, and the size of its input as outputSize.",
    });
  const plane = sizeOf(padded);
  const flat = op.reshape(indices.node, [n, c, sizeOf(pooledSize)]);
  const scatter = (y: Node) => op.scatterAdd(flat, op.reshape(y, flat.shape), 2, plane);
  let y = scatter(x.node);
  if (size.some((f, i) => f > stride[i]!)) {
    const windows = scatter(op.constant(1, x.shape, x.dtype)); // that share a position
    y = op.div(y, op.maximum(windows, 1));
  }
  return new Tensor(
    op.slice(op.reshape(y, [n, c, ...padded]), {
      start: [0, 0, ...padding.map((p) => p[0])],
      size: [n, c, ...out],
      step: x.shape.map(() => 1),
    }),
  );
}

/** The smallest size that pools to this one: (n − 1)s + f − 2p. */
function unpooledSize(pooled: Shape, { size, stride = size, padding = 0 }: PoolOptions): number[] {
  const rank = pooled.length;
  const f = spread("maxUnpool", "size", size, rank, 1);
  const s = spread("maxUnpool", "stride", stride, rank, 1);
  if (typeof padding === "string" || (typeof padding === "object" && Array.isArray(padding[0])))
    throw new ConfigError({
      subject: "maxUnpool",
      problem: `from padding ${describe(padding)} alone the size of what was pooled does not follow.`,
      fix: "give it as outputSize.",
    });
  const p = spread("maxUnpool", "padding", padding as PerAxis, rank, 0);
  return pooled.map((d, i) => (d - 1) * s[i]! + f[i]! - 2 * p[i]!);
}

/**
 * The largest value of each window of `[N, C, …spatial]`; padding counts as −∞.
 *
 * @throws {ShapeError} if a window lies entirely in the padding.
 */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  const { padded, geometry } = pooled("maxPool", x, options, Number.NEGATIVE_INFINITY);
  return new Tensor(op.maxPool(padded, geometry));
}

/**
 * The mean of each window of `[N, C, …spatial]`; padding counts as 0 and is counted. For int32 it
 * is float64, as with `mean`.
 */
export function avgPool(x: Tensor, options: PoolOptions): Tensor {
  const floats = new Tensor(averaged(nodeOf("avgPool", x)));
  const { padded, geometry } = pooled("avgPool", floats, options, 0);
  const view = op.window(padded, geometry);
  const axes = geometry.size.map((_, i) => x.rank + i);
  return new Tensor(op.mul(op.sum(view, axes), 1 / geometry.size.reduce((n, k) => n * k, 1)));
}

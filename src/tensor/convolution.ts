import { ConfigError, type Shape, ShapeError, sameShape, show, sizeOf } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { Tensor } from "./tensor.ts";

/** One number for every axis, or one per axis. */
export type PerAxis = number | readonly number[];
/** Zeros around the input: a width, one per axis, `[before, after]` per axis, or by name. */
export type Padding = PerAxis | readonly (readonly [number, number])[] | "same" | "valid";

export interface ConvOptions {
  readonly stride?: PerAxis | undefined;
  readonly padding?: Padding | undefined;
  readonly dilation?: PerAxis | undefined;
  /** Input and output channels are cut into this many groups that do not mix. */
  readonly groups?: number | undefined;
}

export interface ConvTransposeOptions {
  readonly stride?: PerAxis | undefined;
  /** What the convolution that this one transposes padded: it is cut off the result. */
  readonly padding?: PerAxis | undefined;
  /** Rows added at the far end, less than the stride or the dilation: which of the sizes that the convolution maps to this one. */
  readonly outputPadding?: PerAxis | undefined;
  readonly dilation?: PerAxis | undefined;
  /** Input and output channels are cut into this many groups that do not mix. */
  readonly groups?: number | undefined;
}

export interface PoolOptions {
  /** The window's size. */
  readonly size: PerAxis;
  /** Default: the window's size. */
  readonly stride?: PerAxis | undefined;
  readonly padding?: Padding | undefined;
}

const spread = (
  name: string,
  what: string,
  value: PerAxis,
  rank: number,
  least: number,
): number[] => {
  const list = typeof value === "number" ? new Array<number>(rank).fill(value) : [...value];
  if (list.length !== rank || list.some((v) => !Number.isInteger(v) || v < least))
    throw new ConfigError({
      subject: name,
      problem: `${what} ${JSON.stringify(value)} for ${rank} spatial axes.`,
      fix: `give one whole number of ${least} or more, or one per axis.`,
    });
  return list;
};

/** Zeros before and after each axis. `same` gives output ⌈n/s⌉, the odd one at the end. */
function paddingOf(
  name: string,
  padding: Padding,
  size: readonly number[],
  span: readonly number[],
  stride: readonly number[],
): [number, number][] {
  if (padding === "valid") return size.map(() => [0, 0]);
  if (padding === "same")
    return size.map((n, i) => {
      const total = Math.max(0, (Math.ceil(n / stride[i]!) - 1) * stride[i]! + span[i]! - n);
      return [total >> 1, total - (total >> 1)];
    });
  if (typeof padding === "string")
    throw new ConfigError({
      subject: name,
      problem: `unknown padding "${padding}".`,
      fix: 'use a number, [before, after] per axis, "same" or "valid".',
    });
  if (Array.isArray(padding) && Array.isArray(padding[0])) {
    const pairs = padding as readonly (readonly [number, number])[];
    spread(name, "padding", pairs.flat(), 2 * size.length, 0);
    return pairs.map(([low, high]) => [low, high]);
  }
  return spread(name, "padding", padding as PerAxis, size.length, 0).map((p) => [p, p]);
}

/**
 * Cross-correlation over the last axes, in the layout of PyTorch and ONNX:
 *
 *   y[n, o, p] = Σ_{c, q} x[n, c, p·stride + q·dilation − padding] · w[o, c, q]
 *
 * with output size ⌊(n + 2p − d(f − 1) − 1)/s⌋ + 1, in 1, 2 or 3 dimensions by the rank of x.
 *
 * @param x `[N, C, …spatial]` float. @param w `[O, C / groups, …kernel]` float.
 * @returns `[N, O, …out]`
 * @throws {ShapeError} if channels or ranks do not fit, or the kernel is larger than the input.
 * @see Dumoulin & Visin 2016
 */
export function conv(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  const rank = x.rank - 2;
  const name = `conv${rank}d`;
  const groups = options.groups ?? 1;
  checkConv(name, x.shape, w.shape, groups);
  const stride = spread(name, "stride", options.stride ?? 1, rank, 1);
  const dilation = spread(name, "dilation", options.dilation ?? 1, rank, 1);
  const size = x.shape.slice(2);
  const span = w.shape.slice(2).map((f, i) => (f - 1) * dilation[i]! + 1);
  const padding = paddingOf(name, options.padding ?? 0, size, span, stride);
  const [n, c] = x.shape as [number, number];
  const [o] = w.shape as [number];
  const y = op.conv(
    op.reshape(x.node, [n, groups, c / groups, ...size]),
    op.reshape(w.node, [groups, o / groups, ...w.shape.slice(1)]),
    {
      stride,
      padLow: padding.map((p) => p[0]),
      padHigh: padding.map((p) => p[1]),
      inputDilation: stride.map(() => 1),
      kernelDilation: dilation,
    },
  );
  return new Tensor(op.reshape(y, [n, o, ...y.shape.slice(3)]));
}

function checkConv(name: string, x: Shape, w: Shape, groups: number): void {
  const problem =
    x.length < 3 || x.length > 5
      ? `takes [N, C, …] with 1 to 3 spatial axes, got ${show(x)}.`
      : w.length !== x.length
        ? `input ${show(x)} and kernel ${show(w)} have different numbers of axes.`
        : x[1] !== w[1]! * groups
          ? `input ${show(x)} has ${x[1]} channels, kernel ${show(w)} takes ${w[1]! * groups}${groups > 1 ? ` in ${groups} groups` : ""} (${x[1]} ≠ ${w[1]! * groups}).`
          : w[0]! % groups !== 0
            ? `${w[0]} output channels do not divide into ${groups} groups.`
            : undefined;
  if (problem)
    throw new ShapeError({
      subject: name,
      problem,
      fix: "input is [N, C, …], kernel is [O, C / groups, …].",
    });
}

/**
 * Transposed convolution, the adjoint of {@link conv} with the same weight and options: each element
 * of x puts a copy of the kernel, scaled by itself, into the result.
 *
 *   y[n, o, p] = Σ_{c, i, q : i·stride + q·dilation − padding = p} x[n, c, i] · w[c, o, q]
 *
 * with output size s(n − 1) + d(f − 1) + 1 − 2p + output padding, in 1, 2 or 3 dimensions by the rank
 * of x. It has the shape that the convolution came from, not its values: it is no inverse.
 *
 * @param x `[N, C, …spatial]` float. @param w `[C, O / groups, …kernel]` float.
 * @returns `[N, O, …out]`
 * @throws {ShapeError} if channels or ranks do not fit, or padding leaves nothing.
 * @throws {ConfigError} if the output padding is not below the stride or the dilation.
 * @see Dumoulin & Visin 2016, §4; Zeiler et al. 2010, "Deconvolutional networks"
 * @example
 * const x = tensor([[[1, 2]]]);
 * convTranspose(x, tensor([[[1, 10, 100]]]), { stride: 2 }).toArray(); // [[[1, 10, 102, 20, 200]]]
 */
export function convTranspose(x: Tensor, w: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const rank = x.rank - 2;
  const name = `convTranspose${rank}d`;
  const groups = options.groups ?? 1;
  checkConvTranspose(name, x.shape, w.shape, groups);
  const stride = spread(name, "stride", options.stride ?? 1, rank, 1);
  const dilation = spread(name, "dilation", options.dilation ?? 1, rank, 1);
  const padding = spread(name, "padding", options.padding ?? 0, rank, 0);
  const extra = spread(name, "outputPadding", options.outputPadding ?? 0, rank, 0);
  if (extra.some((e, i) => e >= Math.max(stride[i]!, dilation[i]!)))
    throw new ConfigError({
      subject: name,
      problem: `output padding ${show(extra)} with stride ${show(stride)} and dilation ${show(dilation)}.`,
      fix: "keep it below the stride or the dilation: a larger size comes from a larger input.",
    });
  const [n, c, ...size] = x.shape as [number, number, ...number[]];
  const [, perGroup, ...kernel] = w.shape as [number, number, ...number[]];
  const reach = kernel.map((f, i) => dilation[i]! * (f - 1));
  const out = size.map(
    (d, i) => stride[i]! * (d - 1) + reach[i]! + 1 - 2 * padding[i]! + extra[i]!,
  );
  if (out.some((d) => d < 1))
    throw new ShapeError({
      subject: name,
      problem: `padding ${show(padding)} leaves nothing of input ${show(size)} and kernel ${show(kernel)} (output size s(n − 1) + d(f − 1) + 1 − 2p = ${show(out)}).`,
      fix: "use less padding.",
    });
  const spatial = kernel.map((_, i) => 3 + i);
  const grouped = op.reshape(w.node, [groups, c / groups, perGroup, ...kernel]);
  const y = op.conv(
    op.reshape(x.node, [n, groups, c / groups, ...size]),
    op.flip(op.permute(grouped, [0, 2, 1, ...spatial]), spatial), // [groups, O / groups, C / groups, …]
    {
      stride: stride.map(() => 1),
      padLow: reach.map((r, i) => r - padding[i]!),
      padHigh: reach.map((r, i) => r - padding[i]! + extra[i]!),
      inputDilation: stride,
      kernelDilation: dilation,
    },
  );
  return new Tensor(op.reshape(y, [n, groups * perGroup, ...out]));
}

function checkConvTranspose(name: string, x: Shape, w: Shape, groups: number): void {
  const problem =
    x.length < 3 || x.length > 5
      ? `takes [N, C, …] with 1 to 3 spatial axes, got ${show(x)}.`
      : w.length !== x.length
        ? `input ${show(x)} and kernel ${show(w)} have different numbers of axes.`
        : x[1] !== w[0]
          ? `input ${show(x)} has ${x[1]} channels, kernel ${show(w)} takes ${w[0]} (${x[1]} ≠ ${w[0]}).`
          : w[0]! % groups !== 0
            ? `${w[0]} input channels do not divide into ${groups} groups.`
            : undefined;
  if (problem)
    throw new ShapeError({
      subject: name,
      problem,
      fix: "input is [N, C, …], kernel is [C, O / groups, …].",
    });
}

/** x padded with `value`, and the windows over its spatial axes. */
function pooled(name: string, x: Tensor, options: PoolOptions, value: number) {
  const rank = x.rank - 2;
  if (rank < 1 || rank > 3)
    throw new ShapeError({
      subject: name,
      problem: `takes [N, C, …] with 1 to 3 spatial axes, got ${show(x.shape)}.`,
      fix: "add the missing axes with unsqueeze.",
    });
  const size = spread(name, "size", options.size, rank, 1);
  const stride = spread(name, "stride", options.stride ?? options.size, rank, 1);
  const padding = paddingOf(name, options.padding ?? 0, x.shape.slice(2), size, stride);
  const padded = op.pad(x.node, {
    low: [0, 0, ...padding.map((p) => p[0])],
    high: [0, 0, ...padding.map((p) => p[1])],
    value,
  });
  return { padded, windows: { size, stride, dilation: size.map(() => 1) } };
}

/**
 * The largest value of each window, and where it came from: the flat position within the (padded)
 * plane, int32. Ties go to the first; the derivative goes where the value came from.
 *
 * @param x `[N, C, …spatial]`. @returns both `[N, C, …out]`
 */
export function maxPoolWithIndices(
  x: Tensor,
  options: PoolOptions,
): { values: Tensor; indices: Tensor } {
  const { padded, windows } = pooled("maxPool", x, options, Number.NEGATIVE_INFINITY);
  return {
    values: new Tensor(op.maxPool(padded, windows)),
    indices: new Tensor(op.winners(padded, windows)),
  };
}

export interface MaxUnpoolOptions extends Omit<PoolOptions, "padding"> {
  readonly padding?: PerAxis | undefined;
  /** Spatial size of what was pooled; default (n − 1)s + f − 2p. Needed where pooling left a rest. */
  readonly outputSize?: Shape | undefined;
}

/**
 * Puts values back where {@link maxPoolWithIndices} took its maxima from, and 0 elsewhere. Where
 * overlapping windows share a maximum, the place gets the mean of their values, so unpooling what
 * was just pooled always restores the maxima.
 *
 * @param x `[N, C, …pooled]`. @param indices of the same shape, int32, with the options of the pooling.
 * @returns `[N, C, …outputSize]`
 * @throws {ShapeError} if shapes differ, or pooling the output size would not give this shape.
 * @see Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", §2.1
 * @example
 * const { values, indices } = maxPoolWithIndices(tensor([[[1, 3, 2, 0]]]), { size: 2 });
 * maxUnpool(values, indices, { size: 2 }).toArray(); // [[[0, 3, 2, 0]]]
 */
export function maxUnpool(x: Tensor, indices: Tensor, options: MaxUnpoolOptions): Tensor {
  const rank = x.rank - 2;
  const [n, c, ...pooledSize] = x.shape as [number, number, ...number[]];
  const size = spread("maxUnpool", "size", options.size, rank, 1);
  const stride = spread("maxUnpool", "stride", options.stride ?? options.size, rank, 1);
  const padding = spread("maxUnpool", "padding", options.padding ?? 0, rank, 0);
  const out =
    options.outputSize ??
    pooledSize.map((d, i) => (d - 1) * stride[i]! + size[i]! - 2 * padding[i]!);
  const padded = out.map((d, i) => d + 2 * padding[i]!);
  const expected = padded.map((d, i) => Math.floor((d - size[i]!) / stride[i]!) + 1);
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
    const windows = scatter(op.constant(1, x.shape, x.dtype)); // that share a place
    y = op.div(y, op.maximum(windows, 1));
  }
  return new Tensor(
    op.slice(op.reshape(y, [n, c, ...padded]), {
      start: [0, 0, ...padding],
      size: [n, c, ...out],
      step: x.shape.map(() => 1),
    }),
  );
}

/** The largest value of each window of `[N, C, …spatial]`; padding counts as −∞. */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  const { padded, windows } = pooled("maxPool", x, options, Number.NEGATIVE_INFINITY);
  return new Tensor(op.maxPool(padded, windows));
}

/** The mean of each window of `[N, C, …spatial]`; padding counts as 0 and is counted. */
export function avgPool(x: Tensor, options: PoolOptions): Tensor {
  const { padded, windows } = pooled("avgPool", x, options, 0);
  const view = op.window(padded, windows);
  const axes = windows.size.map((_, i) => x.rank + i);
  return new Tensor(op.mul(op.sum(view, axes), 1 / windows.size.reduce((n, k) => n * k, 1)));
}

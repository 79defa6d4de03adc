import { ConfigError, type Shape, ShapeError, show } from "../base/index.ts";
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

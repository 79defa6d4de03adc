/** Arithmetic of sliding windows: strides, padding, and the resulting sizes. */
import {
  ConfigError,
  checkOptions,
  describe,
  type Shape,
  ShapeError,
  show,
} from "../base/index.ts";

/** One number for every axis, or one per axis. */
export type PerAxis = number | readonly number[];
/** Width of the padding: one number, one per axis, `[before, after]` per axis, or a name. */
export type Padding = PerAxis | readonly (readonly [number, number])[] | "same" | "valid";

/** Options of a sliding window. */
export interface WindowOptions {
  readonly stride?: PerAxis | undefined;
  readonly padding?: Padding | undefined;
  readonly dilation?: PerAxis | undefined;
}

/** One integer of `least` or more per axis. */
export function spread(
  name: string,
  what: string,
  value: PerAxis,
  rank: number,
  least: number,
): number[] {
  const list = Array.isArray(value) ? [...value] : new Array<number>(rank).fill(value as number);
  if (list.length !== rank || list.some((v) => !Number.isSafeInteger(v) || v < least))
    throw new ConfigError({
      subject: name,
      problem: `${what} ${Array.isArray(value) ? `[${list.map(describe).join(", ")}]` : describe(value)} for ${rank} spatial ${rank === 1 ? "axis" : "axes"}.`,
      fix: `give one whole number of ${least} or more, or one per axis.`,
    });
  return list;
}

/** Widths before and after each axis, for windows of extent `span`. */
export function paddingOf(
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
 * Throws if options of windows over `rank` axes are invalid for every input. @returns the window's
 * size along each axis.
 */
export function checkWindows(
  name: string,
  rank: number,
  kernelSize: PerAxis,
  options: WindowOptions,
): number[] {
  const kernel = spread(name, "size", kernelSize, rank, 1);
  const stride = spread(name, "stride", options.stride ?? 1, rank, 1);
  spread(name, "dilation", options.dilation ?? 1, rank, 1);
  paddingOf(name, options.padding ?? 0, kernel, kernel, stride);
  return kernel;
}

/** The result of {@link windows}. */
export interface Windows {
  readonly kernel: number[];
  readonly stride: number[];
  readonly dilation: number[];
  /** Before and after each axis. */
  readonly padding: [number, number][];
  /** Windows along each axis. */
  readonly out: number[];
}

/** Everything about windows over axes of these sizes. @throws {ShapeError} if none fits. */
export function windows(
  name: string,
  size: Shape,
  kernelSize: PerAxis,
  options: WindowOptions = {},
): Windows {
  const rank = size.length;
  const kernel = spread(name, "size", kernelSize, rank, 1);
  const stride = spread(name, "stride", options.stride ?? 1, rank, 1);
  const dilation = spread(name, "dilation", options.dilation ?? 1, rank, 1);
  const span = kernel.map((f, i) => (f - 1) * dilation[i]! + 1);
  const padding = paddingOf(name, options.padding ?? 0, size, span, stride);
  const room = size.map((n, i) => n + padding[i]![0] + padding[i]![1] - span[i]!);
  if (room.some((r) => r < 0)) throw noRoom(name, size, { kernel, dilation, padding }, room);
  const out = room.map((r, i) => Math.floor(r / stride[i]!) + 1);
  return { kernel, stride, dilation, padding, out };
}

function noRoom(
  name: string,
  size: Shape,
  { kernel, dilation, padding }: Omit<Windows, "out" | "stride">,
  room: readonly number[],
): ShapeError {
  const missing = -Math.min(...room);
  const dilated = dilation.some((d) => d > 1) ? `, dilation ${show(dilation)}` : "";
  return new ShapeError({
    subject: name,
    problem: `a window of ${show(kernel)}${dilated} does not fit into input ${show(size)} with padding ${padding.map((p) => show(p)).join(", ")} (output size ⌊(n + 2p − d(f − 1) − 1)/s⌋ + 1 < 1).`,
    fix: `use a smaller window, padding of ${missing} more in all, or fewer poolings and strides before.`,
  });
}

/**
 * Sizes after a convolution or a pooling:
 *
 *   ⌊(n + 2p − d(f − 1) − 1)/s⌋ + 1   per axis; without dilation, ⌊(n + 2p − f)/s⌋ + 1
 *
 * @param size n, of the spatial axes. @param kernel f.
 * @param options `stride` s (default 1, also for pooling), `padding` p (0), `dilation` d (1).
 * @throws {ShapeError} if the window does not fit. @throws {ConfigError} for invalid values.
 * @see Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", relationship
 * 15
 * @example
 * convOutputSize([32, 32], 5); // [28, 28]
 * convOutputSize([28, 28], 2, { stride: 2 }); // [14, 14]
 * convOutputSize([227], 11, { stride: 4 }); // [55]
 */
export function convOutputSize(
  size: Shape,
  kernel: PerAxis,
  options: WindowOptions = {},
): number[] {
  checkOptions("convOutputSize", options, { stride: true, padding: true, dilation: true });
  return windows("convOutputSize", size, kernel, options).out;
}

/**
 * The padding that keeps ⌈n/s⌉ windows along each axis; with stride 1 and an odd kernel it is p =
 * (f − 1)/2 on both sides, and the size does not change. If the total is odd, the extra element
 * goes at the end.
 *
 * @param size n, of the spatial axes. @param kernel f.
 * @returns `[before, after]` per axis.
 * @see Dumoulin & Visin 2016, §2.3
 * @example
 * samePadding([32, 32], 5); // [[2, 2], [2, 2]]
 * samePadding([7], 2, { stride: 2 }); // [[0, 1]]
 */
export function samePadding(
  size: Shape,
  kernel: PerAxis,
  options: Omit<WindowOptions, "padding"> = {},
): [number, number][] {
  checkOptions("samePadding", options, { stride: true, dilation: true });
  return windows("samePadding", size, kernel, { ...options, padding: "same" }).padding;
}

/** Options of a transposed convolution. */
export interface TransposeOptions {
  readonly stride?: PerAxis | undefined;
  /** The padding of the convolution that this one transposes: it is cut off the result. */
  readonly padding?: PerAxis | undefined;
  /**
   * Rows added at the far end, fewer than the stride or the dilation. Selects one of the sizes that
   * the convolution maps to this one.
   */
  readonly outputPadding?: PerAxis | undefined;
  readonly dilation?: PerAxis | undefined;
}

/** The result of {@link transposedWindows}. */
export interface TransposedWindows {
  readonly stride: number[];
  readonly dilation: number[];
  readonly padding: number[];
  readonly extra: number[];
  readonly out: number[];
}

/** Everything about transposed windows. @throws {ShapeError} if padding leaves nothing. */
export function transposedWindows(
  name: string,
  size: Shape,
  kernelSize: PerAxis,
  options: TransposeOptions = {},
): TransposedWindows {
  const rank = size.length;
  const kernel = spread(name, "size", kernelSize, rank, 1);
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
  const out = size.map(
    (n, i) =>
      stride[i]! * (n - 1) + dilation[i]! * (kernel[i]! - 1) + 1 - 2 * padding[i]! + extra[i]!,
  );
  if (out.some((n) => n < 1))
    throw new ShapeError({
      subject: name,
      problem: `padding ${show(padding)} leaves nothing of input ${show(size)} and kernel ${show(kernel)} (output size s(n − 1) + d(f − 1) + 1 − 2p = ${show(out)}).`,
      fix: "use less padding.",
    });
  return { stride, dilation, padding, extra, out };
}

/**
 * Sizes after a transposed convolution:
 *
 *   s(n − 1) + d(f − 1) + 1 − 2p + output padding   per axis; without dilation, s(n − 1) + f − 2p + …
 *
 * @param size n, of the spatial axes. @param kernel f.
 * @throws {ShapeError} if padding leaves nothing. @throws {ConfigError} for invalid values.
 * @see Dumoulin & Visin 2016, relationship 14
 * @example
 * convTransposeOutputSize([16, 16], 4, { stride: 2, padding: 1 }); // [32, 32]
 * convTransposeOutputSize([5], 3, { stride: 2, outputPadding: 1 }); // [12]
 */
export function convTransposeOutputSize(
  size: Shape,
  kernel: PerAxis,
  options: TransposeOptions = {},
): number[] {
  checkOptions("convTransposeOutputSize", options, {
    ...{ stride: true, padding: true, dilation: true, outputPadding: true },
  });
  return transposedWindows("convTransposeOutputSize", size, kernel, options).out;
}

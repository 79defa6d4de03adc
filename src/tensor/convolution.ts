import { checkOptions, type OptionNames, type Shape, ShapeError, show } from "../base/index.ts";
import * as op from "../ops/index.ts";
import { nodeOf } from "./arguments.ts";
import {
  type TransposeOptions,
  transposedWindows,
  type WindowOptions,
  windows,
} from "./geometry.ts";
import { type PaddingMode, pad } from "./padding.ts";
import { common } from "./promote.ts";
import { Tensor } from "./tensor.ts";

/** Strides, padding and groups of {@link conv}. */
export interface ConvOptions extends WindowOptions {
  /** How the padding is filled, default "zeros". */
  readonly paddingMode?: PaddingMode | undefined;
  /** Input and output channels are split into this many independent groups. */
  readonly groups?: number | undefined;
}

/** Strides, padding and groups of {@link convTranspose}. */
export interface ConvTransposeOptions extends TransposeOptions {
  /** Input and output channels are split into this many independent groups. */
  readonly groups?: number | undefined;
}

const windowNames = { stride: true, padding: true, dilation: true, groups: true } as const;
export const convNames: OptionNames<ConvOptions> = { ...windowNames, paddingMode: true };
export const convTransposeNames: OptionNames<ConvTransposeOptions> = {
  ...windowNames,
  outputPadding: true,
};

/**
 * Cross-correlation over the last axes, in the layout of PyTorch and ONNX:
 *
 *   y[n, o, p] = Σ_{c, q} x[n, c, p·stride + q·dilation − padding] · w[o, c, q]
 *
 * with output size ⌊(n + 2p − d(f − 1) − 1)/s⌋ + 1, in 1, 2 or 3 dimensions by the rank of x.
 * Padding is zeros, or follows `paddingMode` (see {@link pad}).
 *
 * @param x `[N, C, …spatial]` float. @param w `[O, C / groups, …kernel]` float.
 * @returns `[N, O, …out]`
 * @throws {ShapeError} if channels or ranks do not fit, or the kernel is larger than the input.
 * @see Dumoulin & Visin 2016
 */
export function conv(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  const dtype = common([nodeOf("conv", x), nodeOf("conv", w)]);
  if (x.dtype !== w.dtype) return conv(x.cast(dtype), w.cast(dtype), options);
  checkOptions("conv", options, convNames);
  const { groups = 1, paddingMode = "zeros" } = options;
  const name = `conv${x.rank - 2}d`;
  checkConv(name, x.shape, w.shape, groups);
  const [n, c, ...size] = x.shape as [number, number, ...number[]];
  const [o, , ...kernel] = w.shape as [number, number, ...number[]];
  const { stride, padding, dilation } = windows(name, size, kernel, options);
  if (paddingMode !== "zeros") {
    const around = pad(x, [[0, 0], [0, 0], ...padding], { mode: paddingMode });
    return conv(around, w, { stride, dilation, groups });
  }
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
 * Transposed convolution, the adjoint of {@link conv} with the same weight and options: each
 * element of x adds a copy of the kernel, scaled by the element, to the result.
 *
 *   y[n, o, p] = Σ_{c, i, q : i·stride + q·dilation − padding = p} x[n, c, i] · w[c, o, q]
 *
 * with output size s(n − 1) + d(f − 1) + 1 − 2p + output padding, in 1, 2 or 3 dimensions by the
 * rank of x. It restores the shape of the convolution's input, not its values: it is not an
 * inverse.
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
  const dtype = common([nodeOf("convTranspose", x), nodeOf("convTranspose", w)]);
  if (x.dtype !== w.dtype) return convTranspose(x.cast(dtype), w.cast(dtype), options);
  checkOptions("convTranspose", options, convTransposeNames);
  const { groups = 1 } = options;
  const name = `convTranspose${x.rank - 2}d`;
  checkConvTranspose(name, x.shape, w.shape, groups);
  const [n, c, ...size] = x.shape as [number, number, ...number[]];
  const [, perGroup, ...kernel] = w.shape as [number, number, ...number[]];
  const { stride, dilation, padding, extra, out } = transposedWindows(name, size, kernel, options);
  const reach = kernel.map((f, i) => dilation[i]! * (f - 1));
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

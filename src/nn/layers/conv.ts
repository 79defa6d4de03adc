import {
  ConfigError,
  checkOptions,
  type OptionNames,
  ShapeError,
  show,
  sizeOf,
} from "../../base/index.ts";
import { convNames, convTransposeNames } from "../../tensor/convolution.ts";
import {
  checkWindows,
  spread,
  transposedWindows,
  type WindowOptions,
} from "../../tensor/geometry.ts";
import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  type PerAxis,
  type Tensor,
} from "../../tensor/index.ts";
import { checkPaddingMode } from "../../tensor/padding.ts";
import { heUniform, zeros } from "../initialise.ts";
import { windowReach } from "../inspect/receptive-field.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import type { Reach } from "../reach.ts";
import { checkCounts, type WeightOptions, weightNames } from "./linear.ts";

/** The options of {@link Conv1d}, {@link Conv2d} and {@link Conv3d}. */
export interface ConvLayerOptions extends ConvOptions, WeightOptions {}
/** The options of {@link ConvTranspose1d}, {@link ConvTranspose2d} and {@link ConvTranspose3d}. */
export interface ConvTransposeLayerOptions extends ConvTransposeOptions, WeightOptions {}

/**
 * Shared by convolutions and transposed convolutions: a kernel per pair of channels, a bias per
 * channel.
 */
abstract class Convolution<
  Options extends WindowOptions & { readonly groups?: number | undefined },
> extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Size of the kernel on each axis. */
  readonly kernel: readonly number[];
  readonly options: Options;
  readonly weight: Parameter;
  readonly bias: Parameter | null; // [out]

  constructor(
    rank: number,
    inChannels: number,
    outChannels: number,
    size: PerAxis,
    given: Options & WeightOptions,
  ) {
    super();
    checkOptions<object>(this.constructor.name, given, { ...weightNames, ...this.windowNames() });
    const { bias = true, init = heUniform, biasInit = zeros, dtype, ...options } = given;
    const groups = options.groups ?? 1;
    checkCounts(this.constructor.name, { inChannels, outChannels, groups });
    checkGroups(this.constructor.name, inChannels, outChannels, groups);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernel = checkWindows(this.constructor.name, rank, size, options);
    this.options = options as unknown as Options;
    const fan = {
      fanIn: (inChannels / groups) * sizeOf(this.kernel),
      fanOut: (outChannels / groups) * sizeOf(this.kernel),
    };
    this.weight = new Parameter(init(this.weightShape(groups), { dtype, ...fan }));
    this.bias = bias ? new Parameter(biasInit([outChannels], { dtype, ...fan })) : null;
  }

  protected abstract windowNames(): OptionNames<Options>;
  protected abstract weightShape(groups: number): number[];
  protected abstract convolve(x: Tensor): Tensor;

  /** `[N, in, …spatial]` → `[N, out, …]` */
  forward(x: Tensor): Tensor {
    checkInput(this.constructor.name, x, this.inChannels, this.weight.shape.length);
    const y = this.convolve(x);
    if (!this.bias) return y;
    return y.add(this.bias.value.reshape([this.outChannels, ...this.kernel.map(() => 1)]));
  }

  override toString(): string {
    const { inChannels, outChannels, kernel } = this;
    return `${this.constructor.name} ${inChannels} → ${outChannels}, ${kernel.join("×")}`;
  }
}

/** The weight is `[out, in / groups, …kernel]`. */
abstract class Conv extends Convolution<ConvOptions> {
  constructor(...given: ConstructorParameters<typeof Convolution<ConvOptions>>) {
    super(...given);
    checkPaddingMode(this.constructor.name, this.options.paddingMode);
  }

  protected override windowNames(): OptionNames<ConvOptions> {
    return convNames;
  }
  protected override weightShape(groups: number): number[] {
    return [this.outChannels, this.inChannels / groups, ...this.kernel];
  }
  protected override convolve(x: Tensor): Tensor {
    return conv(x, this.weight.value, this.options);
  }

  /** Each unit of the output has one connection per weight of its kernel. */
  override connections(output: readonly number[]): number {
    return sizeOf(output) * sizeOf(this.weight.shape.slice(1));
  }
  override reach(input: readonly number[]): Reach {
    return windowReach(this.constructor.name, input, this.kernel, this.options);
  }
}

/** The weight is `[in, out / groups, …kernel]`, as in PyTorch. */
abstract class ConvTranspose extends Convolution<ConvTransposeOptions> {
  constructor(...given: ConstructorParameters<typeof Convolution<ConvTransposeOptions>>) {
    super(...given);
    const { padding = 0, outputPadding = 0 } = this.options;
    for (const [what, value] of Object.entries({ padding, outputPadding }))
      spread(this.constructor.name, what, value, this.kernel.length, 0);
  }

  protected override windowNames(): OptionNames<ConvTransposeOptions> {
    return convTransposeNames;
  }
  protected override weightShape(groups: number): number[] {
    return [this.inChannels, this.outChannels / groups, ...this.kernel];
  }
  protected override convolve(x: Tensor): Tensor {
    return convTranspose(x, this.weight.value, this.options);
  }

  /** Each unit of the input has one connection per weight of its kernel. */
  override connections(output: readonly number[]): number {
    const { stride = 1, padding = 0, outputPadding = 0, dilation = 1 } = this.options;
    const at = (value: PerAxis, i: number) => (typeof value === "number" ? value : value[i]!);
    const input = this.kernel.map((f, i) => {
      const steps = output[1 + i]! - at(dilation, i) * (f - 1) - 1;
      return (steps + 2 * at(padding, i) - at(outputPadding, i)) / at(stride, i) + 1;
    });
    return sizeOf(input) * sizeOf(this.weight.shape);
  }
  /** Unit p sees the inputs i for which 0 ≤ p + padding − i·stride ≤ d(f − 1). */
  override reach(input: readonly number[]): Reach {
    const { name } = this.constructor;
    const { stride, dilation, padding } = transposedWindows(
      name,
      input.slice(1),
      this.kernel,
      this.options,
    );
    const ahead = this.kernel.map((f, i) => dilation[i]! * (f - 1));
    return {
      span: ahead.map((a, i) => 1 + a / stride[i]!),
      step: stride.map((s) => 1 / s),
      start: ahead.map((a, i) => (padding[i]! - a) / stride[i]!),
    };
  }
}

/**
 * Convolution of `[N, in, L]`; see {@link Conv2d}.
 *
 * @example
 * new Conv1d(4, 8, 3).forward(zeros([1, 4, 10])).shape; // [1, 8, 8]
 */
export class Conv1d extends Conv {
  constructor(
    inChannels: number,
    outChannels: number,
    size: PerAxis,
    options: ConvLayerOptions = {},
  ) {
    super(1, inChannels, outChannels, size, options);
  }
}

/**
 * Convolution of images: the same small weighted sum at every position, one per output channel.
 *
 *   y[n, o, p] = b[o] + Σ_{c, q} x[n, c, p · stride + q · dilation − padding] · w[o, c, q]
 *
 * with output size ⌊(n + 2p − d(f − 1) − 1)/s⌋ + 1 per axis. Padding is a width, widths per axis,
 * "same" (output ⌈n/s⌉) or "valid" (none, the default); `paddingMode` fills it: "zeros", "reflect",
 * "replicate" or "circular". The weight starts uniform with variance 2/n_in, n_in = in · kernel /
 * groups (He); the bias starts at 0.
 *
 * @see Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning"
 * @example
 * const layer = new Conv2d(3, 8, 5);
 * layer.forward(zeros([1, 3, 32, 32])).shape; // [1, 8, 28, 28]
 * layer.weight.shape; // [8, 3, 5, 5]
 * new Conv2d(3, 8, 3, { padding: "same" }).forward(zeros([1, 3, 32, 32])).shape; // [1, 8, 32, 32]
 */
export class Conv2d extends Conv {
  constructor(
    inChannels: number,
    outChannels: number,
    size: PerAxis,
    options: ConvLayerOptions = {},
  ) {
    super(2, inChannels, outChannels, size, options);
  }
}

/**
 * Convolution of volumes `[N, in, D, H, W]`; see {@link Conv2d}.
 *
 * @example
 * new Conv3d(1, 2, 3).forward(zeros([1, 1, 5, 6, 7])).shape; // [1, 2, 3, 4, 5]
 */
export class Conv3d extends Conv {
  constructor(
    inChannels: number,
    outChannels: number,
    size: PerAxis,
    options: ConvLayerOptions = {},
  ) {
    super(3, inChannels, outChannels, size, options);
  }
}

/**
 * Transposed convolution of `[N, in, L]`; see {@link ConvTranspose2d}.
 *
 * @example
 * new ConvTranspose1d(8, 4, 3, { stride: 2 }).forward(zeros([1, 8, 5])).shape; // [1, 4, 11]
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    size: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(1, inChannels, outChannels, size, options);
  }
}

/**
 * Transposed convolution of images, which restores the input shape of a {@link Conv2d}: each input
 * unit adds a multiple of the kernel to the output, `stride` apart.
 *
 *   y[n, o, p] = b[o] + Σ_{c, i, q : i·stride + q·dilation − padding = p} x[n, c, i] · w[c, o, q]
 *
 * with output size s(n − 1) + d(f − 1) + 1 − 2p + output padding per axis. The weight starts
 * uniform with variance 2/n_in, n_in = in · kernel / groups (He); the bias starts at 0.
 *
 * @see Dumoulin & Visin 2016, §4
 * @example
 * const layer = new ConvTranspose2d(8, 3, 4, { stride: 2, padding: 1 });
 * layer.forward(zeros([1, 8, 16, 16])).shape; // [1, 3, 32, 32]
 * layer.weight.shape; // [8, 3, 4, 4]
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    size: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(2, inChannels, outChannels, size, options);
  }
}

/**
 * Transposed convolution of volumes `[N, in, D, H, W]`; see {@link ConvTranspose2d}.
 *
 * @example
 * new ConvTranspose3d(8, 4, 2, { stride: 2 }).forward(zeros([1, 8, 2, 3, 4])).shape; // [1, 4, 4, 6, 8]
 */
export class ConvTranspose3d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    size: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(3, inChannels, outChannels, size, options);
  }
}

function checkGroups(name: string, inChannels: number, outChannels: number, groups: number): void {
  if (inChannels % groups === 0 && outChannels % groups === 0) return;
  throw new ConfigError({
    subject: name,
    problem: `${inChannels} → ${outChannels} channels do not divide into ${groups} groups.`,
    fix: "make both a multiple of groups.",
  });
}

function checkInput(name: string, x: Tensor, channels: number, rank: number): void {
  if (x.rank === rank && x.shape[1] === channels) return;
  throw new ShapeError({
    subject: name,
    problem: `takes [N, ${channels}${", ·".repeat(rank - 2)}], got ${show(x.shape)}.`,
    fix:
      x.rank === rank
        ? `give this layer ${x.shape[1]} input channels, or put channels on axis 1.`
        : `reshape the input to ${rank} axes: batch, channels, space.`,
  });
}

/**
 * Layers that normalise activations to mean 0 and variance 1, and AlexNet's local response
 * normalisation.
 */
import {
  ConfigError,
  checkOptions,
  type FloatDType,
  type Shape,
  ShapeError,
  show,
} from "../../base/index.ts";
import { dataNode } from "../../ops/index.ts";
import { flushed } from "../../tensor/flush.ts";
import {
  avgPool,
  isTracing,
  ones,
  realizeSync,
  Tensor,
  Variable,
  zeros,
} from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import type { Reach } from "../reach.ts";
import { checkCounts } from "./linear.ts";

/** The ε and the dtype of a normalisation. */
export interface NormOptions {
  /** Keeps the variance from 0, default 10⁻⁵. */
  readonly eps?: number | undefined;
  readonly dtype?: FloatDType | undefined;
}
/** The ε of a batch normalisation, and the momentum of its running statistics. */
export interface BatchNormOptions extends NormOptions {
  /** The weight of each batch in the running statistics, default 0.1. */
  readonly momentum?: number | undefined;
}

/** (x − E x) / √(Var x + ε) over some axes; the variance is over n. */
function standardised(x: Tensor, axis: readonly number[], eps: number): Tensor {
  const mean = x.mean({ axis, keepDims: true });
  return x.sub(mean).mul(x.variance({ axis, keepDims: true }).add(eps).rsqrt());
}

const axesFrom = (start: number, rank: number): number[] =>
  Array.from({ length: rank - start }, (_, i) => start + i);
/** The shape in which one number per channel broadcasts with `[N, C, …]`. */
const perChannel = (x: Tensor): number[] => x.shape.map((d, i) => (i === 1 ? d : 1)).slice(1);

/** Shared by batch normalisations; they differ in the inputs that they accept. */
abstract class BatchNorm extends Module {
  readonly channels: number;
  readonly eps: number;
  readonly momentum: number;
  readonly weight: Parameter; // γ [C]
  readonly bias: Parameter; // β [C]
  /** Averages over batches, for evaluation. */
  readonly runningMean: Variable; // [C]
  readonly runningVariance: Variable; // [C]
  readonly #ranks: readonly number[];

  constructor(ranks: readonly number[], channels: number, options: BatchNormOptions) {
    super();
    checkOptions(this.constructor.name, options ?? null, {
      eps: "number",
      momentum: "number",
      dtype: true,
    });
    const { eps = 1e-5, momentum = 0.1, dtype = "float32" } = options;
    checkCounts(this.constructor.name, { channels });
    this.#ranks = ranks;
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = new Parameter(ones([channels], { dtype }));
    this.bias = new Parameter(zeros([channels], { dtype }));
    this.runningMean = new Variable(zeros([channels], { dtype }));
    this.runningVariance = new Variable(ones([channels], { dtype }));
  }

  /** `[N, C, …]` → the same shape */
  forward(x: Tensor): Tensor {
    this.#check(x);
    const shape = perChannel(x);
    const y = this.training ? this.#byBatch(x) : this.#byRunning(x, shape);
    return y.mul(this.weight.value.reshape(shape)).add(this.bias.value.reshape(shape));
  }

  #byBatch(x: Tensor): Tensor {
    const axis = [0, ...axesFrom(2, x.rank)];
    const count = x.size / this.channels;
    if (count < 2)
      throw new ShapeError({
        subject: this.constructor.name,
        problem: `${count} value per channel in ${show(x.shape)} has no variance to train with.`,
        fix: "use a batch of 2 or more, or evaluation mode: model.eval().",
      });
    average(this.momentum, [
      [this.runningMean, x.mean({ axis })],
      [this.runningVariance, x.variance({ axis, correction: 1 })],
    ]);
    return standardised(x, axis, this.eps);
  }

  #byRunning(x: Tensor, shape: Shape): Tensor {
    const scale = this.runningVariance.value.add(this.eps).rsqrt();
    return x.sub(this.runningMean.value.reshape(shape)).mul(scale.reshape(shape));
  }

  #check(x: Tensor): void {
    if (this.#ranks.includes(x.rank) && x.shape[1] === this.channels) return;
    const shapes = this.#ranks.map((rank) => `[N, ${this.channels}${", ·".repeat(rank - 2)}]`);
    throw new ShapeError({
      subject: this.constructor.name,
      problem: `takes ${shapes.join(" or ")}, got ${show(x.shape)}.`,
      fix: this.#ranks.includes(x.rank)
        ? `give this layer ${x.shape[1]} channels, or put channels on axis 1.`
        : "reshape the input, or take the layer for its number of axes.",
    });
  }

  override toString(): string {
    return `${this.constructor.name} ${this.channels}`;
  }
}

/**
 * Updates running averages, r ← (1 − momentum) r + momentum · value, with values below 10⁻³⁰ set to
 * 0. Outside a trace they are computed immediately, so that a loop does not retain the graphs of
 * all its batches.
 */
function average(momentum: number, values: readonly (readonly [Variable, Tensor])[]): void {
  const next = values.map(([running, value]) =>
    flushed(
      running.value.mul(1 - momentum).add(value.stopGradient().cast(running.dtype).mul(momentum)),
    ),
  );
  if (!isTracing()) realizeSync(next.map(({ node }) => node));
  values.forEach(([running], i) => {
    const { node, shape } = next[i]!;
    running.value = isTracing() ? next[i]! : new Tensor(dataNode(node.storage!, shape));
  });
}

/**
 * Batch normalisation of `[N, C]` or `[N, C, L]`; see {@link BatchNorm2d}.
 *
 * @example
 * const layer = new BatchNorm1d(1, { eps: 0 });
 * layer.forward(tensor([[1], [3]])).toArray(); // [[-1], [1]]
 */
export class BatchNorm1d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super([2, 3], channels, options);
  }
}

/**
 * Normalises each channel of `[N, C, H, W]` to mean 0 and variance 1 over batch and space, then
 * applies a learned scale and shift:
 *
 *   y = γ (x − μ) / √(σ² + ε) + β
 *
 * In training μ and σ² (over n) are those of the batch, and running averages move towards them:
 *
 *   r ← (1 − momentum) r + momentum · statistic
 *
 * with the variance over n − 1, as in PyTorch. In evaluation μ and σ² are the running averages,
 * which are part of `state()`. γ starts at 1, β at 0, the averages at 0 and 1.
 *
 * @throws {ShapeError} for other shapes, and in training for a single value per channel.
 * @see Ioffe & Szegedy 2015, algorithms 1 and 2
 * @example
 * const layer = new BatchNorm2d(3);
 * layer.forward(ones([2, 3, 4, 4])).shape; // [2, 3, 4, 4]
 * layer.runningMean.value.toArray(); // [0.1, 0.1, 0.1]
 * Object.keys(layer.state()); // ["weight", "bias", "runningMean", "runningVariance"]
 */
export class BatchNorm2d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super([4], channels, options);
  }
}

/**
 * Batch normalisation of volumes `[N, C, D, H, W]`; see {@link BatchNorm2d}.
 *
 * @example
 * new BatchNorm3d(3).forward(ones([2, 3, 4, 4, 4])).shape; // [2, 3, 4, 4, 4]
 */
export class BatchNorm3d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super([5], channels, options);
  }
}

/**
 * Normalises each example to mean 0 and variance 1 over its last axes, then scales and shifts each
 * of their elements:
 *
 *   y = γ (x − μ) / √(σ² + ε) + β,   μ and σ² over the axes of `shape`
 *
 * The same in training and evaluation. γ starts at 1, β at 0, both of `shape`.
 *
 * @throws {ShapeError} if the input does not end in `shape`.
 * @see Ba, Kiros & Hinton 2016
 * @example
 * new LayerNorm(2, { eps: 0 }).forward(tensor([[1, 3], [5, 25]])).toArray(); // [[-1, 1], [-1, 1]]
 */
export class LayerNorm extends Module {
  readonly shape: Shape;
  readonly eps: number;
  readonly weight: Parameter; // γ […shape]
  readonly bias: Parameter; // β […shape]

  /** @param shape of the last axes; a number for the last one alone. */
  constructor(shape: number | Shape, options: NormOptions = {}) {
    super();
    checkOptions("LayerNorm", options, { eps: "number", dtype: true });
    const { eps = 1e-5, dtype } = options;
    this.shape = typeof shape === "number" ? [shape] : [...shape];
    this.eps = eps;
    this.weight = new Parameter(ones(this.shape, { dtype }));
    this.bias = new Parameter(zeros(this.shape, { dtype }));
  }

  /** `[…, …shape]` → the same shape */
  forward(x: Tensor): Tensor {
    const start = x.rank - this.shape.length;
    if (start < 0 || show(x.shape.slice(start)) !== show(this.shape))
      throw new ShapeError({
        subject: "LayerNorm",
        problem: `takes inputs that end in ${show(this.shape)}, got ${show(x.shape)}.`,
        fix: `give this layer ${show(x.shape.slice(Math.max(0, start)))}, or put these axes last.`,
      });
    return standardised(x, axesFrom(start, x.rank), this.eps)
      .mul(this.weight.value)
      .add(this.bias.value);
  }

  override reach(input: readonly number[]): Reach | null {
    return input.length === this.shape.length ? "all" : null;
  }

  override toString(): string {
    return `LayerNorm ${show(this.shape)}`;
  }
}

/**
 * Normalises each group of channels of each example to mean 0 and variance 1, then scales and
 * shifts each channel:
 *
 *   y = γ (x − μ) / √(σ² + ε) + β,   μ and σ² over C/groups channels and all of space
 *
 * It does not depend on the batch. One group is layer normalisation over `[C, …]` with a γ per
 * channel, C groups are instance normalisation.
 *
 * @throws {ConfigError} if the groups do not divide the channels. @throws {ShapeError} for other
 * inputs.
 * @see Wu & He 2018
 * @example
 * new GroupNorm(2, 4, { eps: 0 }).forward(tensor([[1, 3, 5, 25]])).toArray(); // [[-1, 1, -1, 1]]
 */
export class GroupNorm extends Module {
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;
  readonly weight: Parameter; // γ [C]
  readonly bias: Parameter; // β [C]

  constructor(groups: number, channels: number, options: NormOptions = {}) {
    super();
    checkOptions("GroupNorm", options, { eps: "number", dtype: true });
    const { eps = 1e-5, dtype } = options;
    if (!(groups > 0) || channels % groups !== 0)
      throw new ConfigError({
        subject: "GroupNorm",
        problem: `${channels} channels do not divide into ${groups} groups.`,
        fix: "make the channels a multiple of the groups.",
      });
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
    this.weight = new Parameter(ones([channels], { dtype }));
    this.bias = new Parameter(zeros([channels], { dtype }));
  }

  /** `[N, C, …]` → the same shape */
  forward(x: Tensor): Tensor {
    if (x.rank < 2 || x.shape[1] !== this.channels)
      throw new ShapeError({
        subject: "GroupNorm",
        problem: `takes [N, ${this.channels}, …], got ${show(x.shape)}.`,
        fix: "give this layer as many channels as its input has on axis 1.",
      });
    const [n] = x.shape as [number];
    const rows = x.reshape([n, this.groups, x.size / (n * this.groups || 1)]);
    const shape = perChannel(x);
    return standardised(rows, [2], this.eps)
      .reshape(x.shape)
      .mul(this.weight.value.reshape(shape))
      .add(this.bias.value.reshape(shape));
  }

  override reach(): Reach {
    return "all";
  }

  override toString(): string {
    return `GroupNorm ${this.channels} in ${this.groups}`;
  }
}

/** The constants n, k, α and β of {@link LocalResponseNorm}. */
export interface LocalResponseNormOptions {
  /** n, the number of neighbouring channels including its own: odd, default 5. */
  readonly size?: number | undefined;
  /** Default 10⁻⁴, for the sum of squares as in the paper; PyTorch's, for their mean, is n times larger. */
  readonly alpha?: number | undefined;
  /** Default 0.75. */
  readonly beta?: number | undefined;
  /** Default 2. */
  readonly k?: number | undefined;
}

/**
 * Divides each activation by the activity of neighbouring channels at the same position, as in
 * AlexNet:
 *
 *   yᵢ = xᵢ / (k + α Σⱼ xⱼ²)^β,   |j − i| ≤ (n − 1)/2, 0 ≤ j < C
 *
 * @throws {ConfigError} for an even n, which has no middle.
 * @see Krizhevsky, Sutskever & Hinton 2012, §3.3
 * @example
 * const layer = new LocalResponseNorm({ size: 3, alpha: 1, beta: 1, k: 1 });
 * layer.forward(tensor([[[1], [2], [3]]])).toArray(); // [[[1 / 6], [2 / 15], [3 / 14]]]
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(options: LocalResponseNormOptions = {}) {
    super();
    checkOptions("LocalResponseNorm", options, {
      size: "number",
      alpha: "number",
      beta: "number",
      k: "number",
    });
    const { size = 5, alpha = 1e-4, beta = 0.75, k = 2 } = options;
    if (!(size >= 1 && size % 2 === 1))
      throw new ConfigError({
        subject: "LocalResponseNorm",
        problem: `size is ${size}.`,
        fix: "give an odd number of channels, the middle one being the channel itself.",
      });
    this.size = size;
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
  }

  /** `[N, C, …]` → the same shape */
  forward(x: Tensor): Tensor {
    if (x.rank < 2)
      throw new ShapeError({
        subject: "LocalResponseNorm",
        problem: `takes [N, C, …], got ${show(x.shape)}.`,
        fix: "put the batch on axis 0 and channels on axis 1.",
      });
    const [n, c] = x.shape as [number, number];
    const columns = x.square().reshape([n, 1, c, x.size / (n * c || 1)]);
    const window = { size: [this.size, 1], stride: 1, padding: [(this.size - 1) / 2, 0] };
    const means = avgPool(columns, window).reshape(x.shape); // padding counts as 0
    return x.mul(
      means
        .mul(this.alpha * this.size)
        .add(this.k)
        .pow(-this.beta),
    );
  }

  override reach(): Reach {
    return "each"; // other channels at the same position
  }

  override toString(): string {
    return `LocalResponseNorm ${this.size}`;
  }
}

import {
  ConfigError,
  checkOptions,
  type Shape,
  ShapeError,
  sameShape,
  show,
} from "../../base/index.ts";
import { checkWindows } from "../../tensor/geometry.ts";
import {
  type MaxUnpoolOptions,
  maxPoolWithIndices,
  maxUnpool,
  type PerAxis,
  type PoolOptions,
  type Tensor,
} from "../../tensor/index.ts";
import { leftBy } from "../calls.ts";
import { Module } from "../module.ts";
import {
  checkSpatial,
  MaxPool,
  type MaxPool1d,
  type MaxPool2d,
  type MaxPool3d,
} from "./pooling.ts";

/** Stride (default: the window's size) and padding (default: none) of the pooling. */
export type UnpoolLayerOptions = Omit<MaxUnpoolOptions, "size" | "outputSize">;

type Unpooled = [
  x: Tensor,
  indices?: Tensor,
  options?: { readonly outputSize?: Shape | undefined },
];

/** Shared by unpoolings; they differ in the number of spatial axes. */
abstract class MaxUnpool extends Module<Unpooled> {
  readonly rank: number;
  readonly options: PoolOptions;
  /** The pooling that this mirrors, if it was made from one. */
  readonly pooling: MaxPool | null;

  constructor(rank: number, of: PerAxis | MaxPool, options: UnpoolLayerOptions) {
    super();
    checkOptions(this.constructor.name, options, { stride: true, padding: true });
    this.rank = rank;
    this.pooling = of instanceof MaxPool ? of : null;
    // a part of the encoder: its path is the one that it has there
    Object.defineProperty(this, "pooling", { enumerable: false });
    if (of instanceof MaxPool) {
      checkMirror(this.constructor.name, rank, of, options);
      this.options = of.options;
    } else {
      checkWindows(this.constructor.name, rank, of, options);
      this.options = { size: of, ...options };
    }
  }

  /**
   * `[N, C, …pooled]`, indices of the same shape → `[N, C, …]`
   *
   * @param indices omitted if this was made from a pooling: then those of its call in the same pass
   * are used.
   */
  forward(...[x, indices, options = {}]: Unpooled): Tensor {
    checkSpatial(this.constructor.name, x, this.rank);
    if (indices) return maxUnpool(x, indices, { ...this.options, ...options });
    const pooled = this.#pooled();
    const found = maxPoolWithIndices(pooled, this.options).indices;
    if (!sameShape(x.shape, found.shape))
      throw new ShapeError({
        subject: this.constructor.name,
        problem: `${this.pooling} gave ${show(found.shape)}, and ${show(x.shape)} are to be unpooled.`,
        fix: "let the layers between both bring back the shape that pooling gave.",
      });
    return maxUnpool(x, found, { ...this.options, outputSize: pooled.shape.slice(2) });
  }

  /** The input of the pooling in this pass. */
  #pooled(): Tensor {
    const calls = this.pooling ? leftBy(this.pooling) : [];
    if (calls.length === 1) return calls[0] as Tensor;
    const { name } = this.constructor;
    throw new ConfigError({
      subject: name,
      problem: !this.pooling
        ? "no indices are given, and it was not made of the pooling that has them."
        : calls.length === 0
          ? `${this.pooling}, which it mirrors, has not run in this forward pass.`
          : `${this.pooling}, which it mirrors, has run ${calls.length} times in this forward pass.`,
      fix: !this.pooling
        ? `give them, forward(x, indices), or make it as new ${name}(pooling).`
        : calls.length === 0
          ? "let the model run both, the pooling first, or give the indices: forward(x, indices)."
          : "give every unpooling a pooling of its own, or the indices: forward(x, indices).",
    });
  }

  override toString(): string {
    const { size } = this.options;
    const sizes = typeof size === "number" ? new Array<number>(this.rank).fill(size) : size;
    return `${this.constructor.name} ${sizes.join("×")}`;
  }
}

function checkMirror(
  name: string,
  rank: number,
  pooling: MaxPool,
  options: UnpoolLayerOptions,
): void {
  if (pooling.rank !== rank)
    throw new ConfigError({
      subject: name,
      problem: `${pooling} pools ${pooling.rank} spatial axes, not ${rank}.`,
      fix: `mirror it by MaxUnpool${pooling.rank}d.`,
    });
  const [given] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
  if (given !== undefined)
    throw new ConfigError({
      subject: name,
      problem: `${given} is given, but the pooling determines it.`,
      fix: `leave ${given} out: stride and padding are those of the pooling.`,
    });
}

/** Restores the input shape of a {@link MaxPool1d}; see {@link MaxUnpool2d}. */
export class MaxUnpool1d extends MaxUnpool {
  constructor(of: PerAxis | MaxPool1d, options: UnpoolLayerOptions = {}) {
    super(1, of, options);
  }
}

/**
 * Writes values back to the positions of the maxima of a {@link MaxPool2d}, and 0 elsewhere, so
 * that a decoder knows where in the image a feature was.
 *
 * Made from a pooling layer it mirrors that layer: in every forward pass of a model that has both,
 * it uses the pooling's indices and input size. Made from a window's size it takes indices beside
 * x.
 *
 * @throws {ShapeError} if values and indices differ in shape, or the pooling of the result has
 * another shape.
 * @throws {ConfigError} without indices, if the pooling has not run exactly once in the same pass.
 * @see Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", §2.1
 * @example
 * const pool = new MaxPool2d(2);
 * const mirrored = new Sequential(pool, new MaxUnpool2d(pool));
 * mirrored.forward(tensor([[[[1, 2], [4, 3]]]])).toArray(); // [[[[0, 0], [4, 0]]]]
 *
 * const { values, indices } = pool.withIndices(tensor([[[[1, 2], [4, 3]]]]));
 * new MaxUnpool2d(2).forward(values, indices).toArray(); // [[[[0, 0], [4, 0]]]]
 */
export class MaxUnpool2d extends MaxUnpool {
  constructor(of: PerAxis | MaxPool2d, options: UnpoolLayerOptions = {}) {
    super(2, of, options);
  }
}

/** Restores the input shape of a {@link MaxPool3d}; see {@link MaxUnpool2d}. */
export class MaxUnpool3d extends MaxUnpool {
  constructor(of: PerAxis | MaxPool3d, options: UnpoolLayerOptions = {}) {
    super(3, of, options);
  }
}

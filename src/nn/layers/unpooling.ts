import type { Shape } from "../../base/index.ts";
import { checkOptions } from "../../base/index.ts";
import { checkWindows } from "../../tensor/geometry.ts";
import { type MaxUnpoolOptions, maxUnpool, type PerAxis, type Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { checkSpatial } from "./pooling.ts";

/** Stride (default: the window's size) and padding (default: none) of the pooling. */
export type UnpoolLayerOptions = Omit<MaxUnpoolOptions, "size" | "outputSize">;

/** What unpoolings share; they differ in the number of spatial axes. */
abstract class MaxUnpool extends Module<
  [x: Tensor, indices: Tensor, options?: { readonly outputSize?: Shape | undefined }]
> {
  readonly rank: number;
  readonly options: MaxUnpoolOptions;

  constructor(rank: number, size: PerAxis, options: UnpoolLayerOptions) {
    super();
    checkOptions(this.constructor.name, options, { stride: true, padding: true });
    checkWindows(this.constructor.name, rank, size, options);
    this.rank = rank;
    this.options = { size, ...options };
  }

  /**
   * `[N, C, …pooled]`, indices of the same shape → `[N, C, …]`
   *
   * @param options `outputSize`, the spatial size of what was pooled, where pooling left a rest.
   */
  forward(
    x: Tensor,
    indices: Tensor,
    options: { readonly outputSize?: Shape | undefined } = {},
  ): Tensor {
    checkSpatial(this.constructor.name, x, this.rank);
    return maxUnpool(x, indices, { ...this.options, ...options });
  }
}

/** Undoes the shape of a {@link MaxPool1d}; see {@link MaxUnpool2d}. */
export class MaxUnpool1d extends MaxUnpool {
  constructor(size: PerAxis, options: UnpoolLayerOptions = {}) {
    super(1, size, options);
  }
}

/**
 * Puts values back where a {@link MaxPool2d} of the same options took its maxima from, and 0 elsewhere,
 * so that a decoder knows where in the image a feature was.
 *
 * @throws {ShapeError} if values and indices differ in shape, or the pooling gives another one.
 * @see Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", §2.1
 * @example
 * const { values, indices } = new MaxPool2d(2).withIndices(tensor([[[[1, 2], [4, 3]]]]));
 * new MaxUnpool2d(2).forward(values, indices).toArray(); // [[[[0, 0], [4, 0]]]]
 */
export class MaxUnpool2d extends MaxUnpool {
  constructor(size: PerAxis, options: UnpoolLayerOptions = {}) {
    super(2, size, options);
  }
}

/** Undoes the shape of a {@link MaxPool3d}; see {@link MaxUnpool2d}. */
export class MaxUnpool3d extends MaxUnpool {
  constructor(size: PerAxis, options: UnpoolLayerOptions = {}) {
    super(3, size, options);
  }
}

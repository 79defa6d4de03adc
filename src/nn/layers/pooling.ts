import { checkOptions, ShapeError, show } from "../../base/index.ts";
import { checkWindows } from "../../tensor/geometry.ts";
import {
  avgPool,
  maxPool,
  maxPoolWithIndices,
  type PerAxis,
  type PoolOptions,
  type Tensor,
} from "../../tensor/index.ts";
import { leave } from "../calls.ts";
import { windowReach } from "../inspect/receptive-field.ts";
import { Module } from "../module.ts";
import type { Reach } from "../reach.ts";

/** Stride (default: the window's size) and padding (default: none). */
export type PoolLayerOptions = Omit<PoolOptions, "size">;

/** Shared by poolings: one value per window, channel by channel. */
abstract class Pool extends Module {
  readonly rank: number;
  readonly options: PoolOptions;

  constructor(rank: number, size: PerAxis, options: PoolLayerOptions) {
    super();
    checkOptions(this.constructor.name, options, { stride: true, padding: true });
    checkWindows(this.constructor.name, rank, size, options);
    this.rank = rank;
    this.options = { size, ...options };
  }

  protected abstract pool(x: Tensor): Tensor;

  /** `[N, C, …spatial]` → `[N, C, …]` */
  forward(x: Tensor): Tensor {
    checkSpatial(this.constructor.name, x, this.rank);
    return this.pool(x);
  }

  override reach(input: readonly number[]): Reach {
    const { size, stride = size, padding } = this.options;
    return windowReach(this.constructor.name, input, size, { stride, padding });
  }

  override toString(): string {
    const { size } = this.options;
    const sizes = typeof size === "number" ? new Array<number>(this.rank).fill(size) : size;
    return `${this.constructor.name} ${sizes.join("×")}`;
  }
}

/** The largest value of each window; padding counts as −∞, and a tie goes to the first. */
export abstract class MaxPool extends Pool {
  protected pool(x: Tensor): Tensor {
    leave(this, x); // for an unpooling that mirrors this
    return maxPool(x, this.options);
  }

  /**
   * The maxima and their positions in the (padded) plane, for {@link MaxUnpool2d}.
   *
   * @returns both `[N, C, …]`; the indices are int32 and have no derivative.
   */
  withIndices(x: Tensor): { values: Tensor; indices: Tensor } {
    checkSpatial(this.constructor.name, x, this.rank);
    return maxPoolWithIndices(x, this.options);
  }
}

/** The mean of each window; padding counts as 0 and is counted. */
abstract class AvgPool extends Pool {
  protected pool(x: Tensor): Tensor {
    return avgPool(x, this.options);
  }
}

/** The largest value of each window of `[N, C, L]`; see {@link MaxPool2d}. */
export class MaxPool1d extends MaxPool {
  constructor(size: PerAxis, options: PoolLayerOptions = {}) {
    super(1, size, options);
  }
}

/**
 * The largest value of each window of `[N, C, H, W]`. The derivative goes to the selected element,
 * the first one on ties; padding counts as −∞.
 *
 * @example
 * const layer = new MaxPool2d(2);
 * layer.forward(tensor([[[[1, 2], [3, 4]]]])).toArray(); // [[[[4]]]]
 * layer.withIndices(tensor([[[[1, 2], [3, 4]]]])).indices.toArray(); // [[[[3]]]]
 */
export class MaxPool2d extends MaxPool {
  constructor(size: PerAxis, options: PoolLayerOptions = {}) {
    super(2, size, options);
  }
}

/** The largest value of each window of `[N, C, D, H, W]`; see {@link MaxPool2d}. */
export class MaxPool3d extends MaxPool {
  constructor(size: PerAxis, options: PoolLayerOptions = {}) {
    super(3, size, options);
  }
}

/** The mean of each window of `[N, C, L]`; see {@link AvgPool2d}. */
export class AvgPool1d extends AvgPool {
  constructor(size: PerAxis, options: PoolLayerOptions = {}) {
    super(1, size, options);
  }
}

/**
 * The mean of each window of `[N, C, H, W]`; padding counts as 0 and is counted.
 *
 * @example
 * new AvgPool2d(2).forward(tensor([[[[1, 2], [3, 4]]]])).toArray(); // [[[[2.5]]]]
 */
export class AvgPool2d extends AvgPool {
  constructor(size: PerAxis, options: PoolLayerOptions = {}) {
    super(2, size, options);
  }
}

/** The mean of each window of `[N, C, D, H, W]`; see {@link AvgPool2d}. */
export class AvgPool3d extends AvgPool {
  constructor(size: PerAxis, options: PoolLayerOptions = {}) {
    super(3, size, options);
  }
}

/** Shared by poolings over all of space. */
abstract class GlobalPool extends Module {
  protected abstract pool(x: Tensor, axis: readonly number[]): Tensor;

  /** `[N, C, …]` → `[N, C]` */
  forward(x: Tensor): Tensor {
    if (x.rank < 3)
      throw new ShapeError({
        subject: this.constructor.name,
        problem: `takes [N, C, …] with at least one spatial axis, got ${show(x.shape)}.`,
        fix: "put it before what flattens.",
      });
    return this.pool(x, x.shape.map((_, i) => i).slice(2));
  }
  override reach(): Reach {
    return "all";
  }
}

/**
 * The mean of each channel over all of space: `[N, C, …]` → `[N, C]`.
 *
 * @see Lin, Chen & Yan 2014, "Network in network", §3.2
 * @example
 * new GlobalAvgPool().forward(ones([2, 3, 4, 4])).toArray(); // [[1, 1, 1], [1, 1, 1]]
 */
export class GlobalAvgPool extends GlobalPool {
  protected pool(x: Tensor, axis: readonly number[]): Tensor {
    return x.mean({ axis });
  }
}

/**
 * The largest value of each channel over all of space: `[N, C, …]` → `[N, C]`. Equal maxima share the
 * derivative.
 *
 * @see Oquab et al. 2015, "Is object localization for free?", §3
 * @example
 * new GlobalMaxPool().forward(tensor([[[1, 5], [4, 3]]])).toArray(); // [[5, 4]]
 */
export class GlobalMaxPool extends GlobalPool {
  protected pool(x: Tensor, axis: readonly number[]): Tensor {
    return x.max({ axis });
  }
}

/** @throws {ShapeError} unless x is `[N, C, …]` with `rank` spatial axes. */
export function checkSpatial(name: string, x: Tensor, rank: number): void {
  if (x.rank === rank + 2) return;
  throw new ShapeError({
    subject: name,
    problem: `takes [N, C${", ·".repeat(rank)}], got ${show(x.shape)}.`,
    fix: `reshape the input to ${rank + 2} axes: batch, channels, space.`,
  });
}

import { ShapeError, show } from "../base/index.ts";
import { avgPool, maxPool, type PerAxis, type PoolOptions, type Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";

/** Stride (default: the window's size) and padding (default: none). */
export type PoolLayerOptions = Omit<PoolOptions, "size">;

/** What poolings share: one value per window, channel by channel. */
abstract class Pool extends Module {
  readonly rank: number;
  readonly options: PoolOptions;

  constructor(rank: number, size: PerAxis, options: PoolLayerOptions) {
    super();
    this.rank = rank;
    this.options = { size, ...options };
  }

  protected abstract pool(x: Tensor): Tensor;

  /** `[N, C, …spatial]` → `[N, C, …]` */
  forward(x: Tensor): Tensor {
    checkRank(this.constructor.name, x, this.rank);
    return this.pool(x);
  }

  override toString(): string {
    const { size } = this.options;
    const sizes = typeof size === "number" ? new Array<number>(this.rank).fill(size) : size;
    return `${this.constructor.name} ${sizes.join("×")}`;
  }
}

/** The largest value of each window; padding counts as −∞, and a tie goes to the first. */
abstract class MaxPool extends Pool {
  protected pool(x: Tensor): Tensor {
    return maxPool(x, this.options);
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
 * The largest value of each window of `[N, C, H, W]`. The derivative goes to where it came from, the
 * first of equals; padding counts as −∞.
 *
 * @example
 * new MaxPool2d(2).forward(tensor([[[[1, 2], [3, 4]]]])).toArray(); // [[[[4]]]]
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

/**
 * The mean of each channel over all of space: `[N, C, …]` → `[N, C]`.
 *
 * @example
 * new GlobalAvgPool().forward(ones([2, 3, 4, 4])).toArray(); // [[1, 1, 1], [1, 1, 1]]
 */
export class GlobalAvgPool extends Module {
  forward(x: Tensor): Tensor {
    if (x.rank < 3)
      throw new ShapeError({
        subject: "GlobalAvgPool",
        problem: `takes [N, C, …] with at least one spatial axis, got ${show(x.shape)}.`,
        fix: "put it before what flattens.",
      });
    return x.mean({ axis: x.shape.map((_, i) => i).slice(2) });
  }
}

function checkRank(name: string, x: Tensor, rank: number): void {
  if (x.rank === rank + 2) return;
  throw new ShapeError({
    subject: name,
    problem: `takes [N, C${", ·".repeat(rank)}], got ${show(x.shape)}.`,
    fix: `reshape the input to ${rank + 2} axes: batch, channels, space.`,
  });
}

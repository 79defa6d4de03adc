import { type Shape, ShapeError, show, sizeOf } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";

/**
 * Flattens all axes but the first into one: `[N, …]` → `[N, Π…]`.
 * @example
 * new Flatten().forward(zeros([2, 3, 4])).shape; // [2, 12]
 */
export class Flatten extends Module {
  forward(x: Tensor): Tensor {
    return x.flatten({ startAxis: 1 });
  }
}

/**
 * Reshapes each example: `[N, …]` → `[N, …shape]`.
 * @example
 * new Reshape([1, 28, 28]).forward(zeros([2, 784])).shape; // [2, 1, 28, 28]
 */
export class Reshape extends Module {
  readonly shape: Shape;

  /** @param shape of one example, without the batch axis. */
  constructor(shape: Shape) {
    super();
    this.shape = [...shape];
  }

  forward(x: Tensor): Tensor {
    if (sizeOf(x.shape.slice(1)) !== sizeOf(this.shape))
      throw new ShapeError({
        subject: "Reshape",
        problem: `examples of ${show(x.shape.slice(1))} do not fill ${show(this.shape)} (${sizeOf(x.shape.slice(1))} ≠ ${sizeOf(this.shape)}).`,
        fix: "give a shape with as many elements.",
      });
    return x.reshape([x.shape[0] ?? 1, ...this.shape]);
  }

  override toString(): string {
    return `Reshape ${show(this.shape)}`;
  }
}

/** Where examples enter a model: its first layer, which knows their shape. */
import { type Shape, ShapeError, show, sizeOf } from "../base/index.ts";
import { Flatten, Reshape } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * Reshapes images, `[N, …inputShape]` or flat, to `[N, C, H, W]`. @throws {ShapeError} for others.
 */
export class ImageInput extends Reshape {
  readonly inputShape: Shape;

  constructor(inputShape: Shape, [channels, height, width]: readonly [number, number, number]) {
    super([channels, height, width]);
    this.inputShape = inputShape;
  }

  override forward(x: Tensor): Tensor {
    checkExamples(x, this.inputShape, this.shape);
    return super.forward(x);
  }
}

/** Reshapes examples, `[N, …inputShape]` or flat, to rows. @throws {ShapeError} for others. */
export class ExampleInput extends Flatten {
  readonly inputShape: Shape;

  constructor(inputShape: Shape) {
    super();
    this.inputShape = inputShape;
  }

  override forward(x: Tensor): Tensor {
    // rows of numbers have no order of axes to confuse
    const isRow = this.inputShape.length === 1 && x.rank > 1;
    if (!isRow || sizeOf(x.shape.slice(1)) !== this.inputShape[0])
      checkExamples(x, this.inputShape, this.inputShape);
    return super.forward(x);
  }
}

const same = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/**
 * An equal number of elements is not enough: channels last, or no batch axis, would be read as
 * other images.
 */
function checkExamples(x: Tensor, whole: Shape, images: Shape): void {
  const example = x.shape.slice(1);
  if (x.rank > 0 && [whole, images, [sizeOf(whole)]].some((shape) => same(example, shape))) return;
  throw new ShapeError({
    subject: "model",
    problem: `takes examples [N, ${whole.join(", ")}] or [N, ${sizeOf(whole)}], got ${show(x.shape)}.`,
    fix: fixFor(x.shape, whole),
  });
}

function fixFor(shape: Shape, whole: Shape): string {
  const last = [...whole.slice(1), whole[0]!]; // [H, W, C]
  if (same(shape, whole)) return "add the axis of the batch: x.unsqueeze(0).";
  if (whole.length === 3 && same(shape.slice(1), last))
    return "put the channels before height and width: x.transpose([0, 3, 1, 2]).";
  if (whole.length === 3 && same(shape, last))
    return "put the channels first and add the axis of the batch: x.transpose([2, 0, 1]).unsqueeze(0).";
  if (shape.length > 1 && sizeOf(shape.slice(1)) === sizeOf(whole))
    return `if its numbers are in that order: x.reshape([${shape[0]}, ${whole.join(", ")}]).`;
  return `give examples of ${show(whole)}, or make the model for others: inputShape: ${show(shape.slice(1))}.`;
}

import { type DType, dtypeOf, type TypedArray } from "./dtype.ts";
import { DTypeError, ShapeError } from "./errors.ts";
import { type Shape, show, sizeOf } from "./shape.ts";

/** A dense row-major array in host memory: what files hold, batches carry and engines read. */
export interface HostArray {
  readonly dtype: DType;
  readonly shape: Shape;
  /** `sizeOf(shape)` elements in row-major order. */
  readonly data: TypedArray;
}

/** Wraps `data` without copying. @throws {ShapeError} if its length is not the shape's size. */
export function hostArray(shape: Shape, data: TypedArray): HostArray {
  const dtype = dtypeOf(data);
  if (dtype === undefined)
    throw new DTypeError({
      subject: "hostArray",
      problem: `a ${data.constructor.name} is not an element type of tensors.`,
      fix: "use Float32Array, Float64Array, Int32Array or Uint8Array (bool).",
    });
  if (data.length !== sizeOf(shape))
    throw new ShapeError({
      subject: "hostArray",
      problem: `${data.length} values do not fill shape ${show(shape)} (${sizeOf(shape)} values).`,
      fix: "give the shape that the values have.",
    });
  return { dtype, shape, data };
}

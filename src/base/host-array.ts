import { type DType, dtypeOf, type TypedArray } from "./dtype.ts";
import { DataError, DTypeError, ShapeError } from "./errors.ts";
import { describe } from "./options.ts";
import { checkShape, placeOf, type Shape, show, sizeOf } from "./shape.ts";

/** A dense row-major array in host memory: what files hold, batches carry and engines read. */
export interface HostArray {
  readonly dtype: DType;
  readonly shape: Shape;
  /** `sizeOf(shape)` elements in row-major order. */
  readonly data: TypedArray;
}

/**
 * Wraps `data` without copying.
 *
 * @throws {ShapeError} if its length is not the shape's size. @throws {DTypeError} if tensors
 * cannot hold the array. @throws {DataError} for a byte of a `Uint8Array` other than 0 and 1.
 */
export const hostArray = (shape: Shape, data: TypedArray): HostArray => ({
  dtype: checkHost("hostArray", shape, data),
  shape,
  data,
});

/** The dtype of `data`, which fills `shape`; an error otherwise. */
export function checkHost(subject: string, shape: Shape, data: TypedArray): DType {
  const dtype = ArrayBuffer.isView(data) ? dtypeOf(data) : undefined;
  if (dtype === undefined)
    throw new DTypeError({
      subject,
      problem: `the data are ${describe(data)}, which tensors do not hold.`,
      fix: "give a Float32Array, Float64Array, Int32Array or Uint8Array (bool); tensor(…) reads others.",
    });
  checkShape(subject, shape);
  if (data.length !== sizeOf(shape))
    throw new ShapeError({
      subject,
      problem: `${data.length} values do not fill shape ${show(shape)} (${sizeOf(shape)} values).`,
      fix: "give the shape that the values have.",
    });
  if (dtype === "bool") checkBools(subject, shape, data);
  return dtype;
}

function checkBools(subject: string, shape: Shape, data: TypedArray): void {
  const at = data.findIndex((x) => x > 1);
  if (at < 0) return;
  throw new DataError({
    subject,
    problem: `${placeOf(at, shape)} is ${data[at]}, but a Uint8Array is bool, and holds 0 and 1.`,
    fix: "for other bytes give an Int32Array or a Float32Array of them.",
  });
}

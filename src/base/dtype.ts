import { ConfigError, DTypeError, nearest } from "./errors.ts";
import { describe } from "./options.ts";

/** Element types. `bool` is one byte, 0 or 1. */
export type DType = "float32" | "float64" | "int32" | "bool";
export type FloatDType = "float32" | "float64";
/** The arrays that hold elements. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export const dtypes: readonly DType[] = ["float32", "float64", "int32", "bool"];
export const floats: readonly DType[] = ["float32", "float64"];
export const numeric: readonly DType[] = ["float32", "float64", "int32"];

const info = {
  float32: { bytes: 4, array: Float32Array },
  float64: { bytes: 8, array: Float64Array },
  int32: { bytes: 4, array: Int32Array },
  bool: { bytes: 1, array: Uint8Array },
} as const;

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => info[dtype].bytes;

export const isFloat = (dtype: DType): dtype is FloatDType =>
  dtype === "float32" || dtype === "float64";

/**
 * A zero-filled typed array of `size` elements.
 *
 * @throws {ConfigError} if memory is out.
 */
export function allocate(dtype: DType, size: number): TypedArray {
  return withRoom(dtype, size, () => new info[dtype].array(size));
}

/** The result of `make` for memory of `size` elements. @throws {ConfigError} if memory is out. */
export function withRoom<T>(dtype: DType, size: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const bytes = size * byteSize(dtype);
    throw new ConfigError({
      subject: "memory",
      problem: `an array of ${size} elements of ${dtype} takes ${bytes} bytes (${(bytes / 2 ** 30).toFixed(1)} GiB), which cannot be had: ${error.message}.`,
      fix: "use smaller tensors: a smaller batch or model, or a narrower dtype.",
    });
  }
}

/** A typed view of `size` elements on existing bytes. */
export function viewOf(
  dtype: DType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  size: number,
): TypedArray {
  return new info[dtype].array(buffer as ArrayBuffer, byteOffset, size);
}

/** The kind of a typed array, such as "Float32Array"; also for subclasses and other realms. */
export const kindOf = (array: ArrayBufferView): string =>
  Object.prototype.toString.call(array).slice(8, -1);

/** The dtype of a typed array, or undefined if tensors cannot hold it. */
export function dtypeOf(array: ArrayBufferView): DType | undefined {
  const kind = kindOf(array);
  return dtypes.find((dtype) => kind === info[dtype].array.name);
}

/** Whether `dtype` can hold `x`: floats round it, integers and booleans must be exact. */
export function holds(dtype: DType, x: number): boolean {
  if (dtype === "int32") return Number.isInteger(x) && x >= -2147483648 && x <= 2147483647;
  return dtype !== "bool" || x === 0 || x === 1;
}

/**
 * The value after storing `x` in `dtype`: nearest float32, truncation toward zero with saturation
 * for int32 (NaN becomes 0), `x ≠ 0` for bool.
 */
export function roundTo(dtype: DType, x: number): number {
  if (dtype === "float64") return x;
  if (dtype === "float32") return Math.fround(x);
  if (dtype === "bool") return x !== 0 ? 1 : 0;
  if (Number.isNaN(x)) return 0;
  return Math.trunc(Math.max(-2147483648, Math.min(2147483647, x)));
}

/** @throws {DTypeError} unless `dtype` is one of `allowed`, by default of all. */
export function checkDType(
  subject: string,
  dtype: string,
  allowed: readonly DType[] = dtypes,
): asserts dtype is DType {
  if ((allowed as readonly string[]).includes(dtype)) return;
  if ((dtypes as readonly string[]).includes(dtype))
    throw new DTypeError({
      subject,
      problem: `makes ${allowed.join(" or ")}, not ${dtype}.`,
      fix: `leave the dtype out, and cast the result: x.cast("${dtype}").`,
    });
  const near = typeof dtype === "string" ? nearest(dtype, dtypes) : undefined;
  throw new DTypeError({
    subject,
    problem: `unknown dtype ${describe(dtype)}.`,
    fix: near ? `did you mean "${near}"?` : `use one of ${dtypes.join(", ")}.`,
  });
}

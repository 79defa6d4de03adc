import type { DType, TypedArray } from "./dtype.ts";
import { DataError } from "./errors.ts";

/** One buffer of an engine. Engines over host memory expose it directly. */
export interface Storage {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  /** The values, row-major. May be a view of live memory: copy before writing or keeping. */
  read(): TypedArray;
}

/**
 * The array, which must not be detached.
 *
 * @throws {DataError} if its buffer was transferred or otherwise detached.
 */
export function intact(array: TypedArray, size: number): TypedArray {
  if (array.length === size) return array;
  throw new DataError({
    subject: "tensor",
    problem: `its array of ${size} values has ${array.length} now: the buffer was transferred or detached.`,
    fix: "transfer a copy (`array.slice()`), or make the tensor of one.",
  });
}

/** An array whose length cannot change: itself, or a copy if its buffer is resizable. */
export function fixedLength(array: TypedArray): TypedArray {
  const { resizable, growable } = array.buffer as { resizable?: boolean; growable?: boolean };
  return resizable || growable ? array.slice() : array;
}

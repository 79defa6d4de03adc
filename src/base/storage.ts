import type { DType, TypedArray } from "./dtype.ts";

/** One buffer of an engine. Engines over host memory expose it directly. */
export interface Storage {
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  /** The values, row-major. May be a view of live memory: copy before writing or keeping. */
  read(): TypedArray;
}

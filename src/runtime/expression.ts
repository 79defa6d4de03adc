import type { DType } from "../base/index.ts";
import type { Opcode } from "./opcodes.ts";

/** Where operand elements lie: buffer 0 is the arena, buffer i > 0 is slot i − 1. */
export interface View {
  readonly buffer: number;
  readonly dtype: DType;
  /** Elements (of `dtype`) from the start of the buffer. */
  readonly offset: number;
  /**
   * Elements per step along each axis of the instruction's shape; 0 broadcasts, negative strides
   * flip.
   */
  readonly strides: readonly number[];
}

/**
 * An elementwise expression in single-assignment form. Value i is `values[i]`; an operation refers
 * only to earlier values. `input` values read the instruction's input views in order.
 */
export interface Expression {
  readonly values: readonly Value[];
  /** The values that are stored, one per output view. */
  readonly results: readonly number[];
}

export type Value =
  /** The element of input view `input` (in an epilogue, input 0 is the accumulated result). */
  | { readonly kind: "input"; readonly dtype: DType; readonly input: number }
  | { readonly kind: "constant"; readonly dtype: DType; readonly value: number }
  /** The index along an axis of the instruction's shape, int32. */
  | { readonly kind: "index"; readonly dtype: "int32"; readonly axis: number }
  | {
      readonly kind: "op";
      readonly dtype: DType;
      readonly op: Opcode;
      readonly args: readonly number[];
    };

/** In the order of their codes. */
export const valueKinds = ["input", "constant", "index", "op"] as const;

/**
 * The epilogue: what happens to an accumulated result before it is stored. Input 0 of the
 * expression is the result, input i ≥ 1 is `inputs[i − 1]`. Views are over the shape of the result.
 */
export interface Epilogue {
  readonly inputs: readonly View[];
  readonly outputs: readonly View[];
  readonly expression: Expression;
}

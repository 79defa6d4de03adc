import type { DType } from "../base/index.ts";
import type { Instruction } from "./instructions.ts";

export type { Epilogue, Expression, Value, View } from "./expression.ts";
export type { Blame, Instruction, InstructionOf, Reducer } from "./instructions.ts";

/**
 * The flat form that engines execute: instructions in order, over one arena and a list of external
 * slots (the caller's buffers). Everything in it is a number, so that it serializes to two arrays
 * and an engine can check every bound before the first run.
 */
export interface Program {
  /** External buffers, in the order in which `run` receives them. */
  readonly slots: readonly Slot[];
  /** Bytes of scratch memory that all intermediate buffers share. */
  readonly arenaBytes: number;
  readonly instructions: readonly Instruction[];
}

export interface Slot {
  readonly role: "input" | "output";
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
  /**
   * For an output: the input slot whose memory it may reuse, because nothing reads that input after
   * this output is written (or reads it only at the element being written).
   */
  readonly mayAlias?: number | undefined;
}

/** Arena bytes are counted in this unit, so that 32-bit words suffice. */
export const arenaUnit = 64;

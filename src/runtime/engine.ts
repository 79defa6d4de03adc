import type { DType, Storage, TypedArray } from "../base/index.ts";
import type { Program } from "./program.ts";

export type { Storage } from "../base/index.ts";

/** A loaded program. */
export interface Executable {
  /** Runs off the main thread; runs of one engine happen in the order of their calls. */
  run(slots: readonly Storage[]): Promise<void>;
  /** Runs now, after any run that is still under way. */
  runSync(slots: readonly Storage[]): void;
  /** Runs now and returns the nanoseconds that each instruction took, 0 for what the one before has done; where the engine can tell. */
  profile?(slots: readonly Storage[]): Float64Array;
  /** The algorithm that was chosen for each instruction when the program was loaded; null where there was no choice. */
  algorithms?(): (string | null)[];
}

/** What executes programs. */
export interface Engine {
  readonly name: string;
  /** A new buffer for a program to write; what it holds before that is left open. */
  allocate(dtype: DType, size: number): Storage;
  /** A buffer that holds these values; may keep the array itself, which nobody else touches. */
  upload(array: TypedArray): Storage;
  /** A buffer of an array that its owner may transfer to another thread while a program reads it. */
  borrow(array: TypedArray): Storage;
  /** The values in memory that programs read fastest: the buffer itself, or a copy. */
  relocate?(storage: Storage): Storage;
  /** Whether the buffer is one of this engine's, as its programs need them. */
  owns(storage: Storage): boolean;
  /**
   * Checks every bound of the program and prepares it. `lasting` are input slots that probably hold the
   * same from run to run, as parameters do: the engine may keep what it makes of them.
   * @throws {FormatError} if it is refused.
   */
  load(program: Program, lasting?: readonly number[]): Executable;
  /** What `gradus doctor` prints: instruction set, threads, version. */
  info(): Readonly<Record<string, string | number>>;
}

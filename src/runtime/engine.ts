import type { DType, Storage, TypedArray } from "../base/index.ts";
import type { Program } from "./program.ts";

export type { Storage } from "../base/index.ts";

/** A loaded program. */
export interface Executable {
  /** Runs off the main thread; runs of one engine happen in the order of their calls. */
  run(slots: readonly Storage[]): Promise<void>;
  /** Runs now, after any pending run. */
  runSync(slots: readonly Storage[]): void;
  /**
   * Runs now and returns the nanoseconds that each instruction took (0 if the previous instruction
   * computed it as well), on engines that can measure them.
   */
  profile?(slots: readonly Storage[]): Float64Array;
  /** The algorithm that was chosen for each instruction when the program was loaded; null where there was no choice. */
  algorithms?(): (string | null)[];
}

/** An engine that executes programs. */
export interface Engine {
  readonly name: string;
  /** A new buffer for a program to write; its contents are undefined until then. */
  allocate(dtype: DType, size: number): Storage;
  /** A buffer that holds these values; may keep the array itself, which nobody else uses. */
  upload(array: TypedArray): Storage;
  /** Wraps an array that its owner may transfer to another thread while a program reads it. */
  borrow(array: TypedArray): Storage;
  /** The values in the memory that programs read fastest: the buffer itself, or a copy. */
  relocate?(storage: Storage): Storage;
  /** Whether the buffer belongs to this engine, in the form that its programs need. */
  owns(storage: Storage): boolean;
  /**
   * Checks every bound of the program and prepares it. `lasting` are input slots whose contents
   * probably stay the same from run to run, as parameters do: the engine may cache their packed
   * form.
   * @throws {FormatError} if it is refused.
   */
  load(program: Program, lasting?: readonly number[]): Executable;
  /** What `gradus doctor` prints: instruction set, threads, version. */
  info(): Readonly<Record<string, string | number>>;
}

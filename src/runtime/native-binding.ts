/** How programs of the native engine get their arrays. */
import {
  allocate,
  byteSize,
  type DType,
  InternalError,
  intact,
  invariant,
  type TypedArray,
} from "../base/index.ts";
import { encodeProgram } from "./encode.ts";
import type { Storage } from "./engine.ts";
import { badIndex, outOfMemory, refused } from "./failure.ts";
import type { Program } from "./program.ts";
import type { Loan, Watcher } from "./recycler.ts";
import { type Residence, Resident } from "./residence.ts";

/** A program inside the addon; freed by the garbage collector, if not before. */
export type Handle = object;

/** What `kernel/bindings/node/addon.cc` exports. */
export interface Addon extends Watcher {
  load(words: Int32Array, constants: Float64Array): Handle;
  /** Frees the program, once no run uses it, before the collector does. */
  unload(handle: Handle): void;
  /** Keeps `owners` alive until the run has ended. */
  run(handle: Handle, slots: readonly TypedArray[], owners: readonly Storage[]): Promise<void>;
  /** What synchronous runs use from now on; the caller keeps the array or binds another one. */
  bind(handle: Handle, slot: number, array: TypedArray): void;
  /** Where runs read the versions of the slots' contents from now on; the caller keeps the array. */
  setVersions(handle: Handle, versions: Float64Array): void;
  runSync(handle: Handle): void;
  profile(handle: Handle): Float64Array;
  /** For each instruction the code of its algorithm (`conv-algorithms.ts`); −1 where there was no choice. */
  algorithms(handle: Handle): Int32Array;
  info(): { isa: string; threads: number; compiler: string };
  setThreads(count: number): void;
  arenaBytes(): number;
  /** Bytes from the start of a cache line to that of the array. */
  misalignment(array: TypedArray): number;
  /** Asks for large pages; bytes from the start of the bytes to the first of them. */
  largePages(bytes: Uint8Array): number;
}

let lastVersion = 0;

/** A typed array; V8 owns the memory. Whoever uses the array keeps the storage: it may be lent. */
export class HostStorage implements Storage {
  readonly dtype: DType;
  readonly size: number;
  array: TypedArray;
  /** Whether the array is the caller's, who may transfer it: its memory is then another's to free. */
  borrowed = false;
  loan: Loan | null = null;
  /** A number that no other contents of any storage have; 0 after a write, until somebody asks. */
  #version = 0;

  constructor(dtype: DType, array: TypedArray) {
    this.dtype = dtype;
    this.array = array;
    this.size = array.length;
  }

  /** The reader may keep the array for longer, and write to it. */
  read(): TypedArray {
    if (this.loan) this.loan.array = null;
    this.#version = 0;
    return intact(this.array, this.size);
  }

  version(): number {
    if (this.#version === 0) this.#version = ++lastVersion;
    return this.#version;
  }

  willChange(): void {
    this.#version = 0;
  }
}

/** Arrays up to so many bytes stay bound from run to run; larger ones are not kept, they may be lent. */
const keptBytes = 64 << 10;
/** V8 holds arrays of up to so many bytes in its own heap, until their address is asked for. */
const heapBytes = 64;

/**
 * The arrays of a program's synchronous runs. Telling the addon an address costs as much as a small
 * kernel, so only what has changed since the last run is told. Small results are written to an array
 * of the program's own and copied: a fresh array would have to be told, and moved off V8's heap, every
 * time. Not so results that may take the memory of an input: that array is the same in every run.
 */
export class Binding {
  readonly #addon: Addon;
  readonly #residence: Residence<Handle>;
  readonly #program: Resident<Handle>;
  /** What the arrays are bound to. */
  #handle: Handle | null = null;
  readonly #bound: (TypedArray | null)[];
  /** Lengths of the bound arrays when they were bound: one that was detached has another. */
  readonly #lengths: number[];
  /** For small fresh outputs, the program's own array. */
  readonly #own: (TypedArray | null)[];
  /** The slots that have one. */
  readonly #copied: readonly number[];
  /** Slots whose contents the addon may know again in the next run. */
  readonly #lasting: readonly number[];
  /** The first of the slots that a run writes: they come after the inputs. */
  readonly #written: number;
  /** What the addon reads: of lasting slots; for all others 0. */
  readonly #versions: Float64Array;

  constructor(
    addon: Addon,
    residence: Residence<Handle>,
    program: Program,
    lasting: readonly number[],
  ) {
    const { slots } = program;
    this.#addon = addon;
    this.#residence = residence;
    this.#program = new Resident(encodeProgram(program));
    residence.handleOf(this.#program, this); // refuses what the engine cannot run
    this.#lasting = lasting;
    const outputs = slots.findIndex(({ role }) => role === "output");
    this.#written = outputs < 0 ? slots.length : outputs;
    this.#versions = new Float64Array(slots.length);
    this.#bound = slots.map(() => null);
    this.#lengths = slots.map(() => 0);
    this.#own = slots.map(({ role, dtype, size, mayAlias }) => {
      const fresh = role === "output" && mayAlias === undefined;
      return fresh && size * byteSize(dtype) <= heapBytes ? allocate(dtype, size) : null;
    });
    this.#copied = slots.map((_, i) => i).filter((i) => this.#own[i]);
  }

  /** The program, which may have been loaded again: then nothing is bound to it. */
  loaded(): Handle {
    const handle = this.#residence.handleOf(this.#program, this);
    if (handle === this.#handle) return handle;
    this.#handle = handle;
    this.#bound.fill(null);
    if (this.#lasting.length > 0) this.#addon.setVersions(handle, this.#versions);
    return handle;
  }

  /** Runs the program on `slots`. */
  run<R>(slots: readonly Storage[], start: (handle: Handle) => R): R {
    const count = this.#bound.length;
    this.checkCount(slots);
    try {
      const handle = this.loaded();
      for (let i = 0; i < count; i++) {
        const array = arrayOf(slots, i);
        if (!this.#isBound(i, array)) this.#bind(i, array);
      }
      this.readVersions(slots);
      const result = start(handle);
      for (const i of this.#copied) copySmall(arrayOf(slots, i), this.#own[i]!);
      return result;
    } catch (error) {
      throw mappedError(error);
    }
  }

  checkCount(slots: readonly Storage[]): void {
    const count = this.#bound.length;
    invariant(
      slots.length === count,
      () => `${slots.length} buffers for a program of ${count} slots`,
    );
  }

  #isBound(i: number, array: TypedArray): boolean {
    return this.#bound[i] === array && this.#lengths[i] === array.length;
  }

  /** Before a run: says which contents it reads, and that it leaves others behind. */
  readVersions(slots: readonly Storage[]): void {
    for (const i of this.#lasting) this.#versions[i] = (slots[i] as HostStorage).version();
    for (let i = this.#written; i < slots.length; i++) (slots[i] as HostStorage).willChange();
  }

  #bind(i: number, given: TypedArray): void {
    const own = this.#own[i];
    const fits = own && own.length <= given.length && own.constructor === given.constructor;
    const array = fits ? own : given; // the addon says what is wrong with one that does not fit
    if (this.#isBound(i, array)) return;
    this.#bound[i] = null;
    this.#addon.bind(this.#handle!, i, array);
    this.#bound[i] = array.byteLength <= keptBytes ? array : null;
    this.#lengths[i] = array.length;
  }
}

/** Slots that products read, perhaps in packed form. */
export function packedSlots({ instructions }: Program): ReadonlySet<number> {
  const slots = new Set<number>();
  for (const instruction of instructions) {
    if (instruction.kind === "matmul")
      slots.add(instruction.a.buffer - 1).add(instruction.b.buffer - 1);
    if (instruction.kind === "conv") slots.add(instruction.w.buffer - 1);
  }
  return slots;
}

/** Faster than `set` for a few elements. */
function copySmall(to: TypedArray, from: TypedArray): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]!;
}

export function arraysOf(slots: readonly Storage[]): TypedArray[] {
  const arrays = new Array<TypedArray>(slots.length);
  for (let i = 0; i < slots.length; i++) arrays[i] = arrayOf(slots, i);
  return arrays;
}

function arrayOf(slots: readonly Storage[], i: number): TypedArray {
  const slot = slots[i];
  invariant(slot instanceof HostStorage, () => `slot ${i} belongs to another engine`);
  return slot.array.length === slot.size ? slot.array : intact(slot.array, slot.size);
}

export function mapped<T>(f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw mappedError(error);
  }
}

/** The addon's error as the class that its code stands for. */
export function mappedError(error: unknown): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  const problem = messageOf(error);
  if (code === "GRADUS_REFUSED") return refused(problem);
  if (code === "GRADUS_DATA") return badIndex("native", problem);
  if (code === "GRADUS_MEMORY") return outOfMemory("native", problem);
  if (code === "GRADUS_ARGUMENT") return new InternalError(problem);
  return error;
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

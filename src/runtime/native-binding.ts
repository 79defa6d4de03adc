/** Binds arrays to programs of the native engine. */
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

/** A program inside the addon; freed by the garbage collector if not before. */
export type Handle = object;

/** The exports of `kernel/bindings/node/addon.cc`. */
export interface Addon extends Watcher {
  load(words: Int32Array, constants: Float64Array): Handle;
  /** Frees the program as soon as no run uses it, without waiting for the collector. */
  unload(handle: Handle): void;
  /** Keeps `owners` alive until the run has ended. */
  run(handle: Handle, slots: readonly TypedArray[], owners: readonly Storage[]): Promise<void>;
  /**
   * Sets the array that synchronous runs use from now on; the caller keeps it alive or binds
   * another one.
   */
  bind(handle: Handle, slot: number, array: TypedArray): void;
  /**
   * Sets the array from which runs read the versions of the slots' contents; the caller keeps it
   * alive.
   */
  setVersions(handle: Handle, versions: Float64Array): void;
  runSync(handle: Handle): void;
  profile(handle: Handle): Float64Array;
  /** The code of each instruction's algorithm (`conv-algorithms.ts`); −1 if there was no choice. */
  algorithms(handle: Handle): Int32Array;
  info(): { isa: string; threads: number; compiler: string };
  setThreads(count: number): void;
  arenaBytes(): number;
  /** Bytes from the start of a cache line to the start of the array. */
  misalignment(array: TypedArray): number;
  /** Asks for huge pages; returns the bytes from the start of the array to the first of them. */
  largePages(bytes: Uint8Array): number;
}

let lastVersion = 0;

/**
 * A typed array; V8 owns the memory. Users of the array keep the storage alive, because its array
 * may be recycled.
 */
export class HostStorage implements Storage {
  readonly dtype: DType;
  readonly size: number;
  array: TypedArray;
  /** Whether the array belongs to the caller, who may transfer it and thereby free its memory. */
  borrowed = false;
  loan: Loan | null = null;
  /**
   * A version that identifies these contents among all storages; 0 after a write, until it is next
   * requested.
   */
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

/**
 * Arrays up to this size stay bound from run to run; larger ones may be recycled and are not kept.
 */
const keptBytes = 64 << 10;
/** V8 holds arrays up to this size in its own heap until their address is requested. */
const heapBytes = 64;

/**
 * The arrays of a program's synchronous runs. Passing an address to the addon costs as much as a
 * small kernel, so only changed arrays are passed. Small results are written to an array owned by
 * the program and copied: a fresh array would have to be bound, and moved off V8's heap, every
 * time. Results that reuse the memory of an input are an exception: their array is the same in
 * every run.
 */
export class Binding {
  readonly #addon: Addon;
  readonly #residence: Residence<Handle>;
  readonly #program: Resident<Handle>;
  /** The storages to which the arrays are bound. */
  #handle: Handle | null = null;
  readonly #bound: (TypedArray | null)[];
  /** Lengths of the arrays when they were bound; the length of a detached one differs. */
  readonly #lengths: number[];
  /** For small fresh outputs, the program's own array. */
  readonly #own: (TypedArray | null)[];
  /** The slots that have one. */
  readonly #copied: readonly number[];
  /** Slots whose contents the addon may recognize in the next run. */
  readonly #lasting: readonly number[];
  /** The first of the slots that a run writes; they follow the inputs. */
  readonly #written: number;
  /** The versions that the addon reads: those of lasting slots, and 0 for all others. */
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
    residence.handleOf(this.#program, this); // refuses programs that the engine cannot run
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

  /** The program; after it has been loaded again, nothing is bound to it. */
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

  /**
   * Before a run: records the versions it reads, and that it changes the contents of its outputs.
   */
  readVersions(slots: readonly Storage[]): void {
    for (const i of this.#lasting) this.#versions[i] = (slots[i] as HostStorage).version();
    for (let i = this.#written; i < slots.length; i++) (slots[i] as HostStorage).willChange();
  }

  #bind(i: number, given: TypedArray): void {
    const own = this.#own[i];
    const fits = own && own.length <= given.length && own.constructor === given.constructor;
    const array = fits ? own : given; // the addon reports an array that does not fit
    if (this.#isBound(i, array)) return;
    this.#bound[i] = null;
    this.#addon.bind(this.#handle!, i, array);
    this.#bound[i] = array.byteLength <= keptBytes ? array : null;
    this.#lengths[i] = array.length;
  }
}

/** Slots that products read, possibly in packed form. */
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

/** Converts the addon's error to the class for its code. */
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

import {
  allocate,
  byteSize,
  type DType,
  dtypeOf,
  fixedLength,
  InternalError,
  intact,
  invariant,
  type TypedArray,
  viewOf,
} from "../base/index.ts";
import type { Engine, Executable, Storage } from "./engine.ts";
import { badIndex, outOfMemory, refused } from "./failure.ts";
import { builtin, environment } from "./node.ts";
import { encodeProgram, type Program } from "./program.ts";
import { type Loan, Recycler, type Watcher } from "./recycler.ts";

/** A program inside the addon; freed by the garbage collector. */
type Handle = object;

/** What `kernel/bindings/node/addon.cc` exports. */
interface Addon extends Watcher {
  load(words: Int32Array, constants: Float64Array): Handle;
  /** Keeps `owners` alive until the run has ended. */
  run(handle: Handle, slots: readonly TypedArray[], owners: readonly Storage[]): Promise<void>;
  /** What synchronous runs use from now on; the caller keeps the array or binds another one. */
  bind(handle: Handle, slot: number, array: TypedArray): void;
  /** Where runs read the stamps of the slots' contents from now on; the caller keeps the array. */
  stamp(handle: Handle, stamps: Float64Array): void;
  runSync(handle: Handle): void;
  profile(handle: Handle): Float64Array;
  info(): { isa: string; threads: number; compiler: string };
  setThreads(count: number): void;
  arenaBytes(): number;
  /** Bytes from the start of a cache line to that of the array. */
  misalignment(array: TypedArray): number;
  /** Asks for large pages; bytes from the start of the bytes to the first of them. */
  largePages(bytes: Uint8Array): number;
}

let lastStamp = 0;

/** A typed array; V8 owns the memory. Whoever uses the array keeps the storage: it may be lent. */
class HostStorage implements Storage {
  readonly dtype: DType;
  readonly size: number;
  array: TypedArray;
  /** Whether the array is the caller's, who may transfer it: its memory is then another's to free. */
  borrowed = false;
  loan: Loan | null = null;
  /** A number that no other contents of any storage have; 0 after a write, until somebody asks. */
  #stamp = 0;

  constructor(dtype: DType, array: TypedArray) {
    this.dtype = dtype;
    this.array = array;
    this.size = array.length;
  }

  /** The reader may keep the array for longer, and write to it. */
  read(): TypedArray {
    if (this.loan) this.loan.array = null;
    this.#stamp = 0;
    return intact(this.array, this.size);
  }

  stamp(): number {
    if (this.#stamp === 0) this.#stamp = ++lastStamp;
    return this.#stamp;
  }

  willChange(): void {
    this.#stamp = 0;
  }
}

/** A loaded program of the native engine. */
export interface NativeExecutable extends Executable {
  /** Runs once and returns the nanoseconds that each instruction took. */
  profile(slots: readonly Storage[]): Float64Array;
}

/** The C++ engine, through N-API. */
export interface NativeEngine extends Engine {
  load(program: Program): NativeExecutable;
  /** Threads of later runs; results do not depend on it. */
  setThreads(count: number): void;
  /** Scratch memory held for intermediate results. */
  arenaBytes(): number;
}

/**
 * Loads `build/Release/gradus.node`, or says why it cannot be loaded. The threads are those that
 * Node reports as available, or `GRADUS_THREADS`.
 */
export function loadNative(): NativeEngine | { readonly missing: string } {
  if (!builtin) return { missing: "the native engine is for Node" };
  // The path is put together out of sight of bundlers, which would look for the file.
  const path = builtin("node:path").resolve(
    builtin("node:url").fileURLToPath(import.meta.url),
    "../../../build/Release/gradus.node",
  );
  if (!builtin("node:fs").existsSync(path)) return { missing: "the native engine is not built" };
  let addon: Addon;
  try {
    addon = builtin("node:module").createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    return { missing: `the native engine does not load (${messageOf(error)})` };
  }
  if (!environment("GRADUS_THREADS")) addon.setThreads(builtin("node:os").availableParallelism());
  return engineOf(addon);
}

function upload(array: TypedArray): HostStorage {
  const dtype = dtypeOf(array);
  invariant(dtype !== undefined, `a ${array.constructor.name} cannot be uploaded`);
  return new HostStorage(dtype, array);
}

function engineOf(addon: Addon): NativeEngine {
  const recycler = new Recycler(addon);
  const freshArray = (dtype: DType, size: number): TypedArray => {
    try {
      return unfilled(addon, dtype, size);
    } catch {
      recycler.clear(); // what is kept for later must not be what is missing now
      return unfilled(addon, dtype, size);
    }
  };
  /** Gives the storage an array to write, which is lent again when the storage is dead. */
  const fill = (storage: HostStorage, fresh: TypedArray): void => {
    storage.array = fresh;
    if (!recycler.takes(fresh.byteLength)) return;
    const { buffer, byteOffset } = recycler.take(fresh);
    storage.array = viewOf(storage.dtype, buffer, byteOffset, storage.size);
    storage.loan = recycler.lend(storage.array, storage);
  };
  /** Off this thread nothing may be read that this thread may give away. */
  const own = (storage: HostStorage): void => {
    const given = intact(storage.array, storage.size);
    fill(storage, freshArray(storage.dtype, storage.size));
    storage.array.set(given);
    storage.borrowed = false;
  };
  return {
    name: "native",
    allocate(dtype, size) {
      const fresh = freshArray(dtype, size);
      const storage = new HostStorage(dtype, fresh);
      fill(storage, fresh);
      return storage;
    },
    settle(storage) {
      const { dtype, size } = storage;
      if (!(storage instanceof HostStorage) || size * byteSize(dtype) < longBytes) return storage;
      if (addon.misalignment(storage.array) === 0) return storage;
      const copy = unfilled(addon, dtype, size);
      copy.set(intact(storage.array, size));
      return new HostStorage(dtype, copy);
    },
    upload,
    borrow(array) {
      const fixed = fixedLength(array);
      const storage = upload(fixed);
      storage.borrowed = fixed === array && array.buffer instanceof ArrayBuffer;
      return storage;
    },
    owns: (storage) => storage instanceof HostStorage,
    load(program, lasting = []) {
      const { words, constants } = encodeProgram(program);
      const handle = mapped(() => addon.load(words, constants));
      const operands = packedSlots(program);
      const known = lasting.filter((i) => operands.has(i));
      const binding = new Binding(addon, handle, program, known);
      return {
        runSync: (slots) => binding.run(slots, addon.runSync),
        run: (slots) =>
          mapped(() => {
            binding.checkCount(slots);
            for (const slot of slots) if (slot instanceof HostStorage && slot.borrowed) own(slot);
            const arrays = arraysOf(slots);
            binding.stamp(slots);
            return addon.run(handle, arrays, [...slots]);
          }).catch((error) => {
            throw mappedError(error);
          }),
        profile: (slots) => binding.run(slots, addon.profile),
      };
    },
    info: () => addon.info(),
    setThreads: (count) => mapped(() => addon.setThreads(count)),
    arenaBytes: () => addon.arenaBytes(),
  };
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
class Binding {
  readonly #addon: Addon;
  readonly #handle: Handle;
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
  readonly #stamps: Float64Array;

  constructor(addon: Addon, handle: Handle, { slots }: Program, lasting: readonly number[]) {
    this.#addon = addon;
    this.#handle = handle;
    this.#lasting = lasting;
    const outputs = slots.findIndex(({ role }) => role === "output");
    this.#written = outputs < 0 ? slots.length : outputs;
    this.#stamps = new Float64Array(slots.length);
    if (lasting.length > 0) addon.stamp(handle, this.#stamps);
    this.#bound = slots.map(() => null);
    this.#lengths = slots.map(() => 0);
    this.#own = slots.map(({ role, dtype, size, mayAlias }) => {
      const fresh = role === "output" && mayAlias === undefined;
      return fresh && size * byteSize(dtype) <= heapBytes ? allocate(dtype, size) : null;
    });
    this.#copied = slots.map((_, i) => i).filter((i) => this.#own[i]);
  }

  /** Runs the program on `slots`. */
  run<R>(slots: readonly Storage[], start: (handle: Handle) => R): R {
    const count = this.#bound.length;
    this.checkCount(slots);
    try {
      for (let i = 0; i < count; i++) {
        const array = arrayOf(slots, i);
        if (!this.#isBound(i, array)) this.#bind(i, array);
      }
      this.stamp(slots);
      const result = start(this.#handle);
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
  stamp(slots: readonly Storage[]): void {
    for (const i of this.#lasting) this.#stamps[i] = (slots[i] as HostStorage).stamp();
    for (let i = this.#written; i < slots.length; i++) (slots[i] as HostStorage).willChange();
  }

  #bind(i: number, given: TypedArray): void {
    const own = this.#own[i];
    const fits = own && own.length <= given.length && own.constructor === given.constructor;
    const array = fits ? own : given; // the addon says what is wrong with one that does not fit
    if (this.#isBound(i, array)) return;
    this.#bound[i] = null;
    this.#addon.bind(this.#handle, i, array);
    this.#bound[i] = array.byteLength <= keptBytes ? array : null;
    this.#lengths[i] = array.length;
  }
}

/** Slots that products read, perhaps in packed form. */
function packedSlots({ instructions }: Program): ReadonlySet<number> {
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

/** From so many bytes on, arrays start with a cache line and are not zeroed. */
const longBytes = 4096;
/** A cache line, and a vector of the widest instruction set. */
const lineBytes = 64;
/** From so many bytes on, arrays lie in large pages: a TLB knows half as many ordinary ones, some 2000. */
const largeBytes = 16 << 20;
const pageBytes = 2 << 20;

/**
 * An array to be written. Zeroing a page costs as much as writing results to it, and vectors that lie
 * across two cache lines take twice as long to read: where neither shows, in short arrays, V8 does
 * as it likes.
 */
function unfilled(addon: Addon, dtype: DType, size: number): TypedArray {
  const bytes = size * byteSize(dtype);
  if (bytes < longBytes) return allocate(dtype, size);
  if (bytes >= largeBytes) {
    const { buffer } = Buffer.allocUnsafeSlow(bytes + pageBytes); // what nobody writes takes no memory
    return viewOf(dtype, buffer, addon.largePages(new Uint8Array(buffer)), size);
  }
  const { buffer } = Buffer.allocUnsafeSlow(bytes + lineBytes);
  const past = addon.misalignment(new Uint8Array(buffer));
  return viewOf(dtype, buffer, past === 0 ? 0 : lineBytes - past, size);
}

function arraysOf(slots: readonly Storage[]): TypedArray[] {
  const arrays = new Array<TypedArray>(slots.length);
  for (let i = 0; i < slots.length; i++) arrays[i] = arrayOf(slots, i);
  return arrays;
}

function arrayOf(slots: readonly Storage[], i: number): TypedArray {
  const slot = slots[i];
  invariant(slot instanceof HostStorage, () => `slot ${i} belongs to another engine`);
  return slot.array.length === slot.size ? slot.array : intact(slot.array, slot.size);
}

function mapped<T>(f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw mappedError(error);
  }
}

/** The addon's error as the class that its code stands for. */
function mappedError(error: unknown): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  const problem = messageOf(error);
  if (code === "GRADUS_REFUSED") return refused(problem);
  if (code === "GRADUS_DATA") return badIndex("native", problem);
  if (code === "GRADUS_MEMORY") return outOfMemory("native", problem);
  if (code === "GRADUS_ARGUMENT") return new InternalError(problem);
  return error;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

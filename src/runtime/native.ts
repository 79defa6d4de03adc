import {
  allocate,
  byteSize,
  type DType,
  dtypeOf,
  fixedLength,
  intact,
  invariant,
  type TypedArray,
  viewOf,
  withRoom,
} from "../base/index.ts";
import { algorithmName } from "./conv-algorithms.ts";
import type { Engine, Executable, Storage } from "./engine.ts";
import { requestedIsa, requestedThreads } from "./environment.ts";
import {
  type Addon,
  arraysOf,
  Binding,
  type Handle,
  HostStorage,
  mapped,
  mappedError,
  messageOf,
  packedSlots,
} from "./native-binding.ts";
import { builtin } from "./node.ts";
import type { Program } from "./program.ts";
import { Recycler } from "./recycler.ts";
import { Residence } from "./residence.ts";

/** A loaded program of the native engine. */
export interface NativeExecutable extends Executable {
  /** Runs once and returns the nanoseconds of each instruction. */
  profile(slots: readonly Storage[]): Float64Array;
}

/** The C++ engine, through N-API. */
export interface NativeEngine extends Engine {
  load(program: Program): NativeExecutable;
  /** Threads of later runs; results do not depend on it. */
  setThreads(count: number): void;
  /** Scratch memory for intermediate results. */
  arenaBytes(): number;
}

/**
 * Loads `build/Release/gradus.node`, or says why it cannot be loaded. The threads are those that
 * Node reports as available, or `GRADUS_THREADS`.
 */
export function loadNative(): NativeEngine | { readonly missing: string } {
  if (!builtin) return { missing: "the native engine is for Node" };
  // The path is computed so that bundlers do not look for the file.
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
  const isa = requestedIsa("native");
  if (typeof isa === "object") return isa;
  const has = addon.info().isa;
  if (isa && isa !== has)
    return {
      missing: `GRADUS_ISA=${isa}: this processor runs ${has} at best, or ${isa} was not compiled (npm run build:native -- --all)`,
    };
  addon.setThreads(requestedThreads() ?? builtin("node:os").availableParallelism());
  return engineOf(addon);
}

function upload(array: TypedArray): HostStorage {
  const dtype = dtypeOf(array);
  invariant(dtype !== undefined, `a ${array.constructor.name} cannot be uploaded`);
  return new HostStorage(dtype, array);
}

/** A separate function, so that the closure it returns does not retain the program. */
const executableOf = (
  addon: Addon,
  binding: Binding,
  own: (storage: HostStorage) => void,
): NativeExecutable => ({
  runSync: (slots) => binding.run(slots, addon.runSync),
  run: (slots) =>
    mapped(() => {
      binding.checkCount(slots);
      for (const slot of slots) if (slot instanceof HostStorage && slot.borrowed) own(slot);
      const arrays = arraysOf(slots);
      const handle = binding.loaded();
      binding.readVersions(slots);
      return addon.run(handle, arrays, [...slots]);
    }).catch((error) => {
      throw mappedError(error);
    }),
  profile: (slots) => binding.run(slots, addon.profile),
  algorithms: () => [...addon.algorithms(binding.loaded())].map(algorithmName),
});

/** A long buffer in memory aligned to a cache line: the storage itself, or a copy. */
function relocated(addon: Addon, storage: Storage): Storage {
  const { dtype, size } = storage;
  if (!(storage instanceof HostStorage) || size * byteSize(dtype) < longBytes) return storage;
  if (addon.misalignment(storage.array) === 0) return storage;
  const copy = unfilled(addon, dtype, size);
  copy.set(intact(storage.array, size));
  return new HostStorage(dtype, copy);
}

function engineOf(addon: Addon): NativeEngine {
  const recycler = new Recycler(addon);
  const residence = new Residence<Handle>(
    ({ words, constants }) => mapped(() => addon.load(words, constants)),
    (handle) => addon.unload(handle),
  );
  const freshArray = (dtype: DType, size: number): TypedArray => {
    try {
      return unfilled(addon, dtype, size);
    } catch {
      recycler.clear(); // retained arrays must not use up the memory that is needed now
      return withRoom(dtype, size, () => unfilled(addon, dtype, size));
    }
  };
  /** Gives the storage an array to write, which is recycled when the storage has been collected. */
  const fill = (storage: HostStorage, fresh: TypedArray): void => {
    storage.array = fresh;
    if (!recycler.takes(fresh.byteLength)) return;
    const { buffer, byteOffset } = recycler.take(fresh);
    storage.array = viewOf(storage.dtype, buffer, byteOffset, storage.size);
    storage.loan = recycler.lend(storage.array, storage);
  };
  /** Other threads must not read memory that this thread may transfer. */
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
    relocate: (storage) => relocated(addon, storage),
    upload,
    borrow(array) {
      const fixed = fixedLength(array);
      const storage = upload(fixed);
      storage.borrowed = fixed === array && array.buffer instanceof ArrayBuffer;
      return storage;
    },
    owns: (storage) => storage instanceof HostStorage,
    load(program, lasting = []) {
      const operands = packedSlots(program);
      const known = lasting.filter((i) => operands.has(i));
      return executableOf(addon, new Binding(addon, residence, program, known), own);
    },
    info: () => addon.info(),
    setThreads: (count) => mapped(() => addon.setThreads(count)),
    arenaBytes: () => addon.arenaBytes(),
  };
}

/** Arrays of at least this size are aligned to a cache line and not zeroed. */
const longBytes = 4096;
/** A cache line, and a vector of the widest instruction set. */
const lineBytes = 64;
/**
 * Arrays of at least this size use huge pages: the TLB covers only half as much in ordinary pages,
 * some 2000 of them.
 */
const largeBytes = 16 << 20;
const pageBytes = 2 << 20;

/**
 * An array to write to. Zeroing a page costs as much as writing results to it, and vectors that
 * straddle two cache lines take twice as long to read. In short arrays neither matters, and V8
 * allocates them as usual.
 */
function unfilled(addon: Addon, dtype: DType, size: number): TypedArray {
  const bytes = size * byteSize(dtype);
  if (bytes < longBytes) return allocate(dtype, size);
  if (bytes >= largeBytes) {
    const { buffer } = Buffer.allocUnsafeSlow(bytes + pageBytes); // unwritten pages take no memory
    return viewOf(dtype, buffer, addon.largePages(new Uint8Array(buffer)), size);
  }
  const { buffer } = Buffer.allocUnsafeSlow(bytes + lineBytes);
  const past = addon.misalignment(new Uint8Array(buffer));
  return viewOf(dtype, buffer, past === 0 ? 0 : lineBytes - past, size);
}

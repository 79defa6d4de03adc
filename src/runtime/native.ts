import {
  allocate,
  byteSize,
  type DType,
  dtypeOf,
  InternalError,
  invariant,
  type TypedArray,
  viewOf,
} from "../base/index.ts";
import type { Engine, Executable, Storage } from "./engine.ts";
import { badIndex, outOfMemory, refused } from "./failure.ts";
import { builtin, environment } from "./node.ts";
import { encodeProgram, type Program } from "./program.ts";

/** A program inside the addon; freed by the garbage collector. */
type Handle = object;

/** What `kernel/bindings/node/addon.cc` exports. */
interface Addon {
  load(words: Int32Array, constants: Float64Array): Handle;
  run(handle: Handle, slots: readonly TypedArray[]): Promise<void>;
  runSync(handle: Handle, slots: readonly TypedArray[]): void;
  profile(handle: Handle, slots: readonly TypedArray[]): Float64Array;
  info(): { isa: string; threads: number; compiler: string };
  setThreads(count: number): void;
  arenaBytes(): number;
}

/** A typed array; V8 owns the memory. */
class HostStorage implements Storage {
  readonly dtype: DType;
  readonly array: TypedArray;

  constructor(dtype: DType, array: TypedArray) {
    this.dtype = dtype;
    this.array = array;
  }

  get size(): number {
    return this.array.length;
  }

  read(): TypedArray {
    return this.array;
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

function engineOf(addon: Addon): NativeEngine {
  return {
    name: "native",
    allocate: (dtype, size) => new HostStorage(dtype, unfilled(dtype, size)),
    upload(array) {
      const dtype = dtypeOf(array);
      invariant(dtype !== undefined, `a ${array.constructor.name} cannot be uploaded`);
      // Memory that can shrink under a running program is copied.
      const fixed = (array.buffer as { resizable?: boolean }).resizable !== true;
      return new HostStorage(dtype, fixed ? array : array.slice());
    },
    owns: (storage) => storage instanceof HostStorage,
    load(program) {
      const { words, constants } = encodeProgram(program);
      const handle = mapped(() => addon.load(words, constants));
      return {
        runSync: (slots) => mapped(() => addon.runSync(handle, arraysOf(slots))),
        run: (slots) =>
          mapped(() => addon.run(handle, arraysOf(slots))).catch((error) => {
            throw mappedError(error);
          }),
        profile: (slots) => mapped(() => addon.profile(handle, arraysOf(slots))),
      };
    },
    info: () => addon.info(),
    setThreads: (count) => mapped(() => addon.setThreads(count)),
    arenaBytes: () => addon.arenaBytes(),
  };
}

/** Zeroing a page costs as much as writing results to it: only short arrays, where it is free, are zeroed. */
function unfilled(dtype: DType, size: number): TypedArray {
  const bytes = size * byteSize(dtype);
  if (bytes < 4096) return allocate(dtype, size);
  return viewOf(dtype, Buffer.allocUnsafeSlow(bytes).buffer, 0, size);
}

function arraysOf(slots: readonly Storage[]): TypedArray[] {
  const arrays = new Array<TypedArray>(slots.length);
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i];
    invariant(slot instanceof HostStorage, `slot ${i} belongs to another engine`);
    arrays[i] = slot.array;
  }
  return arrays;
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

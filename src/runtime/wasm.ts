import { InternalError, invariant } from "../base/index.ts";
import type { Engine, Executable, Storage } from "./engine.ts";
import { badIndex, outOfMemory, refused } from "./failure.ts";
import { encodeProgram, type Program } from "./program.ts";
import { WasmMemory } from "./wasm-memory.ts";
import {
  fetchModule,
  instantiate,
  isTrap,
  readModule,
  type WasmExports,
  type WasmIsa,
  type WasmModule,
} from "./wasm-module.ts";

export type { WasmIsa } from "./wasm-module.ts";

/** `Status` of `kernel/src/contract.h`. */
const status = { ok: 0, outOfMemory: 1, indexOutOfRange: 2 } as const;

/** The C++ engine as a WebAssembly module, on the calling thread: `run` is no less busy than `runSync`. */
export interface WasmEngine extends Engine {
  /** Bytes of the module's memory; it never shrinks. */
  memoryBytes(): number;
}

let engine: WasmEngine | undefined;

/** The engine, from its file (in Node) or as {@link fetchWasm} has loaded it, or why there is none. */
export function loadWasm(): WasmEngine | { readonly missing: string } {
  if (engine) return engine;
  const module = readModule();
  if ("missing" in module) return module;
  engine = wasmEngine(module);
  return engine;
}

/** Loads the engine where a module cannot be read from a file: in a browser. */
export async function fetchWasm(isa?: WasmIsa): Promise<void> {
  engine ??= wasmEngine(await fetchModule(isa));
}

/** An engine of its own memory over a compiled module. */
export function wasmEngine(module: WasmModule): WasmEngine {
  const exports = instantiate(module);
  const memory = new WasmMemory(exports);
  if (!exports.start()) throw outOfMemory("wasm", "there is no memory for its scratch space.");
  const unload = new FinalizationRegistry<number>((handle) => exports.unload(handle));
  return {
    name: "wasm",
    allocate: (dtype, size) => memory.allocate(dtype, size),
    upload: (array) => memory.upload(array),
    owns: (storage) => memory.owns(storage),
    load(program) {
      const handle = loadProgram(exports, memory, program);
      const executable = executableOf(exports, memory, program, handle);
      unload.register(executable, handle);
      return executable;
    },
    info: () => ({
      isa: module.isa,
      threads: 1,
      memory: `${Math.round(memory.bytes.length / 2 ** 20)} MiB`,
    }),
    memoryBytes: () => memory.bytes.length,
  };
}

function loadProgram(exports: WasmExports, memory: WasmMemory, program: Program): number {
  const { words, constants } = encodeProgram(program);
  const wordsAt = memory.reserve(words.byteLength);
  const constantsAt = memory.reserve(constants.byteLength);
  memory.bytes.set(new Uint8Array(words.buffer), wordsAt);
  memory.bytes.set(new Uint8Array(constants.buffer), constantsAt);
  try {
    const handle = untrapped(() =>
      exports.load(wordsAt, words.length, constantsAt, constants.length),
    );
    if (handle === 0) throw refused(reason(exports, memory));
    return handle >>> 0;
  } finally {
    exports.release(wordsAt);
    exports.release(constantsAt);
  }
}

function executableOf(
  exports: WasmExports,
  memory: WasmMemory,
  program: Program,
  handle: number,
): Executable {
  const table = exports.buffers(handle) >>> 0;
  function runSync(slots: readonly Storage[], nanoseconds = 0): void {
    checkSlots(program, slots);
    try {
      const addresses = memory.begin(program.slots, slots);
      // Scratch memory grows inside the module: what stands in its way must leave first.
      if (program.arenaBytes > exports.arenaBytes())
        exports.release(memory.reserve(program.arenaBytes));
      new Uint32Array(memory.bytes.buffer, table, addresses.length + 1).set(addresses, 1);
      const result = untrapped(() => exports.run(handle, nanoseconds));
      if (result === status.indexOutOfRange) throw badIndex("wasm", reason(exports, memory));
      if (result !== status.ok) throw outOfMemory("wasm", reason(exports, memory));
    } finally {
      memory.end();
    }
  }
  return {
    runSync: (slots) => runSync(slots),
    run(slots) {
      checkSlots(program, slots); // a caller's mistake is no rejection
      return new Promise((resolve) => resolve(runSync(slots)));
    },
    profile(slots) {
      const bytes = program.instructions.length * Float64Array.BYTES_PER_ELEMENT;
      const at = memory.reserve(bytes);
      try {
        runSync(slots, at);
        return new Float64Array(memory.bytes.slice(at, at + bytes).buffer);
      } finally {
        exports.release(at);
      }
    },
  };
}

/** The module sees addresses only: that they hold what the program touches is checked here. */
function checkSlots(program: Program, slots: readonly Storage[]): void {
  invariant(
    slots.length === program.slots.length,
    `${slots.length} buffers for a program of ${program.slots.length} slots`,
  );
  program.slots.forEach(({ dtype, size }, i) => {
    const slot = slots[i]!;
    invariant(slot.dtype === dtype, `slot ${i} is not an array of ${dtype}`);
    invariant(slot.size >= size, `slot ${i} has ${slot.size} elements, the program needs ${size}`);
  });
}

/** What the module says about its last failure. */
function reason(exports: WasmExports, memory: WasmMemory): string {
  const at = exports.reason() >>> 0;
  return new TextDecoder().decode(memory.bytes.slice(at, memory.bytes.indexOf(0, at)));
}

/** Calls into the module; a trap is a bug of ours or memory that its C++ could not do without. */
function untrapped(call: () => number): number {
  try {
    return call();
  } catch (error) {
    if (isTrap(error)) throw new InternalError(`the WebAssembly engine stopped (${error})`);
    throw error;
  }
}

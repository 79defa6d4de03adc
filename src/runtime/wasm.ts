import { fixedLength, InternalError, invariant, turnIfDue } from "../base/index.ts";
import { algorithmName } from "./conv-algorithms.ts";
import { type EncodedProgram, encodeProgram } from "./encode.ts";
import type { Engine, Executable, Storage } from "./engine.ts";
import { badIndex, outOfMemory, refused } from "./failure.ts";
import type { Program } from "./program.ts";
import { Residence, Resident } from "./residence.ts";
import { WasmMemory } from "./wasm-memory.ts";
import {
  fetchModule,
  instantiate,
  isTrap,
  readModule,
  type WasmExports,
  type WasmModule,
  type WasmOptions,
} from "./wasm-module.ts";
import { maySleep, Workers } from "./wasm-threads.ts";

export type { WasmOptions } from "./wasm-module.ts";

/** `Status` of `kernel/src/contract.h`. */
const status = { ok: 0, outOfMemory: 1, indexOutOfRange: 2, refused: 3 } as const;

/**
 * The C++ engine as a WebAssembly module. The calling thread takes part in all computation, so
 * `run` occupies it as much as `runSync` does, but between runs the event loop turns; workers help
 * if memory can be shared.
 */
export interface WasmEngine extends Engine {
  /**
   * Threads of later runs; results do not depend on it. In a page, at most the number it started
   * with.
   */
  setThreads(count: number): void;
  /** Bytes of the module's memory; it never shrinks. */
  memoryBytes(): number;
}

let engine: WasmEngine | undefined;

/** The engine, from its file (in Node) or as loaded by {@link fetchWasm}, or why there is none. */
export function loadWasm(): WasmEngine | { readonly missing: string } {
  if (engine) return engine;
  const module = readModule();
  if ("missing" in module) return module;
  engine = wasmEngine(module);
  return engine;
}

/** Loads the engine where a module cannot be read from a file: in a browser. */
export async function fetchWasm(wanted: WasmOptions): Promise<void> {
  if (engine) return;
  const module = await fetchModule(wanted);
  const instance = start(module);
  await instance.workers?.startInPage(module.threads - 1);
  engine ??= engineOf(module, instance);
}

/** An engine of its own memory over a compiled module, in Node. */
export const wasmEngine = (module: WasmModule): WasmEngine => engineOf(module, start(module));

/** A loaded module: its exports, its buffers, and the workers of a shared memory. */
interface Instance {
  readonly exports: WasmExports;
  readonly memory: WasmMemory;
  readonly workers: Workers | undefined;
}

function start(module: WasmModule): Instance {
  const exports = instantiate(module);
  const memory = new WasmMemory(exports);
  untrapped(exports, () => exports.start());
  if (module.memory && maySleep()) exports.allowSleep?.();
  const workers = module.memory
    ? new Workers(module.module, module.memory, (bytes) => memory.reserve(bytes))
    : undefined;
  return { exports, memory, workers };
}

function engineOf(module: WasmModule, { exports, memory, workers }: Instance): WasmEngine {
  const residence = new Residence<number>(
    (encoded) => loadProgram(exports, memory, encoded),
    (handle) => exports.unload(handle),
  );
  const setThreads = (count: number) =>
    untrapped(exports, () =>
      exports.setThreads(Math.min(count, 1 + (workers?.bring(count - 1) ?? 0))),
    );
  if (workers) setThreads(module.threads);
  return {
    name: "wasm",
    allocate: (dtype, size) => memory.allocate(dtype, size),
    upload: (array) => memory.upload(array),
    borrow: (array) => memory.upload(fixedLength(array)),
    owns: (storage) => memory.owns(storage),
    load(program) {
      const resident = new Resident<number>(encodeProgram(program));
      const { slots, arenaBytes, instructions } = program;
      const outline = { slots, arenaBytes, instructions: instructions.length };
      const handle = () => residence.handleOf(resident, executable);
      const executable: Executable = executableOf(exports, memory, outline, handle);
      handle(); // refuses programs that the engine cannot run
      return executable;
    },
    info: () => ({
      isa: module.isa,
      threads: exports.threads(),
      memory: `${Math.round(memory.bytes.length / 2 ** 20)} MiB`,
    }),
    setThreads,
    memoryBytes: () => memory.bytes.length,
  };
}

function loadProgram(
  exports: WasmExports,
  memory: WasmMemory,
  { words, constants }: EncodedProgram,
): number {
  const wordsAt = memory.reserve(words.byteLength);
  const constantsAt = memory.reserve(constants.byteLength);
  memory.bytes.set(new Uint8Array(words.buffer), wordsAt);
  memory.bytes.set(new Uint8Array(constants.buffer), constantsAt);
  try {
    const handle = untrapped(exports, () =>
      exports.load(wordsAt, words.length, constantsAt, constants.length),
    );
    if (handle !== 0) return handle >>> 0;
    const why = reason(exports, memory);
    throw exports.status() === status.refused ? refused(why) : outOfMemory("wasm", why);
  } finally {
    exports.release(wordsAt);
    exports.release(constantsAt);
  }
}

/** The state of a program that a run needs. */
interface Outline {
  readonly slots: Program["slots"];
  readonly arenaBytes: number;
  /** How many there are. */
  readonly instructions: number;
}

function executableOf(
  exports: WasmExports,
  memory: WasmMemory,
  program: Outline,
  loaded: () => number,
): Executable {
  function runSync(slots: readonly Storage[], nanoseconds = 0): void {
    checkSlots(program, slots);
    try {
      const handle = loaded();
      const addresses = memory.begin(program.slots, slots);
      // Scratch memory grows inside the module, so buffers that take its room move out first.
      if (program.arenaBytes > exports.arenaBytes())
        exports.release(memory.reserve(program.arenaBytes));
      const table = exports.buffers(handle) >>> 0;
      new Uint32Array(memory.bytes.buffer, table, addresses.length + 1).set(addresses, 1);
      const result = untrapped(exports, () => exports.run(handle, nanoseconds));
      if (result === status.indexOutOfRange) throw badIndex("wasm", reason(exports, memory));
      if (result !== status.ok) throw outOfMemory("wasm", reason(exports, memory));
    } finally {
      memory.end();
    }
  }
  return {
    runSync: (slots) => runSync(slots),
    run(slots) {
      checkSlots(program, slots); // a caller's mistake throws instead of rejecting
      return new Promise((resolve) => {
        runSync(slots);
        resolve(turnIfDue() ?? undefined);
      });
    },
    profile(slots) {
      const bytes = program.instructions * Float64Array.BYTES_PER_ELEMENT;
      const at = memory.reserve(bytes);
      try {
        runSync(slots, at);
        return new Float64Array(memory.bytes.slice(at, at + bytes).buffer);
      } finally {
        exports.release(at);
      }
    },
    algorithms() {
      const handle = loaded();
      const codes = Array.from({ length: program.instructions }, (_, n) => n);
      return codes.map((n) => algorithmName(exports.algorithm(handle, n)));
    },
  };
}

/** The module sees only addresses; that the buffers are large enough is checked here. */
function checkSlots(program: Outline, slots: readonly Storage[]): void {
  invariant(
    slots.length === program.slots.length,
    () => `${slots.length} buffers for a program of ${program.slots.length} slots`,
  );
  program.slots.forEach(({ dtype, size }, i) => {
    const slot = slots[i]!;
    invariant(slot.dtype === dtype, () => `slot ${i} is not an array of ${dtype}`);
    invariant(
      slot.size >= size,
      () => `slot ${i} has ${slot.size} elements, the program needs ${size}`,
    );
  });
}

/** The module's message about its last failure. */
function reason(exports: WasmExports, memory: WasmMemory): string {
  const at = exports.reason() >>> 0;
  return new TextDecoder().decode(memory.bytes.slice(at, memory.bytes.indexOf(0, at)));
}

/** Calls into the module. A trap means that its C++ ran out of memory, or a bug of ours. */
function untrapped<T>(exports: WasmExports, call: () => T): T {
  const stack = exports.__stack_pointer.value;
  try {
    return call();
  } catch (error) {
    if (!isTrap(error)) throw error;
    exports.__stack_pointer.value = stack;
    if (exports.ranOut()) throw outOfMemory("wasm", "there is no memory left in the module.");
    throw new InternalError(`the WebAssembly engine stopped (${error})`);
  }
}

import { ConfigError } from "../base/index.ts";
import { requestedIsa } from "./environment.ts";
import { builtin } from "./node.ts";
import { chooseThreads, type SharedMemory, sharedMemory } from "./wasm-threads.ts";

/**
 * The exports of `kernel/bindings/wasm/exports.cc`; addresses and sizes are 32-bit and may appear
 * negative.
 */
export interface WasmExports {
  readonly memory: { readonly buffer: ArrayBufferLike };
  /** The end of the calling thread's stack; calls that trapped leave it changed. */
  readonly __stack_pointer: { value: number };
  _initialize(): void;
  start(): void;
  /** Whether it trapped for lack of memory. */
  ranOut(): number;
  threads(): number;
  setThreads(count: number): void;
  /** Allows the calling thread to sleep while others finish; modules with threads only. */
  allowSleep?(): void;
  allocate(bytes: number): number;
  release(address: number): void;
  load(words: number, wordCount: number, constants: number, constantCount: number): number;
  /** A `Status`, of the last load. */
  status(): number;
  unload(handle: number): void;
  buffers(handle: number): number;
  run(handle: number, nanoseconds: number): number;
  /** The code of an instruction's algorithm (`conv-algorithms.ts`); −1 if there was no choice. */
  algorithm(handle: number, instruction: number): number;
  reason(): number;
  arenaBytes(): number;
}

/** The vector instructions of a module; relaxed ones use fused multiply-add in matrix products. */
export type WasmIsa = "simd128" | "relaxed-simd";

/** The requested configuration; the environment or the machine decides the rest. */
export interface WasmOptions {
  readonly isa?: WasmIsa | undefined;
  readonly threads?: number | undefined;
}

/** A compiled module; opaque. */
export interface WasmModule {
  readonly module: object;
  readonly isa: WasmIsa;
  /** Threads to compute on; more than 1 only with `memory`. */
  readonly threads: number;
  /** The memory of the instance, if threads share it. */
  readonly memory?: SharedMemory | undefined;
}

/** The part of the WebAssembly API that is used; TypeScript declares it among the DOM only. */
interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  compile(bytes: ArrayBuffer): Promise<object>;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
  readonly RuntimeError: new () => Error;
}
const { WebAssembly } = globalThis as unknown as { WebAssembly?: WebAssemblyApi };

/** `(a, b, c) => f32x4.relaxed_madd(a, b, c)`, and `f32x4.add` of its first two. */
const relaxedProbe = "AGFzbQEAAAABCAFgA3t7ewF7AwIBAAoNAQsAIAAgASAC/YUCCw==";
const simdProbe = "AGFzbQEAAAABCAFgA3t7ewF7AwIBAAoLAQkAIAAgAf3kAQs=";

const accepts = (probe: string): boolean =>
  WebAssembly?.validate(Uint8Array.from(atob(probe), (c) => c.charCodeAt(0))) ?? false;

/** The URL of a module. Written out in full, because bundlers look for exactly this form. */
function urlOf(isa: WasmIsa, threads: boolean): URL {
  if (isa === "simd128")
    return threads
      ? new URL("../../build/wasm/gradus.threads.wasm", import.meta.url)
      : new URL("../../build/wasm/gradus.wasm", import.meta.url);
  return threads
    ? new URL("../../build/wasm/gradus-relaxed.threads.wasm", import.meta.url)
    : new URL("../../build/wasm/gradus-relaxed.wasm", import.meta.url);
}

/**
 * An instruction set that this machine can run: `wanted` (or `GRADUS_ISA`) if possible, else the
 * best, or why there is none.
 */
function chooseIsa(wanted?: WasmIsa): WasmIsa | { readonly missing: string } {
  if (!WebAssembly) return { missing: "there is no WebAssembly here" };
  if (!accepts(simdProbe)) return { missing: "WebAssembly has no 128-bit SIMD here" };
  const wish = wanted ?? requestedIsa("wasm");
  if (typeof wish === "object") return wish;
  if (wish === "simd128" || wish === "portable") return "simd128";
  if (accepts(relaxedProbe)) return "relaxed-simd";
  return wish ? { missing: "WebAssembly has no relaxed SIMD here" } : "simd128";
}

/** A module before it is compiled. */
type Choice = Omit<WasmModule, "module"> & { readonly url: URL };

function choose({
  isa: wanted,
  threads: count,
}: WasmOptions): Choice | { readonly missing: string } {
  const isa = chooseIsa(wanted);
  if (typeof isa !== "string") return isa;
  const threads = chooseThreads(count);
  const memory = threads > 1 ? sharedMemory() : undefined;
  return { isa, threads: memory ? threads : 1, memory, url: urlOf(isa, memory !== undefined) };
}

/** Compiles the module now, from its file: in Node. */
export function readModule(wanted: WasmOptions = {}): WasmModule | { readonly missing: string } {
  const choice = choose(wanted);
  if ("missing" in choice) return choice;
  if (!builtin) return { missing: "it is loaded by `await loadEngine()` in a browser" };
  const path = builtin("node:url").fileURLToPath(choice.url);
  const { existsSync, readFileSync } = builtin("node:fs");
  if (!existsSync(path)) return { missing: "the WebAssembly engine is not built" };
  try {
    return { ...choice, module: new WebAssembly!.Module(readFileSync(path)) };
  } catch (error) {
    return { missing: `the WebAssembly engine does not load (${messageOf(error)})` };
  }
}

/** Fetches and compiles the module: in a browser. @throws {ConfigError} if it cannot be had. */
export async function fetchModule(wanted: WasmOptions): Promise<WasmModule> {
  const choice = choose(wanted);
  if ("missing" in choice)
    throw new ConfigError({
      subject: "WebAssembly engine",
      problem: `${choice.missing}.`,
      fix: 'use a browser of 2022 or later, or setEngine("reference").',
    });
  const response = await fetch(choice.url);
  if (!response.ok)
    throw new ConfigError({
      subject: "WebAssembly engine",
      problem: `${choice.url} answers ${response.status}.`,
      fix: "serve gradus's folder build/wasm beside its folder dist.",
    });
  return { ...choice, module: await WebAssembly!.compile(await response.arrayBuffer()) };
}

/** A running instance. The module imports only the clock, and its memory if that is shared. */
export function instantiate({ module, memory }: WasmModule): WasmExports {
  const nothing = () => 52; // "not supported", of WASI
  const imports = {
    clock_time_get(_clock: number, _precision: bigint, at: number): number {
      const nanoseconds = BigInt(Math.round(performance.now() * 1e6));
      new DataView(exports.memory.buffer).setBigUint64(at >>> 0, nanoseconds, true);
      return 0;
    },
    fd_close: nothing,
    fd_seek: nothing,
    fd_write: nothing,
  };
  const exports = new WebAssembly!.Instance(module, {
    wasi_snapshot_preview1: imports,
    ...(memory && { env: { memory } }),
  }).exports as WasmExports;
  exports._initialize();
  return exports;
}

/** Whether the module trapped at an `unreachable` instruction. */
export const isTrap = (error: unknown): boolean =>
  WebAssembly !== undefined && error instanceof WebAssembly.RuntimeError;

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

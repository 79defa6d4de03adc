import { setFlagsFromString } from "node:v8";
import { describe, expect, test } from "vitest";
import { ConfigError, type TypedArray } from "../../src/base/index.ts";
import { encodeProgram } from "../../src/runtime/encode.ts";
import type { Instruction } from "../../src/runtime/program.ts";
import { type WasmEngine, wasmEngine } from "../../src/runtime/wasm.ts";
import {
  instantiate,
  isTrap,
  readModule,
  type WasmExports,
  type WasmIsa,
  type WasmModule,
} from "../../src/runtime/wasm-module.ts";
import {
  backend,
  compile,
  engineInfo,
  full,
  setEngine,
  tensor,
  Variable,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";
import { addOne, dense } from "../support/programs.ts";

// Node 20 keeps relaxed SIMD behind a flag.
setFlagsFromString("--experimental-wasm-relaxed-simd");

const module = readModule({ isa: "simd128" });
if ("missing" in module) console.info(`WebAssembly engine tests skipped: ${module.missing}`);

/** An engine with a memory of its own. */
function fresh(isa: WasmIsa = "simd128"): WasmEngine {
  const module = readModule({ isa, threads: 1 });
  if ("missing" in module) throw new Error(module.missing);
  return wasmEngine(module);
}

/** All of a module's memory, in blocks that become ever smaller. */
function hoarded(exports: WasmExports): number[] {
  const blocks: number[] = [];
  for (let size = 2 ** 28; size >= 64; size /= 2)
    for (let at = exports.allocate(size); at !== 0; at = exports.allocate(size)) blocks.push(at);
  return blocks;
}

const MiB = 2 ** 20;
describe.skipIf("missing" in module)("WebAssembly engine", () => {
  test("buffers that move out of the module's memory come back with their values", () => {
    const engine = fresh();
    const size = MiB; // 4 MiB each, 160 MiB together
    const run = engine.load(addOne(size));
    const buffers = Array.from({ length: 40 }, (_, i) => {
      const buffer = engine.allocate("float32", size);
      run.runSync([engine.upload(new Float32Array(size).fill(10 * i)), buffer]);
      return buffer;
    });
    expect(engine.memoryBytes()).toBeLessThan(100 * MiB);
    expect(buffers.map((buffer) => buffer.read()[size - 1])).toEqual(
      buffers.map((_, i) => 10 * i + 1),
    );
    for (let round = 0; round < 3; round++)
      for (const buffer of buffers) run.runSync([buffer, buffer]);
    expect(buffers.map((buffer) => buffer.read()[0])).toEqual(buffers.map((_, i) => 10 * i + 4));
  });

  test("memory that is out fails a load and a run, wherever it ends, and nothing after them", () => {
    const exports = instantiate(readModule({ isa: "simd128", threads: 1 }) as WasmModule);
    exports.start();
    const size = 64;
    const { words, constants } = encodeProgram(addOne(size));
    const place = (array: TypedArray) => {
      const at = exports.allocate(Math.max(array.byteLength, 8)) >>> 0;
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      new Uint8Array(exports.memory.buffer).set(bytes, at);
      return at;
    };
    const [wordsAt, constantsAt] = [place(words), place(constants)];
    const x = place(new Float32Array(size).fill(41));
    const load = () => {
      const stack = exports.__stack_pointer.value;
      try {
        return exports.load(wordsAt, words.length, constantsAt, constants.length) >>> 0;
      } catch (error) {
        if (!isTrap(error) || !exports.ranOut()) throw error;
        exports.__stack_pointer.value = stack;
        return 0;
      }
    };
    const hoard = hoarded(exports);
    let failures = 0;
    let handle = load();
    while (handle === 0) {
      failures++;
      exports.release(hoard.pop()!);
      handle = load();
    }
    expect(failures).toBeGreaterThan(0);
    const table = exports.buffers(handle) >>> 0;
    new Uint32Array(exports.memory.buffer, table, 3).set([0, x, x]);
    expect(exports.run(handle, 0)).toBe(1);
    const bytes = new Uint8Array(exports.memory.buffer);
    const at = exports.reason() >>> 0;
    const reason = new TextDecoder().decode(bytes.slice(at, bytes.indexOf(0, at)));
    expect(reason).toMatch(/^out of memory: .* needs \d+ bytes$/);
    for (const block of hoard) exports.release(block);
    expect(exports.run(handle, 0)).toBe(0);
    expect(new Float32Array(exports.memory.buffer, x, 1)[0]).toBe(42);
  });

  test("growth of the memory loses nothing", () => {
    const engine = fresh();
    const small = engine.upload(Float32Array.of(1, 2, 3));
    const addSmall = engine.load(addOne(3));
    addSmall.runSync([small, small]);
    const before = engine.memoryBytes();
    const big = engine.allocate("float32", 8 * MiB);
    engine.load(addOne(8 * MiB)).runSync([big, big]);
    expect(engine.memoryBytes()).toBeGreaterThan(before);
    expect(Array.from(small.read())).toEqual([2, 3, 4]);
    addSmall.runSync([small, small]);
    expect(Array.from(small.read())).toEqual([3, 4, 5]);
  });

  test("an uploaded array is not written, whoever writes the tensor", () => {
    const engine = fresh();
    const array = Float32Array.of(1, 2, 3);
    const x = engine.upload(array);
    engine.load(addOne(3)).runSync([x, x]);
    expect(Array.from(x.read())).toEqual([2, 3, 4]);
    expect(Array.from(array)).toEqual([1, 2, 3]);
  });

  test("what does not fit is an error with sizes, and the engine goes on", () => {
    const engine = fresh();
    const size = 2 ** 30;
    const run = engine.load(addOne(size));
    const huge = engine.allocate("float32", size);
    expect(() => run.runSync([huge, huge])).toThrow(ConfigError);
    expect(() => run.runSync([huge, huge])).toThrow(
      /wasm engine: 4096 MiB are wanted, where \d+ MiB are in use \(\d+ MiB by this run's tensors\) and 4096 MiB can be addressed/,
    );
    const scratch = engine.load({ ...addOne(1), arenaBytes: 2 ** 33 });
    const x = engine.upload(Float32Array.of(1));
    expect(() => scratch.runSync([x, x])).toThrow("8192 MiB are wanted");
    engine.load(addOne(1)).runSync([x, x]);
    expect(x.read()[0]).toBe(2);
  });

  test("a tensor that does not fit is no end of the engine", () => {
    setEngine("wasm");
    const tooLarge = full([2 ** 15, 2 ** 15], 1).sqrt();
    expect(() => tooLarge.evalSync()).toThrow("4096 MiB are wanted");
    expect(tensor([4]).sqrt().item()).toBe(2);
  });

  test("each instruction is timed", () => {
    const engine = fresh();
    const x = engine.allocate("float32", 1000);
    const times = engine.load(addOne(1000)).profile!([x, x]);
    expect(times.length).toBe(1);
    expect(times[0]).toBeGreaterThanOrEqual(0);
  });

  test("relaxed SIMD changes the rounding of products, and nothing else", () => {
    expect(fresh("relaxed-simd").info().isa).toBe("relaxed-simd");
    const n = 33;
    const random = Float32Array.from({ length: n * n }, (_, i) => Math.sin(i * i));
    const slots = (["input", "output"] as const).map((role) => ({
      role,
      dtype: "float32" as const,
      size: n * n,
    }));
    const on = (isa: WasmIsa, instruction: Instruction): TypedArray => {
      const engine = fresh(isa);
      const out = engine.allocate("float32", n * n);
      engine
        .load({ slots, arenaBytes: 0, instructions: [instruction] })
        .runSync([engine.upload(random), out]);
      return out.read().slice();
    };
    const square = [n, n];
    const store = {
      inputs: [],
      outputs: [dense(2, square)],
      expression: {
        values: [{ kind: "input" as const, dtype: "float32" as const, input: 0 }],
        results: [0],
      },
    };
    const product: Instruction = {
      kind: "matmul",
      shape: square,
      k: n,
      a: dense(1, square),
      b: dense(1, square),
      epilogue: store,
    };
    const plain = on("simd128", product);
    const relaxed = on("relaxed-simd", product);
    for (let i = 0; i < n * n; i++) expect(relaxed[i]).toBeCloseTo(plain[i]!, 4);
    const exp: Instruction = {
      kind: "map",
      shape: square,
      inputs: [dense(1, square)],
      outputs: [dense(2, square)],
      expression: {
        values: [
          { kind: "input", dtype: "float32", input: 0 },
          { kind: "op", dtype: "float32", op: "exp", args: [0] },
        ],
        results: [1],
      },
    };
    expect(on("relaxed-simd", exp)).toEqual(on("simd128", exp));
  });
});

test("tensors and variables keep their values from one engine to the next", () => {
  const start = engines.at(-1)!;
  setEngine(start);
  const x = tensor([1, 2, 3]).add(1).evalSync();
  const w = new Variable(tensor([10, 20, 30]));
  const step = compile((x: typeof w.value) => {
    w.value = w.value.add(x);
    return w.value.sum();
  });
  step.sync(x);
  let total = 69;
  for (const engine of [...engines, start]) {
    setEngine(engine);
    expect(engineInfo().name).toBe(engine);
    expect(backend().name).toBe(engine);
    expect(x.mul(2).toArray()).toEqual([4, 6, 8]);
    total += 9;
    expect(step.sync(x).item()).toBe(total);
    expect(w.value.sum().item()).toBe(total);
  }
});

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { InternalError } from "../../src/base/index.ts";
import { loadWasm, type WasmEngine, wasmEngine } from "../../src/runtime/wasm.ts";
import { readModule, type WasmModule } from "../../src/runtime/wasm-module.ts";
import { chooseThreads } from "../../src/runtime/wasm-threads.ts";
import {
  avgPool,
  conv,
  convTranspose,
  grad,
  maxPool,
  normal,
  oneHot,
  scatterAdd,
  setEngine,
  type Tensor,
  tensor,
} from "../../src/tensor/index.ts";
import { train } from "../browser/training.ts";
import { addOne } from "../support/programs.ts";

const found = loadWasm();
if ("missing" in found) console.info(`threads of WebAssembly not tested: ${found.missing}`);

const random = (...shape: number[]) => normal(shape, { key: 1 });
const signals = random(8, 6, 40, 40);
const kernels = random(10, 6, 3, 3);
const rows = random(300, 400);
const wide = random(400, 300);
const picks = tensor(Int32Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 300));
const squared = (f: (x: Tensor) => Tensor) => (x: Tensor) =>
  grad((y: Tensor) => f(y).square().sum())(x);

/** Programs large enough to be shared out, of every kind of instruction. */
const programs: Record<string, () => Tensor> = {
  map: () => rows.tanh().mul(rows.exp()).add(1),
  "map of float64": () => rows.cast("float64").sin().div(3),
  "sum of all": () => rows.sum(),
  "sum of rows": () => rows.sum({ axis: 1 }),
  "sum of columns": () => rows.sum({ axis: 0 }),
  maximum: () => rows.max({ axis: 0 }),
  argmax: () => rows.argmax({ axis: 1 }),
  softmax: () => rows.softmax(),
  matmul: () => rows.matmul(wide),
  "matmul of float64": () => rows.cast("float64").matmul(wide.cast("float64")),
  "matmul, transposed": () => rows.transpose().matmul(rows),
  "matmul in batches": () => signals.matmul(signals.transpose([0, 1, 3, 2])),
  "matmul with epilogue": () => rows.matmul(wide).add(1).tanh(),
  conv: () => conv(signals, kernels, { padding: 1 }),
  "conv and its gradient": () => squared((x) => conv(x, kernels, { stride: 2 }))(signals),
  "gradient of kernels": () => squared((w) => conv(signals, w))(kernels),
  convTranspose: () => convTranspose(signals, random(6, 5, 3, 3)),
  "pooling and its gradient": () =>
    squared((x) => maxPool(avgPool(x, { size: 2 }), { size: 2 }))(signals),
  gather: () => rows.take(picks).sum({ axis: 1 }),
  scatterAdd: () => scatterAdd(picks, random(100_000), { axis: 0, size: 300 }),
  cumsum: () => rows.cumsum(),
  argsort: () => rows.argsort(),
  oneHot: () => oneHot(picks.mod(10), 10),
};

/** Its bytes: equal numbers of different signs, or NaNs, would be no proof. */
const bytesOf = (x: Tensor): string => {
  const { buffer, byteOffset, byteLength } = x.dataSync();
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
};

describe.skipIf("missing" in found)("threads of the WebAssembly engine", () => {
  const engine = found as WasmEngine;
  const usual = "missing" in found ? 1 : Number(engine.info().threads);
  beforeAll(() => {
    setEngine("wasm");
    // The inputs are there before anything is compared.
    for (const input of [signals, kernels, rows, wide, picks]) input.evalSync();
  });
  afterAll(() => engine.setThreads(usual));
  afterEach(() => vi.unstubAllEnvs());

  for (const [name, program] of Object.entries(programs))
    test(`${name}: the same bits on one thread, two and three`, () => {
      const results = [1, 2, 3, 2].map((threads) => {
        engine.setThreads(threads);
        return Array.from({ length: 3 }, () => bytesOf(program()));
      });
      expect(new Set(results.flat()).size).toBe(1);
    });

  test("trainings end with the same bits", async () => {
    const losses = [];
    for (const threads of [1, 2, 3]) {
      engine.setThreads(threads);
      const { mlp, conv } = await train();
      losses.push({ mlp, conv });
    }
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[2]).toEqual(losses[0]);
  });

  test("an index out of range is the same error", () => {
    const bad = tensor(Int32Array.from({ length: 100_000 }, (_, i) => (i > 70_000 ? i : 0)));
    const messages = [1, 2, 3].map((threads) => {
      engine.setThreads(threads);
      try {
        rows.take(bad).evalSync();
      } catch (error) {
        return String(error);
      }
      return "no error";
    });
    expect(messages[0]).toMatch("index 70001");
    expect(new Set(messages).size).toBe(1);
  });

  test("an engine of one thread has memory of its own, as a module without threads needs it", () => {
    vi.stubEnv("GRADUS_THREADS", "1");
    const module = readModule() as WasmModule;
    expect(module.memory).toBeUndefined();
    expect(wasmEngine(module).info().threads).toBe(1);
    vi.stubEnv("GRADUS_THREADS", "3");
    expect(wasmEngine(readModule() as WasmModule).info().threads).toBe(3);
  });

  test("where memory cannot be shared there is one thread", () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    expect(chooseThreads(4)).toBe(1);
    vi.unstubAllGlobals();
    expect(chooseThreads(4)).toBe(4);
  });

  test("a number of threads that is none is an error that says so", () => {
    for (const wrong of [0, -1, 1.5, Number.NaN, 257])
      expect(() => chooseThreads(wrong)).toThrow("give a whole number between 1 and 256");
    vi.stubEnv("GRADUS_THREADS", "many");
    expect(() => chooseThreads()).toThrow("GRADUS_THREADS=many is none");
  });

  test("when a worker stops in the middle of a task, runs end with an error instead of waiting", () => {
    const module = readModule({ threads: 2 }) as WasmModule;
    const own = wasmEngine(module);
    const size = 2 ** 20;
    const run = own.load(addOne(size));
    const x = own.allocate("float32", size);
    run.runSync([x, x]);
    instanceBeside(module).fail();
    expect(() => run.runSync([x, x])).toThrow(InternalError);
    expect(() => run.runSync([x, x])).toThrow("the WebAssembly engine stopped");
  });
});

/** What a worker sees. */
function instanceBeside({ module, memory }: WasmModule): { fail(): void } {
  const nothing = () => 52;
  const wasi = { clock_time_get: nothing, fd_close: nothing, fd_seek: nothing, fd_write: nothing };
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Instance: new (module: object, imports: object) => { exports: unknown } };
  };
  const imports = { env: { memory }, wasi_snapshot_preview1: wasi };
  return new WebAssembly.Instance(module, imports).exports as { fail(): void };
}

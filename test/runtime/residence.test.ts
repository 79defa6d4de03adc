/** Programs that engines hold: a bounded number, and none of them is lost. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { Residence, Resident } from "../../src/runtime/residence.ts";
import { loadWasm, type WasmEngine } from "../../src/runtime/wasm.ts";
import { compile, setEngine, type Tensor, tensor, Variable } from "../../src/tensor/index.ts";
import { engines, hasNative } from "../support/engines.ts";

const encoded = (i: number) => ({ words: Int32Array.of(i), constants: new Float64Array(0) });

test("beyond 512, those that were not used for longest go, and come back when they are", () => {
  const inside = new Set<number>();
  let loads = 0;
  const residence = new Residence<number>(
    ({ words }) => {
      inside.add(words[0]!);
      loads++;
      return words[0]!;
    },
    (handle) => inside.delete(handle),
  );
  const owner = {};
  const programs = Array.from({ length: 513 }, (_, i) => new Resident<number>(encoded(i)));
  for (const program of programs.slice(0, 512)) residence.handleOf(program, owner);
  for (let i = 511; i >= 0; i--) expect(residence.handleOf(programs[i]!, owner)).toBe(i);
  expect([residence.size, loads]).toEqual([512, 512]);
  residence.handleOf(programs[512]!, owner);
  expect(inside.size).toBe(385); // three quarters, and the new one
  expect([inside.has(0), inside.has(383), inside.has(384), inside.has(511)]).toEqual([
    ...[true, true, false, false],
  ]);
  expect(residence.handleOf(programs[511]!, owner)).toBe(511);
  expect([inside.has(511), loads]).toEqual([true, 514]);
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that JavaScript holds once what is dead is collected, without a turn of the event loop. */
function held(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test.each(engines)(
  "%s: of programs that died in a loop that never waits nothing is held",
  (engine) => {
    setEngine(engine);
    const x = tensor([1, 2, 3]);
    const make = (from: number, to: number) => {
      for (let i = from; i < to; i++) compile((y: Tensor) => y.mul(i).add(1).tanh().sum()).sync(x);
    };
    make(0, 1500); // more than are held, and than the cache of graphs has
    const before = held();
    make(1500, 5500);
    // What is left to the collector varies by a megabyte; it was 2200 bytes each natively.
    expect(held() - before).toBeLessThan(4000 * 750);
  },
);

describe.each(engines.filter((engine) => engine !== "reference"))("%s", (engine) => {
  test("more programs than are held all run, again and again, now and later", async () => {
    setEngine(engine);
    const count = new Variable(tensor(0));
    const functions = Array.from({ length: 600 }, (_, i) =>
      compile((x: Tensor) => {
        count.value = count.value.add(1);
        return x.mul(i).add(0.5).sum();
      }),
    );
    const x = tensor([1, 2]);
    for (let round = 0; round < 2; round++)
      functions.forEach((f, i) => {
        expect(f.sync(x).item()).toBe(3 * i + 1);
      });
    const results = await Promise.all(functions.map((f) => f(x)));
    expect(results.map((y) => y.item())).toEqual(functions.map((_, i) => 3 * i + 1));
    expect(count.value.item()).toBe(1800);
  });
});

test.runIf(engines.includes("wasm"))(
  "a loop that makes ever new programs and never waits does not fill WebAssembly's memory",
  () => {
    setEngine("wasm");
    const engine = loadWasm() as WasmEngine;
    const x = tensor([1, 2, 3]);
    const make = (from: number, to: number) => {
      for (let i = from; i < to; i++) compile((y: Tensor) => y.mul(i).add(1).tanh().sum()).sync(x);
    };
    make(0, 600);
    const before = engine.memoryBytes();
    make(600, 2400);
    expect(engine.memoryBytes() - before).toBeLessThan(8 << 20); // a program and its constants: 27 KB
  },
);

test.runIf(hasNative)("nor the native engine's: what it holds is freed at once", () => {
  setEngine("native");
  const x = tensor([1, 2, 3]);
  const make = (from: number, to: number) => {
    for (let i = from; i < to; i++) compile((y: Tensor) => y.mul(i).add(1).tanh().sum()).sync(x);
  };
  make(0, 600);
  const before = process.memoryUsage().external; // the engine tells what programs take
  make(600, 2400);
  expect(process.memoryUsage().external - before).toBeLessThan(8 << 20);
});

#!/usr/bin/env node
/**
 * Square float32 products on one thread of the WebAssembly engine, in GFLOP/s: the median of the
 * windows, plain SIMD. `GRADUS_THREADS=2` makes it two threads. Node 20 has relaxed SIMD behind a flag:
 *
 *   node bench/wasm-gemm.mjs
 *   node --experimental-wasm-relaxed-simd bench/wasm-gemm.mjs
 */
import os from "node:os";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const engine = await load();

/** The engine only; the library does not export it. */
async function load() {
  const file = fileURLToPath(new URL("../src/runtime/wasm.ts", import.meta.url));
  const { module } = await runnerImport(file);
  const { loadWasm } = /** @type {typeof import("../src/runtime/wasm.ts")} */ (module);
  const found = loadWasm();
  if ("missing" in found) throw new Error(found.missing);
  if (!process.env.GRADUS_THREADS) found.setThreads(1);
  return found;
}

/** @param {number} buffer @param {number[]} shape */
const view = (buffer, shape) => ({
  buffer,
  dtype: /** @type {const} */ ("float32"),
  offset: 0,
  strides: shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1)),
});

/** r = a·b for n × n matrices. @param {number} n @returns {import("../src/runtime/program.ts").Program} */
const product = (n) => ({
  slots: ["input", "input", "output"].map((role) => ({
    role: /** @type {"input" | "output"} */ (role),
    dtype: "float32",
    size: n * n,
  })),
  arenaBytes: 0,
  instructions: [
    {
      kind: "matmul",
      shape: [n, n],
      k: n,
      a: view(1, [n, n]),
      b: view(2, [n, n]),
      epilogue: {
        inputs: [],
        outputs: [view(3, [n, n])],
        expression: { values: [{ kind: "input", dtype: "float32", input: 0 }], results: [0] },
      },
    },
  ],
});

/** @param {number} n */
function measure(n) {
  const run = engine.load(product(n));
  const random = () => Float32Array.from({ length: n * n }, Math.random);
  const slots = [
    engine.upload(random()),
    engine.upload(random()),
    engine.allocate("float32", n * n),
  ];
  const windows = [];
  // The first windows run before V8 has optimised the module.
  for (let w = 0; w < 15; w++) {
    const start = performance.now();
    let runs = 0;
    while (performance.now() - start < 200) {
      run.runSync(slots);
      runs++;
    }
    windows.push((2 * n ** 3 * runs) / (performance.now() - start) / 1e6);
  }
  const rest = windows.slice(5).sort((a, b) => a - b);
  return { median: rest[rest.length >> 1], best: rest.at(-1) };
}

console.log(`${os.cpus()[0]?.model}, Node ${process.version}, ${engine.info().isa}, one thread`);
for (const n of [256, 512, 1024]) {
  const { median, best } = measure(n);
  console.log(`n = ${n}: median ${median?.toFixed(1)} GFLOP/s, best window ${best?.toFixed(1)}`);
}

import { describe, expect, test } from "vitest";
import {
  DataError,
  type DType,
  FormatError,
  stridesOf,
  type TypedArray,
} from "../../src/base/index.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import { loadNative, type NativeEngine } from "../../src/runtime/native.ts";
import type {
  Epilogue,
  Expression,
  Instruction,
  Program,
  Slot,
  View,
} from "../../src/runtime/program.ts";
import { loadWasm } from "../../src/runtime/wasm.ts";

const engines: Engine[] = [];
for (const engine of [loadNative(), loadWasm()])
  if ("missing" in engine) console.info(`programs not tested there: ${engine.missing}`);
  else engines.push(engine);
const threaded = (engine: Engine): engine is NativeEngine => "setThreads" in engine;

const view = (
  buffer: number,
  shape: readonly number[],
  strides = stridesOf(shape),
  dtype: DType = "float32",
): View => ({
  buffer,
  dtype,
  offset: 0,
  strides,
});
const input = (size: number, dtype: DType = "float32"): Slot => ({ role: "input", dtype, size });
const output = (size: number, dtype: DType = "float32"): Slot => ({ role: "output", dtype, size });
const identity = (dtype: DType = "float32"): Expression => ({
  values: [{ kind: "input", dtype, input: 0 }],
  results: [0],
});
/** The sum of two inputs. */
const adding: Expression = {
  values: [
    { kind: "input", dtype: "float32", input: 0 },
    { kind: "input", dtype: "float32", input: 1 },
    { kind: "op", dtype: "float32", op: "add", args: [0, 1] },
  ],
  results: [2],
};
const store = (buffer: number, shape: readonly number[], dtype: DType = "float32"): Epilogue => ({
  inputs: [],
  outputs: [view(buffer, shape, undefined, dtype)],
  expression: identity(dtype),
});

/** y = x + x. */
const doubling = (n: number): Program => ({
  slots: [input(n), output(n)],
  arenaBytes: 0,
  instructions: [
    {
      kind: "map",
      shape: [n],
      inputs: [view(1, [n])],
      outputs: [view(2, [n])],
      expression: {
        values: [
          { kind: "input", dtype: "float32", input: 0 },
          { kind: "op", dtype: "float32", op: "add", args: [0, 0] },
        ],
        results: [1],
      },
    },
  ],
});

/** Runs a program of one instruction: inputs first, then one output, whose values are returned. */
function runOn(
  engine: Engine,
  instruction: Instruction,
  inputs: TypedArray[],
  out: TypedArray,
): number[] {
  const slots = [...inputs, out].map((array, i) => ({
    role: i < inputs.length ? ("input" as const) : ("output" as const),
    dtype: engine.upload(array).dtype,
    size: array.length,
  }));
  const program: Program = { slots, arenaBytes: 0, instructions: [instruction] };
  const buffers = [...inputs, out].map((array) => engine.upload(array));
  engine.load(program).runSync(buffers);
  return Array.from(buffers.at(-1)!.read());
}

const iota = (n: number) => Float32Array.from({ length: n }, (_, i) => i);

test.skipIf(engines.length > 0)("no engine runs programs here", () => {});

describe.each(engines)("$name engine", (engine) => {
  const run = (instruction: Instruction, inputs: TypedArray[], out: TypedArray) =>
    runOn(engine, instruction, inputs, out);

  test("map: broadcast, transposed and flipped inputs, constants, indices, two dtypes", () => {
    const instruction: Instruction = {
      kind: "map",
      shape: [2, 3],
      inputs: [view(1, [2, 3], [1, 2]), view(2, [2, 3], [0, 1])],
      outputs: [view(3, [2, 3])],
      expression: {
        values: [
          { kind: "input", dtype: "float32", input: 0 },
          { kind: "input", dtype: "float32", input: 1 },
          { kind: "constant", dtype: "float32", value: 100 },
          { kind: "index", dtype: "int32", axis: 0 },
          { kind: "op", dtype: "float32", op: "cast", args: [3] },
          { kind: "op", dtype: "float32", op: "mul", args: [4, 2] },
          { kind: "op", dtype: "float32", op: "add", args: [0, 5] },
          { kind: "op", dtype: "float32", op: "sub", args: [6, 1] },
        ],
        results: [7],
      },
    };
    expect(run(instruction, [iota(6), Float32Array.of(10, 20, 30)], new Float32Array(6))).toEqual([
      -10, -18, -26, 91, 83, 75,
    ]);
  });

  test.each(["float32", "float64", "bool"] as const)("copies that transpose %s", (dtype) => {
    const array = dtype === "float64" ? Float64Array : dtype === "bool" ? Uint8Array : Float32Array;
    for (const [rows, columns] of [
      [16, 16],
      [35, 21],
      [7, 50],
      [67, 9],
      [64, 300],
    ] as const) {
      const values = new array(rows * columns);
      for (let i = 0; i < values.length; i++) values[i] = i % 251;
      const instruction: Instruction = {
        kind: "map",
        shape: [columns, rows],
        inputs: [view(1, [columns, rows], [1, columns], dtype)],
        outputs: [view(2, [columns, rows], undefined, dtype)],
        expression: identity(dtype),
      };
      const expected = Array.from(
        values,
        (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!,
      );
      expect(run(instruction, [values], new array(values.length))).toEqual(expected);
    }
  });

  test("matmul: a result stored by columns, with an epilogue", () => {
    const instruction: Instruction = {
      kind: "matmul",
      shape: [2, 3, 5],
      k: 4,
      a: view(1, [2, 3, 4]),
      b: view(2, [2, 4, 5]),
      epilogue: {
        inputs: [view(3, [2, 3, 5], [0, 1, 0])],
        outputs: [view(4, [2, 3, 5], [15, 1, 3])],
        expression: adding,
      },
    };
    const [a, b] = [iota(24), iota(40)];
    const expected = Array.from({ length: 30 }, (_, at) => {
      const [batch, column, row] = [Math.floor(at / 15), Math.floor(at / 3) % 5, at % 3];
      const products = [0, 1, 2, 3].map(
        (k) => a[batch * 12 + row * 4 + k]! * b[batch * 20 + k * 5 + column]!,
      );
      return products.reduce((sum, x) => sum + x, 100 * row);
    });
    const bias = Float32Array.of(0, 100, 200);
    expect(run(instruction, [a, b, bias], new Float32Array(30))).toEqual(expected);
  });

  test("reduce: sums, maxima and positions, by rows and by columns", () => {
    const reduce = (
      reducer: "sum" | "max" | "argmax",
      strides: number[],
      dtype: DType,
    ): Instruction => ({
      kind: "reduce",
      shape: [3, 4],
      kept: 1,
      inner: 1,
      reducer,
      inputs: [view(1, [3, 4], strides)],
      before: identity(),
      epilogue: store(2, [3], dtype),
    });
    const x = Float32Array.of(5, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8);
    expect(run(reduce("sum", [4, 1], "float32"), [x], new Float32Array(3))).toEqual([11, 22, 21]);
    expect(run(reduce("sum", [1, 3], "float32"), [x], new Float32Array(3))).toEqual(
      [11, 22, 21].map((_, i) => [0, 1, 2, 3].reduce((s, r) => s + x[i + 3 * r]!, 0)),
    );
    expect(run(reduce("max", [4, 1], "float32"), [x], new Float32Array(3))).toEqual([5, 9, 8]);
    expect(run(reduce("argmax", [4, 1], "int32"), [x], new Int32Array(3))).toEqual([0, 1, 3]);
    x[6] = Number.NaN;
    expect(run(reduce("argmax", [4, 1], "int32"), [x], new Int32Array(3))).toEqual([0, 2, 3]);
  });

  test("matmul with a fused bias", () => {
    const instruction: Instruction = {
      kind: "matmul",
      shape: [2, 2],
      k: 3,
      a: view(1, [2, 3]),
      b: view(2, [3, 2]),
      epilogue: {
        inputs: [view(3, [2, 2], [0, 1])],
        outputs: [view(4, [2, 2])],
        expression: adding,
      },
    };
    const out = run(
      instruction,
      [iota(6), iota(6), Float32Array.of(0.5, 0.25)],
      new Float32Array(4),
    );
    expect(out).toEqual([10.5, 13.25, 28.5, 40.25]);
  });

  test("an index out of range is a DataError that names it", () => {
    const instruction: Instruction = {
      kind: "gather",
      shape: [2, 3],
      axis: 0,
      axisSize: 4,
      x: view(1, [4, 3]),
      indices: view(2, [2, 3], [1, 0], "int32"),
      output: view(3, [2, 3]),
    };
    expect(run(instruction, [iota(12), Int32Array.of(3, 1)], new Float32Array(6))).toEqual([
      9, 10, 11, 3, 4, 5,
    ]);
    const bad = () => run(instruction, [iota(12), Int32Array.of(3, 4)], new Float32Array(6));
    expect(bad).toThrow(DataError);
    expect(bad).toThrow("instruction 0 (gather): index 4 at position 3 is outside 0…3");
  });

  test("a program that reaches outside its buffers is refused with the place and the reason", () => {
    const program: Program = {
      slots: [input(784), output(900)],
      arenaBytes: 0,
      instructions: [
        {
          kind: "map",
          shape: [900],
          inputs: [view(1, [900])],
          outputs: [view(2, [900])],
          expression: identity(),
        },
      ],
    };
    expect(() => engine.load(program)).toThrow(FormatError);
    expect(() => engine.load(program)).toThrow(
      "instruction 0 (map): view input 0 reaches element 899 of buffer 1, which has 784",
    );
  });

  test("asynchronous runs happen in the order of their calls, and before a later synchronous one", async () => {
    const n = 1000;
    const program: Program = {
      slots: [input(n), output(n)],
      arenaBytes: 0,
      instructions: [
        {
          kind: "map",
          shape: [n],
          inputs: [view(1, [n])],
          outputs: [view(2, [n])],
          expression: {
            values: [
              { kind: "input", dtype: "float32", input: 0 },
              { kind: "op", dtype: "float32", op: "add", args: [0, 0] },
            ],
            results: [1],
          },
        },
      ],
    };
    const double = engine.load(program);
    const a = engine.upload(new Float32Array(n).fill(1));
    const b = engine.allocate("float32", n);
    const runs = [double.run([a, b]), double.run([b, a]), double.run([a, b])];
    double.runSync([b, a]);
    expect(a.read()[n - 1]).toBe(16);
    await Promise.all(runs);
  });

  test("a failed run rejects, and later runs go on", async () => {
    const program: Program = {
      slots: [input(4), input(2, "int32"), output(2)],
      arenaBytes: 0,
      instructions: [
        {
          kind: "gather",
          shape: [2],
          axis: 0,
          axisSize: 4,
          x: view(1, [4]),
          indices: view(2, [2], [1], "int32"),
          output: view(3, [2]),
        },
      ],
    };
    const gather = engine.load(program);
    const [x, out] = [engine.upload(iota(4)), engine.allocate("float32", 2)];
    const bad = gather.run([x, engine.upload(Int32Array.of(0, -1)), out]);
    const good = gather.run([x, engine.upload(Int32Array.of(3, 2)), out]);
    await expect(bad).rejects.toThrow("index -1 at position 1 is outside 0…3");
    await good;
    expect(Array.from(out.read())).toEqual([3, 2]);
  });

  test("buffers that do not fit the slots are errors, not reads out of bounds", () => {
    const program: Program = {
      slots: [input(4), output(4)],
      arenaBytes: 0,
      instructions: [
        {
          kind: "map",
          shape: [4],
          inputs: [view(1, [4])],
          outputs: [view(2, [4])],
          expression: identity(),
        },
      ],
    };
    const copy = engine.load(program);
    const four = engine.allocate("float32", 4);
    const cases = [
      [[four], "1 buffers for a program of 2 slots"],
      [[four, engine.allocate("float32", 3)], "slot 1 has 3 elements, the program needs 4"],
      [[four, engine.allocate("int32", 4)], "slot 1 is not an array of float32"],
    ] as const;
    for (const [slots, message] of cases) {
      expect(() => copy.runSync(slots)).toThrow(message);
      expect(() => copy.run(slots)).toThrow(message);
    }
  });

  test.each([4, 100, 40_000])("a program runs on other arrays than before, of %i elements", (n) => {
    const double = engine.load(doubling(n));
    const x = [1, 2].map((k) => engine.upload(Float32Array.from({ length: n }, (_, i) => k * i)));
    const out = [0, 1].map(() => engine.allocate("float32", n));
    const order = [
      [0, 0],
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
      [0, 0],
    ] as const;
    for (const [from, to] of order) {
      out[to]!.read().fill(-1);
      double.runSync([x[from]!, out[to]!]);
      expect(out[to]!.read()[n - 1]).toBe(2 * (from + 1) * (n - 1));
    }
    expect(out[1]!.read()[n - 1]).toBe(2 * (n - 1));
  });

  test.each([4, 100])("a result takes its input's place, or another's, of %i elements", (n) => {
    const program = doubling(n);
    const slots = [program.slots[0]!, { ...program.slots[1]!, mayAlias: 0 }];
    const double = engine.load({ ...program, slots });
    const x = engine.upload(new Float32Array(n).fill(1));
    const y = engine.allocate("float32", n);
    double.runSync([x, x]);
    double.runSync([x, x]);
    double.runSync([x, y]);
    double.runSync([x, x]);
    expect([x.read()[n - 1], y.read()[n - 1]]).toEqual([8, 8]);
  });

  test.runIf(engine.name === "native")("an array whose memory went elsewhere is an error", () => {
    const double = engine.load(doubling(100));
    const array = new Float32Array(100).fill(1);
    const slots = [engine.upload(array), engine.allocate("float32", 100)];
    double.runSync(slots);
    expect(slots[1]!.read()[99]).toBe(2);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    expect(() => double.runSync(slots)).toThrow("its array of 100 values has 0 now");
  });

  if (!threaded(engine)) return;
  test("long buffers that start inside a cache line are relocated to a copy", ({ skip }) => {
    const { relocate } = engine;
    skip(!relocate, "this engine keeps its buffers in memory of its own");
    const memory = new ArrayBuffer(8192);
    const uploads = Array.from({ length: 16 }, (_, i) => new Float32Array(memory, 4 * i, 1024));
    new Float32Array(memory).forEach((_, i, all) => {
      all[i] = i;
    });
    const kept = uploads.filter((array) => {
      const storage = engine.upload(array);
      const settled = relocate!(storage);
      expect(settled.read()).toEqual(array);
      expect(relocate!(settled)).toBe(settled);
      return settled === storage;
    });
    expect(kept).toHaveLength(1);
    const fresh = engine.allocate("float32", 1024);
    expect(relocate!(fresh)).toBe(fresh);
    const short = engine.upload(new Float32Array(memory, 4, 1023));
    expect(relocate!(short)).toBe(short);
  });

  test("results do not depend on the number of threads", () => {
    const n = 300_000;
    const x = Float32Array.from({ length: n }, (_, i) => Math.sin(i) * 1000);
    const instruction: Instruction = {
      kind: "reduce",
      shape: [n],
      kept: 0,
      inner: 1,
      reducer: "sum",
      inputs: [view(1, [n])],
      before: identity(),
      epilogue: store(2, []),
    };
    const { threads } = engine.info();
    const sums = [1, 2, 5].map((count) => {
      engine.setThreads(count);
      return run(instruction, [x], new Float32Array(1))[0];
    });
    engine.setThreads(threads as number);
    expect(new Set(sums).size).toBe(1);
  });
});

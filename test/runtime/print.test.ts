import { expect, test } from "vitest";
import { printProgram } from "../../src/runtime/print.ts";
import type { Program, Value, View } from "../../src/runtime/program.ts";

const f32 = "float32" as const;
const view = (buffer: number, strides: number[], offset = 0): View => ({
  buffer,
  dtype: f32,
  offset,
  strides,
});
const input = (n: number): Value => ({ kind: "input", dtype: f32, input: n });
const op = (name: Extract<Value, { kind: "op" }>["op"], ...args: number[]): Value => ({
  kind: "op",
  dtype: f32,
  op: name,
  args,
});
const constant = (value: number): Value => ({ kind: "constant", dtype: f32, value });

test("a program prints one line per instruction, with formulas", () => {
  const program: Program = {
    slots: [
      { role: "input", dtype: f32, size: 20 },
      { role: "input", dtype: f32, size: 10 },
      { role: "output", dtype: f32, size: 8, mayAlias: 0 },
      { role: "output", dtype: f32, size: 4 },
    ],
    arenaBytes: 128,
    instructions: [
      {
        kind: "matmul",
        shape: [4, 2],
        k: 5,
        a: view(1, [5, 1]),
        b: view(2, [1, 5]),
        epilogue: {
          inputs: [view(2, [0, 1], 3)],
          outputs: [view(0, [2, 1], 16)],
          expression: {
            values: [input(0), input(1), op("add", 0, 1), constant(0), op("max", 2, 3)],
            results: [4],
          },
        },
      },
      {
        kind: "matmul",
        shape: [4, 2],
        k: 5,
        a: view(1, [5, 1]),
        b: view(2, [2, 1]),
        bias: view(2, [0, 1], 8),
        relu: true,
        epilogue: {
          inputs: [],
          outputs: [view(0, [2, 1], 16)],
          expression: { values: [input(0), constant(2), op("mul", 0, 1)], results: [2] },
        },
      },
      {
        kind: "map",
        shape: [4, 2],
        inputs: [view(0, [2, 1], 16)],
        outputs: [view(3, [2, 1])],
        expression: {
          values: [
            input(0),
            constant(1),
            op("sub", 0, 1),
            op("exp", 2),
            op("mul", 3, 3),
            op("sub", 1, 4),
            op("sub", 0, 5),
            op("neg", 6),
          ],
          results: [7],
        },
      },
      {
        kind: "reduce",
        shape: [4, 2],
        kept: 1,
        inner: 1,
        reducer: "sum",
        inputs: [view(0, [2, 1], 16)],
        before: { values: [input(0), op("mul", 0, 0)], results: [1] },
        epilogue: {
          inputs: [],
          outputs: [view(4, [1])],
          expression: { values: [input(0), constant(0.5), op("mul", 0, 1)], results: [2] },
        },
      },
    ],
  };
  expect(printProgram(program)).toMatchInlineSnapshot(`
    "s0 input f32[20]
    s1 input f32[10]
    s2 output f32[8], may take s0
    s3 output f32[4]
    arena 128 bytes
    0 matmul [4, 2] over 5: @16 = max(s0 × s1{1,5} + s1+3{0,1}, 0)
    1 matmul [4, 2] over 5: @16 = relu(s0 × s1 + s1+8{0,1}) * 2
    2 map [4, 2]: t0 = exp(@16 - 1); s2 = -(@16 - (1 - t0 * t0))
    3 reduce [4, 2] → 1: s3 = sum(@16 * @16) * 0.5"
  `);
});

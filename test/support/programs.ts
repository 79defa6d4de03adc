/** Programs of the engine, written out. */
import { stridesOf } from "../../src/base/index.ts";
import type { Program, View } from "../../src/runtime/program.ts";

/** All of a buffer, row-major. */
export const dense = (buffer: number, shape: readonly number[]): View => ({
  buffer,
  dtype: "float32",
  offset: 0,
  strides: stridesOf(shape),
});

/** output = input + 1, elementwise; in place if the slots are bound so. */
export const addOne = (size: number): Program => ({
  slots: [
    { role: "input", dtype: "float32", size },
    { role: "output", dtype: "float32", size, mayAlias: 0 },
  ],
  arenaBytes: 0,
  instructions: [
    {
      kind: "map",
      shape: [size],
      inputs: [dense(1, [size])],
      outputs: [dense(2, [size])],
      expression: {
        values: [
          { kind: "input", dtype: "float32", input: 0 },
          { kind: "constant", dtype: "float32", value: 1 },
          { kind: "op", dtype: "float32", op: "add", args: [0, 1] },
        ],
        results: [2],
      },
    },
  ],
});

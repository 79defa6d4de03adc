import fs from "node:fs";
import { expect, test } from "vitest";
import * as instructions from "../../src/runtime/instructions.ts";
import { headerPath, instructionsHeader } from "../../tools/generate-instructions.mjs";

test("kernel/src/instructions.h is what tools/generate-instructions.mjs writes", () => {
  expect(fs.readFileSync(headerPath, "utf8")).toBe(instructionsHeader(instructions));
});

test("shapes of views follow from pieces of the instruction", () => {
  const gather: instructions.Instruction = {
    ...{ kind: "gather", shape: [2, 5, 3], axis: 1, axisSize: 9 },
    x: { buffer: 1, dtype: "float32", offset: 0, strides: [27, 3, 1] },
    indices: { buffer: 2, dtype: "int32", offset: 0, strides: [15, 3, 1] },
    output: { buffer: 3, dtype: "float32", offset: 0, strides: [15, 3, 1] },
  };
  const { shapeOver } = instructions;
  expect(shapeOver(["shape[axis=axisSize]"], gather)).toEqual([2, 9, 3]);
  expect(shapeOver(["shape[:-2]", "axisSize", "shape[-1]"], gather)).toEqual([2, 9, 3]);
  expect(shapeOver(["shape[1:3]", "shape[0]"], gather)).toEqual([5, 3, 2]);
});

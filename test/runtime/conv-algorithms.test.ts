/** The algorithms of convolutions: one table for both languages, and what the engine's ladder chooses. */
import fs from "node:fs";
import { describe, expect, test } from "vitest";
import type { Shape } from "../../src/base/index.ts";
import {
  algorithmName,
  convAlgorithms,
  winogradLimits,
} from "../../src/runtime/conv-algorithms.ts";
import { printProgram } from "../../src/runtime/print.ts";
import { compile, conv, grad, setEngine, type Tensor, uniform } from "../../src/tensor/index.ts";
import { convAlgorithmsHeader, headerPath } from "../../tools/generate-conv-algorithms.mjs";
import { engines } from "../support/engines.ts";

test("kernel/src/conv_algorithms.h is what tools/generate-conv-algorithms.mjs writes", () => {
  const header = convAlgorithmsHeader(convAlgorithms, winogradLimits);
  expect(fs.readFileSync(headerPath, "utf8")).toBe(header);
});

test("a code is the name's position, and 256 more for exchanged roles", () => {
  expect(algorithmName(-1)).toBeNull();
  expect(algorithmName(0)).toBe("winograd 3x3");
  expect(algorithmName(9)).toBe("implicit-gemm split-k");
  expect(algorithmName(256 + 9)).toBe("implicit-gemm split-k exchanged");
});

const float = (shape: Shape) => uniform(shape, { key: 7 }).sub(0.5).evalSync();

describe.each(engines.filter((engine) => engine !== "reference"))("%s", (engine) => {
  /** The algorithms of a function's convolutions, in the order of its program. */
  const algorithmsOf = (f: (...args: Tensor[]) => Tensor, ...args: Tensor[]) => {
    setEngine(engine);
    const { program, algorithms } = compile(f).profile(...args)!;
    program.instructions.forEach(({ kind }, n) => {
      if (kind !== "conv") expect(algorithms[n]).toBeNull();
    });
    return algorithms.filter((name) => name !== null);
  };
  const layer = (x: Tensor, w: Tensor) => conv(x, w, { padding: 1 });

  test("layers of 3×3 kernels and 32 channels are filtered minimally, smaller ones are not", () => {
    const x = float([4, 32, 16, 16]);
    expect(algorithmsOf(layer, x, float([32, 32, 3, 3]))).toEqual(["winograd 3x3"]);
    expect(algorithmsOf(layer, x, float([31, 32, 3, 3]))).not.toContain("winograd 3x3");
  });

  test("gradients of their weights, too", () => {
    const loss = (x: Tensor) => (w: Tensor) => layer(x, w).sum();
    const gradient = (x: Tensor, w: Tensor) => grad(loss(x))(w);
    const chosen = algorithmsOf(gradient, float([16, 32, 16, 16]), float([32, 32, 3, 3]));
    expect(chosen).toEqual(["winograd 3x3 weight-gradient"]);
  });

  test("many small images lie innermost; one large image is a matrix product; far dilations are summed directly", () => {
    const w = float([8, 3, 5, 5]);
    expect(algorithmsOf(layer, float([64, 3, 12, 12]), w).at(0)).toMatch(/^implicit-gemm batch-in/);
    expect(algorithmsOf(layer, float([1, 3, 60, 60]), w)).toEqual(["implicit-gemm"]);
    const far = (x: Tensor, w: Tensor) =>
      conv(x, w, { stride: 80_000, padding: 80_000, dilation: 40_000 });
    expect(algorithmsOf(far, float([1, 1, 2, 2]), float([1, 1, 3, 3]))).toEqual(["direct"]);
  });

  test("a printed program names them", () => {
    setEngine(engine);
    const step = compile(layer);
    const { program, algorithms } = step.profile(float([4, 32, 16, 16]), float([32, 32, 3, 3]))!;
    expect(printProgram(program, algorithms)).toContain("0 conv winograd 3x3 [4, 1, 32, 16, 16]");
  });
});

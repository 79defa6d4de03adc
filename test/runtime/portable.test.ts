import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";

// Before the engine is loaded: this file has a process of its own.
vi.hoisted(() => {
  process.env.GRADUS_ISA = "portable";
});

import { lenet } from "../../src/models/index.ts";
import { crossEntropy, Dropout, valueAndGrad } from "../../src/nn/index.ts";
import { adam, Optimizer } from "../../src/optim/index.ts";
import {
  compile,
  conv,
  type EngineName,
  engineInfo,
  grad,
  normal,
  setEngine,
  type Tensor,
  tensor,
  uniform,
} from "../../src/tensor/index.ts";
import { hasNative, hasWasm } from "../support/engines.ts";
import { grow, leafTensor } from "../support/random-graph.ts";
import { recipes } from "../support/random-recipes.ts";

type Bits = Readonly<Record<string, readonly string[]>>;

/** A NaN has no bits to promise. */
const bitsOf = (x: Tensor): string[] =>
  Array.from(x.dataSync(), (v) => (Object.is(v, -0) ? "-0" : String(v)));

/** What `run` gives on an engine, number by number. */
function on(engine: EngineName, run: () => Readonly<Record<string, Tensor>>): Bits {
  setEngine(engine);
  return Object.fromEntries(Object.entries(run()).map(([name, x]) => [name, bitsOf(x)]));
}

const expectSameBits = (run: () => Readonly<Record<string, Tensor>>) =>
  expect(on("native", run)).toEqual(on("wasm", run));

/** Three steps of a convolutional net, with images first and last, dropout and Adam. */
function trained(batch: number): Readonly<Record<string, Tensor>> {
  const model = lenet({ inputShape: [3, 32, 32], classes: 10, seed: 1 });
  const dropout = new Dropout(0.3, { seed: 2 });
  const optimizer = new Optimizer(model, adam(), { lr: 0.01 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = (a: Tensor, b: Tensor) => crossEntropy(model.forward(dropout.forward(a)), b);
    const { value, grads } = valueAndGrad(model, loss)(x, y);
    optimizer.update(grads);
    return value;
  });
  const labels = tensor(Int32Array.from({ length: batch }, (_, i) => i % 10));
  const losses = [1, 2, 3].map((key) => step.sync(normal([batch, 3, 32, 32], { key }), labels));
  const weights = Object.entries(model.parameters()).map(([name, p]) => [name, p.value]);
  return { ...losses, ...Object.fromEntries(weights) };
}

describe.runIf(hasNative && hasWasm)(
  "GRADUS_ISA=portable: the same bits, natively and in WebAssembly",
  () => {
    test("is what runs", () => {
      setEngine("native");
      expect(engineInfo()).toMatchObject({ name: "native", isa: "portable" });
      setEngine("wasm");
      expect(engineInfo()).toMatchObject({ name: "wasm", isa: "simd128" });
    });

    for (const dtype of ["float32", "float64"] as const)
      test(`random graphs in ${dtype}`, () => {
        fc.assert(
          fc.property(recipes([dtype, "int32"], { minLength: 10, maxLength: 40 }), (recipe) => {
            expectSameBits(() =>
              Object.fromEntries(
                grow(recipe, recipe.leaves.map(leafTensor), "any").map((x, i) => [i, x]),
              ),
            );
          }),
          process.env.GRADUS_FUZZ
            ? { numRuns: Number(process.env.GRADUS_FUZZ) }
            : { numRuns: 150, seed: 3 },
        );
      });

    test.each([
      ["uniform", uniform],
      ["normal", normal],
    ] as const)("%s numbers", (_, draw) => {
      for (const dtype of ["float32", "float64"] as const)
        expectSameBits(() => ({ x: draw([10_007], { key: 5, dtype }) }));
    });

    test("products of every form", () => {
      for (const [m, k, n] of [
        [1, 700, 90],
        [90, 700, 1],
        [7, 33, 5],
        [130, 1000, 70],
        [300, 300, 300],
      ] as const)
        for (const dtype of ["float32", "float64"] as const)
          expectSameBits(() => {
            const a = normal([m, k], { key: 1, dtype });
            const b = normal([k, n], { key: 2, dtype });
            const c = normal([n, k], { key: 3, dtype });
            return {
              ab: a.matmul(b),
              ac: a.matmul(c.transpose()),
              sum: a.sum({ axis: 1 }),
              all: b.sum(),
            };
          });
    });

    test.each([
      ["minimal filtering", [3, 40, 13, 13], [48, 40, 3, 3], { padding: 1 }],
      ["strides", [5, 3, 20, 17], [7, 3, 5, 3], { stride: 2, padding: 2 }],
      ["dilation", [2, 6, 15, 15], [9, 6, 3, 3], { dilation: 2 }],
      ["groups", [4, 8, 9, 9], [8, 1, 3, 3], { groups: 8 }],
      ["many images", [33, 4, 8, 8], [6, 4, 3, 3], { padding: 1 }],
      ["images innermost", [32, 8, 10, 10], [16, 8, 3, 3], { padding: 1 }],
      ["one dimension", [3, 5, 700], [4, 5, 9], { stride: 3 }],
      ["three dimensions", [2, 3, 6, 7, 8], [4, 3, 2, 3, 3], { padding: 1 }],
    ] as const)("convolutions and their gradients: %s", (_, x, w, options) => {
      for (const dtype of ["float32", "float64"] as const)
        expectSameBits(() => {
          const y = (a: Tensor, b: Tensor) => conv(a, b, options);
          const loss = (a: Tensor, b: Tensor) => y(a, b).square().sum();
          const [a, b] = [normal(x, { key: 1, dtype }), normal(w, { key: 2, dtype })];
          return {
            y: y(a, b),
            a: grad((v: Tensor) => loss(v, b))(a),
            b: grad((v: Tensor) => loss(a, v))(b),
          };
        });
    });

    test.each([8, 32])("training a LeNet on batches of %i", (batch) => {
      expectSameBits(() => trained(batch));
    });
  },
);

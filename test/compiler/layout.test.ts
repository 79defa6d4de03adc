import { hvp, realizeSync, setEngine, type Tensor, uniform } from "gradus";
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Flatten,
  functional,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
  valueAndGrad,
  valuesOf,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { stridesOf } from "../../src/base/index.ts";
import { compileGraph } from "../../src/compiler/compile-graph.ts";
import { collect, type Node } from "../../src/graph/index.ts";
import * as op from "../../src/ops/index.ts";
import type { Instruction, View } from "../../src/runtime/program.ts";
import { evaluate } from "../../src/runtime/reference.ts";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const input = (...shape: number[]) => op.placeholder(shape, "float32");
const geometry = {
  stride: [1, 1],
  padLow: [0, 0],
  padHigh: [0, 0],
  inputDilation: [1, 1],
  kernelDilation: [1, 1],
};
const conv = (x: Node, w: Node) => op.conv(x, w, geometry);

/** A program whose inputs are all leaves and known values. */
function compiled(...outputs: Node[]) {
  const isGiven = (x: Node) => x.op.leaf || x.storage !== null;
  const leaves = collect(outputs, isGiven).filter(isGiven);
  return compileGraph(leaves, outputs);
}

const results = (i: Instruction): readonly View[] =>
  i.kind === "map" ? i.outputs : "epilogue" in i ? i.epilogue.outputs : [i.output];

/** Of each instruction: whether its first axis is innermost in the memory of all results. */
const innermost = (instructions: readonly Instruction[]) =>
  instructions.map((i) => results(i).every(({ strides }) => strides[0] === 1));

const layer = (images: number, channels = 3, kernels = 8) =>
  op.exp(conv(input(images, 1, channels, 9, 9), input(1, kernels, channels, 3, 3)));

describe("images lie innermost", () => {
  test("from a layer to what is computed of it, image by image, but not in the result", () => {
    const pooled = op.sum(op.sqrt(conv(layer(32), input(1, 8, 8, 3, 3))), [3, 4]);
    const product = op.matmul(op.reshape(pooled, [32, 8]), input(8, 5));
    const { instructions } = compiled(product);
    expect(instructions.map(({ kind }) => kind)).toEqual(["conv", "conv", "reduce", "matmul"]);
    expect(innermost(instructions)).toEqual([true, true, true, false]);
  });

  test("in products and maps that layers read", () => {
    const code = op.exp(op.matmul(input(32, 4), input(4, 3 * 81)));
    const y = conv(op.reshape(code, [32, 1, 3, 9, 9]), input(1, 8, 3, 3, 3));
    const { instructions } = compiled(op.sum(op.exp(y), [0, 1, 2, 3, 4]));
    expect(instructions.map(({ kind }) => kind)).toEqual(["matmul", "conv", "reduce"]);
    expect(innermost(instructions)).toEqual([true, true, false]);
  });

  test("in one copy of an input that the gradient of weights reads, too", () => {
    const x = uniform([16, 3, 9, 9], { key: 1 }).evalSync();
    const model = new Sequential(new Conv2d(3, 4, 3), new ReLU(), new Flatten());
    const { value, grads } = valueAndGrad(model, (x: Tensor) => model.forward(x).sum())(x);
    const { instructions } = compiled(value.node, ...Object.values(grads).map(({ node }) => node));
    const isCopy = (i: Instruction) =>
      i.kind === "map" && i.expression.values.every(({ kind }) => kind === "input");
    const copies = instructions.filter((i) => isCopy(i) && i.shape[0] === 16);
    expect(copies).toHaveLength(1);
    expect(innermost(copies)).toEqual([true]);
    for (const i of instructions) if (i.kind === "conv") expect(i.x.strides.at(-1)).toBe(16);
  });

  test("only where all layers gain: not for few images, many channels or minimal filtering", () => {
    const usual = (y: Node) => {
      for (const i of compiled(op.sum(op.exp(y), [3, 4])).instructions)
        for (const { strides } of results(i))
          expect(strides).toEqual(
            stridesOf(i.kind === "reduce" ? i.shape.slice(0, i.kept) : i.shape),
          );
    };
    usual(layer(5));
    usual(layer(32, 3, 512));
    usual(layer(32, 32, 32));
    usual(conv(op.exp(conv(layer(32), input(1, 256, 8, 3, 3))), input(1, 8, 256, 3, 3)));
  });
});

/** Nets that mix what the layout spreads over and what it does not. */
const nets: Record<string, () => { model: Module; classes: number }> = {
  "convolutions, pooling, dense": () => ({
    model: new Sequential(
      new Conv2d(2, 5, 3, { padding: 1 }),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(5, 7, 3),
      new BatchNorm2d(7),
      new ReLU(),
      new AvgPool2d(2),
      new Flatten(),
      new Linear(7 * 4, 3),
    ),
    classes: 3,
  }),
  "strides, groups and dilation": () => ({
    model: new Sequential(
      new Conv2d(2, 4, 3, { stride: 2, padding: 2 }),
      new ReLU(),
      new Conv2d(4, 6, 3, { groups: 2, dilation: 2, padding: 2 }),
      new MaxPool2d(2, { stride: 1 }),
      new Flatten(),
      new Linear(6 * 36, 4),
    ),
    classes: 4,
  }),
};

describe.each(engines)("%s", (engine) => {
  describe.each(Object.keys(nets))("%s", (name) => {
    test.each([16, 48])("%d images: values, gradients and their derivatives", (images) => {
      setEngine(engine);
      const { model, classes } = nets[name]!();
      const x = uniform([images, 2, 12, 12], { key: 7 }).evalSync();
      const y = uniform([images], { key: 8 }).mul(classes).floor().cast("int32").evalSync();
      const loss = (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y);
      const { value, grads } = valueAndGrad(model, loss)(x, y);
      const along = Object.fromEntries(
        Object.entries(model.parameters()).map(([path, p], i) => [
          path,
          uniform(p.value.shape, { key: i }).evalSync(),
        ]),
      );
      const curvature = hvp(functional(model, loss), valuesOf(model.parameters()), along, x, y);
      const all = [value, ...Object.values(grads), ...Object.values(curvature)];
      const nodes = all.map(({ node }) => node);
      const expected = evaluate(nodes, (leaf) => leaf.storage!.read());
      realizeSync(nodes);
      for (const [i, t] of all.entries())
        expectClose(`result ${i}, ${t}`, t.dataSync(), expected[i]!, 1e-5, 0.1);
    });
  });
});

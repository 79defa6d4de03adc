import { compile, ones, setEngine, type Tensor, tensor, zeros } from "gradus";
import {
  GRU,
  GRUCell,
  Linear,
  LSTM,
  RNN,
  Sequential,
  seeded,
  summary,
  valueAndGrad,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const sines = (...shape: number[]) =>
  tensor(
    Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(1.3 * i)),
  ).reshape(shape);
const dtype = "float64";

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("a sequence in two parts, the state handed on, is the sequence", () => {
      const layer = new LSTM(3, 4, { layers: 2, dtype });
      const x = sines(2, 6, 3);
      const whole = layer.run(x);
      const first = layer.run(x.slice(null, [0, 2]));
      const second = layer.run(x.slice(null, [2, 6]), { initial: first.state });
      const tail = whole.outputs.slice(null, [2, 6]);
      expectClose("outputs", second.outputs.dataSync(), tail.dataSync(), 1e-14);
      expectClose("c", second.state.c.dataSync(), whole.state.c.dataSync(), 1e-14);
    });
    test("the sequence is its cell step by step", () => {
      const layer = new GRU(3, 4, { dtype });
      const x = sines(2, 3, 3);
      const [cell] = layer.cells;
      let state = cell!.initial(2);
      for (let t = 0; t < 3; t++) state = cell!.forward(x.slice(null, t), state);
      expectClose("h", layer.run(x).state.h.dataSync(), state.h.dataSync(), 1e-14);
    });
    test("what stands beyond a length changes nothing, gradients included", () => {
      const lengths = tensor([3, 1], "int32");
      const run = (x: Tensor) => {
        const layer = seeded(5, () => new RNN(2, 3, { bidirectional: true, layers: 2, dtype }));
        const both = valueAndGrad(layer, () => layer.forward(x, { lengths }).square().sum())();
        return [both.value, ...Object.values(both.grads)].flatMap((y) => [...y.dataSync()]);
      };
      const x = sines(2, 4, 2);
      const beyond = tensor(
        [
          [0, 0, 0, 1],
          [0, 1, 1, 1],
        ],
        dtype,
      ).unsqueeze(2);
      expect(run(x.add(beyond.mul(100)))).toEqual(run(x));
    });
    test("a compiled training step over 20 steps of time gives the gradients of an uncompiled one", () => {
      const layer = seeded(3, () => new LSTM(2, 3, { dtype }));
      const both = valueAndGrad(layer, (x: Tensor) => layer.forward(x).square().sum());
      const step = compile((x: Tensor) => both(x).grads);
      const x = sines(2, 20, 2);
      const [one, other] = [step.sync(x), both(x).grads];
      for (const path of Object.keys(other))
        expectClose(path, one[path]!.dataSync(), other[path]!.dataSync(), 1e-13);
    });
  });

test("paths, sizes and connections", () => {
  const layer = new LSTM(3, 5, { layers: 2, bidirectional: true });
  expect(Object.keys(layer.parameters()).slice(2, 4)).toEqual([
    "cells.0.bias",
    "cells.1.inputWeight",
  ]);
  expect(layer.cells.map((c) => c.inputWeight.shape)).toEqual([
    [20, 3],
    [20, 3],
    [20, 10],
    [20, 10],
  ]);
  const model = new Sequential(new GRU(3, 5), new Linear(5, 2));
  const { rows } = summary(model, [7, 3]);
  expect(rows).toMatchObject([
    {
      path: "layers.0",
      kind: "GRU",
      outputShape: [7, 5],
      parameters: 15 * 3 + 15 * 5 + 15 + 5,
      connections: 7 * (45 + 75),
    },
    { path: "layers.1", kind: "Linear", outputShape: [7, 2] },
  ]);
});
test("errors name sizes and the fix", () => {
  const layer = new GRU(3, 5);
  expect(() => layer.forward(zeros([2, 3]))).toThrow(
    "takes [N, T, 3] with one step or more, got [2, 3].",
  );
  expect(() => layer.forward(zeros([2, 4, 3]), { lengths: ones([2]) })).toThrow(
    "lengths are float32.",
  );
  expect(() => layer.forward(zeros([2, 4, 3]), { lengths: tensor([1], "int32") })).toThrow(
    "lengths are [1], the input [2, 4, 3].",
  );
  expect(() => layer.forward(zeros([2, 4, 3]), { initial: { h: zeros([2, 5]) } })).toThrow(
    "the initial h is [2, 5], not [1, 2, 5].",
  );
  expect(() => new GRUCell(3, 5).forward(zeros([2, 4]))).toThrow(
    "takes inputs of 3, got [2, 4] (3 ≠ 4).",
  );
  expect(() => new RNN(3, 5, { layers: 0 })).toThrow("0 layers.");
});

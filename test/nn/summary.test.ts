import { type Tensor, zeros } from "gradus";
import { createModel, lenet } from "gradus/models";
import {
  Dropout,
  Embedding,
  formatSummary,
  Linear,
  Module,
  Parameter,
  Sequential,
  summary,
  TransformerBlock,
} from "gradus/nn";
import { describe, expect, test } from "vitest";

describe("LeNet on 32 × 32 × 3", () => {
  const { rows, totals } = summary(lenet({ inputShape: [3, 32, 32], classes: 10 }), [3, 32, 32]);
  const kinds = ["Conv2d", "MaxPool2d", "Linear"];
  const sized = rows.filter(({ kind }) => kinds.includes(kind));

  test("units and parameters are those of the textbook's table", () => {
    expect(
      sized.map(({ kind, outputShape, units, parameters }) => [
        kind,
        outputShape,
        units,
        parameters,
      ]),
    ).toEqual([
      ["Conv2d", [8, 28, 28], 6272, 608],
      ["MaxPool2d", [8, 14, 14], 1568, 0],
      ["Conv2d", [16, 10, 10], 1600, 3216],
      ["MaxPool2d", [16, 5, 5], 400, 0],
      ["Linear", [120], 120, 48_120],
      ["Linear", [84], 84, 10_164],
      ["Linear", [10], 10, 850],
    ]);
    expect(rows[0]!.units).toBe(3072);
    expect(totals.parameters).toBe(608 + 3216 + 48_120 + 10_164 + 850);
    expect(totals.units).toBe(6272 + 1600 + 120 + 84 + 10);
  });
  test("connections are units times the inputs of one unit", () => {
    expect(sized.map(({ connections }) => connections)).toEqual([
      6272 * 75,
      0,
      1600 * 200,
      0,
      120 * 400,
      84 * 120,
      10 * 84,
    ]);
  });
  test("as text", () => {
    expect(formatSummary({ inputShape: [], rows: sized, totals })).toMatchInlineSnapshot(`
      "layer      kind       output        parameters  units  connections
      layers.1   Conv2d     [8, 28, 28]          608  6,272      470,400
      layers.3   MaxPool2d  [8, 14, 14]            0  1,568            0
      layers.4   Conv2d     [16, 10, 10]       3,216  1,600      320,000
      layers.6   MaxPool2d  [16, 5, 5]             0    400            0
      layers.8   Linear     [120]             48,120    120       48,000
      layers.10  Linear     [84]              10,164     84       10,080
      layers.12  Linear     [10]                 850     10          840
      total                                   62,958  8,086      849,320"
    `);
  });
});

test("shared parameters are counted once, frozen ones are told apart, modes are kept", () => {
  const layer = new Linear(4, 4);
  const model = new Sequential(layer, layer, new Dropout(0.5)).freeze("*.bias");
  const { rows, totals } = summary(model, [4]);
  expect(rows.map(({ path, parameters }) => [path, parameters])).toEqual([
    ["layers.0", 20],
    ["layers.0", 0],
    ["layers.2", 0],
  ]);
  expect(totals).toMatchObject({ parameters: 20, trainable: 16, connections: 32 });
  expect(totals).toMatchObject({ parameterBytes: 80, activationBytes: 48 });
  expect(model.layers[2]!.training).toBe(true);
  const { state } = (model.layers[2] as Dropout).random;
  expect((state.value.toArray() as number[])[1]).toBe(0); // nothing was drawn
});

test("a model of the user's, with parameters of its own beside its layers", () => {
  class Net extends Module {
    readonly inner = new Linear(3, 2);
    readonly shift = new Parameter(zeros([2]));
    forward(x: Tensor): Tensor {
      return this.inner.forward(x).add(this.shift.value);
    }
  }
  const { rows } = summary(new Net(), [3]);
  expect(rows.map(({ path, kind, parameters }) => [path, kind, parameters])).toEqual([
    ["inner", "Linear", 8],
    ["", "Net", 2],
  ]);
  expect(() => summary(new Net(), [4])).toThrow(/in inner \(Linear 3 → 2\)/);
});

test("a dense layer has far more weights than a convolution of the same units", () => {
  // width² height² × channels in and out, against kernel² × channels in and out
  const conv = createModel({ name: "conv", options: { inputShape: [1, 28, 28], classes: 10 } });
  const { rows } = summary(conv, [1, 28, 28]);
  const [first] = rows.filter(({ kind }) => kind === "Conv2d");
  expect(first).toMatchObject({
    parameters: 16 * 9 + 16,
    units: 16 * 784,
    connections: 16 * 784 * 9,
  });
  const dense = summary(new Linear(784, 16 * 784), [784]).rows[0]!;
  expect(dense.connections / first!.connections).toBe(784 / 9);
});

test("a model of indices: an embedding has parameters and multiplies nothing", () => {
  const model = new Sequential(new Embedding(50, 8), new TransformerBlock(8, 2), new Linear(8, 50));
  const { rows, totals } = summary(model, [6], { inputDType: "int32" });
  expect(rows[0]).toMatchObject({ outputShape: [6, 8], parameters: 400, connections: 0 });
  expect(rows.at(-1)).toMatchObject({ outputShape: [6, 50], parameters: 450, connections: 2400 });
  // two norms of 16, four projections of 72, two dense layers of 8·32 + 32 and 32·8 + 8
  expect(totals.parameters).toBe(400 + 2 * 16 + 4 * 72 + 288 + 264 + 450);
});

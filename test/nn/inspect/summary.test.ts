import { type Tensor, zeros } from "gradus";
import { alexnet, createModel, lenet } from "gradus/models";
import {
  Conv2d,
  ConvTranspose2d,
  Dropout,
  denseAgainstConvolution,
  Embedding,
  Flatten,
  formatSummary,
  Linear,
  Module,
  Parameter,
  ReLU,
  Reshape,
  Residual,
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
      "layer                kind       output        parameters  units  connections   sees
      features.layers.1    Conv2d     [8, 28, 28]          608  6,272      470,400    5×5
      features.layers.3    MaxPool2d  [8, 14, 14]            0  1,568            0    6×6
      features.layers.4    Conv2d     [16, 10, 10]       3,216  1,600      320,000  14×14
      features.layers.6    MaxPool2d  [16, 5, 5]             0    400            0  16×16
      classifier.layers.1  Linear     [120]             48,120    120       48,000  32×32
      classifier.layers.3  Linear     [84]              10,164     84       10,080  32×32
      classifier.layers.5  Linear     [10]                 850     10          840  32×32
      total                                             62,958  8,086      849,320"
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

describe("AlexNet", () => {
  const { rows, totals } = summary(
    alexnet({ inputShape: [3, 227, 227], classes: 1000 }),
    [3, 227, 227],
  );
  const layers = rows.filter(({ parameters }) => parameters > 0);
  const convolutions = layers.filter(({ kind }) => kind === "Conv2d");
  const dense = layers.filter(({ kind }) => kind === "Linear");
  const share = (of: typeof layers, key: "units" | "weights" | "connections") =>
    of.reduce((n, row) => n + row[key], 0) / totals[key];

  test("units and parameters of the paper, and the unit count that it prints wrongly", () => {
    expect(layers.map(({ units }) => units)).toEqual([
      290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000,
    ]);
    expect(55 * 55 * 96).toBe(290_400);
    expect(55 * 48 * 96).toBe(253_440); // the paper's
    expect(totals).toMatchObject({ parameters: 60_965_224, trainable: 60_965_224, units: 659_272 });
    // two groups: each output channel sees half of the channels below
    expect(layers.map(({ parameters }) => parameters)).toEqual([
      34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000,
    ]);
  });
  test("most units and connections in the convolutions, most weights in the dense layers", () => {
    expect(share(convolutions, "units")).toBeGreaterThan(0.98);
    expect(share(convolutions, "connections")).toBeGreaterThan(0.9);
    expect(share(dense, "weights")).toBeGreaterThan(0.95);
  });
  test("fields grow with every convolution, and faster behind pooling", () => {
    expect(
      convolutions.map((row) => [row.receptiveField!.size[0], row.receptiveField!.jump[0]]),
    ).toEqual([
      [11, 4],
      [51, 8],
      [99, 16],
      [131, 16],
      [163, 16],
    ]);
    expect(dense[0]!.receptiveField).toEqual({ size: [227, 227], jump: [0, 0], start: [0, 0] });
  });
});

describe("every column", () => {
  const model = new Sequential(
    new Conv2d(2, 4, 3, { dtype: "float64" }),
    new ReLU(),
    new Flatten(),
    new Linear(36, 3, { dtype: "float64" }),
  );
  const { rows, totals } = summary(model, [2, 5, 5]);
  test("of a layer, and of all", () => {
    expect(rows[0]).toEqual({
      path: "layers.0",
      kind: "Conv2d",
      outputShape: [4, 3, 3],
      parameters: 76,
      weights: 72,
      units: 36,
      connections: 36 * 18,
      trainingMultiplyAdds: 3 * 36 * 18,
      activationBytes: 36 * 8,
      parameterBytes: 76 * 8,
      receptiveField: { size: [3, 3], jump: [1, 1], start: [0, 0] },
    });
    expect(totals).toEqual({
      parameters: 76 + 111,
      weights: 72 + 108,
      trainable: 187,
      units: 36 + 3,
      connections: 648 + 108,
      trainingMultiplyAdds: 3 * 756,
      activationBytes: (36 + 36 + 36 + 3) * 8,
      parameterBytes: 187 * 8,
    });
  });
  test("as a wide table", () => {
    expect(formatSummary({ inputShape: [], rows, totals }, { wide: true })).toMatchInlineSnapshot(`
      "layer     kind     output     parameters  weights  units  connections  training ×+  outputs KiB  parameters KiB  sees  jump
      layers.0  Conv2d   [4, 3, 3]          76       72     36          648        1,944          0.3             0.6   3×3   1×1
      layers.1  ReLU     [4, 3, 3]           0        0     36            0            0          0.3             0.0   3×3   1×1
      layers.2  Flatten  [36]                0        0     36            0            0          0.3             0.0   3×3   1×1
      layers.3  Linear   [3]               111      108      3          108          324          0.0             0.9   5×5   0×0
      total                                187      180     39          756        2,268          0.9             1.5"
    `);
  });
});

describe("depth", () => {
  const block = () => new Residual(new Sequential(new Linear(6, 4), new ReLU(), new Linear(4, 6)));
  const model = new Sequential(block(), new ReLU(), new Sequential(block(), new Linear(6, 2)));
  const paths = (depth: number) => summary(model, [6], { depth }).rows.map(({ path }) => path);
  test("a module at the depth is one row with the sums of what it holds", () => {
    const full = summary(model, [6]);
    const { rows, totals } = summary(model, [6], { depth: 1 });
    expect(rows.map(({ path, kind, parameters }) => [path, kind, parameters])).toEqual([
      ["layers.0", "Residual", 58],
      ["layers.1", "ReLU", 0],
      ["layers.2", "Sequential", 72],
    ]);
    expect(rows[0]).toMatchObject({ outputShape: [6], units: 10, connections: 48, weights: 48 });
    expect(rows[0]!.receptiveField).toEqual({ size: [6], jump: [0], start: [0] });
    expect(totals).toEqual(full.totals);
    const sum = (of: typeof rows, key: "activationBytes" | "connections") =>
      of.reduce((n, row) => n + row[key], 0);
    for (const key of ["activationBytes", "connections"] as const)
      expect(sum(rows, key)).toBe(sum(full.rows, key));
  });
  test("deeper, and without end", () => {
    expect(paths(2)).toEqual([
      "layers.0.body",
      "layers.0.shortcut",
      "layers.1",
      "layers.2.layers.0",
      "layers.2.layers.1",
    ]);
    expect(paths(9)).toEqual(summary(model, [6]).rows.map(({ path }) => path));
    expect(() => paths(0)).toThrow("depth is 0.");
  });
});

test("the table of dense layers against convolutions is that of real layers", () => {
  const sizes = { width: 6, height: 5, inputs: 3, outputs: 4, kernel: 3 };
  const { dense, convolution } = denseAgainstConvolution(sizes);
  const conv = new Conv2d(3, 4, 3, { padding: "same", bias: false });
  const linear = new Linear(90, 120, { bias: false });
  expect(summary(conv, [3, 5, 6]).rows[0]).toMatchObject(convolution);
  expect(summary(linear, [90]).rows[0]).toMatchObject(dense);
  expect(dense).toEqual({
    units: 120,
    weights: 6 ** 2 * 5 ** 2 * 12,
    connections: 6 ** 2 * 5 ** 2 * 12,
  });
  expect(convolution).toEqual({ units: 120, weights: 9 * 12, connections: 30 * 9 * 12 });
  expect(() => denseAgainstConvolution({ ...sizes, kernel: 0 })).toThrow("kernel is 0.");
});

test("fields of fractions are shown to one digit, unknown ones by a dash", () => {
  const model = new Sequential(
    new Conv2d(1, 1, 3),
    new ConvTranspose2d(1, 1, 3, { stride: 2 }),
    new Flatten(),
    new Reshape([11, 11]),
    new Linear(11, 2),
  );
  const lines = formatSummary(summary(model, [1, 7, 7]));
  expect(lines).toMatch(/ConvTranspose2d .* 4×4\n/);
  expect(lines).toMatch(/Linear .* –\n/);
});

import { ConfigError, compile, fromHost, setEngine, type Tensor, tensor, zeros } from "gradus";
import { batches, digits } from "gradus/data";
import {
  alexnet,
  charMlp,
  createModel,
  digitsNet,
  lenet,
  type ModelName,
  mlp,
} from "gradus/models";
import { crossEntropy, evaluating, valueAndGrad } from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { describe, expect, test } from "vitest";
import { hasNative } from "../support/engines.ts";

/** Those for images of any size; torch-models.test.ts has those of torchvision. */
const small = ["conv", "mlp", "lenet", "vgg"] as const;

describe.each(small)("%s", (name) => {
  test("is rebuilt with the same parameters from its name and options, through JSON", () => {
    const config = { name, options: { inputShape: [1, 16, 16], classes: 4, seed: 5 } };
    const [a, b] = [createModel(config), createModel(JSON.parse(JSON.stringify(config)))];
    const values = (model: typeof a) =>
      Object.entries(model.state()).map(([path, v]) => [path, [...v.value.dataSync()]]);
    expect(values(a)).toEqual(values(b));
  });
  test.each([
    [1, 28, 28],
    [3, 32, 32],
    [28, 28],
    [2, 17, 23],
  ])("adapts to examples of %i, %i, %i", (...inputShape) => {
    const shape = inputShape.filter((d) => d !== undefined);
    const model = createModel({ name, options: { inputShape: shape, classes: 7 } });
    expect(model.forward(zeros([2, ...shape])).shape).toEqual([2, 7]);
  });
});

describe("char-mlp", () => {
  test("logits by hand: embeddings in a row, a dense layer with ReLU, a dense layer", () => {
    const model = charMlp({ inputShape: [2], classes: 3, hidden: [2], seed: 5 });
    const p = model.parameters();
    expect(Object.values(p).map(({ shape }) => shape)).toEqual([
      [3, 24],
      [2, 48],
      [2],
      [3, 2],
      [3],
    ]);
    const [e, w, b, v, c] = Object.values(p).map(({ value }) =>
      value.cast("float64").toArray(),
    ) as [number[][], number[][], number[], number[][], number[]];
    const x = [...e[2]!, ...e[0]!];
    const dot = (a: number[], z: number[]) => a.reduce((sum, y, i) => sum + y * z[i]!, 0);
    const h = w.map((row, k) => Math.max(0, dot(row, x) + b[k]!));
    const z = v.map((row, k) => dot(row, h) + c[k]!);
    const found = model.forward(tensor([[2, 0]], "int32")).dataSync();
    for (const [k, value] of z.entries()) expect(found[k]).toBeCloseTo(value, 5);
    expect(model.forward(tensor([[2, 0]])).dataSync()).toEqual(found); // numbers of any dtype
  });
  test.each([[[1, 28, 28]], [[]]])("examples of %j are no rows of characters", (inputShape) => {
    expect(() => charMlp({ inputShape, classes: 3 })).toThrow(/charMlp: examples of/);
  });
  test("another number of characters is an error that says how many it sees", () => {
    const model = createModel({ name: "char-mlp", options: { inputShape: [4], classes: 3 } });
    expect(() => model.forward(zeros([2, 5]))).toThrow(/takes characters \[N, 4\], got \[2, 5\]/);
  });
});

test("images come flat, too", () => {
  const model = lenet({ inputShape: [1, 28, 28], classes: 10 });
  expect(model.forward(zeros([2, 784])).shape).toEqual([2, 10]);
});

test("784–256–128–10", () => {
  const parameters = mlp({ inputShape: [1, 28, 28], classes: 10 }).parameters();
  expect(Object.values(parameters).map((p) => p.shape)).toEqual([
    [256, 784],
    [256],
    [128, 256],
    [128],
    [10, 128],
    [10],
  ]);
});

test("AlexNet, its smallest images, the start of its paper", () => {
  const model = createModel({
    name: "alexnet",
    options: { inputShape: [3, 67, 70], classes: 5, seed: 1 },
  });
  expect(evaluating(model, () => model.forward(zeros([2, 3, 67, 70]))).shape).toEqual([2, 5]);
  const parameters = model.parameters();
  const first = parameters["features.layers.1.weight"]!.value;
  expect(first.mean().item()).toBeCloseTo(0, 3);
  expect(first.std().item()).toBeCloseTo(0.01, 3);
  const biases = Object.values(parameters).filter((p) => p.shape.length === 1);
  expect(biases.map((p) => p.value.mean().item())).toEqual([0, 1, 0, 1, 1, 1, 1, 0]);
  expect(() => alexnet({ inputShape: [3, 66, 70], classes: 5 })).toThrow(/at least 67×67/);
});

describe("errors", () => {
  test("an unknown name", () => {
    const f = () =>
      createModel({ name: "lenet5" as ModelName, options: { inputShape: [4], classes: 2 } });
    expect(f).toThrow(ConfigError);
    expect(f).toThrow(/no model "lenet5"[\s\S]*did you mean "lenet"\?/);
  });
  test("examples that are not images", () => {
    expect(() => lenet({ inputShape: [1, 8, 8], classes: 2 })).toThrow(/at least 16×16/);
    expect(() => digitsNet({ inputShape: [64], classes: 2 })).toThrow(/use the model "mlp"/);
  });
});

test.skipIf(!hasNative)("the convolutional net learns digits in three short epochs", async () => {
  setEngine("native");
  const { train, test: held } = digits({ train: 3000, test: 500, seed: 1 });
  const model = createModel({
    name: "conv",
    options: { inputShape: [1, 28, 28], classes: 10, seed: 1 },
  });
  const optimizer = new Optimizer(model, adam(), { lr: 2e-3 });
  const both = valueAndGrad(model, (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y));
  const step = compile((x: Tensor, y: Tensor) => {
    const { value, grads } = both(x, y);
    optimizer.update(grads);
    return value;
  });
  for (let epoch = 0; epoch < 3; epoch++)
    for (const { inputs, targets } of batches(train, { batchSize: 60, shuffle: true, epoch }))
      await step(fromHost(inputs), fromHost(targets));
  const logits = evaluating(model, () => model.forward(fromHost(held!.inputs)));
  const right = logits.argmax({ axis: -1 }).equal(fromHost(held!.targets)).cast("float32");
  expect(right.mean().item()).toBeGreaterThan(0.93);
});

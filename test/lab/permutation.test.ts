/** Renumbered nets compute the same; the average of all K! of them computes with one unit. */
import { ConfigError, normal, type Tensor, tensor } from "gradus";
import { averageUnits, hiddenLayers, measureSymmetry, permuteUnits } from "gradus/lab";
import {
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  meanSquaredError,
  ReLU,
  Sequential,
  Softmax,
  seeded,
  Tanh,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { data, smallNet } from "./support.ts";

const difference = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();
const values = (model: Sequential, path: string) => model.parameters()[path]!.value.toArray();

describe("permuteUnits", () => {
  test("moves rows, biases and columns together", () => {
    const model = smallNet();
    const [w, v] = [
      values(model, "layers.0.weight"),
      values(model, "layers.2.weight"),
    ] as number[][][];
    permuteUnits(model, "layers.0", [2, 0, 1]);
    expect(values(model, "layers.0.weight")).toEqual([w![2], w![0], w![1]]);
    expect(values(model, "layers.2.weight")).toEqual([[v![0]![2], v![0]![0], v![0]![1]]]);
  });

  test("leaves a convolutional net's outputs as they are, also through Flatten", () => {
    const model = seeded(
      1,
      () =>
        new Sequential(
          ...[new Conv2d(1, 3, 3), new ReLU(), new Conv2d(3, 4, 3), new MaxPool2d(2), new ReLU()],
          ...[new Flatten(), new Linear(16, 5), new Tanh(), new Dropout(0.5), new Linear(5, 2)],
        ),
    ).eval();
    const x = normal([2, 1, 8, 8], { key: 1 });
    const before = model.forward(x).evalSync();
    expect(hiddenLayers(model)).toEqual([
      { path: "layers.0", units: 3 },
      { path: "layers.2", units: 4 },
      { path: "layers.6", units: 5 },
    ]);
    permuteUnits(model, "layers.0", [1, 2, 0]);
    permuteUnits(model, "layers.2", [3, 1, 0, 2]);
    permuteUnits(model, "layers.6", [4, 3, 2, 1, 0]);
    expect(difference(before, model.forward(x))).toBeLessThan(1e-6);
  });

  test("refuses what is not an order, and layers that cannot be", () => {
    expect(() => permuteUnits(smallNet(), "layers.0", [0, 0, 1])).toThrow(
      "not an order of 3 units",
    );
    expect(() => permuteUnits(smallNet(), "layers.2", [0])).toThrow('did you mean "layers.0"?');
    const soft = new Sequential(new Linear(2, 3), new Softmax(), new Linear(3, 1));
    expect(() => permuteUnits(soft, "layers.0", [0, 1, 2])).toThrow(ConfigError);
  });

  test("sees that a shared layer has no units of its own, and groups tie channels", () => {
    const shared = new Linear(3, 3);
    expect(hiddenLayers(new Sequential(shared, new Tanh(), shared))).toEqual([]);
    const grouped = new Sequential(new Conv2d(2, 4, 1), new Conv2d(4, 4, 1, { groups: 2 }));
    expect(hiddenLayers(grouped)).toEqual([]);
  });
});

test("averageUnits is the mean of all six renumberings of three units", () => {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const paths = Object.keys(smallNet().parameters());
  const nets = orders.map((order) => {
    const model = smallNet();
    model.parameters()["layers.0.bias"]!.value = tensor([1, 2, 6]);
    permuteUnits(model, "layers.0", order);
    return model.parameters();
  });
  const average = smallNet();
  average.parameters()["layers.0.bias"]!.value = tensor([1, 2, 6]);
  averageUnits(average, "layers.0");
  for (const path of paths) {
    const mean = nets
      .map((p) => p[path]!.value)
      .reduce((a, b) => a.add(b))
      .div(6);
    expect(difference(mean, average.parameters()[path]!.value)).toBeLessThan(1e-6);
  }
});

describe("measureSymmetry", () => {
  test("the average of equivalent good nets is worse, so the loss is not convex", () => {
    const model = seeded(1, () => new Sequential(new Linear(1, 2), new ReLU(), new Linear(2, 1)));
    const put = (path: string, x: number[] | number[][]) => {
      model.parameters()[path]!.value = tensor(x);
    };
    put("layers.0.weight", [[1], [-1]]); // |x| = relu(x) + relu(−x), exactly
    put("layers.2.weight", [[1, 1]]);
    const abs = { inputs: tensor([[-1], [0], [2]]), targets: tensor([[1], [0], [2]]) };
    const found = measureSymmetry(model, meanSquaredError, abs);
    expect(found.loss).toBe(0);
    expect(found.permutedDifference).toBe(0);
    expect(found.averageLoss).toBeCloseTo(5 / 3, 12); // the mean row is 0, so the net is 0
    expect(found.logEquivalents).toBeCloseTo(Math.log(2), 14);
    expect(values(model, "layers.0.weight")).toEqual([[1], [-1]]);
  });

  test("serves nets with frozen layers", () => {
    const model = smallNet().freeze("layers.0");
    expect(measureSymmetry(model, meanSquaredError, data).permutedDifference).toBeLessThan(1e-14);
  });

  test("wants a hidden layer", () => {
    expect(() => measureSymmetry(new Sequential(new Linear(2, 1)), meanSquaredError, data)).toThrow(
      ConfigError,
    );
  });
});

/** The sweep of learning rates: its rates, its losses, where it stops, and that it leaves no trace. */
import { compile, hostArray, type Tensor, tensor } from "gradus";
import { moons } from "gradus/data";
import { BatchNorm1d, Dropout, Linear, ReLU, Sequential, seeded } from "gradus/nn";
import { adam, momentum, Optimizer, sgd } from "gradus/optim";
import { findLr } from "gradus/train";
import { expect, test } from "vitest";
import { type LrPoint, readings } from "../../../src/train/search/lr-finder.ts";
import { expectClose } from "../../support/compare.ts";
import { stateOf } from "../support.ts";

/** One weight and one example: L = (w − 1)², w₀ = 0. */
const one = () => {
  const model = new Linear(1, 1, { bias: false, dtype: "float64" });
  model.weight.value = tensor([[0]], "float64");
  return model;
};
const point = {
  inputs: hostArray([1, 1], Float64Array.of(1)),
  targets: hostArray([1, 1], Float64Array.of(1)),
  size: 1,
};

test("rates grow by one factor, losses are those of descent by hand, the average is corrected", async () => {
  const options = { from: 0.001, to: 0.1, steps: 5, optimizer: sgd(), smoothing: 0.5 };
  const { points, stopped } = await findLr(one(), point, options);
  const rates = [0, 1, 2, 3, 4].map((k) => 0.001 * 10 ** (k / 2));
  let [w, m] = [0, 0];
  const expected = rates.map((lr, k) => {
    const loss = (w - 1) ** 2;
    m = 0.5 * m + 0.5 * loss;
    w -= lr * 2 * (w - 1);
    return { lr, loss, smoothed: m / (1 - 0.5 ** (k + 1)) };
  });
  for (const name of ["lr", "loss", "smoothed"] as const)
    expectClose(
      name,
      points.map((p) => p[name]),
      expected.map((p) => p[name]),
      1e-13,
    );
  expect(stopped).toBe("all 5 steps are done");
});

test("it stops when the loss diverges, which descent does beyond a rate of 1 here", async () => {
  const options = { from: 0.01, to: 1000, steps: 60, optimizer: sgd(), smoothing: 0 };
  const { points, stopped } = await findLr(one(), point, options);
  expect(points.length).toBeLessThan(60);
  const last = points.at(-1)!;
  expect(last.lr).toBeGreaterThan(1);
  expect(stopped).toBe(`the loss diverged at lr ${last.lr.toPrecision(3)}`);
});

const net = () =>
  seeded(
    7,
    () =>
      new Sequential(
        new Linear(2, 16),
        new BatchNorm1d(16),
        new ReLU(),
        new Dropout(0.2),
        new Linear(16, 2),
      ),
  );

test("weights, statistics, random states, modes and the optimizer are what they were, to the bit", async () => {
  const model = net();
  const optimizer = new Optimizer(model, momentum(), { lr: 0.25 });
  const step = compile((x: Tensor) => {
    model.forward(x);
    optimizer.update(
      Object.fromEntries(Object.entries(model.parameters()).map(([p, v]) => [p, v.value])),
    );
  });
  step.sync(
    tensor([
      [1, 2],
      [3, 4],
    ]),
  );
  model.eval();
  const all = () => ({
    model: stateOf(model),
    optimizer: Object.values(optimizer.state()).map((x) => [...x.value.dataSync()]),
    modes: Object.values(model.modules()).map(({ training }) => training),
  });
  const before = all();
  const { points } = await findLr(model, moons(), { optimizer, steps: 20, from: 1e-3, to: 1e3 });
  expect(new Set(points.map(({ loss }) => loss)).size).toBeGreaterThan(5); // it did move
  expect(all()).toEqual(before);
  // when a step fails, too
  const loss = (z: Tensor) => z.sum().add(tensor([1, 2]));
  await expect(findLr(model, moons(), { optimizer, loss })).rejects.toThrow("scalar");
  expect(all()).toEqual(before);
});

test("the same sweep twice is the same, and its readings train a net", async () => {
  const options = { optimizer: adam(), batchSize: 50, steps: 60 };
  const [a, b] = [await findLr(net(), moons(), options), await findLr(net(), moons(), options)];
  expect(a).toEqual(b);
  expect(JSON.parse(JSON.stringify(a))).toEqual(a); // plain data
  for (const rate of [a.steepest, a.tenthOfMinimum]) {
    expect(rate).toBeGreaterThan(1e-4);
    expect(rate).toBeLessThan(1);
  }
});

test("the readings by hand", () => {
  const curve = (smoothed: readonly number[]): LrPoint[] =>
    smoothed.map((y, k) => ({ lr: 10 ** k, loss: y, smoothed: y }));
  // central differences: −0.5, −3, −4, 1
  expect(readings(curve([5, 5, 4.5, 2, 0.5, 3]))).toEqual({ steepest: 1000, tenthOfMinimum: 1000 });
  expect(readings(curve([1, 2, 3, 4]))).toEqual({ steepest: null, tenthOfMinimum: null });
  expect(readings(curve([3, 2, 1, Number.NaN]))).toEqual({ steepest: 10, tenthOfMinimum: 10 });
});

test.each<[string, object, string]>([
  ["rates that fall", { from: 1, to: 0.1 }, "the rates go from 1 to 0.1."],
  ["a rate of 0", { from: 0 }, "the rates go from 0 to 10."],
  ["too few steps", { steps: 2 }, "steps is 2, not a whole number of 3 or more."],
  ["smoothing all away", { smoothing: 1 }, "smoothing is 1."],
  ["divergence without growth", { diverge: 1 }, "diverge is 1."],
])("%s: an error", async (_, options, message) => {
  await expect(findLr(one(), point, options)).rejects.toThrow(message);
});

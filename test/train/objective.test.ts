import { ConfigError, DataError, DTypeError, hostArray, ShapeError, tensor } from "gradus";
import { makeSplit } from "gradus/data";
import { Linear, Sequential, Sigmoid, Softmax } from "gradus/nn";
import {
  evaluate,
  fit,
  type ObjectiveName,
  objectiveNamed,
  objectives,
  reconstruction,
  smoothedClassification,
  unitRegressionBySquares,
} from "gradus/train";
import { describe, expect, test } from "vitest";

const inputs = (n: number) => hostArray([n, 2], new Float32Array(2 * n));
const floats = (...rows: number[][]) =>
  hostArray([rows.length, rows[0]!.length], Float32Array.from(rows.flat()));
const classes = (...values: number[]) => hostArray([values.length], Int32Array.from(values));

/** Losses by the book in float64, without regard to overflow. */
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
const bce = (z: number, y: number) =>
  -y * Math.log(sigmoid(z)) - (1 - y) * Math.log(1 - sigmoid(z));
const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;

describe("each objective's loss, read-out and losses of examples, by the book", () => {
  const z = [
    [0.5, -1],
    [2, 0.25],
  ];
  const logits = tensor(z);
  test("multiLabel: binary cross-entropy of each label; rows need not sum to 1", () => {
    const y = [
      [1, 1],
      [0, 1],
    ];
    const each = z.map((row, n) => mean(row.map((x, c) => bce(x, y[n]![c]!))));
    const { loss, losses, read } = objectives.multiLabel;
    expect(loss(logits, tensor(y)).item()).toBeCloseTo(mean(each), 6);
    losses!(logits, tensor(y))
      .dataSync()
      .forEach((x, n) => {
        expect(x).toBeCloseTo(each[n]!, 6);
      });
    expect(read(tensor([[0]])).item()).toBe(0.5);
  });
  test("unitRegression: the same with shares, or their squared error", () => {
    const y = [
      [0.2, 0.9],
      [0.5, 0],
    ];
    const values = z.flatMap((row, n) => row.map((x, c) => bce(x, y[n]![c]!)));
    expect(objectives.unitRegression.loss(logits, tensor(y)).item()).toBeCloseTo(mean(values), 6);
    const squares = z.flatMap((row, n) => row.map((x, c) => (sigmoid(x) - y[n]![c]!) ** 2));
    expect(unitRegressionBySquares.loss(logits, tensor(y)).item()).toBeCloseTo(mean(squares), 6);
    expect(unitRegressionBySquares.losses!(logits, tensor(y)).shape).toEqual([2]);
  });
  test("the mean of losses is the loss, for every objective", () => {
    const targets = {
      binary: tensor([1, 0], "int32"),
      classification: tensor([1, 0], "int32"),
      multiLabel: tensor(
        [
          [1, 1],
          [0, 1],
        ],
        "int32",
      ),
      regression: tensor([
        [1.5, 2],
        [0, 7],
      ]),
      unitRegression: tensor([
        [0.5, 1],
        [0, 0.25],
      ]),
    };
    for (const [name, objective] of Object.entries(objectives)) {
      const outputs = name === "binary" ? tensor([[0.5], [2]]) : logits;
      const y = targets[name as ObjectiveName];
      const losses = objective.losses!(outputs, y);
      expect(losses.shape).toEqual([2]);
      expect(losses.mean().item()).toBeCloseTo(objective.loss(outputs, y).item(), 6);
    }
  });
});

describe("a task that does not meet its targets says which does", () => {
  const failing = (
    objective: ObjectiveName,
    outputs: number,
    targets: ReturnType<typeof hostArray>,
  ) => {
    const split = makeSplit(inputs(targets.shape[0]!), targets);
    return expect(evaluate(new Linear(2, outputs), split, { objective })).rejects;
  };
  test("rows that do not sum to 1 are many labels", async () => {
    const rows = floats([1, 0], [1, 1]);
    await failing("classification", 2, rows).toThrow(DataError);
    await failing("classification", 2, rows).toThrow(
      /example 1 sums to 2, not 1.[\s\S]+fix: .*multiLabel/,
    );
    await failing("classification", 2, floats([1.5, -0.5])).toThrow(/is 1.5, not a probability/);
  });
  test("numbers are no classes", async () => {
    const numbers = hostArray([2], Float32Array.of(0.5, 3));
    await failing("classification", 2, numbers).toThrow(DTypeError);
    await failing("classification", 2, numbers).toThrow(
      /are float32, not int32[\s\S]+fix: .*regression/,
    );
    await failing("binary", 1, numbers).toThrow(/example 0 is 0.5[\s\S]+fix: .*unitRegression/);
  });
  test("labels are 0 or 1, shares between, numbers finite", async () => {
    await failing("multiLabel", 2, floats([1, 0], [1, 2])).toThrow(/example 1 is 2, not 0 or 1/);
    await failing("unitRegression", 2, floats([0.5, 1.5])).toThrow(/is 1.5, not between 0 and 1/);
    await failing("regression", 2, floats([0.5, Number.NaN])).toThrow(/example 0 is NaN/);
  });
  test("shapes", async () => {
    await failing("multiLabel", 3, floats([1, 0])).toThrow(ShapeError);
    await failing("multiLabel", 2, classes(1, 0)).toThrow(/\[N, 2\] for targets \[N\]/);
    await failing("unitRegression", 3, floats([1, 0])).toThrow(/as many values as the targets/);
    await failing("binary", 2, classes(1, 0)).toThrow(/end in \[N\] or \[N, 1\]/);
  });
  test("a model that ends in the activation of the loss", async () => {
    const twice = new Sequential(new Linear(2, 2), new Softmax());
    const split = makeSplit(inputs(2), classes(0, 1));
    await expect(fit(twice, split)).rejects.toThrow(ConfigError);
    await expect(fit(twice, split)).rejects.toThrow(
      /ends in Softmax[\s\S]+fix: leave out the Softmax/s,
    );
    // for numbers a sigmoid at the end is a choice
    const share = new Sequential(new Linear(2, 2), new Sigmoid());
    await expect(evaluate(share, makeSplit(inputs(1), floats([0, 1])))).resolves.toEqual({
      loss: 0.25,
    });
  });
  test("an unknown name", () => {
    expect(() => objectiveNamed("binari" as ObjectiveName)).toThrow(/did you mean "binary"/);
  });
});

test("a reconstruction has its inputs as targets", async () => {
  const split = reconstruction(floats([1, 2], [3, 4], [5, 6]));
  expect(split.targets).toBe(split.inputs);
  const history = await fit(new Linear(2, 2), split, { epochs: 60, batchSize: 3, lr: 0.05 });
  expect(history.last.loss).toBeLessThan(history.epochs[0]!.loss! / 10);
});

describe("smoothed classification", () => {
  const z = tensor(
    [
      [2, 0],
      [0, 1],
    ],
    "float64",
  );
  const y = tensor([0, 0], "int32");
  const logTotal = [Math.log(Math.exp(2) + 1), Math.log(1 + Math.E)] as const;
  // ε = 0.2: targets (0.9, 0.1)
  const expected = [logTotal[0] - 0.9 * 2, logTotal[1] - 0.1 * 1];
  const objective = smoothedClassification(0.2);

  test("is the cross-entropy of smoothed labels, whole and per example; scores are of the labels", () => {
    expect(objective.loss(z, y).item()).toBeCloseTo(mean(expected), 12);
    expect(objective.losses!(z, y).toArray()).toEqual(expected.map((x) => expect.closeTo(x, 12)));
    const accuracy = objective.metrics.accuracy as (z: unknown, y: unknown) => { item(): number };
    expect(accuracy(z, y).item()).toBe(1);
  });

  test("trains with weights of classes, and refuses a share that is none", async () => {
    const train = makeSplit(inputs(4), classes(0, 1, 0, 1));
    const options = { objective, epochs: 1, batchSize: 2, classWeight: { 0: 2, 1: 1 } };
    const history = await fit(new Linear(2, 2), train, options);
    expect(Number.isFinite(history.last.loss)).toBe(true);
    const bad = { objective: smoothedClassification(2), epochs: 1 };
    await expect(fit(new Linear(2, 2), train, bad)).rejects.toThrow(/labelSmoothing is 2/);
  });
});

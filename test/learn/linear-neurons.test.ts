import { ConfigError, DataError, NumericError } from "gradus";
import { Adaline, LogisticRegression, Perceptron } from "gradus/learn";
import { describe, expect, test } from "vitest";

/** Where warnings go. */
function warnings<T>(f: () => Promise<T>): Promise<{ result: T; said: string[] }> {
  const said: string[] = [];
  const before = console.warn;
  console.warn = (text: string) => said.push(text);
  return f()
    .then((result) => ({ result, said }))
    .finally(() => {
      console.warn = before;
    });
}

describe("perceptron", () => {
  const and = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ];
  test("AND, step for step by hand from the text: labels 0 and 1, g(z) = 1 for z ≥ 0", async () => {
    // (w₁, w₂, b) after each mistake of the first two epochs, from 0:
    // (0,0)→ŷ=1≠0: (0,0,−1); (0,1),(1,0): ŷ=0; (1,1): z=−1, ŷ=0≠1: (1,1,0)
    // (0,0): z=0, ŷ=1: (1,1,−1); (0,1): z=0, ŷ=1: (1,0,−2); (1,0): z=−1; (1,1): z=−1, ŷ=0: (2,1,−1)
    const { result } = await warnings(() => new Perceptron({ epochs: 2 }).fit(and, [0, 0, 0, 1]));
    expect(result.report.mistakes).toEqual([2, 3]);
    expect(result.coef.toArray()).toEqual([[2, 1]]);
    expect(result.intercept.toArray()).toEqual([-1]);
  });
  test("from zero weights η only scales", async () => {
    const one = await new Perceptron().fit(and, [0, 0, 0, 1]);
    const ten = await new Perceptron({ lr: 10 }).fit(and, [0, 0, 0, 1]);
    expect(ten.coef.div(10).toArray()).toEqual(one.coef.toArray());
    expect(ten.report.mistakes).toEqual(one.report.mistakes);
  });
  test("±1: a score of 0 is a mistake for either class", async () => {
    // orthogonal unit vectors without a bias's help: the first example has z = 0 for class 1, too
    const x = [[1], [-1]];
    const signed = await new Perceptron({ labels: "signed" }).fit(x, ["b", "a"]);
    expect(signed.report.mistakes).toEqual([2, 0]); // z = 0; then w = 1, b = 1: z(−1) = 0
    const zeroOne = await new Perceptron().fit(x, ["b", "a"]);
    expect(zeroOne.report.mistakes).toEqual([1, 0]); // ŷ(0) = 1 is right for the first
  });
  test("there are never more mistakes than (R/γ)², in any order", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const x = Array.from({ length: 40 }, (_, i) => [
        Math.sin(i * (seed + 1)),
        Math.cos(i * 7 + seed),
      ]);
      const y = x.map(([a, b]) => Number(a! + 2 * b! > 0.3));
      const kept = x
        .map((_, i) => i)
        .filter((i) => Math.abs(x[i]![0]! + 2 * x[i]![1]! - 0.3) > 0.2);
      const options = { shuffle: true, seed, epochs: 10_000 };
      const { report } = await new Perceptron(options).fit(
        kept.map((i) => x[i]!),
        kept.map((i) => y[i]!),
      );
      expect(report.converged).toBe(true);
      expect(report.total).toBeLessThanOrEqual(report.bound!);
      expect(report.total).toBe(report.mistakes.reduce((a, b) => a + b));
    }
  });
  test("XOR never settles: a warning, and no margin", async () => {
    const { result, said } = await warnings(() =>
      new Perceptron({ epochs: 30 }).fit(and, [0, 1, 1, 0]),
    );
    expect(result.report).toMatchObject({
      converged: false,
      epochs: 30,
      margin: null,
      bound: null,
    });
    expect(said.join()).toMatch(/after 30 epochs it still errs.*no line may part the classes/s);
  });
  test("averaged weights are the mean of those after every example", async () => {
    const { result } = await warnings(() =>
      new Perceptron({ epochs: 1, averaged: true }).fit(and, [0, 0, 0, 1]),
    );
    // (0,0,−1) after each of the first three, (1,1,0) after the fourth
    expect(result.coef.toArray()).toEqual([[0.25, 0.25]]);
    expect(result.intercept.toArray()).toEqual([-0.75]);
  });
  test("more classes, and options that mean nothing", async () => {
    await expect(new Perceptron().fit([[1], [2], [3]], [0, 1, 2])).rejects.toThrow(
      /parts two classes, and there are 3 \(0, 1, 2\).*OneVsRestClassifier/s,
    );
    expect(() => new Perceptron({ lr: 0 })).toThrow(ConfigError);
    expect(() => new Perceptron({ epoch: 3 } as never)).toThrow(/did you mean "epochs"/);
    expect(() => new Perceptron({ labels: "sign" as never })).toThrow(/did you mean "signed"/);
  });
});

describe("ADALINE", () => {
  test("two steps by hand: the original rule, targets ±1", async () => {
    // η = 0.5, x = 1, y = 1: z = 0, w = b = 0.5; x = −2, y = −1: z = −0.5, e = −0.5, w = 1, b = 0.25
    const model = await new Adaline({ lr: 0.5, epochs: 1 }).fit([[1], [-2]], [1, 0]);
    expect(model.coef.toArray()).toEqual([[1]]);
    expect(model.intercept.toArray()).toEqual([0.25]);
    expect(model.losses).toEqual([(1 + 0.25) / 2]);
  });
  test("two steps by hand: the unit-norm rule, targets 0 and 1", async () => {
    // η = 1, x = (3, 4), y = 1: e = 1, w = (0.6, 0.8), b = 0.2; x = (0, 2), y = 0: z = 1.8, w₂ = 0.8 − 1.8, b = 0.2 − 0.9
    const options = { rule: "unit-norm", labels: "zero-one", lr: 1, epochs: 1 } as const;
    const model = await new Adaline(options).fit(
      [
        [3, 4],
        [0, 2],
      ],
      [1, 0],
    );
    const [w1, w2] = (model.coef.toArray() as number[][])[0]!;
    expect([w1, w2, model.intercept.item()].map((v) => Number(v!.toFixed(12)))).toEqual([
      0.6, -1, -0.7,
    ]);
  });
  test("a step that is too long ends in an error that says so", async () => {
    const x = Array.from({ length: 50 }, (_, i) => [i * 10]);
    const fit = new Adaline({ lr: 1, epochs: 500 }).fit(
      x,
      x.map(([v]) => Number(v! > 250)),
    );
    await expect(fit).rejects.toThrow(NumericError);
  });
});

test("logistic regression by the text's steps: one epoch by hand", async () => {
  // η = 1, no penalty: x = 2, y = 1: p = ½, w = 1, b = ½; x = −1, y = 0: p = σ(−½)
  const options = { penalty: "none", solver: "steps", lr: 1, maxIterations: 1 } as const;
  const model = await new LogisticRegression(options).fit([[2], [-1]], [1, 0]);
  const p = 1 / (1 + Math.exp(0.5));
  expect(model.coef.item()).toBeCloseTo(1 + p, 14);
  expect(model.intercept.item()).toBeCloseTo(0.5 - p, 14);
});

test("classes that a line parts have no minimum without a penalty: a warning", async () => {
  const options = { penalty: "none", maxIterations: 5 } as const;
  const { said } = await warnings(() =>
    new LogisticRegression(options).fit([[0], [1], [2], [3]], [0, 0, 1, 1]),
  );
  expect(said.join()).toMatch(/after 5 iterations the gradient is not below the tolerance/);
  await expect(new LogisticRegression().fit([[0], [1]], [1, 1])).rejects.toThrow(DataError);
});

import { grad, setEngine, type Tensor, tensor } from "gradus";
import { contrastivePairs, digits } from "gradus/data";
import { Contrastive, digitsNet } from "gradus/models";
import { ntXent } from "gradus/nn";
import { evaluate, fit } from "gradus/train";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const f64 = (x: number[][]) => tensor(x, "float64");

/** The formula, a term at a time. */
function byHand(a: number[][], b: number[][], temperature: number): number[] {
  const z = [...a, ...b];
  const dot = (x: number[], y: number[]) => x.reduce((sum, v, k) => sum + v * y[k]!, 0);
  const s = (i: number, j: number) =>
    dot(z[i]!, z[j]!) / Math.sqrt(dot(z[i]!, z[i]!) * dot(z[j]!, z[j]!)) / temperature;
  const term = (i: number, j: number) =>
    Math.log(z.reduce((sum, _, k) => sum + (k === i ? 0 : Math.exp(s(i, k))), 0)) - s(i, j);
  return a.map((_, n) => (term(n, n + a.length) + term(n + a.length, n)) / 2);
}

const a = [
  [1, 2, -1],
  [0.5, -1, 2],
  [3, 0.1, 0.2],
];
const b = [
  [0.9, 1.5, -2],
  [-1, -1, 1],
  [0.3, 1, -0.4],
];

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    test("by hand: two orthogonal pairs of equal rows", () => {
      const x = f64([
        [1, 0],
        [0, 2],
      ]); // of every row the others have similarities 1, 0, 0
      const expected = Math.log(Math.E + 2) - 1;
      expect(ntXent(x, x, { temperature: 1 }).item()).toBeCloseTo(expected, 14);
    });
    test("by the formula, for each pair, their mean and their sum", () => {
      const expected = byHand(a, b, 0.3);
      const of = (reduction: "none" | "sum" | "mean") =>
        ntXent(f64(a), f64(b), { temperature: 0.3, reduction });
      expectClose("losses", of("none").dataSync(), expected, 1e-13);
      const total = expected.reduce((x, y) => x + y);
      expect(of("sum").item()).toBeCloseTo(total, 12);
      expect(of("mean").item()).toBeCloseTo(total / 3, 12);
    });
    test("its gradient, against differences", () => {
      const f = (x: Tensor) => ntXent(x, f64(b), { temperature: 0.5 });
      const g = grad(f)(f64(a)).toArray() as number[][];
      const step = 1e-6;
      for (const [i, row] of a.entries())
        for (const k of row.keys()) {
          const moved = (by: number) =>
            f(f64(a.map((r, n) => r.map((x, m) => (n === i && m === k ? x + by : x))))).item();
          expect(g[i]![k]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 8);
        }
    });
  });

test("a row of zeros is similar to nothing, and gets no gradient", () => {
  const [x, y] = [
    [
      [0, 0],
      [1, 0],
    ],
    [
      [0, 0],
      [0, 1],
    ],
  ].map(f64) as [Tensor, Tensor];
  expect(ntXent(x, y, { temperature: 1 }).item()).toBeCloseTo(Math.log(3), 14);
  const g = grad((z: Tensor) => ntXent(z, y))(x).toArray() as number[][];
  expect(g[0]!.map((v) => v + 0)).toEqual([0, 0]);
});

test("one pair has nothing to be told from, and costs nothing", () => {
  expect(ntXent(tensor([[1, 2]]), tensor([[3, -1]])).item()).toBeCloseTo(0, 6);
});

test("what does not fit is said", () => {
  expect(() => ntXent(tensor([[1, 2]]), tensor([[1, 2, 3]]))).toThrow(
    /ntXent: takes two of \[N, K\], got \[1, 2\] and \[1, 3\]/,
  );
  expect(() => ntXent(tensor([[1]]), tensor([[1]]), { temperature: 0 })).toThrow(
    /the temperature is 0/,
  );
});

test("a net learns to tell pairs apart by fit, and its views have to be pairs", async () => {
  const pairs = contrastivePairs(digits({ train: 64, test: 1, seed: 1 }).train, { seed: 1 });
  const encoder = digitsNet({ inputShape: [1, 28, 28], classes: 16, seed: 1 });
  const model = new Contrastive(encoder);
  const before = (await evaluate(model, pairs)).loss!;
  await fit(model, pairs, { epochs: 3, batchSize: 32, lr: 0.003 });
  expect((await evaluate(model, pairs)).loss!).toBeLessThan(before - 0.2);
  expect(() => model.forward(tensor([[[1], [2], [3]]]))).toThrow(/pairs of views \[N, 2/);
});

import fc from "fast-check";
import { hostArray } from "gradus";
import { makeSplit, moons, type Split, toOneHot } from "gradus/data";
import { Linear, seeded } from "gradus/nn";
import { crossValidate, evaluate, fit, kFold, stratifiedSplit } from "gradus/train";
import { describe, expect, test } from "vitest";

/** Examples that are numbered, so that they can be told apart. */
const numbered = (labels: number[]): Split =>
  makeSplit(
    hostArray([labels.length, 1], Float32Array.from(labels.keys())),
    hostArray([labels.length], Int32Array.from(labels)),
  );
const rowsOf = ({ inputs }: Split): number[] => [...inputs.data];
const countOf = ({ targets }: Split, label: number): number =>
  targets.data.filter((y) => y === label).length;

describe("kFold", () => {
  const labels = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 40 });
  test("judges every example once, by models that have not seen it; sizes differ by one at most", () => {
    fc.assert(
      fc.property(
        labels,
        fc.integer({ min: 2, max: 4 }),
        fc.nat(),
        fc.boolean(),
        (y, k, seed, stratified) => {
          const folds = kFold(numbered(y), k, { seed, stratified });
          const all = folds.flatMap(({ validation }) => rowsOf(validation));
          expect(all.sort((a, b) => a - b)).toEqual([...y.keys()]);
          for (const { train, validation } of folds) {
            const both = [...rowsOf(train), ...rowsOf(validation)].sort((a, b) => a - b);
            expect(both).toEqual([...y.keys()]);
          }
          const sizes = folds.map(({ validation }) => validation.size);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          if (stratified)
            for (const label of [0, 1, 2, 3]) {
              const counts = folds.map(({ validation }) => countOf(validation, label));
              expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
            }
        },
      ),
      { numRuns: 50 },
    );
  });
  test("is a function of the seed", () => {
    const split = numbered(new Array(20).fill(0));
    const rows = (seed: number) => kFold(split, 4, { seed }).map((f) => rowsOf(f.validation));
    expect(rows(1)).toEqual(rows(1));
    expect(rows(1)).not.toEqual(rows(2));
  });
  test("refuses what means nothing", () => {
    expect(() => kFold(numbered([0, 1]), 3)).toThrow(/k is 3 for 2 examples/);
    const numbers = makeSplit(
      hostArray([4, 1], new Float32Array(4)),
      hostArray([4], new Float32Array(4)),
    );
    expect(() => kFold(numbers, 2, { stratified: true })).toThrow(/float32 numbers/);
    expect(() => stratifiedSplit(numbered([0, 1]), 0.1)).toThrow(/leaves one side empty/);
  });
});

test("stratifiedSplit takes the same share of each class, of rows as well", () => {
  const split = numbered([...new Array(30).fill(0), ...new Array(10).fill(1)]);
  const rows = makeSplit(split.inputs, toOneHot(split.targets, 2));
  const [rest, part] = stratifiedSplit(split, 0.3, { seed: 3 });
  expect([countOf(rest, 0), countOf(rest, 1)]).toEqual([21, 7]);
  expect([countOf(part, 0), countOf(part, 1)]).toEqual([9, 3]);
  expect(rowsOf(stratifiedSplit(rows, 0.3, { seed: 3 })[1])).toEqual(rowsOf(part));
});

describe("crossValidate", () => {
  const data = moons({ size: 30 });
  const model = (fold: number) => seeded(fold, () => new Linear(2, 2));
  const options = { epochs: 3, lr: 0.05, seed: 2, metrics: ["accuracy", "auc"] as const };
  test("is a training and an evaluation per fold, with mean and deviation", async () => {
    const result = await crossValidate(model, data, { ...options, folds: 3, stratified: true });
    const folds = kFold(data, 3, { seed: 2, stratified: true });
    for (const [n, { train, validation }] of folds.entries()) {
      const own = model(n);
      await fit(own, train, options);
      const { metrics } = options;
      expect(result.folds[n]).toEqual(await evaluate(own, validation, { metrics }));
    }
    const [a, b, c] = result.folds.map(({ loss }) => loss!) as [number, number, number];
    const mean = (a + b + c) / 3;
    expect(result.mean.loss).toBeCloseTo(mean, 12);
    const variance = ((a - mean) ** 2 + (b - mean) ** 2 + (c - mean) ** 2) / 2;
    expect(result.deviation.loss).toBeCloseTo(Math.sqrt(variance), 12);
  });
  test("refuses to train one model twice", async () => {
    const one = new Linear(2, 2);
    await expect(crossValidate(() => one, data, { epochs: 1 })).rejects.toThrow(/the same model/);
  });
});

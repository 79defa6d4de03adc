import fc from "fast-check";
import { makeSplit, type Split, splitDataset, subset } from "gradus/data";
import { describe, expect, test } from "vitest";
import { ConfigError, hostArray, ShapeError } from "../../src/base/index.ts";

/** N examples of two features: row n is [n, −n] with target 10n. */
const counting = (size: number): Split =>
  makeSplit(
    hostArray(
      [size, 2],
      Float32Array.from({ length: 2 * size }, (_, i) => (i % 2 ? -1 : 1) * (i >> 1)),
    ),
    hostArray(
      [size],
      Int32Array.from({ length: size }, (_, n) => 10 * n),
    ),
  );

describe("makeSplit", () => {
  test("counts rows along the first axis", () => {
    expect(counting(3).size).toBe(3);
  });
  test("names both shapes when the counts differ, or an axis is lacking", () => {
    const three = counting(3);
    expect(() => makeSplit(three.inputs, counting(2).targets)).toThrow(
      "inputs [3, 2] and targets [2] are not as many (3 ≠ 2)",
    );
    expect(() => makeSplit(hostArray([], Float32Array.of(1)), three.targets)).toThrow(ShapeError);
  });
});

describe("subset", () => {
  test("copies the rows in the order asked, repeats included", () => {
    const { inputs, targets } = subset(counting(4), [2, 0, 2]);
    expect(inputs).toEqual(hostArray([3, 2], Float32Array.of(2, -2, 0, -0, 2, -2)));
    expect(targets).toEqual(hostArray([3], Int32Array.of(20, 0, 20)));
  });
  test("is a copy: writing to it leaves the original", () => {
    const whole = counting(2);
    subset(whole, [1]).inputs.data.fill(99);
    expect(whole.inputs).toEqual(counting(2).inputs);
  });
  test("a row that does not exist is named", () => {
    expect(() => subset(counting(4), [1, 4])).toThrow("row 4 does not exist in 4 examples");
    expect(() => subset(counting(4), [0.5])).toThrow(ConfigError);
  });
});

describe("splitDataset", () => {
  test("every example is in exactly one part, with its own target, in its old order", () => {
    const anySplit = fc.tuple(fc.integer({ min: 2, max: 60 }), fc.nat());
    fc.assert(
      fc.property(anySplit, ([size, seed]) => {
        const [rest, part] = splitDataset(counting(size), 0.5, seed);
        const seen = [...rest.targets.data, ...part.targets.data];
        expect(part.size).toBe(Math.round(size / 2));
        expect(seen.sort((a, b) => a - b)).toEqual([...counting(size).targets.data]);
        for (const { inputs, targets } of [rest, part]) {
          expect([...targets.data]).toEqual([...targets.data].sort((a, b) => a - b));
          targets.data.forEach((target, i) => {
            expect(inputs.data[2 * i]).toBe(target / 10);
          });
        }
      }),
    );
  });
  test("the same seed cuts the same, another one differently", () => {
    const cut = (seed: number) => splitDataset(counting(50), 0.2, seed)[1].targets.data;
    expect(cut(1)).toEqual(cut(1));
    expect(cut(1)).not.toEqual(cut(2));
  });
  test.each([0, 1, -0.1, 0.01, Number.NaN])("a fraction of %d leaves a side empty", (fraction) => {
    expect(() => splitDataset(counting(10), fraction, 0)).toThrow(ConfigError);
  });
});

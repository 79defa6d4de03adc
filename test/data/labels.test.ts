import fc from "fast-check";
import {
  fitStandardization,
  fromOneHot,
  makeSplit,
  splitDataset,
  standardize,
  toOneHot,
} from "gradus/data";
import { describe, expect, test } from "vitest";
import { DataError, hostArray, ShapeError } from "../../src/base/index.ts";

const labels = (...values: number[]) => hostArray([values.length], Int32Array.from(values));

describe("one-hot", () => {
  test("a 1 in the column of the class", () => {
    expect(toOneHot(labels(2, 0), 3)).toEqual(hostArray([2, 3], Float32Array.of(0, 0, 1, 1, 0, 0)));
  });
  test("fromOneHot undoes toOneHot", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 6 })), (values) => {
        expect(fromOneHot(toOneHot(labels(...values), 7))).toEqual(labels(...values));
      }),
    );
  });
  test("fromOneHot takes probabilities, the first of equals, and negative scores", () => {
    const scores = hostArray([3, 2], Float64Array.of(0.4, 0.6, 0.5, 0.5, -2, -1));
    expect([...fromOneHot(scores).data]).toEqual([1, 0, 1]);
  });
  test("what is no class, no table or no number is refused", () => {
    expect(() => toOneHot(labels(0, 3), 3)).toThrow("label 1 is 3, outside 0…2");
    expect(() => toOneHot(labels(-1), 3)).toThrow(DataError);
    expect(() => fromOneHot(labels(1))).toThrow("expected a table [N, C], found [1]");
    expect(() => fromOneHot(hostArray([2, 0], new Float32Array()))).toThrow(ShapeError);
    expect(() => fromOneHot(hostArray([1, 2], Float32Array.of(0, Number.NaN)))).toThrow(
      "row 0 holds NaN at column 1",
    );
  });
});

describe("standardize", () => {
  const split = makeSplit(
    hostArray([4, 2], Float32Array.of(1, 5, 2, 5, 3, 5, 4, 5)),
    labels(0, 1, 2, 3),
  );

  test("mean and population deviation by hand; a constant feature becomes 0, not NaN", () => {
    const scale = fitStandardization(split.inputs);
    expect([...scale.mean]).toEqual([2.5, 5]);
    expect(scale.std[0]).toBeCloseTo(Math.sqrt(1.25), 14);
    expect(scale.std[1]).toBe(1);
    const { inputs, targets } = standardize(split, scale);
    expect(inputs.data[0]).toBeCloseTo(-1.5 / Math.sqrt(1.25), 6);
    expect(inputs.data[1]).toBe(0);
    expect(targets).toBe(split.targets);
  });
  test("the digits survive a mean a billion times the deviation", () => {
    const far = hostArray([3, 1], Float64Array.of(1e9, 1e9 + 1, 1e9 + 2));
    expect(fitStandardization(far).std[0]).toBeCloseTo(Math.sqrt(2 / 3), 9);
  });
  test("test data take the numbers of the training data", () => {
    const [train, test] = splitDataset(split, 0.25, 0);
    const scale = fitStandardization(train.inputs);
    const x = test.inputs.data[0]!;
    expect(standardize(test, scale).inputs.data[0]).toBeCloseTo(
      (x - scale.mean[0]!) / scale.std[0]!,
      6,
    );
  });
  test("no rows, values that are not finite, and other features are refused", () => {
    expect(() => fitStandardization(hostArray([0, 2], new Float32Array()))).toThrow(DataError);
    expect(() =>
      fitStandardization(hostArray([2, 1], Float32Array.of(1, Number.NEGATIVE_INFINITY))),
    ).toThrow("feature 0 of row 1 is -Infinity");
    const three = { mean: new Float64Array(3), std: new Float64Array(3) };
    expect(() => standardize(split, three)).toThrow("have 2 features, the scale was fit on 3");
  });
});

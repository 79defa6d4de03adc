import {
  arange,
  concat,
  full,
  ones,
  realizeSync,
  setEngine,
  type Tensor,
  tensor,
  zeros,
} from "gradus";
import { describe, expect, test } from "vitest";
import { engines } from "../support/engines.ts";

/** Ops on an empty tensor `[0, 3]`, with the shape and the values of the result. */
const ofNothing: Record<string, readonly [(x: Tensor) => Tensor, unknown]> = {
  sum: [(x) => x.sum({ axis: 0 }), [0, 0, 0]],
  "sum along rows": [(x) => x.sum({ axis: 1 }), []],
  add: [(x) => x.add(1), []],
  argmax: [(x) => x.argmax({ axis: 1 }), []],
  matmul: [(x) => x.matmul(ones([3, 4])), []],
  "inner product": [(x) => x.transpose().matmul(x).slice(0), [0, 0, 0]],
  concat: [(x) => concat([x, x]), []],
  flip: [(x) => x.flip(1), []],
  sort: [(x) => x.sort({ axis: 1 }), []],
  cumsum: [(x) => x.cumsum({ axis: 1 }), []],
  "mean of squares": [(x) => x.square().sum(), 0],
};

describe.each(engines)("%s: values of uncompiled code", (engine) => {
  describe.each(Object.entries(ofNothing))("%s of an empty constant", (_, [f, want]) => {
    test.each([false, true])("already read: %s", (first) => {
      setEngine(engine);
      for (const make of [() => ones([0, 3]), () => zeros([0, 3]), () => full([0, 3], 0.3)]) {
        const x = make();
        if (first) x.dataSync();
        expect(f(x).toArray()).toEqual(want);
        expect(f(x).toArray()).toEqual(want); // by the program that is known now
      }
    });
  });

  test("an array in the place of a number, and a number in the place of an array", () => {
    setEngine(engine);
    // 0.3 becomes an input of the program; y has the shape to which it is stretched
    const x = tensor([1, 2, 4], "float64");
    const y = tensor([5, 6, 7], "float64");
    for (let round = 0; round < 2; round++) {
      expect(x.mul(0.3).toArray()).toEqual([0.3, 0.6, 1.2]);
      expect(x.mul(y).toArray()).toEqual([5, 12, 28]);
      expect(x.mul(full([3], 0.3, { dtype: "float64" }).evalSync()).toArray()).toEqual([
        0.3, 0.6, 1.2,
      ]);
      expect(x.sub(y).toArray()).toEqual([-4, -4, -3]);
      expect(x.sub(0.7).toArray()).toEqual([1 - 0.7, 2 - 0.7, 4 - 0.7]);
    }
  });

  test("computed constants count as data, together with others that are not computed", () => {
    setEngine(engine);
    const known = full([2, 3], 0.25, { dtype: "float64" }).evalSync();
    const other = full([2, 3], 0.75, { dtype: "float64" });
    const results = [known.add(other), known.mul(arange(3)), other.sub(known).sum({ axis: 1 })];
    realizeSync(results.map(({ node }) => node));
    expect(results.map((x) => x.toArray())).toEqual([
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
      [
        [0, 0.25, 0.5],
        [0, 0.25, 0.5],
      ],
      [1.5, 1.5],
    ]);
  });
});

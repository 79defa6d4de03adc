/** What an op does not take has derivative 0, whatever it is: ∞ and NaN there reach nothing. */
import { grad, hvp, jvp, maxPool, setEngine, type Tensor, tensor, where } from "gradus";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../support/engines.ts";

type Unary = (x: Tensor) => Tensor;
const f64 = (x: readonly number[]) => tensor([...x], "float64");
const indices = (...x: number[]) => tensor(x, "int32");

/**
 * A function of each element (or of all, as a sum), the points, and its first three derivatives there,
 * by hand; elements do not meet, so the derivative along (1, 1, …) is the diagonal.
 */
type Row = readonly number[];
const cases: Record<string, readonly [Unary, at: Row, d1: Row, d2: Row, d3: Row]> = {
  "log where positive": [
    (x) => where(x.greater(0), x.log(), x),
    [0, 2, -1],
    [1, 1 / 2, 1],
    [0, -1 / 4, 0],
    [0, 1 / 4, 0],
  ],
  "√ where positive": [
    (x) => where(x.greater(0), x.sqrt(), 0),
    [0, 4, -1],
    [0, 1 / 4, 0],
    [0, -1 / 32, 0],
    [0, 3 / 256, 0],
  ],
  "1/√ where positive": [
    (x) => where(x.greater(0), x.rsqrt(), 0),
    [0, 4],
    [0, -1 / 16],
    [0, 3 / 128],
    [0, -15 / 1024],
  ],
  "1/x where not 0": [
    (x) => where(x.equal(0), 5, tensor(1, "float64").div(x)),
    [0, 2],
    [0, -1 / 4],
    [0, 1 / 4],
    [0, -3 / 8],
  ],
  "a power where positive": [
    (x) => where(x.greater(0), x.pow(1.5), 0),
    [0, 4, -1],
    [0, 3, 0],
    [0, 3 / 8, 0],
    [0, -3 / 64, 0],
  ],
  "a root of a root": [
    (x) => where(x.greater(0), x.sqrt().log(), x.neg()),
    [0, 4],
    [-1, 1 / 8],
    [0, -1 / 32],
    [0, 1 / 64],
  ],
  "an overflowing exponential": [
    (x) => where(x.less(100), x.exp().add(1).log(), x),
    [0, 1000],
    [1 / 2, 1],
    [1 / 4, 0],
    [0, 0],
  ],
  "squares of what is finite": [
    (x) => where(x.isFinite(), x.square(), 0),
    [3, Number.POSITIVE_INFINITY, Number.NaN],
    [6, 0, 0],
    [2, 0, 0],
    [0, 0, 0],
  ],
  "a product with what is finite": [
    (x) => where(x.isFinite(), x.mul(x).mul(x), 0),
    [2, Number.NEGATIVE_INFINITY],
    [12, 0],
    [12, 0],
    [6, 0],
  ],
  "the slope of arcsin": [
    (x) => where(x.abs().less(1), x.square().neg().add(1).rsqrt(), 0),
    [1, -1, 0],
    [0, 0, 0],
    [0, 0, 1],
    [0, 0, 0],
  ],
  "relu of a logarithm": [(x) => x.log().relu(), [0, 2], [0, 1 / 2], [0, -1 / 4], [0, 1 / 4]],
  "√ of a relu": [(x) => x.relu().sqrt(), [-1, 4], [0, 1 / 4], [0, -1 / 32], [0, 3 / 256]],
  "log(x) above a bound": [(x) => x.log().maximum(-5), [0, 2], [0, 1 / 2], [0, -1 / 4], [0, 1 / 4]],
  "an element not sliced": [
    (x) => x.sqrt().slice([1, 2]).sum(),
    [0, 4],
    [0, 1 / 4],
    [0, -1 / 32],
    [0, 3 / 256],
  ],
  "an element not gathered": [
    (x) => x.log().take(indices(1)).sum(),
    [0, 2],
    [0, 1 / 2],
    [0, -1 / 4],
    [0, 1 / 4],
  ],
  "an element that is not the largest": [
    (x) => x.log().max(),
    [0, 2],
    [0, 1 / 2],
    [0, -1 / 4],
    [0, 1 / 4],
  ],
  "an element that no pool takes": [
    (x) => maxPool(x.log().reshape([1, 1, 2]), { size: 2 }).sum(),
    [0, 2],
    [0, 1 / 2],
    [0, -1 / 4],
    [0, 1 / 4],
  ],
  "an element between strides": [
    (x) => maxPool(x.log().reshape([1, 1, 2]), { size: 1, stride: 2 }).sum(),
    [2, 0],
    [1 / 2, 0],
    [-1 / 4, 0],
    [1 / 4, 0],
  ],
  "the small one of a sorted pair": [
    (x) => x.log().sort().slice(1),
    [2, 0],
    [1 / 2, 0],
    [-1 / 4, 0],
    [1 / 4, 0],
  ],
  "two conditions": [
    (x) => where(x.greater(0), where(x.greater(1), x.sub(1).sqrt(), x.log()), 0),
    [0, 1, 5],
    [0, 1, 1 / 4],
    [0, -1, -1 / 32],
    [0, 2, 3 / 256],
  ],
  "behind a product of matrices": [
    (x) =>
      where(
        x.greater(0),
        x
          .sqrt()
          .unsqueeze(0)
          .matmul(f64([2]).reshape([1, 1]))
          .squeeze(0),
        0,
      ),
    [0],
    [0],
    [0],
    [0],
  ],
};

for (const engine of engines)
  describe(`${engine}: nothing comes from`, () => {
    beforeAll(() => setEngine(engine));
    for (const [name, [f, at, d1, d2, d3]] of Object.entries(cases))
      test(name, () => {
        const x = f64(at);
        const ones = f64(at.map(() => 1));
        const sum = (x: Tensor) => f(x).sum();
        const near = (values: readonly number[]) =>
          values.map((v) => expect.closeTo(v, 12) as unknown as number);
        const first = (x: Tensor) => grad(sum)(x);
        const second = (x: Tensor) => grad((x: Tensor) => first(x).sum())(x);
        const along = (x: Tensor) => jvp(f, x, ones).tangent.sum();
        expect(first(x).toArray()).toEqual(near(d1));
        expect(along(x).item()).toBeCloseTo(
          d1.reduce((a, b) => a + b),
          12,
        );
        expect(second(x).toArray()).toEqual(near(d2));
        expect(hvp(sum, x, ones).toArray()).toEqual(near(d2));
        expect(grad(along)(x).toArray()).toEqual(near(d2));
        expect(grad((x: Tensor) => second(x).sum())(x).toArray()).toEqual(near(d3));
      });
    test("a NaN that is taken: it is seen", () => {
      const f = (x: Tensor) => where(x.less(1), x.log(), x.mul(2)).sum();
      expect(grad(f)(f64([Number.NaN])).toArray()).toEqual([2]);
      expect(grad((x: Tensor) => x.square().sum())(f64([Number.NaN])).toArray()).toEqual([
        Number.NaN,
      ]);
    });
    test("in float32", () => {
      const f = (x: Tensor) => where(x.greater(0), x.log(), x).sum();
      expect(grad(f)(tensor([0, 2])).toArray()).toEqual([1, 0.5]);
    });
  });

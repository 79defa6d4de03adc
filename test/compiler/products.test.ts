/** One summation for all ways: a constant counts as an array of it, and long products keep their digits. */
import { describe, expect, test } from "vitest";
import {
  compile,
  full,
  grad,
  ones,
  setEngine,
  type Tensor,
  uniform,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

const compiled = engines.filter((engine) => engine !== "reference");

/** Where two arrays differ in a bit. */
function differs(a: ArrayLike<number>, b: ArrayLike<number>): string | undefined {
  for (let i = 0; i < a.length; i++)
    if (!Object.is(a[i], b[i])) return `[${i}]: ${a[i]} and ${b[i]}`;
  return undefined;
}

describe.each(compiled)("%s: a product with a constant", (engine) => {
  const dtypes = ["float32", "float64"] as const;

  test.each(dtypes)("has the bits of a product with an array of it, %s", (dtype) => {
    setEngine(engine);
    for (const [m, k, n] of [
      [1, 1000, 1],
      [1, 200_000, 1],
      [5, 300, 1],
      [1, 300, 7],
      [4, 3000, 3],
      [40, 300, 50],
      [200, 500, 2],
    ] as const)
      for (const value of [1, 0.1, 1 / 3]) {
        const a = uniform([m, k], { key: 4, dtype }).evalSync();
        const constant = full([k, n], value, { dtype });
        const computed = full([k, n], value, { dtype }).evalSync();
        const data = computed.add(0).evalSync();
        const product = compile((a: Tensor, b: Tensor) => a.matmul(b));
        const want = product.sync(a, data).dataSync();
        const ways = {
          "not computed": a.matmul(constant),
          computed: a.matmul(computed),
          "in a program": compile((a: Tensor) => a.matmul(full([k, n], value, { dtype }))).sync(a),
          "given to a program": product.sync(a, full([k, n], value, { dtype })),
          "a number of a program": compile((a: Tensor, v: Tensor) =>
            a.matmul(v.broadcastTo([k, n])),
          ).sync(a, full([], value, { dtype })),
        };
        for (const [how, got] of Object.entries(ways))
          expect(differs(got.dataSync(), want), `${m}×${k}×${n}, ${value}, ${how}`).toBeUndefined();
      }
  });

  test("sums 10⁶ terms to within 10⁻⁴ of 10⁶ · fround(0.1), by every path", () => {
    setEngine(engine);
    const k = 1e6;
    const want = k * Math.fround(0.1);
    const tenths = (...shape: number[]) => full(shape, 0.1).evalSync();
    const x = tenths(k);
    const results = {
      "a vector, not computed": x.matmul(ones([k])),
      "a vector, computed": x.matmul(ones([k]).evalSync()),
      "a row by a matrix": tenths(1, k).matmul(ones([k, 3])),
      "a matrix by a column": tenths(3, k).matmul(ones([k, 1])),
      "a transposed matrix by a column": tenths(k, 3)
        .transpose()
        .matmul(ones([k, 1])),
      "a few rows": tenths(4, k).matmul(ones([k, 5])),
      "many rows": tenths(20, k).matmul(ones([k, 2])),
      "a gradient": grad((w: Tensor) => tenths(k, 1).matmul(w).sum())(ones([1, 1])),
      "a sum of products": x.mul(ones([k])).sum(),
    };
    for (const [how, result] of Object.entries(results))
      for (const value of result.dataSync())
        expect(Math.abs(value / want - 1), `${how}: ${value}`).toBeLessThan(1e-4);
  });
});

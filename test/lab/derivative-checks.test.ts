/** Complex steps and central differences against derivatives by hand, and against reverse mode. */
import { grad, maxPool, type Tensor, tensor } from "gradus";
import { centralDifference, complexStep } from "gradus/lab";
import { describe, expect, test } from "vitest";

const double = (values: number[]) => tensor(values, "float64");
/** Squire and Trapp's function, whose derivative loses digits in every difference. */
const f = (x: Tensor) =>
  x
    .exp()
    .div(x.sin().pow(3).add(x.cos().pow(3)))
    .sum();

describe("complexStep", () => {
  test("of eˣ / (sin³x + cos³x) at 1.5 is exact to rounding at every small step", () => {
    const x = 1.5;
    const [s, c] = [Math.sin(x), Math.cos(x)];
    const [d, dd] = [s ** 3 + c ** 3, 3 * s * s * c - 3 * c * c * s];
    const exact = (Math.exp(x) * (d - dd)) / d ** 2;
    for (const step of [1e-8, 1e-20, 1e-100])
      expect(complexStep(f, double([x]), double([1]), { step }).item() / exact).toBeCloseTo(1, 14);
  });

  test("goes through trees, matrices and log-sum-exp, and agrees with reverse mode", () => {
    const g = ({ w, b }: { w: Tensor; b: Tensor }) => {
      const z = w
        .matmul(
          tensor(
            [
              [1, 2, 3],
              [4, 5, 7],
            ],
            "float64",
          ).transpose(),
        )
        .add(b)
        .tanh();
      return z.logSumExp({ axis: 0 }).sum();
    };
    const at = {
      w: tensor(
        [
          [0.1, -0.2, 0.3],
          [0.2, 0.1, -0.1],
        ],
        "float64",
      ),
      b: double([0.3, -0.4]),
    };
    const v = {
      w: tensor(
        [
          [1, -1, 2],
          [0.5, 3, 1],
        ],
        "float64",
      ),
      b: double([2, 1]),
    };
    const { w, b } = grad(g)(at);
    const expected = w.mul(v.w).sum().item() + b.mul(v.b).sum().item();
    expect(complexStep(g, at, v).item()).toBeCloseTo(expected, 13);
  });

  test("has the shape and dtype of the function's value, and survives a cast to float32", () => {
    const y = complexStep(
      (x: Tensor) => x.cast("float32").square(),
      double([1, 3]),
      double([1, 1]),
    );
    expect(y.dtype).toBe("float32");
    expect(
      y
        .sub(tensor([2, 6]))
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-6);
  });

  test("takes what is cut off by stopGradient as a constant", () => {
    const g = (x: Tensor) => x.mul(x.stopGradient()).sum();
    expect(complexStep(g, double([3]), double([1])).item()).toBe(3);
  });

  test("refuses an op that is not analytic, by name, and a direction of another shape", () => {
    const pool = (x: Tensor) => maxPool(x, { size: 2, rank: 1 } as never);
    expect(() =>
      complexStep(pool, tensor([[[1, 2, 3, 4]]], "float64"), tensor([[[1, 1, 1, 1]]], "float64")),
    ).toThrow(/complexStep.*maxPool/s);
    expect(() => complexStep(f, double([1]), double([1, 2]))).toThrow(
      /direction 0 is float64\[2\]/,
    );
    expect(() => complexStep(f, double([1]), double([1]), { step: 0 })).toThrow(/step is 0/);
  });
});

describe("centralDifference", () => {
  test("has an error of h²/6 f‴ while the step is large", () => {
    const cube = (x: Tensor) => x.pow(3).sum();
    for (const step of [0.5, 0.25])
      expect(centralDifference(cube, double([2]), double([1]), { step }).item()).toBe(
        12 + step ** 2,
      );
  });

  test("by default keeps two thirds of the digits, in float64 and in float32", () => {
    const exact = complexStep(f, double([1.5]), double([1])).item();
    const wide = centralDifference(f, double([1.5]), double([1])).item();
    expect(Math.abs(wide / exact - 1)).toBeLessThan(1e-9);
    expect(wide).not.toBe(exact);
    const narrow = centralDifference(f, tensor([1.5]), tensor([1]));
    expect(narrow.dtype).toBe("float32");
    expect(Math.abs(narrow.item() / exact - 1)).toBeLessThan(2e-3);
  });
});

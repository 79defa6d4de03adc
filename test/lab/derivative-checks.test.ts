/** Complex steps and central differences against derivatives by hand, and against reverse mode. */
import { avgPool, grad, jvp, maxPool, type Tensor, tensor, where } from "gradus";
import { centralDifference, complexStep } from "gradus/lab";
import {
  BatchNorm1d,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  elu,
  gelu,
  hardTanh,
  huber,
  silu,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { ops } from "../../src/ops/index.ts";
import { expectClose } from "../support/compare.ts";

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

  test("every op that has a derivative has a continuation to complex numbers", () => {
    const without = ops.filter(
      ({ differentiable, linearity, reference }) =>
        differentiable &&
        linearity === null &&
        !(reference.kind === "scalar" ? reference.complex : reference.imaginary),
    );
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test("goes through batch normalisation in training mode, which keeps running averages", () => {
    const layer = new BatchNorm1d(2, { dtype: "float64" });
    const x = double([1, 2, 3, 5, 4, 1]).reshape([3, 2]);
    const v = double([1, 0, 0, 2, 0, 0]).reshape([3, 2]);
    const g = (x: Tensor) => layer.forward(x).pow(3).sum();
    const reverse = grad(g)(x).mul(v).sum().item();
    expect(complexStep(g, x, v).item()).toBeCloseTo(reverse, 12);
    expect(layer.runningMean.value.dataSync()).not.toEqual(new Float64Array(2));
  });

  test("refuses a direction of another shape and a step that is none", () => {
    expect(() => complexStep(f, double([1]), double([1, 2]))).toThrow(
      /direction 0 is float64\[2\]/,
    );
    expect(() => complexStep(f, double([1]), double([1]), { step: 0 })).toThrow(/step is 0/);
  });
});

describe("complexStep agrees with both modes of differentiation: ", () => {
  const zeros3 = double([0, 0, 0]);
  const cases: Record<string, readonly [(x: Tensor) => Tensor, readonly number[]]> = {
    "a cube of negative numbers": [(x) => x.pow(3), [-1.5, 0, 2]],
    "an even power": [(x) => x.pow(4), [-1.5, 0, 2]],
    "a negative power": [(x) => x.pow(-3), [-1.5, 2]],
    "a root as a power": [(x) => x.pow(0.5), [0, 2]],
    "a zeroth power": [(x) => x.pow(0), [-1, 0, 2]],
    "a variable exponent": [(x) => double([2, 3]).pow(x), [-1, 2]],
    "softplus far out": [(x) => x.softplus(), [-800, -40, -1, 0, 1, 40, 800]],
    "sigmoid far out": [(x) => x.sigmoid(), [-800, -40, -1, 0, 1, 40, 800]],
    "tanh far out": [(x) => x.tanh(), [-400, -2, 0, 400]],
    "erf far out": [(x) => x.erf(), [-30, -2, 0, 2, 7]],
    "an exponential that overflows": [(x) => x.exp(), [1000, -1000, 1]],
    "expm1 and log1p near 0": [(x) => x.expm1().add(x.log1p()), [1e-12, -0.5, 2]],
    "a quotient of extreme numbers": [(x) => double([1]).div(x), [1e200, -2, 1e-3]],
    "singular points": [(x) => x.log().add(x.sqrt()), [0, 4]],
    "a largest element, with ties": [(x) => x.max().square(), [1, 3, 3]],
    "a smallest element, with ties": [(x) => x.min().exp(), [1, 3, 1]],
    "maximum and minimum at and beside ties": [(x) => x.maximum(1).mul(x.minimum(1)), [0, 1, 2]],
    "clip at both bounds": [(x) => x.clip(-1, 1).square(), [-2, -1, 0, 1, 2]],
    "|x|": [(x) => x.abs().mul(x), [-1, 0, 2]],
    "relu and leaky relu": [(x) => x.relu().add(x.leakyRelu(0.1)), [-1, 0, 2]],
    "max pooling": [
      (x) => maxPool(x.reshape([1, 1, 4]), { size: 2, stride: 1 }).square(),
      [3, 3, 1, 2],
    ],
    "average pooling": [(x) => avgPool(x.reshape([1, 1, 4]), { size: 2 }).square(), [3, 3, 1, 2]],
    "a sorted tensor": [(x) => x.sort().mul(double([1, 2, 3])), [3, 1, 2]],
    "positions of the largest": [(x) => x.mul(x.argmax().cast("float64")), [1, 3, 2]],
    "a product with a 0": [(x) => x.prod(), [0, 2, 3]],
    "running sums": [(x) => x.cumsum().square(), [1, 2, 3]],
    "deviation and norm": [(x) => x.std().mul(x.norm()), [1, 2, 4]],
    "deviation and norm at their kinks": [(x) => x.std().add(x.norm()), [0, 0]],
    "log Σ eˣ of large numbers": [(x) => x.logSumExp(), [1, 2, 1000]],
    softmax: [(x) => x.softmax().square(), [1, 2, 1000]],
    "log softmax of large numbers": [(x) => x.logSoftmax(), [1e4, 1e4]],
    "a branch not taken": [(x) => where(x.greater(0), x.log(), x), [0, 2, -1]],
    remainders: [(x) => x.mod(2).mul(double([7, 7]).mod(x)), [5.5, -1.5]],
    "floors, rounded numbers and signs": [
      (x) => x.mul(x.floor().add(x.round()).add(x.sign()).add(x.floorDiv(2))),
      [1.2, -2.5],
    ],
    "elements taken twice": [(x) => x.take(tensor([1, 1], "int32")).square(), [1, 2]],
    activations: [(x) => elu(x).add(gelu(x)).add(silu(x)).add(hardTanh(x)), [-2, 0.5, 900]],
    "Huber's loss": [(x) => huber(x, zeros3), [0.5, 1, 3]],
    "cross-entropy": [(x) => crossEntropy(x.reshape([1, 3]), tensor([1], "int32")), [1, 2, 1000]],
    "binary cross-entropy": [(x) => binaryCrossEntropyWithLogits(x, double([0, 1])), [-800, 1]],
  };
  for (const [name, [f, at]] of Object.entries(cases))
    test(name, () => {
      const x = double([...at]);
      const v = double(at.map((_, i) => 1 + i / 4));
      const forward = jvp(f, x, v).tangent;
      const reverse = grad((x: Tensor) => f(x).sum())(x)
        .mul(v)
        .sum()
        .item();
      const actual = Float64Array.from(complexStep(f, x, v).dataSync());
      expectClose("forward", actual, forward.dataSync(), 1e-13);
      const total = actual.reduce((a, b) => a + b, 0);
      expectClose("reverse", [total], [reverse], 1e-13);
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

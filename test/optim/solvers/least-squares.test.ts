/** Levenberg–Marquardt and Gauss–Newton: steps by hand, fits that are known, errors. */
import { setEngine, type Tensor, tensor } from "gradus";
import { Linear, Sequential, seeded, Tanh } from "gradus/nn";
import { type LeastSquaresOptions, leastSquares } from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

type Method = NonNullable<LeastSquaresOptions["method"]>;
const methods: readonly Method[] = ["levenberg-marquardt", "gauss-newton"];
const f64 = (x: ArrayLike<number>) => tensor(Float64Array.from(x));
const repeated = (n: number) => f64(Array.from({ length: n }, (_, i) => (i % 2 ? 1 : -1.2)));

/** Rosenbrock's function as residuals: 10 (xᵢ₊₁ − xᵢ²) and 1 − xᵢ. */
const rosenbrock = (x: Tensor): Tensor[] => {
  const [a, b] = [x.slice([0, x.size - 1]), x.slice([1, x.size])];
  return [b.sub(a.square()).mul(10), a.neg().add(1)];
};

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test.each(methods)("%s: Rosenbrock in 2 and 10 dimensions", (method) => {
      for (const n of [2, 10]) {
        const found = leastSquares(rosenbrock, repeated(n), { method, tolerance: 1e-12 });
        expect(found.converged).toBe(true);
        expectClose("x", found.x.dataSync(), new Float64Array(n).fill(1), 1e-11);
      }
    });

    test.each(methods)("%s: fewer residuals than unknowns, by backward products", (method) => {
      const r = (x: Tensor) => x.square().sum().sub(4).reshape([1]);
      const run = () => leastSquares(r, f64([1, 2, 3]), { method, tolerance: 1e-12 });
      if (method === "gauss-newton") {
        expect(run).toThrow("the 3 columns of the Jacobian depend on each other.");
        return;
      }
      const { x, converged } = run();
      expect(converged).toBe(true);
      // the way goes along the gradient, which is x itself
      const scale = Math.sqrt(4 / 14);
      expectClose("x", x.dataSync(), [scale, 2 * scale, 3 * scale], 1e-10);
    });
  });

describe("by hand", () => {
  test("one step of Levenberg and Marquardt: s = −(JᵀJ + μ I)⁻¹ Jᵀ r", () => {
    // r = (x² − 2, 3x) at x = 1: J = (2, 3), Jᵀr = −2 + 9 = 7, JᵀJ = 13, μ = 13 · ½
    const r = (x: Tensor) => [x.square().sub(2), x.mul(3)];
    const { x, history } = leastSquares(r, f64([1]), { damping: 0.5, maxIterations: 1 });
    expectClose("x", x.dataSync(), [1 - 7 / 19.5], 1e-15);
    expect(history.map(({ value }) => value)[0]).toBe(5); // ½ (1 + 9)
    expect(history[0]!.gradientNorm).toBe(7);
  });
  test("the second step has Nielsen's μ: times max(⅓, 1 − (2ρ − 1)³)", () => {
    const r = (x: Tensor) => [x.square().sub(2), x.mul(3)];
    const value = (x: number) => 0.5 * ((x * x - 2) ** 2 + 9 * x * x);
    const slope = (x: number) => 2 * x * (x * x - 2) + 9 * x;
    let [x, mu] = [1, 6.5];
    const s = -slope(x) / (4 * x * x + 9 + mu);
    const ratio = (value(x) - value(x + s)) / (0.5 * s * (mu * s - slope(x)));
    x += s;
    mu *= Math.max(1 / 3, 1 - (2 * ratio - 1) ** 3);
    x -= slope(x) / (4 * x * x + 9 + mu);
    const found = leastSquares(r, f64([1]), { damping: 0.5, maxIterations: 2 });
    expectClose("x", found.x.dataSync(), [x], 1e-14);
  });
  test("Gauss and Newton solve linear problems at once, ill-conditioned ones too", () => {
    // Läuchli's columns (1, ε, 0) and (1, 0, ε): JᵀJ is singular in float64
    const e = 1e-9;
    const j = tensor(
      [
        [1, 1],
        [e, 0],
        [0, e],
      ],
      "float64",
    );
    const r = (x: Tensor) => j.matmul(x.sub(f64([3, -2])));
    const { x, iterations } = leastSquares(r, f64([0, 0]), {
      method: "gauss-newton",
      tolerance: 1e-13,
    });
    expect(iterations).toBe(1);
    expectClose("x", x.dataSync(), [3, -2], 1e-6);
  });
});

describe("fits", () => {
  test("a net fits a sine, and the model holds the result", () => {
    const o = { dtype: "float64" } as const;
    const model = seeded(
      4,
      () => new Sequential(new Linear(1, 6, o), new Tanh(), new Linear(6, 1, o)),
    );
    const xs = f64(Array.from({ length: 30 }, (_, i) => -3 + (6 * i) / 29)).reshape([30, 1]);
    const residuals = () => model.forward(xs).sub(xs.sin());
    const { value, history } = leastSquares(residuals, model, { maxIterations: 1000 });
    expect(value).toBeLessThan(1e-7);
    expect(residuals().square().sum().mul(0.5).item()).toBeCloseTo(value, 15);
    history.slice(1).forEach((now, i) => {
      expect(now.value).toBeLessThan(history[i]!.value);
    });
  });
  test("a column that says nothing is no obstacle to Levenberg and Marquardt", () => {
    const r = ({ a, b }: { a: Tensor; b: Tensor }) => a.sub(3).add(b.mul(0));
    const { x, converged } = leastSquares(r, { a: f64([0]), b: f64([7]) });
    expect(converged).toBe(true);
    expectClose("x", [x.a.item(), x.b.item()], [3, 7], 1e-8);
  });
});

test.each<[string, () => unknown, string]>([
  [
    "a residual that is not finite",
    () => leastSquares((x: Tensor) => x.log(), f64([-1])),
    "leastSquares: at the start the value is NaN.",
  ],
  [
    "residuals of integers",
    () => leastSquares((x: Tensor) => x.cast("int32"), f64([1])),
    "leastSquares: a residual is int32[1].",
  ],
  [
    "no residual",
    () => leastSquares(() => [], f64([1])),
    "leastSquares: the function returns no tensor.",
  ],
  [
    "an unknown method",
    () => leastSquares((x: Tensor) => x, f64([1]), { method: "lm" as Method }),
    'leastSquares: there is no method "lm".',
  ],
  [
    "no damping",
    () => leastSquares((x: Tensor) => x, f64([1]), { damping: 0 }),
    "leastSquares: damping is 0.",
  ],
])("%s is an error", (_, run, message) => {
  expect(run).toThrow(message);
});

/** Full-batch methods: iterates against PyTorch, one step by hand, minima that are known. */
import { readFileSync } from "node:fs";
import { setEngine, type Tensor, tensor } from "gradus";
import { Linear, meanSquaredError, Sequential, seeded, Tanh } from "gradus/nn";
import { type MinimizeOptions, minimize } from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const oracle: { lbfgs: Record<string, number[][]> } = JSON.parse(
  readFileSync(new URL("../torch.json", import.meta.url), "utf8"),
);

type Method = NonNullable<MinimizeOptions["method"]>;
const methods: readonly Method[] = ["newton", "lbfgs", "cg", "cg-fletcher-reeves"];
const f64 = (x: ArrayLike<number>) => tensor(Float64Array.from(x));
const repeated = (n: number) => f64(Array.from({ length: n }, (_, i) => (i % 2 ? 1 : -1.2)));

const rosenbrock = (x: Tensor): Tensor => {
  const [a, b] = [x.slice([0, x.size - 1]), x.slice([1, x.size])];
  return a.neg().add(1).square().add(b.sub(a.square()).square().mul(100)).sum();
};
const waves = (x: Tensor): Tensor =>
  x
    .square()
    .mul(f64([1, 2, 3, 4, 5, 6]))
    .sum()
    .add(x.mul(3).cos().sum());

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    const starts: Record<string, [(x: Tensor) => Tensor, Tensor]> = {
      rosenbrock2: [rosenbrock, repeated(2)],
      rosenbrock10: [rosenbrock, repeated(10)],
      waves: [waves, f64(Array.from({ length: 6 }, (_, i) => 2 * Math.sin(1.7 * i)))],
    };
    test.each(Object.keys(starts))("L-BFGS on %s: each iterate is PyTorch's", (name) => {
      const [f, start] = starts[name]!;
      oracle.lbfgs[name]!.forEach((expected, k) => {
        const options = { method: "lbfgs", memory: 4, maxIterations: k + 1 } as const;
        const { x, iterations } = minimize(f, start, options);
        expect(iterations).toBe(k + 1);
        expectClose(`θ after ${k + 1}`, x.dataSync(), expected, 1e-10);
      });
    });

    test.each(methods)("%s: Rosenbrock's minimum in 2 and 10 dimensions", (method) => {
      for (const n of [2, 10]) {
        const start = f64(Array.from({ length: n }, () => -1.2 + 0.1 * n));
        const found = minimize(rosenbrock, start, {
          method,
          tolerance: 1e-11,
          maxIterations: 2000,
        });
        expect(found.why).toBe("the gradient's norm is below 1e-11");
        expect(found.converged).toBe(true);
        expectClose("θ", found.x.dataSync(), new Float64Array(n).fill(1), 1e-9);
        expect(found.value).toBeLessThan(1e-20);
      }
    });
  });

describe("steps by hand", () => {
  const quadratic = (x: Tensor) =>
    x
      .square()
      .mul(f64([1, 4]))
      .sum()
      .mul(0.5);

  test("Newton takes one step on a quadratic form", () => {
    const { x, iterations, history } = minimize(quadratic, f64([3, 2]), { method: "newton" });
    expect([...x.dataSync()]).toEqual([0, 0]);
    expect(iterations).toBe(1);
    expect(history.map(({ value }) => value)).toEqual([12.5, 0]);
    expectClose(
      "steps",
      history.map(({ step }) => step),
      [0, Math.sqrt(13)],
      1e-15,
    );
    expectClose(
      "norms",
      history.map(({ gradientNorm }) => gradientNorm),
      [Math.sqrt(73), 0],
      1e-15,
    );
  });
  test("Newton's end is quadratic: x ← x − (eˣ − 2) / eˣ", () => {
    const f = (x: Tensor) => x.exp().sub(x.mul(2)).sum();
    let x = 1;
    for (let k = 1; k <= 4; k++) {
      x -= (Math.exp(x) - 2) / Math.exp(x);
      const found = minimize(f, f64([1]), { method: "newton", maxIterations: k, tolerance: 0 });
      expectClose(`x after ${k}`, found.x.dataSync(), [x], 1e-14);
    }
  });
  test("where the Hessian is indefinite, τ turns Newton downhill: (H + τ I) d = −g", () => {
    // H = diag(2, −1) at (1, ¼) but for 0.03 y⁴: τ = −hyy + 10⁻⁸ ‖H‖ with hyy = −1 + 12 · 0.03/16
    const f = (v: Tensor) => {
      const [x, y] = [v.slice(0), v.slice(1)];
      return x.square().sub(y.square().mul(0.5)).add(y.pow(4).mul(0.03));
    };
    const hyy = -1 + 12 * 0.03 * 0.25 ** 2;
    const tau = -hyy + 1e-8 * Math.hypot(2, hyy);
    const direction = [-2 / (2 + tau), (0.25 - 0.12 * 0.25 ** 3) / (hyy + tau)];
    const { x } = minimize(f, f64([1, 0.25]), { method: "newton", maxIterations: 1 });
    const [dx, dy] = [x.dataSync()[0]! - 1, x.dataSync()[1]! - 0.25];
    expectClose("the direction", [dy / dx], [direction[1]! / direction[0]!], 1e-6);
    // its minima lie at x = 0, y² = 1 / 0.12, not on the saddle between them
    const end = minimize(f, f64([1, 0.25]), { method: "newton" });
    expect(end.converged).toBe(true);
    expectClose("the minimum", end.x.dataSync(), [0, Math.sqrt(1 / 0.12)], 1e-9);
  });
  test("conjugate gradients end a quadratic form of n unknowns in about n steps", () => {
    const scales = f64([1, 2, 3, 4, 5]);
    const f = (x: Tensor) => x.square().mul(scales).sum();
    for (const method of ["cg", "cg-fletcher-reeves"] as const) {
      const { iterations, converged } = minimize(f, f64([1, 1, 1, 1, 1]), {
        method,
        tolerance: 1e-9,
      });
      expect(converged).toBe(true);
      expect(iterations).toBeLessThan(20); // the line search is inexact: 5 if it were not
    }
  });
});

describe("targets", () => {
  const cubic = ({ a, b }: { a: Tensor; b: readonly [Tensor, string] }) =>
    a.sub(2).square().sum().add(b[0].sub(a.mean()).pow(4).sum());
  test("a tree keeps its form; what is not a tensor passes", () => {
    const start = { a: f64([0, 0, 5]), b: [tensor([[1, 3]], "float64"), "kept"] as const };
    const { x } = minimize(cubic, start, {
      method: "newton",
      tolerance: 1e-12,
      maxIterations: 100,
    });
    expect(x.b[1]).toBe("kept");
    expect(x.b[0].shape).toEqual([1, 2]);
    expectClose("a", x.a.dataSync(), [2, 2, 2], 1e-9);
    expectClose("b", x.b[0].dataSync(), [2, 2], 1e-3); // a quartic minimum is flat
    expect([...start.a.dataSync()]).toEqual([0, 0, 5]);
  });

  const net = (seed: number) =>
    seeded(seed, () => {
      const o = { dtype: "float64" } as const;
      return new Sequential(new Linear(2, 4, o), new Tanh(), new Linear(4, 1, o));
    });
  const corners = tensor(
    [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ],
    "float64",
  );
  const truth = tensor([[0], [1], [1], [0]], "float64");

  test.each(methods)("%s learns XOR to the last digits, in the model itself", (method) => {
    const model = net(1);
    const loss = () => meanSquaredError(model.forward(corners), truth);
    const found = minimize(loss, model, { method, tolerance: 1e-9, maxIterations: 3000 });
    expect(found.why).toBe("the gradient's norm is below 1e-9");
    expectClose("outputs", model.forward(corners).dataSync(), [0, 1, 1, 0], 1e-6);
    expect(Object.keys(found.x)).toEqual(Object.keys(model.parameters()));
    expect(loss().item()).toBeCloseTo(found.value, 15);
  });
  test("frozen parameters stay, and some parameters may be given alone", () => {
    const model = net(2);
    const before = model.parameters()["layers.0.weight"]!.value.toArray();
    model.freeze("layers.0.*");
    const loss = () => meanSquaredError(model.forward(corners), truth);
    const found = minimize(loss, model, { method: "newton" });
    expect(Object.keys(found.x)).toEqual(["layers.2.weight", "layers.2.bias"]);
    expect(found.converged).toBe(true);
    expect(model.parameters()["layers.0.weight"]!.value.toArray()).toEqual(before);
    const { "layers.2.bias": bias } = model.parameters();
    const alone = minimize(loss, { bias: bias! }, { method: "newton" });
    expect(Object.keys(alone.x)).toEqual(["bias"]);
    expect(alone.iterations).toBe(0); // it is at its best already
  });
  test("a model is left as it was when the loss fails, and evaluated without dropout's noise", () => {
    const model = net(3);
    const before = Object.values(model.parameters()).map((p) => p.value.toArray());
    expect(() =>
      minimize(() => {
        expect(model.training).toBe(false);
        return model.forward(corners); // no scalar
      }, model),
    ).toThrow("must return a float scalar");
    expect(model.training).toBe(true);
    expect(Object.values(model.parameters()).map((p) => p.value.toArray())).toEqual(before);
  });
  test.each(methods)("%s in float32 ends where rounding begins, and says so", (method) => {
    const f = (x: Tensor) =>
      x
        .sub(tensor([1, 2]))
        .pow(4)
        .sum()
        .add(x.cos().sum())
        .add(1000);
    const { x, converged, why, iterations } = minimize(f, tensor([0.3, -7]), {
      method,
      tolerance: 0,
    });
    expect(x.dtype).toBe("float32");
    expect([converged, why]).toEqual([false, "no step lowers the value by more than rounding"]);
    expect(iterations).toBeLessThan(60);
    const exact = minimize(
      (z: Tensor) =>
        z
          .sub(f64([1, 2]))
          .pow(4)
          .sum()
          .add(z.cos().sum()),
      f64([0.3, -7]),
      { method: "newton", tolerance: 1e-12 },
    );
    expectClose("x", x.dataSync(), exact.x.dataSync(), 0.02);
  });
  test("walls: where the loss is not a number, steps are shorter", () => {
    const f = (x: Tensor) => x.log().neg().add(x.mul(0.01)).sum(); // NaN below 0, minimum at 100
    for (const method of methods) {
      const { x } = minimize(f, f64([1e-3]), { method, tolerance: 1e-12 });
      expectClose("x", x.dataSync(), [100], 1e-6);
    }
  });
});

describe("errors", () => {
  const f = (x: Tensor) => x.square().sum();
  test.each<[string, () => unknown, string]>([
    [
      "a value that is infinite at the start",
      () => minimize((x: Tensor) => x.log().sum(), f64([0])),
      "minimize: at the start the value is -Infinity.",
    ],
    [
      "a value that is not a number",
      () => minimize((x: Tensor) => x.log().sum(), f64([-1])),
      "minimize: at the start the value is NaN.",
    ],
    [
      "a gradient that is not finite",
      () => minimize((x: Tensor) => x.sqrt().sum(), f64([0])),
      "minimize: at the start the value is 0 and its gradient not finite.",
    ],
    [
      "integers",
      () => minimize(f, tensor([1, 2], "int32")),
      "minimize: the start is int32[2], which cannot move.",
    ],
    [
      "nothing to move",
      () => minimize(f, {} as unknown as Tensor),
      "minimize: there is nothing to move.",
    ],
    [
      "a frozen model",
      () => minimize(() => f64([0]).sum(), new Linear(1, 1).freeze()),
      "minimize: there is nothing to move.",
    ],
    [
      "an unknown method",
      () => minimize(f, f64([1]), { method: "newtons" as "newton" }),
      'minimize: there is no method "newtons".',
    ],
    [
      "no iterations",
      () => minimize(f, f64([1]), { maxIterations: 0 }),
      "minimize: maxIterations is 0, not a whole number of 1 or more.",
    ],
    [
      "no memory",
      () => minimize(f, f64([1]), { memory: 1.5 }),
      "minimize: memory is 1.5, not a whole number of 1 or more.",
    ],
    [
      "a tolerance that is not a number",
      () => minimize(f, f64([1]), { tolerance: Number.NaN }),
      "minimize: tolerance is NaN.",
    ],
  ])("%s", (_, run, message) => {
    expect(run).toThrow(message);
  });
  test("when iterations run out, the result says so", () => {
    const { converged, why, iterations } = minimize(rosenbrock, repeated(2), { maxIterations: 3 });
    expect([converged, why, iterations]).toEqual([false, "all 3 iterations are done", 3]);
  });
});

/** Critical points that are known by hand: found from a start near them, and told apart. */
import { type Tensor, tensor } from "gradus";
import { classify, findCriticalPoint, LossSurface } from "gradus/lab";
import { Linear, meanSquaredError, Sequential } from "gradus/nn";
import { describe, expect, test } from "vitest";
import { quadraticSurface, smallSurface } from "./support.ts";

/** (x² − 1)² + y²: minima at (±1, 0), a saddle at 0. */
const doubleWell = LossSurface.of(
  (v: Tensor) => v.slice(0).square().sub(1).square().add(v.slice(1).square()),
  tensor([0, 0]),
);
const of = (f: (x: Tensor) => Tensor, n = 2) => LossSurface.of(f, tensor(Array(n).fill(0)));

describe("classify", () => {
  test("a double well: Hessians diag(8, 2) and diag(−4, 2)", () => {
    expect(classify(doubleWell, [1, 0])).toMatchObject({
      kind: "minimum",
      index: 0,
      complete: true,
    });
    expect([...classify(doubleWell, [1, 0]).eigenvalues]).toEqual([8, 2]);
    expect(classify(doubleWell, [0, 0])).toMatchObject({ kind: "saddle", index: 1 });
    expect(classify(doubleWell, [0.5, 0]).kind).toBe("not critical");
  });

  test("a hill, a monkey's saddle and a trough", () => {
    expect(
      classify(
        of((x) => x.square().sum().neg()),
        [0, 0],
      ),
    ).toMatchObject({ kind: "maximum", index: 2 });
    const monkey = of((v) =>
      v
        .slice(0)
        .pow(3)
        .sub(v.slice(0).mul(v.slice(1).square()).mul(3)),
    );
    expect(classify(monkey, [0, 0]).kind).toBe("degenerate");
    expect(
      classify(
        of((x) => x.sum().square()),
        [1, -1],
      ),
    ).toMatchObject({
      kind: "degenerate",
      definiteness: { kind: "positive semidefinite", zero: 1 },
    });
  });

  test("beyond 300 parameters by the ends of the spectrum", () => {
    const n = 400;
    const weights = tensor(Array.from({ length: n }, (_, i) => (i < 4 ? -1 - i : 1 + i / n)));
    const found = classify(
      of((x) => x.square().mul(weights).sum(), n),
      new Float64Array(n),
    );
    expect(found).toMatchObject({ kind: "saddle", index: 4, complete: false });
    expect(found.eigenvalues.at(-1)).toBeCloseTo(-8, 6);
  });
});

describe("findCriticalPoint", () => {
  test("is drawn to the saddle as to the minimum", () => {
    for (const [start, goal] of [
      [
        [0.1, 0.5],
        [0, 0],
      ],
      [
        [0.9, -0.5],
        [1, 0],
      ],
      [
        [-1.2, 3],
        [-1, 0],
      ],
    ] as const) {
      const { point, end, gradientNorm } = findCriticalPoint(doubleWell, start);
      expect(end).toBe("converged");
      expect(gradientNorm).toBeLessThan(1e-10);
      goal.forEach((x, i) => {
        expect(point[i]).toBeCloseTo(x, 9);
      });
    }
  });

  test("converges quadratically: the last norms fall to the square", () => {
    const { norms } = findCriticalPoint(doubleWell, [0.9, -0.5]);
    expect(norms.at(-1)!).toBeLessThan(1e-3 * norms.at(-2)!);
    norms.slice(1).forEach((x, i) => {
      expect(x).toBeLessThan(norms[i]!);
    });
  });

  test("says where the gradient's norm has a minimum above 0: x³/3 + x", () => {
    const { point, end, gradientNorm } = findCriticalPoint(
      of((x) => x.pow(3).div(3).add(x).sum(), 1),
      [0.5],
    );
    expect(end).not.toBe("converged");
    expect(gradientNorm).toBeCloseTo(1, 3);
    expect(point[0]).toBeCloseTo(0, 1);
  });

  test("finds critical points of a net", () => {
    const { surface } = smallSurface();
    const { point, end } = findCriticalPoint(surface, surface.point(), { tolerance: 1e-8 });
    expect(end).toBe("converged");
    expect(classify(surface, point, { tolerance: 1e-6 }).kind).not.toBe("not critical");
  });

  test("a linear net at 0 is a saddle, and its index is the rank of the data's covariance", () => {
    const model = new Sequential(
      new Linear(2, 2, { bias: false }),
      new Linear(2, 2, { bias: false }),
    );
    const x = tensor([
      [1, 0],
      [0, 1],
    ]);
    const surface = LossSurface.ofModel(model, meanSquaredError, {
      inputs: x,
      targets: tensor([
        [2, 0],
        [0, 1],
      ]),
    });
    // near 0 the loss is c − ½ tr(W₂ W₁ diag(2, 1)) + …: each σ gives each hidden unit a pair ±
    const found = classify(surface, new Float64Array(8));
    expect(found).toMatchObject({ kind: "saddle", index: 4 });
    expect([...found.eigenvalues].map((v) => Math.round(1e9 * v) / 1e9)).toEqual([
      1, 1, 0.5, 0.5, -0.5, -0.5, -1, -1,
    ]);
  });
});

describe("Newton's method", () => {
  const newton = { method: "newton" } as const;
  /** ±(1 − x)² + 100 (y − x²)²: one critical point, (1, 1), at the end of a curved valley. */
  const rosenbrock = (sign: number) =>
    of((v) => {
      const [x, y] = [v.slice(0), v.slice(1)];
      return x.sub(1).square().mul(sign).add(y.sub(x.square()).square().mul(100));
    });

  test.each([
    ["minimum", rosenbrock(1)],
    ["saddle", rosenbrock(-1)], // the Hessian at (1, 1) is [[798, −400], [−400, 200]], det −400
    [
      "maximum",
      of((v) => {
        const [x, y] = [v.slice(0), v.slice(1)];
        return x.sub(1).square().add(y.sub(x.square()).square().mul(100)).neg();
      }),
    ],
  ] as const)("finds the %s at the end of Rosenbrock's valley", (kind, surface) => {
    for (const start of [
      [-1.2, 1],
      [2, -1],
      [0.3, 0.9],
    ]) {
      const { point, end, steps } = findCriticalPoint(surface, start, newton);
      expect(end).toBe("converged");
      expect(point[0]).toBeCloseTo(1, 9);
      expect(point[1]).toBeCloseTo(1, 9);
      expect(classify(surface, point).kind).toBe(kind);
      expect(steps).toBeLessThan(10);
    }
  });

  test("goes to the saddle of a quadratic form in one step, however badly conditioned", () => {
    const surface = quadraticSurface(
      [
        [1e6, 2, 0],
        [2, -1e-3, 0.5],
        [0, 0.5, -3],
      ],
      [1, 2, 3],
    );
    const { steps, end, point } = findCriticalPoint(surface, [5, -4, 3], {
      ...newton,
      tolerance: 1e-5, // of a start of 5e6
    });
    expect([steps, end]).toEqual([1, "converged"]);
    // Cramer's rule: det A = 1e6 (0.003 − 0.25) + 12
    const det = 1e6 * (0.003 - 0.25) + 12;
    expect(point[1]).toBeCloseTo((1e6 * (2 * -3 - 0.5 * 3) + 2 * 3) / det, 8);
  });

  test("converges quadratically to a saddle of a linear net", () => {
    const surface = of((w) => w.slice(0).mul(w.slice(1)).sub(1).square());
    // (ab − 1)²: ∇ = 2 (ab − 1) (b, a), a saddle at 0 with the Hessian [[0, −2], [−2, 0]]
    const { norms, point, end } = findCriticalPoint(surface, [0.3, -0.2], newton);
    expect(end).toBe("converged");
    expect([...point].map((x) => Math.abs(x) < 1e-10)).toEqual([true, true]);
    expect(norms.at(-1)!).toBeLessThan(1e-3 * norms.at(-2)!);
    expect(classify(surface, point)).toMatchObject({ kind: "saddle", index: 1 });
  });

  test("stays off the directions along which the loss is the same: a trough", () => {
    const trough = of((x) => x.sum().square(), 3);
    const { steps, end, point } = findCriticalPoint(trough, [1, 2, 3], newton);
    expect([steps, end]).toEqual([1, "converged"]);
    [-1, 0, 1].forEach((x, i) => {
      expect(point[i]).toBeCloseTo(x, 12); // the nearest point of the trough
    });
  });

  test("finds a critical point of a net from a start near one", () => {
    const { surface } = smallSurface();
    const near = findCriticalPoint(surface, surface.point(), { tolerance: 1e-3 }).point;
    const { end, norms, point } = findCriticalPoint(surface, near, newton);
    expect(end).toBe("converged");
    expect(norms.length).toBeLessThan(30);
    expect(classify(surface, point, { tolerance: 1e-10 }).kind).not.toBe("not critical");
  });

  test("says where its equation has no solution, and where it leads nowhere", () => {
    const ramp = of((v) => v.slice(0).add(v.slice(1).square()));
    expect(findCriticalPoint(ramp, [0, 3], newton)).toMatchObject({ end: "singular", steps: 0 });
    // x³/3 + x: H = 2x and ‖g‖ = x² + 1, so that θ − g/H wanders for ever
    const cubic = of((x) => x.pow(3).div(3).add(x).sum(), 1);
    expect(findCriticalPoint(cubic, [0.5], newton)).toMatchObject({ end: "steps", steps: 200 });
    expect(findCriticalPoint(cubic, [0], newton)).toMatchObject({ end: "singular", steps: 0 });
    // 2/3 x^{3/2} + x: from 1, H = ½ and g = 2 lead to −3, where there is no root
    const root = of(
      (x) =>
        x
          .sqrt()
          .mul(x)
          .mul(2 / 3)
          .add(x)
          .sum(),
      1,
    );
    expect(findCriticalPoint(root, [1], newton)).toMatchObject({ end: "stuck", steps: 0 });
  });

  test("says what it does not take", () => {
    expect(() => findCriticalPoint(doubleWell, [1, 1], { method: "newten" as never })).toThrow(
      'did you mean "newton"?',
    );
    const large = of((x) => x.square().sum(), 301);
    expect(() => findCriticalPoint(large, new Float64Array(301), newton)).toThrow(
      "a Hessian of 301 × 301",
    );
    const root = of((x) => x.sqrt().sum(), 1);
    expect(() => findCriticalPoint(root, [-1])).toThrow("not finite");
  });
});

/** Critical points that are known by hand: found from a start near them, and told apart. */
import { type Tensor, tensor } from "gradus";
import { classify, findCriticalPoint, LossSurface } from "gradus/lab";
import { Linear, meanSquaredError, Sequential } from "gradus/nn";
import { describe, expect, test } from "vitest";
import { smallSurface } from "./support.ts";

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

/** The second-order model against expansions by hand, and definiteness against constructed spectra. */
import { type Tensor, tensor } from "gradus";
import { curvature, definiteness, eigenSymmetric, LossSurface, TaylorModel } from "gradus/lab";
import { describe, expect, test } from "vitest";
import { norm } from "../../src/lab/vectors.ts";
import { quadraticSurface, smallSurface } from "./support.ts";

describe("TaylorModel", () => {
  const f = (x: Tensor) => x.slice(0).exp().mul(x.slice(1).sin());
  const surface = LossSurface.of(f, tensor([0, 0]));

  test("of eˣ sin y at 0 is y + xy", () => {
    const model = new TaylorModel(surface, [0, 0]);
    expect(model.predict([0.3, 0.2])).toBeCloseTo(0.2 + 0.06, 14);
    const exact = Math.exp(0.3) * Math.sin(0.2);
    expect(model.remainder([0.3, 0.2])).toBeCloseTo(exact - 0.26, 14);
  });

  test("has a remainder of order three: halving the step divides it by eight", () => {
    const { surface } = smallSurface();
    const theta = surface.point();
    const v = theta.map((_, i) => Math.cos(i));
    const samples = new TaylorModel(surface, theta).along(v, [0.004, 0.002, 0.001]);
    expect(samples[0]!.remainder / samples[1]!.remainder).toBeCloseTo(8, 0);
    expect(samples[1]!.remainder / samples[2]!.remainder).toBeCloseTo(8, 0);
    for (const { loss, model, remainder } of samples) expect(loss - model).toBe(remainder);
  });

  test("of a quadratic is the quadratic", () => {
    const model = new TaylorModel(
      quadraticSurface(
        [
          [2, 1],
          [1, -3],
        ],
        [1, 1],
      ),
      [5, 7],
    );
    expect(Math.abs(model.remainder([-3, 4]))).toBeLessThan(1e-12);
  });

  test("wants a direction of the surface's size", () => {
    expect(() => new TaylorModel(surface, [0, 0]).along([1], [1])).toThrow("has 1 numbers, not 2");
  });
});

test("curvature along eigenvectors is the eigenvalue, along others between the extremes", () => {
  const { surface } = smallSurface();
  const theta = surface.point();
  const { values, vectors } = eigenSymmetric(surface.hessian(theta));
  vectors.forEach((q, i) => {
    expect(curvature(surface, theta, q)).toBeCloseTo(values[i]!, 12);
  });
  const v = theta.map((_, i) => Math.sin(3 * i));
  const along = curvature(surface, theta, v) / norm(v) ** 2;
  expect(along).toBeLessThan(values[0]!);
  expect(along).toBeGreaterThan(values.at(-1)!);
});

describe("definiteness", () => {
  const cases: [number[], string][] = [
    [[2, 1], "positive definite"],
    [[2, 0], "positive semidefinite"],
    [[-1, -2], "negative definite"],
    [[0, -2], "negative semidefinite"],
    [[1, -1], "indefinite"],
    [[0, 0], "zero"],
    [[1e8, -0.5], "positive semidefinite"],
    [[1e8, -2], "indefinite"],
  ];
  for (const [values, kind] of cases)
    test(`${values} is ${kind}`, () => {
      expect(definiteness(values).kind).toBe(kind);
    });

  test("states its tolerance and its counts", () => {
    const { tolerance, positive, negative, zero, smallest, largest } = definiteness(
      [4, 0.1, -0.3, -1],
      0.1,
    );
    expect([tolerance, positive, negative, zero, smallest, largest]).toEqual([0.4, 1, 1, 2, -1, 4]);
  });
});

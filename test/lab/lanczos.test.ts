/** Lanczos, Hutchinson and the spectral density, against dense decompositions and exact sums. */
import { ConfigError } from "gradus";
import {
  eigenSymmetric,
  hutchinsonTrace,
  type LinearOperator,
  LossSurface,
  lanczos,
  spectralDensity,
} from "gradus/lab";
import { Linear, meanSquaredError, Sequential, seeded, Tanh } from "gradus/nn";
import { describe, expect, test } from "vitest";
import { data } from "./support.ts";

const diagonal = (values: readonly number[]): LinearOperator => ({
  size: values.length,
  apply: (v) => v.map((x, i) => values[i]! * x),
});

/** A net of 101 parameters. */
const net = () => {
  const model = seeded(6, () => new Sequential(new Linear(2, 25), new Tanh(), new Linear(25, 1)));
  const surface = LossSurface.ofModel(model, meanSquaredError, data);
  return { surface, theta: surface.point() };
};

describe("lanczos", () => {
  test("top eigenvalues of a net agree with the dense ones to 1e-6, without the full space", () => {
    const { surface, theta } = net();
    const exact = eigenSymmetric(surface.hessian(theta)).values;
    const { largest, smallest, converged } = lanczos(surface.hessianAt(theta), { count: 3 });
    expect(converged).toBe(true);
    largest.forEach(({ value, residual }, i) => {
      expect(Math.abs(value / exact[i]! - 1)).toBeLessThan(1e-6);
      expect(residual).toBeLessThan(1e-8 * exact[0]!);
    });
    smallest.forEach(({ value }, i) => {
      expect(Math.abs(value - exact.at(-1 - i)!)).toBeLessThan(1e-8 * exact[0]!);
    });
  });

  test("stops long before n where the ends are well apart", () => {
    const values = Array.from({ length: 2000 }, (_, i) => i / 2000);
    const { largest, smallest, steps } = lanczos(diagonal([10, -5, ...values]), {});
    expect(steps).toBeLessThan(40);
    expect(largest[0]!.value).toBeCloseTo(10, 12);
    expect(smallest[0]!.value).toBeCloseTo(-5, 12);
  });

  test("waits only for the end that is asked for", () => {
    const values = Array.from({ length: 1000 }, (_, i) => Math.exp(-i / 20)); // dense at 0
    const both = lanczos(diagonal(values));
    const top = lanczos(diagonal(values), { end: "largest" });
    expect(top.steps).toBeLessThan(both.steps);
    expect(top.smallest).toEqual([]);
    expect(top.largest[0]!.value).toBeCloseTo(1, 12);
    const bottom = lanczos(diagonal(values.map((x) => -x)), { end: "smallest" });
    expect(bottom.largest).toEqual([]);
    expect(bottom.smallest[0]!.value).toBeCloseTo(-1, 12);
  });

  test("with the whole space it finds every copy of a multiple eigenvalue", () => {
    const { largest, steps } = lanczos(diagonal([4, 4, 4, 1, 1, 0]), { count: 6 });
    expect(steps).toBe(6);
    [4, 4, 4, 1, 1, 0].forEach((x, i) => {
      expect(largest[i]!.value).toBeCloseTo(x, 12);
    });
  });

  test("reports honest residuals when it may not go on", () => {
    const values = Array.from({ length: 400 }, (_, i) => i);
    const { largest, converged } = lanczos(diagonal(values), { maxSteps: 10 });
    const { value, residual } = largest[0]!;
    expect(converged).toBe(false);
    expect(values.some((x) => Math.abs(x - value) <= residual)).toBe(true);
  });

  test("the zero matrix and a single number", () => {
    expect(lanczos(diagonal([0, 0, 0])).largest[0]!.value).toBe(0);
    expect(lanczos(diagonal([-3])).smallest[0]!.value).toBeCloseTo(-3, 15);
  });

  test("refuses counts that mean nothing", () => {
    expect(() => lanczos(diagonal([1]), { count: 0 })).toThrow(ConfigError);
    expect(() => lanczos(diagonal([1]), { maxSteps: 1.5 })).toThrow("maxSteps is 1.5");
  });
});

describe("hutchinsonTrace", () => {
  test("lies within four standard errors of the trace of a net's Hessian", () => {
    const { surface, theta } = net();
    const exact = surface.hessian(theta).reduce((sum, row, i) => sum + row[i]!, 0);
    const { trace, standardError } = hutchinsonTrace(surface.hessianAt(theta), { probes: 200 });
    expect(Math.abs(trace - exact)).toBeLessThan(4 * standardError);
    expect(standardError).toBeLessThan(0.2 * exact);
  });

  test("shows the standard error that the formula gives: √(2 Σ aᵢⱼ² / probes)", () => {
    const apply = (v: Float64Array) => {
      const total = v.reduce((a, b) => a + b, 0);
      return v.map((x) => total - x); // ones beside the diagonal
    };
    const { standardError, samples } = hutchinsonTrace({ size: 10, apply }, { probes: 40000 });
    expect(samples.length).toBe(40000);
    expect(standardError / Math.sqrt((2 * 90) / 40000)).toBeCloseTo(1, 1);
  });

  test("one probe has no standard error", () => {
    expect(hutchinsonTrace(diagonal([1, 2]), { probes: 1 }).standardError).toBeNaN();
  });
});

describe("spectralDensity", () => {
  test("weighs two point masses as often as they occur", () => {
    const values = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 2 : -1));
    const { values: at, weights } = spectralDensity(diagonal(values), { probes: 40 });
    let mass = 0;
    at.forEach((x, i) => {
      expect(Math.min(Math.abs(x - 2), Math.abs(x + 1))).toBeLessThan(1e-10);
      if (x > 0) mass += weights[i]!;
    });
    expect(mass).toBeCloseTo(0.25, 2); // σ ≈ √(2·¼·¾/400/40) ≈ 0.005
  });

  test("has the moments of a net's spectrum, and integrates to 1", () => {
    const { surface, theta } = net();
    const exact = eigenSymmetric(surface.hessian(theta)).values;
    const density = spectralDensity(surface.hessianAt(theta), { probes: 300, steps: 10 });
    const { grid, density: phi, values, weights } = density;
    const first = exact.reduce((a, b) => a + b, 0) / exact.length;
    const found = values.reduce((sum, x, i) => sum + x * weights[i]!, 0);
    expect(Math.abs(found / first - 1)).toBeLessThan(0.2);
    const integral = phi.reduce((a, b) => a + b, 0) * (grid[1]! - grid[0]!);
    expect(integral).toBeCloseTo(1, 3);
  });
});

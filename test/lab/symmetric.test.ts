/** The decomposition against closed forms, and against its own definition AQ = QΛ, QᵀQ = I. */
import { DataError, NumericError, ShapeError } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import { describe, expect, test } from "vitest";
import { RandomStream } from "../../src/base/index.ts";
import { dot, norm, normalVector, plus, times } from "../../src/lab/vectors.ts";

/** A symmetric matrix with the given eigenvalues, turned by random reflections. */
function withSpectrum(values: readonly number[], seed: number): number[][] {
  const n = values.length;
  const random = new RandomStream(seed);
  let a = values.map((x, i) => values.map((_, j) => (i === j ? x : 0)));
  for (let turn = 0; turn < 3; turn++) {
    const v = normalVector(n, random);
    const h = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0) - (2 * v[i]! * v[j]!) / dot(v, v)));
    const product = (x: number[][], y: number[][]) =>
      x.map((row) => y.map((_, j) => row.reduce((s, r, k) => s + r * y[k]![j]!, 0)));
    a = product(product(h, a), h);
  }
  return a.map((row, i) => row.map((x, j) => (x + a[j]![i]!) / 2));
}

describe("eigenSymmetric", () => {
  test("the chain of n springs has the eigenvalues 2 − 2 cos(kπ/(n+1))", () => {
    const n = 60;
    const a = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
    );
    eigenSymmetric(a).values.forEach((x, i) => {
      expect(x).toBeCloseTo(2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)), 13);
    });
  });

  const spectra: Record<string, number[]> = {
    "distinct, both signs": Array.from({ length: 40 }, (_, i) => 20.5 - i),
    multiple: [5, 5, 5, 1, 1, 0, 0, 0, -2, -2],
    "over twelve decades": Array.from({ length: 13 }, (_, i) => 10 ** -i),
    zero: [0, 0, 0],
    single: [7],
    pair: [2, -3],
    clustered: [1 + 2e-9, 1 + 1e-9, 1, 1 - 1e-9],
  };
  for (const [name, spectrum] of Object.entries(spectra))
    test(`recovers a spectrum that was put in: ${name}`, () => {
      const a = withSpectrum(spectrum, 3);
      const { values, vectors } = eigenSymmetric(a);
      const size = Math.max(...spectrum.map(Math.abs));
      spectrum.forEach((x, i) => {
        expect(Math.abs(values[i]! - x)).toBeLessThanOrEqual(1e-14 * 10 * size);
        expect(norm(plus(times(a, vectors[i]!), -values[i]!, vectors[i]!))).toBeLessThanOrEqual(
          1e-13 * size,
        );
        vectors.forEach((v, j) => {
          expect(dot(vectors[i]!, v)).toBeCloseTo(i === j ? 1 : 0, 13);
        });
      });
    });

  for (const unit of [2 ** -1060, 2 ** -600, 2 ** 1000])
    test(`has no unit: a matrix times ${unit}`, () => {
      const a = withSpectrum([5, 3, -1], 3).map((row) => row.map((x) => x * unit));
      const { values } = eigenSymmetric(a);
      [5, 3, -1].forEach((x, i) => {
        expect(values[i]! / unit).toBeCloseTo(x, unit < 2 ** -1022 ? 2 : 13);
      });
    });

  test("an empty matrix has no eigenvalues", () => {
    expect(eigenSymmetric([]).values.length).toBe(0);
  });

  test("refuses what is not square, not symmetric, or not finite", () => {
    expect(() => eigenSymmetric([[1, 2]])).toThrow(ShapeError);
    expect(() =>
      eigenSymmetric([
        [1, 2],
        [3, 1],
      ]),
    ).toThrow(DataError);
    expect(() =>
      eigenSymmetric([
        [1, Number.NaN],
        [0, 1],
      ]),
    ).toThrow(NumericError);
  });
});

/** The largest eigenvalues of a symmetric matrix, where few are asked for. */
import { RandomStream } from "../../base/index.ts";
import { type Eigen, eigenSymmetric } from "../../base/symmetric.ts";
import { dot, norm } from "../../base/vectors.ts";
import { type Matrix, rowOf } from "../input.ts";
import { product } from "../linalg.ts";

/** Directions beside those that are asked for: the more, the faster they settle. */
const beside = (k: number): number => Math.max(16, Math.ceil(k / 2));
const maxRounds = 50;
/** A filter magnifies what it keeps by up to this, of which rounding is made, too. */
const mostGrowth = 1e10;

/**
 * The k largest eigenvalues, and vectors, of a positive semidefinite matrix by subspace iteration: each round
 * a Chebyshev polynomial of A magnifies what lies above the smallest value of the subspace, and the vectors are made those of A within the
 * subspace (Rayleigh and Ritz). All but a little of it are matrix products, O(n²k) each.
 *
 * @param a `[n, n]`.
 * @returns undefined where nothing is gained, as many are asked for, or they lie so close that they do not settle.
 * @see Zhou, Saad, Tiago & Chelikowsky 2006, "Self-consistent-field calculations using Chebyshev-filtered subspace iteration"
 */
export function leadingEigen(a: Matrix, k: number): Eigen | undefined {
  const n = a.rows;
  const width = k + beside(k);
  if (3 * width > n) return undefined;
  const random = new RandomStream(0, 0x9ca_0002);
  let v: Matrix = {
    rows: width,
    columns: n,
    data: Float64Array.from({ length: width * n }, () => random.normal()),
  };
  let before = Number.POSITIVE_INFINITY;
  for (let round = 0; round < maxRounds; round++) {
    const { vectors, images, values } = withinSubspace(a, orthonormal(v));
    const size = values[0]!;
    const rest = residual(vectors, images, values, k);
    const isSettled = rest <= 64 * Number.EPSILON * size;
    const isRounding = rest <= n * Number.EPSILON * size && rest > before / 2;
    if (isSettled || isRounding || size <= 0) {
      const rows = Array.from({ length: k }, (_, i) => rowOf(vectors, i).slice());
      return { values: values.slice(0, k), vectors: rows };
    }
    before = rest;
    v = filtered(a, vectors, images, values);
  }
  return undefined;
}

/** Rows made orthonormal one after the other, each twice against rounding; of one that has nothing left a unit vector takes the place. */
function orthonormal(v: Matrix): Matrix {
  const own = { ...v, data: v.data.slice() };
  for (let i = 0; i < own.rows; i++) {
    const row = rowOf(own, i);
    scale(row, 1 / (norm(row) || 1));
    for (let attempt = i; ; attempt++) {
      for (let again = 0; again < 2; again++)
        for (let j = 0; j < i; j++) subtract(row, dot(row, rowOf(own, j)), rowOf(own, j));
      const length = norm(row);
      if (length > 1e-10) {
        scale(row, 1 / length);
        break;
      }
      row.fill(0);
      row[attempt % row.length] = 1;
    }
  }
  return own;
}

function scale(x: Float64Array, by: number): void {
  for (let i = 0; i < x.length; i++) x[i]! *= by;
}

/** x ← x − a y */
function subtract(x: Float64Array, a: number, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i]! -= a * y[i]!;
}

/** The eigenvectors of A within the span of orthonormal rows, their images under A, and the values. */
function withinSubspace(a: Matrix, v: Matrix) {
  const images = product(v, a);
  const h = Array.from({ length: v.rows }, (_, i) =>
    Float64Array.from({ length: v.rows }, (_, j) => dot(rowOf(images, i), rowOf(v, j))),
  );
  const symmetric = h.map((row, i) => row.map((x, j) => (x + h[j]![i]!) / 2));
  const { values, vectors } = eigenSymmetric(symmetric);
  const turn: Matrix = { rows: v.rows, columns: v.rows, data: new Float64Array(v.rows ** 2) };
  for (const [i, vector] of vectors.entries()) rowOf(turn, i).set(vector);
  return { values, vectors: product(turn, v), images: product(turn, images) };
}

/** The largest ‖A v − λ v‖ of the first k. */
function residual(v: Matrix, images: Matrix, values: Float64Array, k: number): number {
  let most = 0;
  for (let i = 0; i < k; i++) {
    const row = rowOf(images, i).slice();
    subtract(row, values[i]!, rowOf(v, i));
    most = Math.max(most, norm(row));
  }
  return most;
}

/** T(A) v with the Chebyshev polynomial of [0, the smallest value]: small there, and large above. */
function filtered(a: Matrix, v: Matrix, images: Matrix, values: Float64Array): Matrix {
  const half = Math.max(values.at(-1)!, Number.EPSILON * values[0]!) / 2;
  const farthest = Math.acosh(Math.max(1, values[0]! / half - 1));
  const degree = Math.max(1, Math.min(12, Math.floor(Math.log(2 * mostGrowth) / farthest)));
  let [before, at] = [v.data, combined(images.data, v.data, 1 / half, -1)];
  for (let d = 1; d < degree; d++) {
    const image = product({ ...v, data: at }, a).data;
    const next = combined(image, at, 2 / half, -2);
    for (let i = 0; i < next.length; i++) next[i]! -= before[i]!;
    [before, at] = [at, next];
  }
  return { ...v, data: at };
}

/** a x + b y */
function combined(x: Float64Array, y: Float64Array, a: number, b: number): Float64Array {
  const z = new Float64Array(x.length);
  for (let i = 0; i < z.length; i++) z[i] = a * x[i]! + b * y[i]!;
  return z;
}

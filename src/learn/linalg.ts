/** Dense linear algebra in float64 for learners: products by the engine, factorisations on the host. */
import { dot, norm } from "../base/vectors.ts";
import type { Tensor } from "../tensor/index.ts";
import { type Matrix, tensorOf, vectorTensor } from "./input.ts";

/** A matrix as its columns, each of the same length. */
export type Columns = readonly Float64Array[];

/** The values of a tensor where they are: to be read before the next tensor is computed, and not to be written. */
export const valuesOf = <T = Float64Array>(x: Tensor): T =>
  x.evalSync().node.storage!.read() as unknown as T;

/** XᵀX, `[D, D]` row-major. */
export function gram(x: Matrix): Float64Array {
  const t = tensorOf(x);
  return t.transpose().matmul(t).dataSync() as Float64Array;
}

/** X Xᵀ, `[N, N]` row-major. */
export function outerGram(x: Matrix): Float64Array {
  const t = tensorOf(x);
  return t.matmul(t.transpose()).dataSync() as Float64Array;
}

/** X Wᵀ, `[N, K]` row-major, for K contiguous rows of weights. */
export function times(x: Matrix, w: Float64Array, outputs = 1): Float64Array {
  const weights = vectorTensor(w, [outputs, x.columns]);
  return tensorOf(x).matmul(weights.transpose()).dataSync() as Float64Array;
}

/** A B */
export function product(a: Matrix, b: Matrix): Matrix {
  const data = tensorOf(a).matmul(tensorOf(b)).dataSync() as Float64Array;
  return { rows: a.rows, columns: b.columns, data };
}

/** Xᵀ y */
export const timesTransposed = (x: Matrix, y: Float64Array): Float64Array =>
  vectorTensor(y).matmul(tensorOf(x)).dataSync() as Float64Array;

/** The columns of a matrix, copied. */
export const columnsOf = ({ rows, columns, data }: Matrix): Float64Array[] =>
  Array.from({ length: columns }, (_, j) =>
    Float64Array.from({ length: rows }, (_, i) => data[i * columns + j]!),
  );

/**
 * Writes L of Cholesky's A = L Lᵀ over the lower half of A, n³/6 multiply-adds.
 *
 * @returns whether A is positive definite, to rounding.
 */
function factorize(a: Float64Array, n: number): boolean {
  let most = 0;
  for (let i = 0; i < n; i++) most = Math.max(most, a[i * n + i]!);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const sum = a[i * n + j]! - inner(a, i * n, a, j * n, j);
      if (i === j && !(sum > n * Number.EPSILON * most)) return false;
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j]!;
    }
  }
  return true;
}

/**
 * Solves A x = b for a symmetric positive definite A by Cholesky's factorisation, n³/6 multiply-adds.
 *
 * @param a `[n, n]` row-major; its lower half is read and overwritten.
 * @returns null if A is not positive definite up to rounding.
 */
export function choleskySolve(a: Float64Array, b: Float64Array): Float64Array | null {
  const n = b.length;
  if (!factorize(a, n)) return null;
  const x = b.slice();
  for (let i = 0; i < n; i++) x[i] = (x[i]! - inner(a, i * n, x, 0, i)) / a[i * n + i]!;
  for (let i = n - 1; i >= 0; i--) {
    x[i]! /= a[i * n + i]!;
    for (let k = 0; k < i; k++) x[k]! -= a[i * n + k]! * x[i]!;
  }
  return x;
}

/**
 * L⁻¹ of Cholesky's A = L Lᵀ, `[n, n]` with zeros above the diagonal; A⁻¹ = L⁻ᵀ L⁻¹. n³/3 multiply-adds.
 *
 * @param a `[n, n]` row-major; its lower half is read and overwritten.
 * @returns null where A is not positive definite to rounding.
 */
export function inverseFactor(a: Float64Array, n: number): Float64Array | null {
  if (!factorize(a, n)) return null;
  // row j of the transpose is column j of L⁻¹
  const columns = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    columns[j * n + j] = 1 / a[j * n + j]!;
    for (let i = j + 1; i < n; i++)
      columns[j * n + i] = -inner(a, i * n + j, columns, j * n + j, i - j) / a[i * n + i]!;
  }
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) inverse[i * n + j] = columns[j * n + i]!;
  return inverse;
}

/** Σₖ a[p + k] b[q + k] over k < length; four sums do not wait for each other. */
function inner(a: Float64Array, p: number, b: Float64Array, q: number, length: number): number {
  let [s, t, u, v] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < length; k += 4) {
    s += a[p + k]! * b[q + k]!;
    t += a[p + k + 1]! * b[q + k + 1]!;
    u += a[p + k + 2]! * b[q + k + 2]!;
    v += a[p + k + 3]! * b[q + k + 3]!;
  }
  for (; k < length; k++) s += a[p + k]! * b[q + k]!;
  return s + t + (u + v);
}

/** A thin singular value decomposition A = U Σ Vᵀ: vectors as columns, the largest value first. */
export interface Svd {
  readonly u: Columns;
  readonly values: Float64Array;
  readonly v: Columns;
}

/**
 * The singular value decomposition of a matrix given by its columns: Householder's QR, then one-sided
 * Jacobi rotations of R, which find small singular values to high relative accuracy. About 2mn² + O(n³) multiply-adds.
 *
 * @see Demmel & Veselić 1992, "Jacobi's method is more accurate than QR"
 */
export function svd(columns: Columns): Svd {
  const n = columns.length;
  const m = columns[0]?.length ?? 0;
  if (m < n) {
    const rows = Array.from({ length: m }, (_, i) => Float64Array.from(columns, (c) => c[i]!));
    const { u, values, v } = svd(rows);
    return { u: v, values, v: u };
  }
  const { r, apply } = householder(columns);
  const v = Array.from({ length: n }, (_, j) =>
    Float64Array.from({ length: n }, (_, i) => +(i === j)),
  );
  orthogonalize(r, v);
  const lengths = Float64Array.from(r, norm);
  const order = [...lengths.keys()].sort((i, j) => lengths[j]! - lengths[i]!);
  return {
    values: Float64Array.from(order, (k) => lengths[k]!),
    v: order.map((k) => v[k]!),
    u: order.map((k) => {
      const long = new Float64Array(m);
      if (lengths[k]! > 0) long.set(r[k]!.map((x) => x / lengths[k]!));
      return apply(long);
    }),
  };
}

/** R of A = QR as columns of n numbers, and the product of Q with a vector. */
function householder(columns: Columns): {
  r: Float64Array[];
  apply: (x: Float64Array) => Float64Array;
} {
  const n = columns.length;
  const a = columns.map((column) => column.slice());
  const reflections: { v: Float64Array; half: number }[] = [];
  for (let j = 0; j < n; j++) {
    const v = a[j]!.slice(j);
    const length = norm(v);
    const diagonal = v[0]! > 0 ? -length : length;
    v[0]! -= diagonal;
    const half = -diagonal * v[0]!; // ‖v‖² / 2
    reflections.push({ v, half });
    if (half > 0) for (let k = j; k < n; k++) reflect(a[k]!.subarray(j), v, half);
  }
  const r = a.map((column, j) => {
    const top = column.slice(0, n);
    return top.fill(0, j + 1);
  });
  const apply = (x: Float64Array) => {
    for (let j = n - 1; j >= 0; j--) {
      const { v, half } = reflections[j]!;
      if (half > 0) reflect(x.subarray(j), v, half);
    }
    return x;
  };
  return { r, apply };
}

/** x ← x − v (vᵀx) / half */
function reflect(x: Float64Array, v: Float64Array, half: number): void {
  const along = dot(v, x) / half;
  for (let i = 0; i < v.length; i++) x[i]! -= along * v[i]!;
}

/**
 * The largest number of sweeps; they end when all pairs of columns are orthogonal up to rounding,
 * usually after about 8.
 */
const maxSweeps = 60;

/** Rotates pairs of columns of `a` until all are orthogonal, and those of `v` likewise. */
function orthogonalize(a: Float64Array[], v: Float64Array[]): void {
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let rotated = false;
    for (let i = 0; i < a.length; i++)
      for (let j = i + 1; j < a.length; j++) {
        const [p, q] = [a[i]!, a[j]!];
        const [pp, qq, pq] = [dot(p, p), dot(q, q), dot(p, q)];
        if (!(Math.abs(pq) > Number.EPSILON * Math.sqrt(pp * qq))) continue;
        rotated = true;
        const zeta = (qq - pp) / (2 * pq);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        rotate(p, q, c, c * t);
        rotate(v[i]!, v[j]!, c, c * t);
      }
    if (!rotated) return;
  }
}

function rotate(p: Float64Array, q: Float64Array, c: number, s: number): void {
  for (let i = 0; i < p.length; i++) {
    const x = p[i]!;
    p[i] = c * x - s * q[i]!;
    q[i] = s * x + c * q[i]!;
  }
}

/**
 * The minimum-norm w that minimises ‖A w − y‖², by the singular value decomposition. Singular
 * values below max(m, n) ε times the largest count as 0.
 *
 * @returns w, and the rank of A.
 */
export function leastSquares(columns: Columns, y: Float64Array): { w: Float64Array; rank: number } {
  const { u, values, v } = svd(columns);
  const least = Math.max(y.length, columns.length) * Number.EPSILON * (values[0] ?? 0);
  const w = new Float64Array(columns.length);
  let rank = 0;
  for (const [k, value] of values.entries()) {
    if (!(value > least)) break;
    rank++;
    const share = dot(u[k]!, y) / value;
    for (let j = 0; j < w.length; j++) w[j]! += share * v[k]![j]!;
  }
  return { w, rank };
}

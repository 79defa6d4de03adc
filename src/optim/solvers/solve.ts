/** Small dense linear systems, in float64 on the host. */
import { norm } from "./vectors.ts";

/**
 * Solves (A + τ I) x = b with the smallest τ of 0, β, 4β, 16β, … for which A + τ I is positive
 * definite; a negative aᵢᵢ raises the first τ accordingly. β = 10⁻⁸ ‖A‖: nets have many nearly flat
 * directions, and a larger one would slow all of them down.
 *
 * @param a `[n, n]` as rows, symmetric.
 * @returns x and τ, or null if numbers are not finite.
 * @see Nocedal & Wright 2006, algorithm 3.3
 */
export function solvePositive(
  a: readonly Float64Array[],
  b: Float64Array,
): { x: Float64Array; shift: number } | null {
  const least = a.reduce((m, row, i) => Math.min(m, row[i]!), Number.POSITIVE_INFINITY);
  const size = Math.sqrt(a.reduce((sum, row) => sum + norm(row) ** 2, 0));
  if (!Number.isFinite(size)) return null;
  const beta = 1e-8 * (size || 1);
  for (let shift = least > 0 ? 0 : beta - least; ; shift = Math.max(4 * shift, beta)) {
    const factor = cholesky(a, shift);
    if (factor) return { x: backward(factor, forward(factor, b)), shift };
  }
}

/** L with L Lᵀ = A + τ I, or null if that is not safely positive definite. */
function cholesky(a: readonly Float64Array[], shift: number): Float64Array[] | null {
  const n = a.length;
  const most = a.reduce((m, row, i) => Math.max(m, row[i]! + shift), 0);
  const least = n * Number.EPSILON * most; // a pivot below this is rounding
  const l = a.map(() => new Float64Array(n));
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i]![j]! + (i === j ? shift : 0);
      for (let k = 0; k < j; k++) sum -= l[i]![k]! * l[j]![k]!;
      if (i === j && !(sum > least)) return null;
      l[i]![j] = i === j ? Math.sqrt(sum) : sum / l[j]![j]!;
    }
  return l;
}

/** L⁻¹ b */
function forward(l: readonly Float64Array[], b: Float64Array): Float64Array {
  const y = b.slice();
  for (let i = 0; i < y.length; i++) {
    for (let k = 0; k < i; k++) y[i]! -= l[i]![k]! * y[k]!;
    y[i]! /= l[i]![i]!;
  }
  return y;
}

/** L⁻ᵀ y */
function backward(l: readonly Float64Array[], y: Float64Array): Float64Array {
  const x = y.slice();
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) x[i]! -= l[k]![i]! * x[k]!;
    x[i]! /= l[i]![i]!;
  }
  return x;
}

/**
 * The s that minimises ‖J s + r‖² + μ ‖s‖², by Householder's QR of [J; √μ I]: JᵀJ, which would
 * square the condition of J, is never formed.
 *
 * @param columns the n columns of J, `[m]` each.
 * @returns s, or null if the columns are linearly dependent up to rounding and μ does not help.
 * @see Golub & Van Loan 2013, §5.3
 */
export function leastSquaresStep(
  columns: readonly Float64Array[],
  r: Float64Array,
  mu: number,
): Float64Array | null {
  const [m, n] = [r.length, columns.length];
  const rows = mu > 0 ? m + n : m;
  if (rows < n) return null;
  const q = columns.map((column, j) => {
    const long = new Float64Array(rows);
    long.set(column);
    if (mu > 0) long[m + j] = Math.sqrt(mu);
    return long;
  });
  const b = new Float64Array(rows);
  b.set(r.map((x) => -x));
  const most = q.reduce((largest, column) => Math.max(largest, norm(column)), 0);
  const diagonal = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    const v = q[j]!.subarray(j);
    const length = norm(v);
    if (!(length > rows * Number.EPSILON * most)) return null;
    diagonal[j] = v[0]! > 0 ? -length : length;
    v[0]! -= diagonal[j]!;
    const half = -diagonal[j]! * v[0]!; // ‖v‖² / 2
    for (const column of [...q.slice(j + 1), b]) reflect(column.subarray(j), v, half);
  }
  const s = b.slice(0, n);
  for (let j = n - 1; j >= 0; j--) {
    s[j]! /= diagonal[j]!;
    for (let i = 0; i < j; i++) s[i]! -= s[j]! * q[j]![i]!;
  }
  return s;
}

/** x ← x − v (vᵀx) / half */
function reflect(x: Float64Array, v: Float64Array, half: number): void {
  let along = 0;
  for (let i = 0; i < v.length; i++) along += v[i]! * x[i]!;
  along /= half;
  for (let i = 0; i < v.length; i++) x[i]! -= along * v[i]!;
}

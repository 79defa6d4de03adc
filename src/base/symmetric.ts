/** Eigenvalues and eigenvectors of symmetric matrices, in float64 on the host. */
import { DataError, NumericError, ShapeError } from "./errors.ts";
import type { Vector } from "./vectors.ts";

/** A = QΛQᵀ: `values[k]` belongs to the unit vector `vectors[k]`; the largest value comes first. */
export interface Eigen {
  readonly values: Float64Array;
  readonly vectors: readonly Float64Array[];
}

/**
 * More QR steps per eigenvalue than this mean that the input contains NaN or infinity; two are
 * usual.
 */
const maxSteps = 60;

/** Below this float64 keeps fewer digits, and rounding errors are no longer relative. */
const leastNormal = 2 ** -1022;

/**
 * The spectral decomposition of a symmetric matrix,
 *
 *   A = Q Λ Qᵀ,   Λ = diag(λ₁ ≥ … ≥ λₙ),   QᵀQ = I
 *
 * by Householder's reduction to tridiagonal form and implicit QR steps with Wilkinson's shift.
 * Every eigenvalue is accurate to a small multiple of 2⁻⁵² ‖A‖, whatever their distribution. The
 * cost is about 5n³ multiply-adds: fine up to a few hundred rows.
 *
 * @param matrix `[n, n]` as rows, symmetric to rounding; the mean of A and Aᵀ is decomposed.
 * @throws {ShapeError} if it is not square. @throws {DataError} if it is not symmetric.
 * @throws {NumericError} if it holds NaN or infinity.
 * @see Golub & Van Loan 2013, "Matrix Computations", algorithms 8.3.1–8.3.3
 * @example
 * const { values, vectors } = eigenSymmetric([[2, 1], [1, 2]]);
 * values; // [3, 1]
 * Math.abs(vectors[0][0]); // 0.7071067811865476
 */
export function eigenSymmetric(matrix: readonly Vector[]): Eigen {
  const { rows, unit } = symmetrized(matrix);
  const { diagonal, off, basis } = tridiagonal(rows);
  const { values, vectors } = eigenTridiagonal(diagonal, off, basis);
  return { values: values.map((x) => x * unit), vectors };
}

/**
 * A checked copy of the matrix, made exactly symmetric, and scaled so that no square underflows.
 */
function symmetrized(matrix: readonly Vector[]): { rows: Float64Array[]; unit: number } {
  const n = matrix.length;
  let size = 0;
  for (const [i, row] of matrix.entries()) {
    if (row.length !== n)
      throw new ShapeError({
        subject: "eigenSymmetric",
        problem: `row ${i} has ${row.length} numbers in a matrix of ${n} rows.`,
        fix: "give a square matrix, as rows.",
      });
    for (let j = 0; j < n; j++) {
      if (!Number.isFinite(row[j]))
        throw new NumericError({
          subject: "eigenSymmetric",
          problem: `the element in row ${i}, column ${j} is ${row[j]}.`,
          fix: "take the Hessian at a point where the loss is finite.",
        });
      size = Math.max(size, Math.abs(row[j]!));
    }
  }
  const unit = size === 0 ? 1 : 2 ** Math.floor(Math.log2(size)); // a power of 2 rounds nothing
  const rows = matrix.map((row, i) =>
    Float64Array.from(row, (x, j) => {
      const y = matrix[j]![i]!;
      if (Math.abs(x - y) > 1e-6 * size)
        throw new DataError({
          subject: "eigenSymmetric",
          problem: `elements (${i}, ${j}) and (${j}, ${i}) are ${x} and ${y}.`,
          fix: "give a symmetric matrix.",
        });
      return x / unit / 2 + y / unit / 2;
    }),
  );
  return { rows, unit };
}

/**
 * Householder's reduction QᵀAQ = T; `basis` receives the columns of Q as rows, and `a` is
 * overwritten.
 */
function tridiagonal(a: Float64Array[]): {
  diagonal: Float64Array;
  off: Float64Array;
  basis: Float64Array[];
} {
  const n = a.length;
  const off = new Float64Array(Math.max(0, n - 1));
  const basis = identityRows(n);
  for (let k = 0; k + 2 < n; k++) {
    // the reflection I − v vᵀ takes column k below the diagonal to a multiple of the first unit vector
    const v = new Float64Array(n);
    let length = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i]![k]!;
      length = Math.hypot(length, v[i]!);
    }
    off[k] = v[k + 1]! > 0 ? -length : length;
    v[k + 1]! -= off[k]!;
    const scale = Math.sqrt(Math.abs(off[k]! * v[k + 1]!));
    if (scale === 0) continue;
    for (let i = k + 1; i < n; i++) v[i]! /= scale;
    reflectBothSides(a, v, k);
    reflectColumns(basis, v, k);
  }
  if (n > 1) off[n - 2] = a[n - 1]![n - 2]!;
  return { diagonal: Float64Array.from(a, (row, i) => row[i]!), off, basis };
}

/** A ← (I − vvᵀ) A (I − vvᵀ) = A − v wᵀ − w vᵀ with w = Av − ½ (vᵀAv) v; v is 0 up to index k. */
function reflectBothSides(a: Float64Array[], v: Float64Array, k: number): void {
  const n = v.length;
  const w = new Float64Array(n);
  let inner = 0;
  for (let i = k + 1; i < n; i++) {
    const row = a[i]!;
    let total = 0;
    for (let j = k + 1; j < n; j++) total += row[j]! * v[j]!;
    w[i] = total;
    inner += v[i]! * total;
  }
  for (let i = k + 1; i < n; i++) w[i]! -= 0.5 * inner * v[i]!;
  for (let i = k + 1; i < n; i++) {
    const row = a[i]!;
    for (let j = k + 1; j < n; j++) row[j]! -= v[i]! * w[j]! + w[i]! * v[j]!;
  }
}

/** Q ← Q (I − vvᵀ), where the columns of Q are the rows of `basis`. */
function reflectColumns(basis: Float64Array[], v: Float64Array, k: number): void {
  const n = v.length;
  const product = new Float64Array(n);
  for (let j = k + 1; j < n; j++) for (let i = 0; i < n; i++) product[i]! += v[j]! * basis[j]![i]!;
  for (let j = k + 1; j < n; j++) for (let i = 0; i < n; i++) basis[j]![i]! -= v[j]! * product[i]!;
}

export const identityRows = (n: number): Float64Array[] =>
  Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(n);
    row[i] = 1;
    return row;
  });

/**
 * Eigenpairs of the symmetric tridiagonal matrix with the given diagonals. `basis[i]` is the vector
 * that the matrix's i-th row represents, by default the i-th unit vector. All arguments are
 * overwritten.
 */
export function eigenTridiagonal(
  diagonal: Float64Array,
  off: Float64Array,
  basis: Float64Array[] = identityRows(diagonal.length),
): Eigen {
  let steps = 0;
  for (let high = diagonal.length - 1; high > 0; ) {
    let low = high;
    while (low > 0 && !negligible(diagonal, off, low - 1)) low--;
    if (low === high) {
      high--;
      steps = 0;
      continue;
    }
    if (steps++ > maxSteps)
      throw new NumericError({
        subject: "eigenSymmetric",
        problem: `no convergence after ${maxSteps} QR steps.`,
        fix: "check that the matrix holds finite numbers of moderate size.",
      });
    stepQR(diagonal, off, basis, low, high);
  }
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[j]! - diagonal[i]!);
  return {
    values: Float64Array.from(order, (i) => diagonal[i]!),
    vectors: order.map((i) => basis[i]!),
  };
}

/** Sets an off-diagonal element to 0 if that changes nothing beyond rounding. */
function negligible(d: Float64Array, e: Float64Array, i: number): boolean {
  const rounding = Number.EPSILON * (Math.abs(d[i]!) + Math.abs(d[i + 1]!));
  if (Math.abs(e[i]!) > rounding + leastNormal) return false;
  e[i] = 0;
  return true;
}

/** One implicit QR step on rows low … high: a bulge is chased down by Givens rotations. */
function stepQR(
  d: Float64Array,
  e: Float64Array,
  basis: Float64Array[],
  low: number,
  high: number,
): void {
  const half = (d[high - 1]! - d[high]!) / 2;
  const last = e[high - 1]!;
  const root = Math.hypot(half, last);
  // Wilkinson's shift: the eigenvalue of the last 2 × 2 block that is nearer to its last element
  const shift = d[high]! - (last / (half + (half < 0 ? -root : root))) * last;
  let x = d[low]! - shift;
  let z = e[low]!;
  for (let k = low; k < high; k++) {
    const r = Math.hypot(x, z);
    const c = r === 0 ? 1 : x / r;
    const s = r === 0 ? 0 : z / r;
    if (k > low) e[k - 1] = r;
    const [a, b, q] = [d[k]!, e[k]!, d[k + 1]!];
    d[k] = c * c * a + 2 * c * s * b + s * s * q;
    d[k + 1] = s * s * a - 2 * c * s * b + c * c * q;
    e[k] = c * s * (q - a) + (c * c - s * s) * b;
    rotate(basis[k]!, basis[k + 1]!, c, s);
    if (k + 1 < high) {
      x = e[k]!;
      z = s * e[k + 1]!;
      e[k + 1]! *= c;
    }
  }
}

function rotate(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let i = 0; i < x.length; i++) {
    const xi = x[i]!;
    x[i] = c * xi + s * y[i]!;
    y[i] = c * y[i]! - s * xi;
  }
}

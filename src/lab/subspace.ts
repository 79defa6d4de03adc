import { ShapeError, show } from "../base/index.ts";
import { type Columns, columnsOf, svd } from "../learn/linalg.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * The principal angles between the spans of the rows of two matrices, in radians, the smallest
 * first: 0 along what both have in common, π/2 where they are orthogonal.
 *
 *   cos θᵢ = σᵢ(QₐᵀQ_b),   sin θᵢ = σᵢ((I − QₐQₐᵀ) Q_b),   Q an orthonormal basis of each
 *
 * Small angles come from the sines, as the cosine of a small angle has no digits. Their number is
 * the smaller dimension of the two spans; linearly dependent rows count once.
 *
 * @param a `[k, D]`. @param b `[m, D]`; the columns of a decoder's weight are `weight.transpose()`.
 * @throws {ShapeError} unless both are matrices of rows of one length.
 * @see Björck & Golub 1973, "Numerical methods for computing angles between linear subspaces"
 * @example
 * principalAngles(tensor([[1, 0, 0], [0, 1, 0]]), tensor([[1, 0, 0], [0, 1, 1]])); // [0, 0.785…]
 */
export function principalAngles(a: Tensor, b: Tensor): number[] {
  if (a.rank !== 2 || b.rank !== 2 || a.shape[1] !== b.shape[1])
    throw new ShapeError({
      subject: "principalAngles",
      problem: `takes the rows of two matrices [k, D] and [m, D], got ${show(a.shape)} and ${show(b.shape)}.`,
      fix: "give rows of one length; transpose what holds vectors as columns.",
    });
  const [one, other] = [basisOf(a), basisOf(b)];
  const [small, large] = one.length <= other.length ? [one, other] : [other, one];
  if (small.length === 0) return [];
  const cosines = singularValues(small.map((q) => Float64Array.from(large, (p) => dot(p, q))));
  const sines = singularValues(small.map((q) => without(without(q, large), large))).reverse();
  return Array.from(cosines, (cosine, i) =>
    cosine > Math.SQRT1_2 ? Math.asin(Math.min(1, sines[i]!)) : Math.acos(cosine),
  );
}

/** An orthonormal basis of the rows' span. */
function basisOf(x: Tensor): Float64Array[] {
  const [rows, columns] = x.shape as [number, number];
  const data = Float64Array.from(x.dataSync());
  // the left vectors of the matrix whose columns are the rows of x
  const { u, values } = svd(
    columnsOf({ rows: columns, columns: rows, data: transposed(data, rows) }),
  );
  const least = Math.max(rows, columns) * Number.EPSILON * (values[0] ?? 0);
  return u.filter((_, i) => values[i]! > least);
}

function transposed(data: Float64Array, rows: number): Float64Array {
  const columns = data.length / rows;
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
}

const singularValues = (columns: Columns): Float64Array => svd(columns).values;
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
/** v without its components along orthonormal columns. */
const without = (v: Float64Array, basis: Columns): Float64Array =>
  basis.reduce((rest, q) => {
    const part = dot(rest, q);
    return rest.map((x, i) => x - part * q[i]!);
  }, v);

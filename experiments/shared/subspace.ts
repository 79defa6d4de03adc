/** Angles between subspaces. */
import { eigenSymmetric } from "gradus/lab";

/** Vectors of one length. */
export type Columns = readonly Float64Array[];
export const dot = (a: Float64Array, b: Float64Array) =>
  a.reduce((sum, x, i) => sum + x * b[i]!, 0);
/** What is left of v without its parts along orthonormal columns. */
const without = (v: Float64Array, basis: Columns): Float64Array =>
  basis.reduce((rest, q) => {
    const part = dot(rest, q);
    return rest.map((x, i) => x - part * q[i]!);
  }, v);

function orthonormal(columns: Columns): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const column of columns) {
    const rest = without(without(column, basis), basis); // twice is enough (Kahan)
    const length = Math.sqrt(dot(rest, rest));
    basis.push(rest.map((x) => x / length));
  }
  return basis;
}

/** The largest principal angle in degrees, by its sine: the cosine of a small angle has no digits. */
export function largestAngle(columns: Columns, basis: Columns): number {
  const rests = orthonormal(columns).map((q) => without(q, basis));
  const gram = rests.map((a) => rests.map((b) => dot(a, b)));
  return (Math.asin(Math.min(1, Math.sqrt(eigenSymmetric(gram).values[0]!))) * 180) / Math.PI;
}

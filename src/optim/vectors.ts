/** Vectors in float64 on the host: what the second-order methods are written in. */

/** xᵀy */
export function dot(x: Float64Array, y: Float64Array): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i]! * y[i]!;
  return total;
}

/** ‖x‖₂ */
export const norm = (x: Float64Array): number => Math.sqrt(dot(x, x));

/** x + a y, as a new vector. */
export const plus = (x: Float64Array, a: number, y: Float64Array): Float64Array =>
  x.map((xi, i) => xi + a * y[i]!);

/** a x, as a new vector. */
export const scaled = (a: number, x: Float64Array): Float64Array => x.map((xi) => a * xi);

/** max |xᵢ| */
export const largest = (x: Float64Array): number =>
  x.reduce((m, xi) => Math.max(m, Math.abs(xi)), 0);

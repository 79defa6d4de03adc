/** Vectors in float64 on the host, for the second-order methods. */
export { dot, norm, plus, scaled } from "../../base/vectors.ts";

/** max |xᵢ| */
export const largest = (x: Float64Array): number =>
  x.reduce((m, xi) => Math.max(m, Math.abs(xi)), 0);

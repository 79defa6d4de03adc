/** Vectors in float64 on the host: what the second-order methods are written in. */
export { dot, norm, plus, scaled } from "../../base/vectors.ts";

/** max |xᵢ| */
export const largest = (x: Float64Array): number =>
  x.reduce((m, xi) => Math.max(m, Math.abs(xi)), 0);

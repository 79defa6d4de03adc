import { where } from "./create.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Far enough above the smallest normal numbers, 10⁻³⁸ and 10⁻³⁰⁸, for products with a learning rate
 * to stay normal.
 */
const limits: Readonly<Record<string, number>> = { float32: 1e-30, float64: 1e-300 };

/**
 * A decaying moment or average with negligible values set to 0; NaN stays.
 *
 *   x ← 0   where |x| < 10⁻³⁰ (float64: 10⁻³⁰⁰)
 *
 * An average whose inputs have become 0 decays for ever: it would soon be subnormal and stay so,
 * and many processors compute ten to forty times slower with subnormal numbers.
 */
export const flushed = (x: Tensor): Tensor => where(x.abs().less(limits[x.dtype]!), 0, x);

/** {@link flushed} for a mean of squares, which is never negative. */
export const flushedSquare = (v: Tensor): Tensor => where(v.less(limits[v.dtype]!), 0, v);

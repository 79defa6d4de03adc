import { where } from "./create.ts";
import type { Tensor } from "./tensor.ts";

/** Far enough above the smallest normal numbers, 10⁻³⁸ and 10⁻³⁰⁸, for products with a rate to be normal, too. */
const limits: Readonly<Record<string, number>> = { float32: 1e-30, float64: 1e-300 };

/**
 * A decaying moment or average with what is next to nothing of it as 0; NaN stays.
 *
 *   x ← 0   where |x| < 10⁻³⁰ (float64: 10⁻³⁰⁰)
 *
 * One whose new values have become 0 shrinks for ever: it would soon be subnormal, with which many
 * processors compute ten to forty times slower, and would stay so.
 */
export const flushed = (x: Tensor): Tensor => where(x.abs().less(limits[x.dtype]!), 0, x);

/** {@link flushed} of a mean of squares, which has no sign. */
export const flushedSquare = (v: Tensor): Tensor => where(v.less(limits[v.dtype]!), 0, v);

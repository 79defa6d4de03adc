import { flushed, flushedSquare } from "../../tensor/flush.ts";
import { full, type Tensor } from "../../tensor/index.ts";
import type { Direction, Hyper, RuleState } from "./rule.ts";

/** First and second moment; with amsgrad, the largest second one so far. */
export type Moments = Pick<RuleState, "m" | "v"> & { readonly vMax?: Tensor };

/** The constants of a direction, named as in Adam's paper. */
export interface AdamConstants {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/** 1 − βᵗ, a float64 scalar: it loses all its digits in float32 when β is near 1. */
export const oneMinusPower = (beta: number, t: Tensor): Tensor =>
  full([], beta, { dtype: "float64" }).pow(t).neg().add(1);

/**
 * Adam's direction with the largest second moment so far in place of the last:
 *
 *   v̂ = max(v₁ … vₜ) / (1 − β₂ᵗ)        or, "corrected", max(v̂₁ … v̂ₜ)
 *
 * @see Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", algorithm 2
 */
export const amsgradDirection =
  ({ beta1, beta2, eps }: AdamConstants, kind: true | "corrected") =>
  (g: Tensor, { m, v, vMax = v }: Moments, { t }: Hyper): Direction<Moments> => {
    m = flushed(m.mul(beta1).add(g.mul(1 - beta1)));
    v = flushedSquare(v.mul(beta2).add(g.square().mul(1 - beta2)));
    const correction = oneMinusPower(beta2, t);
    vMax = vMax.maximum(kind === "corrected" ? v.mul(correction.pow(-1)) : v);
    const root = vMax.sqrt();
    const rootVHat = kind === "corrected" ? root : root.mul(correction.rsqrt());
    const mHat = m.mul(oneMinusPower(beta1, t).pow(-1));
    return { direction: mHat.div(rootVHat.add(eps)), state: { m, v, vMax } };
  };

import { zerosLike } from "../tensor/index.ts";
import type { Rule, RuleState } from "./rule.ts";

export interface RmspropOptions {
  /** Decay of the mean of squared gradients. */
  readonly rho?: number | undefined;
  readonly eps?: number | undefined;
  /** ε under the root, as TensorFlow has it, rather than beside it. */
  readonly epsInRoot?: boolean | undefined;
}

/**
 * Divides each gradient by the root of the mean of its recent squares:
 *
 *   v ← ρ v + (1 − ρ) g²
 *   θ ← θ − lr g / (√v + ε)        or g / √(v + ε)
 *
 * The defaults are PyTorch's, ρ = 0.99 and ε = 10⁻⁸ outside of the root; courses often take
 * `{ rho: 0.9, eps: 1e-5 }`.
 *
 * @see Tieleman & Hinton 2012, lecture 6.5
 * @example
 * const rule = rmsprop({ rho: 0.75, eps: 0 });
 * rule.update(tensor(4), { v: tensor(0) }, { t: tensor(1), lr: 0.5 }, tensor(1)).delta.item(); // -1
 */
export const rmsprop = ({
  rho = 0.99,
  eps = 1e-8,
  epsInRoot = false,
}: RmspropOptions = {}): Rule<Pick<RuleState, "v">> => ({
  name: "rmsprop",
  init: (theta) => ({ v: zerosLike(theta) }),
  update(g, { v }, { lr }) {
    v = v.mul(rho).add(g.square().mul(1 - rho));
    const root = epsInRoot ? v.add(eps).sqrt() : v.sqrt().add(eps);
    return { delta: g.div(root).mul(lr).neg(), state: { v } };
  },
});

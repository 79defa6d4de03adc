/** Steps scaled per coordinate by the size of its gradients. */

import { flushed, flushedSquare } from "../../tensor/flush.ts";
import { type Tensor, zerosLike } from "../../tensor/index.ts";
import { type AdamConstants, amsgradDirection, type Moments, oneMinusPower } from "./amsgrad.ts";
import { chain, decoupledDecay } from "./chain.ts";
import { checkRuleOptions, nameOf } from "./constants.ts";
import { alongDirection, type Direction, type Hyper, type Rule } from "./rule.ts";

/** The constants of {@link adam} and {@link adamW}, named as in the paper. */
export interface AdamOptions {
  /** Decay of the mean of gradients. */
  readonly beta1?: number | undefined;
  /** Decay of the mean of squared gradients. */
  readonly beta2?: number | undefined;
  /** Keeps the denominator from 0; outside the root. */
  readonly eps?: number | undefined;
  /** λ: for Adam an L2 penalty, part of the gradient; for AdamW decoupled weight decay. */
  readonly weightDecay?: number | undefined;
  /**
   * Divide by the largest v so far, which the proof of convergence needs: the largest v, as PyTorch
   * computes it, or with "corrected" the largest v̂, as in PyTorch's pseudo-code.
   */
  readonly amsgrad?: boolean | "corrected" | undefined;
  /** Gradient ascent instead of descent. */
  readonly maximize?: boolean | undefined;
}

/**
 * Adam, as PyTorch computes it, t = 1, 2, …:
 *
 *   g ← −g if maximize,   g ← g + λ θ
 *   m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
 *   v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
 *   θ ← θ − lr m̂ / (√v̂ + ε)
 *
 * With amsgrad, v̂ = max(v₁ … vₜ) / (1 − β₂ᵗ): the maximum is of v before its correction, as in
 * PyTorch's code and in the paper. With amsgrad "corrected", v̂ = max(v̂₁ … v̂ₜ), as in the pseudo-code
 * of PyTorch's documentation, which its code does not follow.
 *
 * Moments below 10⁻³⁰ (in float64 10⁻³⁰⁰) become 0, as in all rules: subnormal numbers are slow.
 *
 * @see Kingma & Ba 2015, algorithm 1; Reddi et al. 2018 for amsgrad
 * @example
 * const rule = adam();
 * const theta = tensor([1, -2]);
 * const { delta } = rule.update(tensor([4, -4]), rule.init(theta), { t: tensor(1), lr: 0.5 }, theta);
 * delta.toArray(); // [-0.5, 0.5]
 */
export const adam = (options: AdamOptions = {}): Rule<Moments> => adamNamed("adam", options);

const optionNames = {
  beta1: "number",
  beta2: "number",
  eps: "number",
  weightDecay: "number",
  amsgrad: true,
  maximize: "boolean",
} as const;

function adamNamed(name: string, options: AdamOptions): Rule<Moments> {
  checkRuleOptions(name, options, optionNames);
  const { amsgrad = false, maximize = false, weightDecay = 0 } = options;
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
  const constants = { beta1, beta2, eps };
  const direction = amsgrad ? amsgradDirection(constants, amsgrad) : adamDirection(constants);
  return alongDirection({
    name: nameOf(name, { ...constants, weightDecay }),
    init: (theta) => ({
      m: zerosLike(theta),
      v: zerosLike(theta),
      ...(amsgrad && { vMax: zerosLike(theta) }),
    }),
    direction(g, moments, hyper, theta) {
      if (maximize) g = g.neg();
      if (weightDecay !== 0) g = g.add(theta.mul(weightDecay));
      return direction(g, moments, hyper);
    },
  });
}

const adamDirection =
  ({ beta1, beta2, eps }: AdamConstants) =>
  (g: Tensor, { m, v }: Moments, { t }: Hyper): Direction<Moments> => {
    m = flushed(m.mul(beta1).add(g.mul(1 - beta1)));
    v = flushedSquare(v.mul(beta2).add(g.square().mul(1 - beta2)));
    const mHat = m.mul(oneMinusPower(beta1, t).pow(-1));
    const rootVHat = v.sqrt().mul(oneMinusPower(beta2, t).rsqrt()); // one scalar for all elements
    return { direction: mHat.div(rootVHat.add(eps)), state: { m, v } };
  };

/**
 * Adam with decoupled weight decay, so that the decay of a weight does not depend on the size of
 * its gradients:
 *
 *   θ ← θ − lr (m̂ / (√v̂ + ε) + λ θ)
 *
 * which is {@link adam} followed by {@link decoupledDecay}. Default λ = 0.01.
 *
 * @see Loshchilov & Hutter 2019, algorithm 2, in PyTorch's parametrisation
 * @example
 * const rule = adamW({ weightDecay: 0.5 });
 * const theta = tensor([1]);
 * rule.update(tensor([4]), rule.init(theta), { t: tensor(1), lr: 0.5 }, theta).delta.toArray(); // [-0.75]
 */
export const adamW = (options: AdamOptions = {}): Rule<Moments> => {
  checkRuleOptions("adamW", options, optionNames);
  const { weightDecay = 0.01, ...others } = options;
  const name = nameOf("adamW", { weightDecay });
  return { ...chain(adamNamed(name, others), decoupledDecay(weightDecay)), name };
};

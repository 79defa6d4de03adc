/** Steps that each coordinate scales by the size of its own gradients. */

import { checkOptions } from "../../base/index.ts";
import { full, type Tensor, zerosLike } from "../../tensor/index.ts";
import { nameOf } from "./constants.ts";
import { flushed, flushedSquare } from "./flush.ts";
import type { Rule, RuleState } from "./rule.ts";

/** The constants of {@link adam} and {@link adamW}, named as in the paper. */
export interface AdamOptions {
  /** Decay of the mean of gradients. */
  readonly beta1?: number | undefined;
  /** Decay of the mean of squared gradients. */
  readonly beta2?: number | undefined;
  /** Keeps the denominator from 0; outside of the root. */
  readonly eps?: number | undefined;
  /** λ: for Adam an L2 penalty, part of the gradient; for AdamW a decay apart from it. */
  readonly weightDecay?: number | undefined;
  /**
   * Divide by the largest v so far, which the proof of convergence needs: by the largest v as PyTorch
   * computes it, or with "corrected" by the largest v̂, as PyTorch's pseudo-code has it.
   */
  readonly amsgrad?: boolean | "corrected" | undefined;
  /** Climb instead of descend. */
  readonly maximize?: boolean | undefined;
}

/** The options that are not undefined. */
type Settings = { [K in keyof AdamOptions]: Exclude<AdamOptions[K], undefined> };

/** First and second moment; with amsgrad, the largest second one so far. */
type Moments = Pick<RuleState, "m" | "v"> & { readonly vMax?: Tensor };

/** βᵗ, a float64 scalar: 1 − βᵗ loses all its digits in float32 when β is near 1. */
const power = (beta: number, t: Tensor): Tensor => full([], beta, { dtype: "float64" }).pow(t);

/** m̂ / (√v̂ + ε) and the new moments. The corrections are two scalars, made once for all elements. */
function direction(
  g: Tensor,
  { m, v, vMax }: Moments,
  t: Tensor,
  { beta1, beta2, eps, amsgrad }: Required<Pick<Settings, "beta1" | "beta2" | "eps" | "amsgrad">>,
): { direction: Tensor; state: Moments } {
  m = flushed(m.mul(beta1).add(g.mul(1 - beta1)));
  v = flushedSquare(v.mul(beta2).add(g.square().mul(1 - beta2)));
  const correction = power(beta2, t).neg().add(1); // 1 − β₂ᵗ
  const isCorrected = amsgrad === "corrected";
  vMax = vMax?.maximum(isCorrected ? v.mul(correction.pow(-1)) : v);
  const mHat = m.mul(power(beta1, t).neg().add(1).pow(-1)); // m / (1 − β₁ᵗ)
  const root = (vMax ?? v).sqrt();
  const rootVHat = isCorrected ? root : root.mul(correction.rsqrt());
  return {
    direction: mHat.div(rootVHat.add(eps)),
    state: vMax ? { m, v, vMax } : { m, v },
  };
}

const moments = (theta: Tensor, amsgrad: boolean | "corrected"): Moments => ({
  m: zerosLike(theta),
  v: zerosLike(theta),
  ...(amsgrad !== false && { vMax: zerosLike(theta) }),
});

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
export const adam = (options: AdamOptions = {}): Rule<Moments> => {
  checkOptions("adam", options, {
    beta1: "number",
    beta2: "number",
    eps: "number",
    weightDecay: "number",
    amsgrad: true,
    maximize: "boolean",
  });
  const {
    beta1 = 0.9,
    beta2 = 0.999,
    eps = 1e-8,
    weightDecay = 0,
    amsgrad = false,
    maximize = false,
  } = options;
  return {
    name: nameOf("adam", { beta1, beta2, eps, weightDecay }),
    init: (theta) => moments(theta, amsgrad),
    update(g, before, { t, lr }, theta) {
      if (maximize) g = g.neg();
      if (weightDecay !== 0) g = g.add(theta.mul(weightDecay));
      const { direction: d, state } = direction(g, before, t, { beta1, beta2, eps, amsgrad });
      return { delta: d.mul(lr).neg(), state };
    },
  };
};

/**
 * Adam with weight decay apart from the gradient, so that the decay of a weight does not depend on
 * the size of its gradients:
 *
 *   θ ← θ − lr (m̂ / (√v̂ + ε) + λ θ)
 *
 * with m̂ and v̂ of {@link adam}. Default λ = 0.01.
 *
 * @see Loshchilov & Hutter 2019, algorithm 2, in PyTorch's parametrisation
 * @example
 * const rule = adamW({ weightDecay: 0.5 });
 * const theta = tensor([1]);
 * rule.update(tensor([4]), rule.init(theta), { t: tensor(1), lr: 0.5 }, theta).delta.toArray(); // [-0.75]
 */
export const adamW = (options: AdamOptions = {}): Rule<Moments> => {
  checkOptions("adamW", options, {
    beta1: "number",
    beta2: "number",
    eps: "number",
    weightDecay: "number",
    amsgrad: true,
    maximize: "boolean",
  });
  const {
    beta1 = 0.9,
    beta2 = 0.999,
    eps = 1e-8,
    weightDecay = 0.01,
    amsgrad = false,
    maximize = false,
  } = options;
  return {
    name: nameOf("adamW", { beta1, beta2, eps, weightDecay }),
    init: (theta) => moments(theta, amsgrad),
    update(g, before, { t, lr }, theta) {
      if (maximize) g = g.neg();
      const { direction: d, state } = direction(g, before, t, { beta1, beta2, eps, amsgrad });
      return { delta: d.add(theta.mul(weightDecay)).mul(lr).neg(), state };
    },
  };
};

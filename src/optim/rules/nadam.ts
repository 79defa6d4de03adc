import { flushed, flushedSquare } from "../../tensor/flush.ts";
import { full, type Tensor, zerosLike } from "../../tensor/index.ts";
import { checkRuleOptions, nameOf } from "./constants.ts";
import { alongDirection, type Rule, type RuleState } from "./rule.ts";

/** The constants of {@link nadam}. */
export interface NadamOptions {
  /** Decay of the mean of gradients, in the long run. */
  readonly beta1?: number | undefined;
  /** Decay of the mean of squared gradients. */
  readonly beta2?: number | undefined;
  /** Keeps the denominator from 0; outside the root. */
  readonly eps?: number | undefined;
  /** ψ: how fast the momentum rises to β₁, from half of it. */
  readonly momentumDecay?: number | undefined;
}

/** Moments of the parameter's shape, and the scalar Π μ in float64. */
type NadamState = Pick<RuleState, "m" | "v" | "product">;

/**
 * Adam with Nesterov momentum, as PyTorch documents it, t = 1, 2, …:
 *
 *   μₜ = β₁ (1 − ½ · 0.96^{ψ t})
 *   m ← β₁ m + (1 − β₁) g        m̂ = μₜ₊₁ m / (1 − μ₁ ⋯ μₜ₊₁) + (1 − μₜ) g / (1 − μ₁ ⋯ μₜ)
 *   v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
 *   θ ← θ − lr m̂ / (√v̂ + ε)
 *
 * PyTorch's default learning rate for it is 0.002. (PyTorch 1.13 and before count μₜ twice in μ₁ ⋯
 * μₜ₊₁.)
 *
 * @see Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2
 * @example
 * const rule = nadam();
 * const theta = tensor([1]);
 * const { state } = rule.update(tensor([4]), rule.init(theta), { t: tensor(1), lr: 0.5 }, theta);
 * state.m.toArray(); // [0.4]
 */
export const nadam = (options: NadamOptions = {}): Rule<NadamState> => {
  checkRuleOptions("nadam", options, {
    beta1: "number",
    beta2: "number",
    eps: "number",
    momentumDecay: "number",
  });
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, momentumDecay = 4e-3 } = options;
  // scalars are float64: 1 − βᵗ loses all its digits in float32 when β is near 1
  const power = (base: number, exponent: Tensor) =>
    full([], base, { dtype: "float64" }).pow(exponent);
  const oneMinus = (x: Tensor) => x.neg().add(1);
  const mu = (t: Tensor) => oneMinus(power(0.96, t.mul(momentumDecay)).mul(0.5)).mul(beta1);
  return alongDirection({
    name: nameOf("nadam", { beta1, beta2, eps, momentumDecay }),
    init: (theta) => ({
      m: zerosLike(theta),
      v: zerosLike(theta),
      product: full([], 1, { dtype: "float64" }),
    }),
    direction(g, { m, v, product }, { t }) {
      m = flushed(m.mul(beta1).add(g.mul(1 - beta1)));
      v = flushedSquare(v.mul(beta2).add(g.square().mul(1 - beta2)));
      const [now, next] = [mu(t), mu(t.add(1))];
      product = product.mul(now); // μ₁ ⋯ μₜ
      const ahead = m.mul(next.div(oneMinus(product.mul(next))));
      const mHat = ahead.add(g.mul(oneMinus(now).div(oneMinus(product))));
      const rootVHat = v.sqrt().mul(oneMinus(power(beta2, t)).rsqrt());
      return { direction: mHat.div(rootVHat.add(eps)), state: { m, v, product } };
    },
  });
};

import { flushed } from "../../tensor/flush.ts";
import { zerosLike } from "../../tensor/index.ts";
import { checkRuleOptions, nameOf } from "./constants.ts";
import { alongDirection, type Rule, type RuleState } from "./rule.ts";

/** The constants of {@link lion}. */
export interface LionOptions {
  /** The weight of the momentum in the direction. */
  readonly beta1?: number | undefined;
  /** The decay of the momentum. */
  readonly beta2?: number | undefined;
  /** λ, decoupled weight decay, as in AdamW. */
  readonly weightDecay?: number | undefined;
}

/**
 * Lion: every coordinate moves by the learning rate, up or down; its state is half of Adam's.
 *
 *   c = β₁ m + (1 − β₁) g
 *   θ ← θ − lr (sign c + λ θ)
 *   m ← β₂ m + (1 − β₂) g
 *
 * The paper uses a learning rate 3 to 10 times smaller than AdamW's, and a λ larger by the same
 * factor.
 *
 * @see Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2
 * @example
 * const rule = lion({ weightDecay: 0.5 });
 * rule.update(tensor([3, -1]), { m: tensor([0, 0]) }, { t: tensor(1), lr: 0.1 }, tensor([2, 0])).delta.toArray(); // [-0.2, 0.1]
 */
export const lion = (options: LionOptions = {}): Rule<Pick<RuleState, "m">> => {
  checkRuleOptions("lion", options, { beta1: "number", beta2: "number", weightDecay: "number" });
  const { beta1 = 0.9, beta2 = 0.99, weightDecay = 0 } = options;
  return alongDirection({
    name: nameOf("lion", { beta1, beta2, weightDecay }),
    init: (theta) => ({ m: zerosLike(theta) }),
    direction(g, { m }, _, theta) {
      const c = m.mul(beta1).add(g.mul(1 - beta1));
      const direction = c.sign().add(theta.mul(weightDecay));
      return { direction, state: { m: flushed(m.mul(beta2).add(g.mul(1 - beta2))) } };
    },
  });
};

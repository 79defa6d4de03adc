/**
 * Learning rates that shrink with the accumulated gradients of a coordinate, or that need no
 * tuning.
 */

import { flushedSquare } from "../../tensor/flush.ts";
import { zerosLike } from "../../tensor/index.ts";
import { checkRuleOptions, nameOf } from "./constants.ts";
import { alongDirection, type Rule, type RuleState } from "./rule.ts";

/** The constants of {@link adagrad}. */
export interface AdagradOptions {
  /** Keeps the denominator from 0; outside the root. */
  readonly eps?: number | undefined;
}

/**
 * Adagrad: each coordinate's rate falls with the sum of its squared gradients, so that rare features
 * keep a high one.
 *
 *   v ← v + g²
 *   θ ← θ − lr g / (√v + ε)
 *
 * PyTorch's default learning rate for it is 0.01.
 *
 * @see Duchi, Hazan & Singer 2011, with diagonal matrices
 * @example
 * const rule = adagrad({ eps: 0 });
 * rule.update(tensor(3), { v: tensor(16) }, { t: tensor(1), lr: 0.5 }, tensor(1)).delta.item(); // -0.3
 */
export const adagrad = (options: AdagradOptions = {}): Rule<Pick<RuleState, "v">> => {
  checkRuleOptions("adagrad", options, { eps: "number" });
  const { eps = 1e-10 } = options;
  return alongDirection({
    name: nameOf("adagrad", { eps }),
    init: (theta) => ({ v: zerosLike(theta) }),
    direction(g, { v }) {
      v = v.add(g.square());
      return { direction: g.div(v.sqrt().add(eps)), state: { v } };
    },
  });
};

/** The constants of {@link adadelta}. */
export interface AdadeltaOptions {
  /** Decay of both means. */
  readonly rho?: number | undefined;
  /** ε, under both roots: it also sets the size of the first steps. */
  readonly eps?: number | undefined;
}

/**
 * Adadelta: steps have the size of recent steps, so their units are right and a learning rate of 1
 * works.
 *
 *   v ← ρ v + (1 − ρ) g²
 *   δ = √(u + ε) / √(v + ε) · g
 *   u ← ρ u + (1 − ρ) δ²
 *   θ ← θ − lr δ
 *
 * Use it with `{ lr: 1 }`, as in the paper.
 *
 * @see Zeiler 2012, algorithm 1
 * @example
 * const rule = adadelta({ rho: 0.5, eps: 1 });
 * const state = { v: tensor(7), u: tensor(3) };
 * rule.update(tensor(3), state, { t: tensor(1), lr: 1 }, tensor(1)).delta.item(); // -2
 */
export const adadelta = (options: AdadeltaOptions = {}): Rule<Pick<RuleState, "u" | "v">> => {
  checkRuleOptions("adadelta", options, { rho: "number", eps: "number" });
  const { rho = 0.9, eps = 1e-6 } = options;
  return alongDirection({
    name: nameOf("adadelta", { rho, eps }),
    init: (theta) => ({ u: zerosLike(theta), v: zerosLike(theta) }),
    direction(g, { u, v }) {
      v = flushedSquare(v.mul(rho).add(g.square().mul(1 - rho)));
      const step = u.add(eps).sqrt().mul(v.add(eps).rsqrt()).mul(g);
      u = flushedSquare(u.mul(rho).add(step.square().mul(1 - rho)));
      return { direction: step, state: { u, v } };
    },
  });
};

/** Gradient descent, plain and with momentum. Whether it is stochastic depends on the batch. */

import { flushed } from "../../tensor/flush.ts";
import { onesLike, where, zerosLike } from "../../tensor/index.ts";
import { mapValues } from "../write.ts";
import { globalNorm } from "./chain.ts";
import { checkRuleOptions, type NoConstants, nameOf } from "./constants.ts";
import { alongDirection, type Rule, type RuleState } from "./rule.ts";

/** The velocity v, of the parameter's shape. */
type Velocity = Pick<RuleState, "v">;

/** The constants of {@link momentum} and similar rules. */
export interface MomentumOptions {
  /** The decay of the velocity, 0 ≤ ρ < 1. */
  readonly rho?: number | undefined;
}

/**
 * Gradient descent.
 *
 *   θ ← θ − lr g
 *
 * @see Robbins & Monro 1951
 * @example
 * sgd().update(tensor(2), {}, { t: tensor(1), lr: 0.5 }, tensor(3)).delta.item(); // -1
 */
export const sgd = (options: NoConstants = {}): Rule<RuleState> => {
  checkRuleOptions("sgd", options, {});
  return alongDirection({
    name: "sgd",
    init: () => ({}),
    direction: (g, state) => ({ direction: g, state }),
  });
};

/**
 * The subgradient method, for convex functions that are not smooth: steps of length lr along any
 * subgradient, which need not lead downhill.
 *
 *   g ∈ ∂f(θ)
 *   θ ← θ − lr g / ‖g‖       and θ stays where g = 0, which is a minimum of a convex f
 *
 * The norm is that of all parameters together. With ‖θ₀ − θ*‖ ≤ R and f of Lipschitz constant G, the
 * best value so far is within G (R² + Σ lrₜ²) / (2 Σ lrₜ) of the minimum: with a constant rate that
 * ends at G lr / 2, with `inverseSqrt` and `inverseTime` it goes to 0. At a kink the library's
 * derivative is one element of ∂f: 0 for |x| and ReLU at 0, the mean of both for a tie in `max`.
 *
 * @see Shor 1985, "Minimization methods for non-differentiable functions", §2.1; Boyd, Xiao &
 *   Mutapcic 2003, "Subgradient methods"
 * @example
 * const theta = { w: new Parameter(tensor([3, 4])) };
 * new Optimizer(theta, subgradient(), { lr: 0.5 }).update({ w: tensor([30, 40]) });
 * theta.w.value.toArray(); // [2.7, 3.6]
 */
export const subgradient = (options: NoConstants = {}): Rule<RuleState> => {
  checkRuleOptions("subgradient", options, {});
  return {
    ...sgd(),
    name: "subgradient",
    before(gradients) {
      const norm = globalNorm(gradients);
      const length = where(norm.equal(0), onesLike(norm), norm);
      return mapValues(gradients, (g) => g.div(length).cast(g.dtype));
    },
  };
};

/**
 * Momentum in PyTorch's form (without dampening), where the learning rate scales the entire
 * velocity:
 *
 *   v ← ρ v + g
 *   θ ← θ − lr v
 *
 * @see Polyak 1964; {@link heavyBall} for the other form
 * @example
 * momentum({ rho: 0.5 }).update(tensor(1), { v: tensor(2) }, { t: tensor(1), lr: 1 }, tensor(0)).delta.item(); // -2
 */
export const momentum = (options: MomentumOptions = {}): Rule<Velocity> => {
  checkRuleOptions("momentum", options, { rho: "number" });
  const { rho = 0.9 } = options;
  return alongDirection({
    name: nameOf("momentum", { rho }),
    init: (theta) => ({ v: zerosLike(theta) }),
    direction(g, { v }) {
      v = flushed(v.mul(rho).add(g));
      return { direction: v, state: { v } };
    },
  });
};

/**
 * Momentum in the textbooks' form, where each gradient enters the velocity with the learning rate
 * of its own step. The same as {@link momentum} while the learning rate is constant; when it falls,
 * the velocity gained before keeps its size.
 *
 *   v ← ρ v + lr g
 *   θ ← θ − v
 *
 * @see Goodfellow, Bengio & Courville 2016, §8.3.2
 * @example
 * heavyBall({ rho: 0.5 }).update(tensor(1), { v: tensor(2) }, { t: tensor(1), lr: 1 }, tensor(0)).delta.item(); // -2
 */
export const heavyBall = (options: MomentumOptions = {}): Rule<Velocity> => {
  checkRuleOptions("heavyBall", options, { rho: "number" });
  const { rho = 0.9 } = options;
  return {
    name: nameOf("heavyBall", { rho }),
    init: (theta) => ({ v: zerosLike(theta) }),
    update(g, { v }, { lr }) {
      v = flushed(v.mul(rho).add(g.mul(lr)));
      return { delta: v.neg(), state: { v } };
    },
  };
};

/**
 * Nesterov's momentum in PyTorch's form: the step looks ahead along the new velocity.
 *
 *   v ← ρ v + g
 *   θ ← θ − lr (g + ρ v)
 *
 * @see Nesterov 1983; Sutskever et al. 2013, §2
 * @example
 * nesterov({ rho: 0.5 }).update(tensor(1), { v: tensor(2) }, { t: tensor(1), lr: 1 }, tensor(0)).delta.item(); // -2
 */
export const nesterov = (options: MomentumOptions = {}): Rule<Velocity> => {
  checkRuleOptions("nesterov", options, { rho: "number" });
  const { rho = 0.9 } = options;
  return alongDirection({
    name: nameOf("nesterov", { rho }),
    init: (theta) => ({ v: zerosLike(theta) }),
    direction(g, { v }) {
      v = flushed(v.mul(rho).add(g));
      return { direction: g.add(v.mul(rho)), state: { v } };
    },
  });
};

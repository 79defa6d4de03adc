/** Gradient descent, plain and with momentum. Stochastic or not is a matter of the batch. */
import { zerosLike } from "../tensor/index.ts";
import type { Rule, RuleState } from "./rule.ts";

/** The velocity v, of the parameter's shape. */
type Velocity = Pick<RuleState, "v">;

export interface MomentumOptions {
  /** How much of the velocity stays, 0 ≤ ρ < 1. */
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
export const sgd = (): Rule<RuleState> => ({
  name: "sgd",
  init: () => ({}),
  update: (g, state, { lr }) => ({ delta: g.mul(lr).neg(), state }),
});

/**
 * Momentum in PyTorch's form (without dampening), where the learning rate scales the velocity as a
 * whole:
 *
 *   v ← ρ v + g
 *   θ ← θ − lr v
 *
 * @see Polyak 1964; {@link heavyBall} for the other form
 * @example
 * momentum({ rho: 0.5 }).update(tensor(1), { v: tensor(2) }, { t: tensor(1), lr: 1 }, tensor(0)).delta.item(); // -2
 */
export const momentum = ({ rho = 0.9 }: MomentumOptions = {}): Rule<Velocity> => ({
  name: "momentum",
  init: (theta) => ({ v: zerosLike(theta) }),
  update(g, { v }, { lr }) {
    v = v.mul(rho).add(g);
    return { delta: v.mul(lr).neg(), state: { v } };
  },
});

/**
 * Momentum in the textbooks' form, where each gradient enters the velocity with the learning rate of
 * its own step. The same as {@link momentum} while the learning rate stays; when it falls, the
 * velocity that was gained before stays.
 *
 *   v ← ρ v + lr g
 *   θ ← θ − v
 *
 * @see Goodfellow, Bengio & Courville 2016, §8.3.2
 * @example
 * heavyBall({ rho: 0.5 }).update(tensor(1), { v: tensor(2) }, { t: tensor(1), lr: 1 }, tensor(0)).delta.item(); // -2
 */
export const heavyBall = ({ rho = 0.9 }: MomentumOptions = {}): Rule<Velocity> => ({
  name: "heavyBall",
  init: (theta) => ({ v: zerosLike(theta) }),
  update(g, { v }, { lr }) {
    v = v.mul(rho).add(g.mul(lr));
    return { delta: v.neg(), state: { v } };
  },
});

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
export const nesterov = ({ rho = 0.9 }: MomentumOptions = {}): Rule<Velocity> => ({
  name: "nesterov",
  init: (theta) => ({ v: zerosLike(theta) }),
  update(g, { v }, { lr }) {
    v = v.mul(rho).add(g);
    return { delta: g.add(v.mul(rho)).mul(lr).neg(), state: { v } };
  },
});

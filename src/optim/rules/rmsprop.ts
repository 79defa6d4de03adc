import { flushed, flushedSquare } from "../../tensor/flush.ts";
import { zerosLike } from "../../tensor/index.ts";
import { checkRuleOptions, nameOf } from "./constants.ts";
import { alongDirection, type Rule, type RuleState } from "./rule.ts";

/** The constants of {@link rmsprop}. */
export interface RmspropOptions {
  /** Decay of the mean of squared gradients. */
  readonly rho?: number | undefined;
  readonly eps?: number | undefined;
  /** ε under the root, as in TensorFlow, rather than outside. */
  readonly epsInRoot?: boolean | undefined;
  /** The decay of the velocity, a sum of steps that have already been divided. Default 0. */
  readonly momentum?: number | undefined;
  /** Divide by the standard deviation: subtract the squared mean of the gradients from v. */
  readonly centered?: boolean | undefined;
}

/** v, with `momentum` the velocity u, with `centered` the mean gradient m. */
type RmspropState = Pick<RuleState, "v"> & Partial<Pick<RuleState, "u" | "m">>;

/**
 * Divides each gradient by the root of the mean of its recent squares:
 *
 *   v ← ρ v + (1 − ρ) g²
 *   θ ← θ − lr g / (√v + ε)        or g / √(v + ε)
 *
 * The defaults are PyTorch's, ρ = 0.99 and ε = 10⁻⁸ outside the root; courses often take `{ rho:
 * 0.9, eps: 1e-5 }`. PyTorch's two options:
 *
 *   centered:   m ← ρ m + (1 − ρ) g,   v − m² in place of v under the root
 *   momentum:   u ← μ u + g / (√v + ε),   θ ← θ − lr u
 *
 * @see Tieleman & Hinton 2012, lecture 6.5; Graves 2013, "Generating sequences with recurrent
 *   neural networks", §4.2, for the options
 * @example
 * const rule = rmsprop({ rho: 0.75, eps: 0 });
 * rule.update(tensor(4), { v: tensor(0) }, { t: tensor(1), lr: 0.5 }, tensor(1)).delta.item(); // -1
 */
export const rmsprop = (options: RmspropOptions = {}): Rule<RmspropState> => {
  checkRuleOptions("rmsprop", options, {
    rho: "number",
    eps: "number",
    epsInRoot: "boolean",
    momentum: "number",
    centered: "boolean",
  });
  const { rho = 0.99, eps = 1e-8, epsInRoot = false, momentum = 0, centered = false } = options;
  return alongDirection({
    name: nameOf("rmsprop", { rho, eps, momentum }),
    init: (theta) => ({
      v: zerosLike(theta),
      ...(centered && { m: zerosLike(theta) }),
      ...(momentum !== 0 && { u: zerosLike(theta) }),
    }),
    direction(g, { v, u, m }) {
      v = flushedSquare(v.mul(rho).add(g.square().mul(1 - rho)));
      m = m && flushed(m.mul(rho).add(g.mul(1 - rho)));
      const square = m ? v.sub(m.square()) : v;
      const root = epsInRoot ? square.add(eps).sqrt() : square.sqrt().add(eps);
      const step = g.div(root);
      u = u && flushed(u.mul(momentum).add(step));
      return { direction: u ?? step, state: { v, ...(m && { m }), ...(u && { u }) } };
    },
  });
};

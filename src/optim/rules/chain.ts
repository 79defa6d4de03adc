/**
 * Rules composed of parts: transformations of the gradients before a rule, and of its direction
 * after it.
 */

import { ConfigError, checkOptions } from "../../base/index.ts";
import { select } from "../../nn/index.ts";
import { full, stack, type Tensor, where } from "../../tensor/index.ts";
import { nameOf } from "./constants.ts";
import {
  alongDirection,
  type DirectionTransform,
  type GradientTransform,
  type Rule,
  type RuleState,
  type Tensors,
} from "./rule.ts";

/** A part of a {@link chain}. */
export type ChainPart<S extends RuleState = RuleState> =
  | GradientTransform
  | Rule<S>
  | DirectionTransform;

/**
 * One rule made of several parts: transformations of the gradients, the rule itself,
 * transformations of its direction, in this order.
 *
 * @throws {ConfigError} unless there is exactly one rule, with transformations of gradients before
 * it and of its direction after it, or if a part follows a rule without a direction.
 * @example
 * chain(clipByGlobalNorm(1), adamW()).name; // "clipByGlobalNorm, adamW"
 * chain(momentum(), decoupledDecay(0.01)).name; // "momentum, decoupledDecay"
 */
export function chain<S extends RuleState>(...parts: ChainPart<S>[]): Rule<S> {
  const at = parts.findIndex(isRule);
  const [transforms, rule, after] = [parts.slice(0, at), parts[at], parts.slice(at + 1)];
  if (!rule || !isRule(rule) || !transforms.every(isBefore) || !after.every(isAfter))
    throw wrongOrder(parts);
  const whole: Rule<S> = {
    ...rule,
    name: parts.map(({ name }) => name).join(", "),
    before(gradients, parameters) {
      const changed = transforms.reduce((g, part) => part.transform(g, parameters), gradients);
      return rule.before?.(changed, parameters) ?? changed;
    },
  };
  if (after.length === 0) return whole;
  if (!rule.direction) throw withoutDirection(rule.name, after[0]!.name);
  return alongDirection({
    ...whole,
    direction(gradient, before, hyper, theta) {
      const { direction, state } = rule.direction!(gradient, before, hyper, theta);
      return { direction: after.reduce((u, part) => part.after(u, theta), direction), state };
    },
  });
}

const isBefore = (part: object): part is GradientTransform => "transform" in part;
const isAfter = (part: object): part is DirectionTransform => "after" in part;
const isRule = <S extends RuleState>(part: ChainPart<S>): part is Rule<S> => "update" in part;

const wrongOrder = (parts: readonly { readonly name: string }[]): ConfigError =>
  new ConfigError({
    subject: "chain",
    problem: `its parts are ${parts.map(({ name }) => name).join(", ") || "none"}.`,
    fix: "give changes of the gradients, then one rule, then changes of its direction: chain(clipByGlobalNorm(1), adam(), decoupledDecay(0.01)).",
  });

const withoutDirection = (rule: string, part: string): ConfigError =>
  new ConfigError({
    subject: "chain",
    problem: `${part} changes the direction u of a step −lr u, but ${rule} has none: the learning rate is part of its state.`,
    fix: `take a rule with a direction, such as momentum(), or leave out ${part}.`,
  });

/**
 * Scales all gradients by one factor, so that their global Euclidean norm is at most `limit`; the
 * direction does not change.
 *
 *   g ← g · min(1, limit / ‖g‖)
 *
 * @see Pascanu, Mikolov & Bengio 2013, algorithm 1
 * @example
 * const { w } = clipByGlobalNorm(1).transform({ w: tensor([3, 4]) }, {});
 * w.toArray(); // [0.6000000238418579, 0.800000011920929]
 */
export const clipByGlobalNorm = (limit: number): GradientTransform => ({
  name: "clipByGlobalNorm",
  transform(gradients) {
    checkLimit("clipByGlobalNorm", limit);
    const norm = globalNorm(gradients);
    // where the norm is 0 the quotient is not taken: max(‖g‖, limit) ≥ limit > 0
    const factor = full([], limit, { dtype: "float64" }).div(norm.maximum(limit));
    return map(gradients, (g) => g.mul(factor).cast(g.dtype));
  },
});

/**
 * Clips every element of every gradient to −limit … limit.
 * @example
 * clipByValue(1).transform({ w: tensor([3, -0.5]) }, {}).w.toArray(); // [1, -0.5]
 */
export const clipByValue = (limit: number): GradientTransform => ({
  name: "clipByValue",
  transform(gradients) {
    checkLimit("clipByValue", limit);
    return map(gradients, (g) => g.clip(-limit, limit));
  },
});

/**
 * Adds the gradient of an L2 penalty ½ λ ‖θ‖² on all parameters, or on some: biases and the scales
 * of normalisation are often excluded.
 *
 *   g ← g + λ θ
 *
 * @param options `of`: a path pattern as in `select`; default all.
 * @throws {ConfigError} at the first step, if no parameter matches.
 * @example
 * chain(weightDecay(1e-4, { of: "*.weight" }), momentum()).name; // "weightDecay, momentum"
 */
export const weightDecay = (
  lambda: number,
  options: { readonly of?: string | undefined } = {},
): GradientTransform => {
  checkOptions("weightDecay", options, { of: "text" });
  const { of = "*" } = options;
  return {
    name: nameOf("weightDecay", { lambda }),
    transform(gradients, parameters) {
      const chosen = select(parameters, of);
      return map(gradients, (g, path) => {
        const parameter = chosen[path];
        return parameter ? g.add(parameter.value.mul(lambda)) : g;
      });
    },
  };
};

/**
 * Decoupled weight decay: it is not part of the gradient, so that the decay of a weight does not
 * depend on the size of its gradients:
 *
 *   u ← u + λ θ        and so   θ ← θ − lr (u + λ θ)
 *
 * @see Loshchilov & Hutter 2019, "Decoupled weight decay regularization"
 * @throws {ConfigError} unless λ is finite and 0 or more.
 * @example
 * const rule = chain(sgd(), decoupledDecay(0.5));
 * rule.update(tensor([4]), {}, { t: tensor(1), lr: 0.25 }, tensor([2])).delta.toArray(); // [-1.25]
 */
export const decoupledDecay = (lambda: number): DirectionTransform => ({
  name: nameOf("decoupledDecay", { lambda }),
  after: (direction, theta) => direction.add(theta.mul(lambda)),
});

/**
 * The Euclidean norm of all tensors together, a float64 scalar. Squares neither overflow nor underflow:
 * those of float32 are taken in float64, and float64 is scaled by its largest magnitude.
 *
 * @example
 * globalNorm({ a: tensor([3]), b: tensor([[4]]) }).item(); // 5
 */
export const globalNorm = (tensors: Tensors): Tensor => {
  const all = Object.values(tensors);
  if (all.some(({ dtype }) => dtype === "float64"))
    return stack(all.map((x) => x.cast("float64").norm())).norm();
  const squares = all.map((x) => x.cast("float64").square().sum());
  const total = squares.reduce((a, b) => a.add(b), full([], 0, { dtype: "float64" }));
  return where(total.equal(0), 0, total.sqrt());
};

const map = (tensors: Tensors, f: (x: Tensor, path: string) => Tensor): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([path, x]) => [path, f(x, path)]));

function checkLimit(name: string, limit: number): void {
  if (limit > 0) return;
  throw new ConfigError({
    subject: name,
    problem: `the limit is ${limit}.`,
    fix: "give a limit above 0.",
  });
}

/** Changes of the gradients that come before a rule. */

import { ConfigError, checkOptions } from "../../base/index.ts";
import { select } from "../../nn/index.ts";
import { full, stack, type Tensor, where } from "../../tensor/index.ts";
import { nameOf } from "./constants.ts";
import type { GradientTransform, Rule, RuleState, Tensors } from "./rule.ts";

/**
 * A rule after changes of the gradients, in this order.
 *
 * @example
 * chain(clipByGlobalNorm(1), adamW()).name; // "clipByGlobalNorm, adamW"
 */
export function chain<S extends RuleState>(...parts: [...GradientTransform[], Rule<S>]): Rule<S> {
  const rule = parts.at(-1) as Rule<S>;
  const transforms = parts.slice(0, -1) as GradientTransform[];
  return {
    ...rule,
    name: parts.map(({ name }) => name).join(", "),
    before(gradients, parameters) {
      const changed = transforms.reduce((g, { transform }) => transform(g, parameters), gradients);
      return rule.before?.(changed, parameters) ?? changed;
    },
  };
}

/**
 * Shortens all gradients by one factor, so that their common Euclidean norm is at most `limit`; the
 * direction stays.
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
 * Cuts every element of every gradient to −limit … limit.
 *
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
 * Adds the gradient of an L2 penalty ½ λ ‖θ‖² on all parameters, or on some: biases and the scales of
 * normalisation are often left out.
 *
 *   g ← g + λ θ
 *
 * @param options `of`: a pattern of paths as `select` takes it; default all.
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

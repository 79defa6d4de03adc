/** Derivatives with respect to the parameters of a model. */
import { ConfigError, nearest } from "../base/index.ts";
import type { Tensor } from "../tensor/index.ts";
import * as tensors from "../tensor/index.ts";
import { type AnyModule, type Module, trainable } from "./module.ts";
import { type Parameter, valuesOf } from "./parameter.ts";

/** Tensors by the path of their parameter. */
export type ParameterTensors = Record<string, Tensor>;

/** Runs `f` while each parameter reads as the tensor under its path. */
function withValues<T>(
  parameters: Readonly<Record<string, Parameter>>,
  values: Readonly<ParameterTensors>,
  f: () => T,
): T {
  const undo: (() => void)[] = [];
  try {
    for (const [path, value] of Object.entries(values)) {
      const parameter = parameters[path];
      if (!parameter) throw unknownPath(path, Object.keys(parameters));
      undo.push(parameter.bind(value));
    }
    return f();
  } finally {
    for (const back of undo.reverse()) back();
  }
}

function unknownPath(path: string, known: readonly string[]): ConfigError {
  const near = nearest(path, known);
  return new ConfigError({
    subject: "functional",
    problem: `the model has no parameter "${path}".`,
    fix: near ? `did you mean "${near}"?` : `the paths are ${known.join(", ")}.`,
  });
}

/**
 * A model as a pure function of its parameters, for transforms of tensor functions: `jvp`, `vjp`,
 * `hvp`, `jacobian`, `hessian`. Parameters that are not in the record keep their own values. `f` is
 * the function to compute, by default `model.forward`.
 *
 * @returns a function of a record of tensors by path, and of the arguments of `f`.
 * @throws {ConfigError} for a path that the model does not have.
 * @example
 * const model = new Linear(2, 1, { bias: false });
 * const f = functional(model);
 * f({ weight: tensor([[3, 4]]) }, tensor([[1, 10]])).toArray(); // [[43]]
 *
 * // a Hessian-vector product with respect to the parameters
 * const loss = functional(model, (x: Tensor) => model.forward(x).square().sum());
 * const along = { weight: tensor([[1, 0]]) };
 * hvp(loss, valuesOf(model.parameters()), along, tensor([[2, 3]])).weight.toArray(); // [[8, 12]]
 */
export function functional<A extends unknown[], R>(
  model: Module<A, R>,
): (values: ParameterTensors, ...inputs: A) => R;
export function functional<A extends unknown[], R>(
  model: AnyModule,
  f: (...args: A) => R,
): (values: ParameterTensors, ...args: A) => R;
export function functional(
  model: AnyModule,
  f: (...args: never[]) => unknown = (...inputs) => model.forward(...inputs),
): (values: ParameterTensors, ...args: never[]) => unknown {
  return (values, ...args) => withValues(model.parameters(), values, () => f(...args));
}

/**
 * The value of a loss and its gradient with respect to the trainable parameters of a model.
 *
 * Intermediate results of the loss may be stored in an outer variable and returned from the same
 * compiled step; they are computed once.
 *
 * @param loss a function of a batch that returns a float scalar.
 * @returns a function of the batch; `grads` has the paths of `model.parameters()`.
 * @example
 * const model = new Linear(1, 1, { bias: false });
 * model.weight.value = tensor([[3]]);
 * const both = valueAndGrad(model, (x: Tensor) => model.forward(x).square().sum());
 * const { value, grads } = both(tensor([[2]]));
 * value.item(); // 36
 * grads.weight.item(); // 24
 */
export function valueAndGrad<A extends unknown[]>(
  model: AnyModule,
  loss: (...args: A) => Tensor,
): (...args: A) => { value: Tensor; grads: ParameterTensors } {
  const both = tensors.valueAndGrad(functional(model, loss));
  return (...args) => both(valuesOf(trainable(model.parameters())), ...args);
}

/** The parameters of a full-batch method, flattened to one vector of float64 numbers. */
import {
  ConfigError,
  DTypeError,
  isFloat,
  ShapeError,
  show,
  treeFill,
  treeLeaves,
} from "../../base/index.ts";
import { type AnyModule, evaluating, Module, Parameter, trainable } from "../../nn/index.ts";
import {
  compile,
  concat,
  isTensor,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../../tensor/index.ts";

/** A model, or some of its parameters with their paths. */
export type ParameterSource = AnyModule | Readonly<Record<string, Parameter>>;

/** Parameters x, and the vector θ `[n]` of all of them. */
export interface FlatParameters<X> {
  /** θ at the start. */
  readonly start: Float64Array;
  /** The machine precision of the coarsest of their dtypes. */
  readonly epsilon: number;
  /** Runs `f` with the parameters in θ; a model reads them as its own. */
  at<R>(theta: Tensor, f: (x: X) => R): R;
  /** θ in the parameters' own shapes and dtypes; written back to a model. */
  finish(theta: Float64Array): X;
}

/**
 * @throws {ConfigError} if there are no parameters.
 * @throws {DTypeError} for tensors that are not float.
 */
export function flatParametersOf<X>(subject: string, target: unknown): FlatParameters<X> {
  const parameters = parametersOf(target);
  const found = parameters
    ? Object.entries(parameters).map(([path, p]) => ({ path, leaf: p.value }))
    : treeLeaves(target, isTensor);
  const leaves = found.map(({ leaf }) => leaf);
  for (const { path, leaf } of found) checkFloat(subject, path, leaf);
  const size = leaves.reduce((sum, x) => sum + x.size, 0);
  if (size === 0)
    throw new ConfigError({
      subject,
      problem: "there is nothing to move.",
      fix: "give a model with trainable parameters, or a tree with float tensors.",
    });
  const start = new Float64Array(size);
  const offsets: number[] = [];
  for (let i = 0, at = 0; i < leaves.length; at += leaves[i++]!.size) {
    offsets.push(at);
    start.set(leaves[i]!.dataSync(), at);
  }
  const split = (theta: Tensor): Tensor[] =>
    leaves.map(({ shape, size: n, dtype }, i) =>
      theta
        .slice([offsets[i]!, offsets[i]! + n])
        .reshape(shape)
        .cast(dtype),
    );
  const epsilon = leaves.some(({ dtype }) => dtype === "float32") ? 2 ** -23 : 2 ** -52;
  const values = (theta: Float64Array) => split(tensor(theta)).map((x) => x.evalSync());
  if (!parameters)
    return {
      start,
      epsilon,
      at: (theta, f) => f(treeFill(target, isTensor, split(theta)) as X),
      finish: (theta) => treeFill(target, isTensor, values(theta)) as X,
    };
  const named = (tensors: readonly Tensor[]) =>
    Object.fromEntries(found.map(({ path }, i) => [path, tensors[i]!])) as X;
  const model = target instanceof Module ? (target as AnyModule) : null;
  return {
    start,
    epsilon,
    at: (theta, f) => {
      const tensors = split(theta);
      const run = () => bound(Object.values(parameters), tensors, () => f(named(tensors)));
      return model ? evaluating(model, run) : run();
    },
    finish: (theta) => {
      const tensors = values(theta);
      Object.values(parameters).forEach((p, i) => {
        p.value = tensors[i]!;
      });
      return named(tensors);
    },
  };
}

/** The trainable parameters by path, or null for a tree of tensors. */
function parametersOf(target: unknown): Record<string, Parameter> | null {
  if (target instanceof Module) return trainable(target.parameters());
  if (typeof target !== "object" || target === null || isTensor(target)) return null;
  const entries = Object.entries(target);
  if (entries.length === 0 || !entries.every(([, x]) => x instanceof Parameter)) return null;
  return trainable(Object.fromEntries(entries) as Record<string, Parameter>);
}

/** Runs `f` while the parameters read as these tensors. */
function bound<R>(parameters: readonly Parameter[], values: readonly Tensor[], f: () => R): R {
  const undo: (() => void)[] = [];
  try {
    parameters.forEach((p, i) => {
      undo.push(p.bind(values[i]!));
    });
    return f();
  } finally {
    for (const back of undo.reverse()) back();
  }
}

/** A value and its gradient `[n]` at a vector. */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** f and ∇f at θ as one compiled program. */
export function valueAndGradient(
  f: (theta: Tensor) => Tensor,
): (theta: Float64Array) => Evaluation {
  const both = compile((theta: Tensor) => {
    const { value, grads } = valueAndGrad(f)(theta);
    return { value: value.cast("float64"), grad: grads };
  });
  return (theta) => {
    const { value, grad } = both.sync(tensor(theta));
    return { value: value.item(), gradient: numbers(grad) };
  };
}

/** A copy of the elements as float64 numbers. */
export const numbers = (x: Tensor): Float64Array => Float64Array.from(x.dataSync());

/** All elements of one tensor or of several, one after another, in float64. */
export const flattened = (subject: string, y: unknown): Tensor => {
  const parts = treeLeaves(y, isTensor).map(({ leaf }) => leaf);
  for (const part of parts)
    if (!isFloat(part.dtype))
      throw new DTypeError({
        subject,
        problem: `a residual is ${part.dtype}${show(part.shape)}.`,
        fix: "return float tensors.",
      });
  if (parts.length === 0)
    throw new ShapeError({
      subject,
      problem: "the function returns no tensor.",
      fix: "return the residuals: a tensor, or a tree of them.",
    });
  return concat(parts.map((x) => x.flatten().cast("float64")));
};

function checkFloat(subject: string, path: string, { dtype, shape }: Tensor): void {
  if (isFloat(dtype)) return;
  throw new DTypeError({
    subject,
    problem: `${path || "the start"} is ${dtype}${show(shape)}, which cannot move.`,
    fix: "cast it to float64, or let the function close over it.",
  });
}

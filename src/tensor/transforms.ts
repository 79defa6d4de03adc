import * as autodiff from "../autodiff/index.ts";
import {
  DTypeError,
  isFloat,
  type MapTree,
  ShapeError,
  sameShape,
  show,
  treeFill,
  treeLeaves,
  treeMap,
} from "../base/index.ts";
import { type Masking, type Node, substitute, Watch } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { eye, stack, zeros, zerosLike } from "./create.ts";
import { beforeDerivatives } from "./differentiable.ts";
import { isTensor, Tensor } from "./tensor.ts";

/** A tensor, or nested arrays and plain objects of tensors; other leaves pass through. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [key: string]: TensorTree };

/**
 * Copies of the leaves that a transform can distinguish from all other uses of the same tensors.
 */
function watched<T>(name: string, tree: T, watch: Watch): { tree: T; leaves: Tensor[] } {
  const leaves: Tensor[] = [];
  const copy = treeMap(tree, isTensor, (x, path) => {
    if (!isFloat(x.dtype))
      throw new DTypeError({
        subject: name,
        problem: `cannot differentiate with respect to ${path || "an argument"} of dtype ${x.dtype}.`,
        fix: "cast it to a float dtype, or pass it as a later argument.",
      });
    const leaf = new Tensor(op.variable(x.node, watch));
    leaves.push(leaf);
    return leaf;
  });
  return { tree: copy as T, leaves };
}

function checkScalar(name: string, y: unknown): asserts y is Tensor {
  if (!isTensor(y) || y.size !== 1 || !isFloat(y.dtype))
    throw new ShapeError({
      subject: name,
      problem: `the function must return a float scalar, got ${isTensor(y) ? `${y.dtype}${show(y.shape)}` : typeof y}.`,
      fix: "sum or average its result.",
    });
}

const orZeros = (g: ReturnType<typeof autodiff.vjp>[number], x: Tensor): Tensor =>
  g ? new Tensor(g) : zeros(x.shape, { dtype: x.dtype });

/**
 * The value of a scalar function and its gradient with respect to the first argument, which may be
 * any tree of tensors; the gradient has the same tree.
 *
 * @throws {ShapeError} if the function does not return a float scalar.
 * @example
 * const { value, grads } = valueAndGrad((x: Tensor) => x.square().sum())(tensor([1, 2]));
 * [value.item(), grads.toArray()]; // [5, [2, 4]]
 */
export function valueAndGrad<X, R extends unknown[]>(
  f: (x: X, ...rest: R) => Tensor,
): (x: X, ...rest: R) => { value: Tensor; grads: X } {
  return (x, ...rest) =>
    watching((watch) => {
      const { tree, leaves } = watched("grad", x, watch);
      const result = f(tree, ...rest);
      checkScalar("grad", result);
      const [y] = beforeDerivatives([result.node], nodesOf(leaves)) as [Node];
      const bars = autodiff.vjp([y], [op.filled(1, y)], nodesOf(leaves));
      const grads = bars.map((g, i) => orZeros(g, leaves[i]!));
      return { value: new Tensor(y), grads: treeFill(x, isTensor, grads) as X };
    });
}

/** Runs a transform, which needs no history afterwards. */
function watching<T>(run: (watch: Watch) => T): T {
  const watch = new Watch();
  try {
    return run(watch);
  } finally {
    watch.release();
  }
}

/**
 * ∇f for a scalar function f, with respect to its first argument.
 *
 * @example
 * grad(grad((x: Tensor) => x.pow(3)))(tensor(2)).item(); // 12
 */
export function grad<X, R extends unknown[]>(
  f: (x: X, ...rest: R) => Tensor,
): (x: X, ...rest: R) => X {
  const both = valueAndGrad(f);
  return (x, ...rest) => both(x, ...rest).grads;
}

/**
 * Reverse mode at x: the value y = f(x) and the function ȳ ↦ ȳᵀ ∂f/∂x.
 *
 * @example
 * const { pullback } = vjp((x: Tensor) => x.square(), tensor([1, 2]));
 * pullback(tensor([1, 10])).toArray(); // [2, 40]
 */
export function vjp<X, Y>(f: (x: X) => Y, x: X): Pulled<X, Y> {
  return pulledBack("vjp", f, x);
}

interface Pulled<X, Y> {
  value: Y;
  /** w ↦ Jᵀw at x, for any number of calls. */
  pullback: (cotangent: Y) => X;
}

/** @param masking set if cotangents will contain structural zeros, as rows of the identity do. */
function pulledBack<X, Y>(name: string, f: (x: X) => Y, x: X, masking?: Masking): Pulled<X, Y> {
  return watching((watch) => {
    const { tree, leaves } = watched(name, x, watch);
    const { value, outputs } = resultOf(f, tree, leaves);
    // The map ȳ ↦ x̄ is built now, while the history exists; each call substitutes its ȳ.
    const seeds = outputs.map((y) => op.placeholder(y.shape, y.dtype));
    const bars = autodiff.vjp(nodesOf(outputs), seeds, nodesOf(leaves), masking);
    const pullback = (cotangent: Y): X => {
      const given = tensorsLike(name, "cotangent", cotangent, value);
      const replaced = new Map(seeds.map((seed, i) => [seed, given[i]!.node]));
      const grads = bars.map((g, i) => orZeros(g && substitute([g], replaced)[0]!, leaves[i]!));
      return treeFill(x, isTensor, grads) as X;
    };
    return { value, pullback };
  });
}

/** The result of `f` and its tensors, ready for derivatives. */
function resultOf<X, Y>(f: (x: X) => Y, x: X, variables: readonly Tensor[]) {
  const result = f(x);
  const nodes = beforeDerivatives(nodesOf(tensorsOf(result)), nodesOf(variables));
  const outputs = nodes.map((node) => new Tensor(node));
  return { value: treeFill(result, isTensor, outputs) as Y, outputs };
}

/**
 * Forward mode: f(x) and the derivative of f at x along the tangent, ∂f/∂x · ẋ.
 *
 * @example
 * jvp((x: Tensor) => x.square(), tensor([1, 2]), tensor([1, 10])).tangent.toArray(); // [2, 40]
 */
export function jvp<X, Y>(f: (x: X) => Y, x: X, tangent: X): { value: Y; tangent: Y } {
  return watching((watch) => {
    const { tree, leaves } = watched("jvp", x, watch);
    const { value, outputs } = resultOf(f, tree, leaves);
    const dots = tensorsLike("jvp", "tangent", tangent, tree);
    const results = autodiff.jvp(nodesOf(outputs), nodesOf(leaves), nodesOf(dots));
    const filled = results.map((t, i) => orZeros(t, outputs[i]!));
    return { value, tangent: treeFill(value, isTensor, filled) as Y };
  });
}

/**
 * Hessian-vector product ∇²f(x) · v of a scalar function, as the derivative of the gradient along v:
 * forward over reverse, at a small multiple of the cost of a gradient. `rest` are further arguments of f.
 *
 * @see Pearlmutter 1994, "Fast exact multiplication by the Hessian"
 * @example
 * hvp((x: Tensor) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1])).toArray(); // [6, 12]
 */
export function hvp<X, R extends unknown[]>(
  f: (x: X, ...rest: R) => Tensor,
  x: X,
  v: X,
  ...rest: R
): X {
  const gradient = grad(f);
  return jvp((at: X) => gradient(at, ...rest), x, v).tangent;
}

/** The tree of `Y` with the tree of `X` in place of every tensor: a block of derivatives for each pair. */
export type Jacobian<Y, X> = MapTree<Y, Tensor, MapTree<X, Tensor, Tensor>>;

/**
 * All partial derivatives ∂yᵢ/∂xⱼ of a function of tensors, by one pullback per element of y.
 *
 * Both sides may be trees: the result has the tree of y, and in place of each of its tensors the tree of
 * x, as in JAX. For the parameters of a model see `functional` of `gradus/nn`.
 *
 * @returns shape […y.shape, …x.shape] for each pair of tensors
 * @throws {DTypeError} for a result that is not float.
 * @example
 * jacobian((x: Tensor) => x.square(), tensor([1, 2])).toArray(); // [[2, 0], [0, 4]]
 * const f = ({ a, b }: { a: Tensor; b: Tensor }) => ({ y: a.mul(b) });
 * jacobian(f, { a: tensor([1, 2]), b: tensor(3) }).y.b.toArray(); // [1, 2]
 */
export function jacobian<X, Y>(f: (x: X) => Y, x: X): Jacobian<Y, X> {
  const { value, pullback } = pulledBack("jacobian", f, x, "condition");
  const outputs = tensorsOf(value);
  const inputs = tensorsOf(x);
  const blocks = outputs.map((y, k) => {
    checkFloatResult("jacobian", y);
    const basis = eye(y.size, { dtype: y.dtype });
    const rows = Array.from({ length: y.size }, (_, i) => {
      const row = basis.slice(i).reshape(y.shape);
      const cotangents = outputs.map((other, j) => (j === k ? row : zerosLike(other)));
      return tensorsOf(pullback(treeFill(value, isTensor, cotangents) as Y));
    });
    const blocksOf = inputs.map(({ shape, dtype }, j) => {
      const whole = [...y.shape, ...shape];
      return rows.length > 0
        ? stack(rows.map((r) => r[j]!)).reshape(whole)
        : zeros(whole, { dtype });
    });
    return treeFill(x, isTensor, blocksOf);
  });
  return treeFill(value, isTensor, blocks) as Jacobian<Y, X>;
}

function checkFloatResult(name: string, y: Tensor): void {
  if (isFloat(y.dtype)) return;
  throw new DTypeError({
    subject: name,
    problem: `the function returns ${y.dtype}${show(y.shape)}, which has no derivative.`,
    fix: "return float tensors only.",
  });
}

/**
 * All second derivatives of a scalar function, row by row from the pullback of its gradient.
 *
 * For a tree it is a tree of trees: `hessian(f, { a, b }).a.b` holds ∂²f/∂a∂b.
 *
 * @returns shape […x.shape, …x.shape], symmetric to rounding
 * @example
 * hessian((x: Tensor) => x.prod(), tensor([2, 3])).toArray(); // [[0, 1], [1, 0]]
 * const f = ({ a, b }: { a: Tensor; b: Tensor }) => a.square().mul(b);
 * hessian(f, { a: tensor(3), b: tensor(5) }).a.b.item(); // 6
 */
export function hessian<X>(f: (x: X) => Tensor, x: X): Jacobian<X, X> {
  return jacobian(grad(f), x);
}

const tensorsOf = (tree: unknown): Tensor[] => treeLeaves(tree, isTensor).map(({ leaf }) => leaf);
const nodesOf = (tensors: readonly Tensor[]) => tensors.map((t) => t.node);

/**
 * The tensors of a tree with the structure of `like`, each under the same path, in the order of
 * `like`. @throws {ShapeError} for a missing or extra tensor, or one of another shape or dtype.
 */
function tensorsLike(name: string, what: string, tree: unknown, like: unknown): Tensor[] {
  const given = new Map(treeLeaves(tree, isTensor).map(({ path, leaf }) => [path, leaf]));
  const tensors = treeLeaves(like, isTensor).map(({ path, leaf: y }) => {
    const t = given.get(path);
    given.delete(path);
    if (!t || !sameShape(t.shape, y.shape) || t.dtype !== y.dtype)
      throw unlike(name, what, path, t ? described(t) : "missing", described(y));
    return t;
  });
  for (const [path, t] of given) throw unlike(name, what, path, described(t), "expected");
  return tensors;
}

const described = ({ dtype, shape }: Tensor) => `${dtype}${show(shape)}`;
const unlike = (name: string, what: string, path: string, is: string, expected: string) =>
  new ShapeError({
    subject: name,
    problem: `${what}${path && ` "${path}"`} is ${is}, not ${expected}.`,
    fix: `give a ${what} of the same tree, shapes and dtypes.`,
  });

/** The same tensor, through which no derivative flows. */
export const stopGradient = <T>(tree: T): MapTree<T, Tensor, Tensor> =>
  treeMap(tree, isTensor, (x) => x.stopGradient());

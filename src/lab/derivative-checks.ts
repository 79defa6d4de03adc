/** Derivatives that owe nothing to the rules of differentiation: what those rules are checked with. */
import { pathBetween } from "../autodiff/path.ts";
import {
  ConfigError,
  hostArray,
  isFloat,
  ShapeError,
  sameShape,
  show,
  treeFill,
  treeLeaves,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { placeholder } from "../ops/index.ts";
import { evaluateComplex } from "../runtime/reference.ts";
import { fromHost, isTensor, Tensor } from "../tensor/index.ts";

/** How far a check moves its point, in units of the direction. */
export interface StepOptions {
  readonly step?: number | undefined;
}

/** h² is below every rounding error, and h survives a cast to float32. */
const complexDefault = 1e-20;
/** ε^⅓, where rounding and truncation are about equal, for float32 and float64. */
const centralDefaults = { float32: 2 ** (-23 / 3), float64: 2 ** (-52 / 3) };

/**
 * The derivative of an analytic function at x along v by a step into the complex plane:
 *
 *   ∂f/∂x · v = Im f(x + ihv) / h + O(h²)
 *
 * Nothing is subtracted, so h may be so small that the error is that of rounding alone. The graph of
 * f is computed node by node on complex numbers in float64, whatever its dtype; the result is rounded
 * to that of f(x). At a kink (`abs`, `maximum`) it is the derivative of one side.
 *
 * @param x a float tensor, or a tree of them. @param v a direction, of the same tree and shapes.
 * @returns the shape of f(x).
 * @throws {ConfigError} where an op has no continuation to complex numbers (max pooling, running products).
 * @see Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions"
 * @example
 * complexStep((x: Tensor) => x.exp().sum(), tensor([0, 1], "float64"), tensor([1, 1], "float64")).item(); // 3.718281828459045
 */
export function complexStep<X>(
  f: (x: X) => Tensor,
  x: X,
  v: X,
  { step = complexDefault }: StepOptions = {},
): Tensor {
  checkStep("complexStep", step);
  const { points, directions } = pairsOf("complexStep", x, v);
  const leaves = points.map(({ shape, dtype }) => placeholder(shape, dtype));
  const fed = leaves.map((leaf) => new Tensor(leaf));
  const y = f(treeFill(x, isTensor, fed) as X);
  checkAnalytic(y.node, leaves);
  const at = new Map(
    leaves.map((leaf, i) => {
      const im = Float64Array.from(directions[i]!.dataSync(), (d) => step * d);
      return [leaf, { re: Float64Array.from(points[i]!.dataSync()), im }];
    }),
  );
  const constant = (leaf: Node) => ({
    re: Float64Array.from(leaf.storage!.read()),
    im: new Float64Array(leaf.size),
  });
  const [value] = evaluateComplex([y.node], (leaf) => at.get(leaf) ?? constant(leaf));
  const derivative = value!.im.map((z) => z / step);
  return inDType(y, derivative);
}

/**
 * The derivative of a function at x along v by a difference of two values:
 *
 *   ∂f/∂x · v = (f(x + hv) − f(x − hv)) / 2h + h²/6 · f‴ + O(ε |f| / h)
 *
 * The function is computed as it always is, on the current engine and in the dtype of x. A smaller
 * step has less truncation and more rounding; the default h = ε^⅓ balances them for a function of
 * scale 1, and leaves an error of about ε^⅔: 2e-5 in float32, 4e-11 in float64.
 *
 * @param x a float tensor, or a tree of them. @param v a direction, of the same tree and shapes.
 * @returns the shape of f(x).
 * @see Nocedal & Wright 2006, "Numerical optimization", §8.1
 * @example
 * const [x, v] = [tensor([3], "float64"), tensor([1], "float64")];
 * centralDifference((x: Tensor) => x.square().sum(), x, v, { step: 0.5 }).item(); // 6
 */
export function centralDifference<X>(
  f: (x: X) => Tensor,
  x: X,
  v: X,
  { step }: StepOptions = {},
): Tensor {
  const { points, directions } = pairsOf("centralDifference", x, v);
  const single = points.some(({ dtype }) => dtype === "float32");
  const h = step ?? centralDefaults[single ? "float32" : "float64"];
  checkStep("centralDifference", h);
  const side = (h: number): Tensor => {
    const moved = points.map((p, i) => p.add(directions[i]!.mul(h)).evalSync());
    return f(treeFill(x, isTensor, moved) as X);
  };
  const up = side(h);
  const down = side(-h).dataSync();
  const difference = Float64Array.from(up.dataSync(), (y, i) => (y - down[i]!) / (2 * h));
  return inDType(up, difference);
}

const inDType = ({ shape, dtype }: Tensor, data: Float64Array): Tensor =>
  fromHost(
    hostArray(shape, dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data)),
  );

/** The float tensors of x with their directions. */
function pairsOf(subject: string, x: unknown, v: unknown) {
  const points = treeLeaves(x, isTensor).map(({ leaf }) => leaf);
  const directions = treeLeaves(v, isTensor).map(({ leaf }) => leaf);
  points.forEach((p, i) => {
    const d = directions[i];
    if (d && sameShape(d.shape, p.shape) && d.dtype === p.dtype && isFloat(p.dtype)) return;
    throw new ShapeError({
      subject,
      problem: `direction ${i} is ${d ? `${d.dtype}${show(d.shape)}` : "missing"}, the point is ${p.dtype}${show(p.shape)}.`,
      fix: "give float tensors, and a direction of the same tree, shapes and dtypes.",
    });
  });
  return { points, directions };
}

function checkStep(subject: string, step: number): void {
  if (Number.isFinite(step) && step > 0) return;
  throw new ConfigError({
    subject,
    problem: `step is ${step}.`,
    fix: "give a positive number, or leave it out.",
  });
}

/** Throws if a derivative flows through an op that cannot be computed on complex numbers. */
function checkAnalytic(y: Node, leaves: readonly Node[]): void {
  const wall = pathBetween(leaves, [y]).find(
    ({ op: { leaf, reference, linearity } }) =>
      !leaf && (reference.kind === "scalar" ? !reference.complex : linearity === null),
  );
  if (!wall) return;
  throw new ConfigError({
    subject: "complexStep",
    problem: `"${wall.op.name}" has no continuation to complex numbers.`,
    fix: "check this function with centralDifference.",
  });
}

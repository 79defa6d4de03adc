/** Derivatives computed without differentiation rules, to check those rules. */
import {
  ConfigError,
  checkOptions,
  hostArray,
  isFloat,
  ShapeError,
  sameShape,
  show,
  treeFill,
  treeLeaves,
} from "../base/index.ts";
import { type Node, Watch } from "../graph/index.ts";
import { variable } from "../ops/index.ts";
import { complexOf, evaluateComplex } from "../runtime/reference.ts";
import { fromHost, isTensor, Tensor } from "../tensor/index.ts";

/** The step size of a check, in units of the direction. */
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
 * Nothing is subtracted, so h may be so small that only rounding errors remain. The graph of f is
 * evaluated node by node with complex numbers in float64, whatever its dtype; the result is rounded
 * to that of f(x). Functions that are not analytic are continued by their real part: `abs`,
 * `maximum`, `max` and pooling select by real parts, share between ties as derivatives do, and
 * comparisons, `sign`, `floor` and indices are those of the real parts.
 *
 * @param x a float tensor, or a tree of them. @param v a direction, of the same tree and shapes.
 * @returns the shape of f(x).
 * @see Squire & Trapp 1998, "Using complex variables to estimate derivatives of real functions"
 * @example
 * complexStep((x: Tensor) => x.exp().sum(), tensor([0, 1], "float64"), tensor([1, 1], "float64")).item(); // 3.718281828459045
 */
export function complexStep<X>(f: (x: X) => Tensor, x: X, v: X, options: StepOptions = {}): Tensor {
  checkOptions("complexStep", options, { step: true });
  const { step = complexDefault } = options;
  checkStep("complexStep", step);
  const { points, directions } = pairsOf("complexStep", x, v);
  const watch = new Watch(); // keeps the graph of values that f reads, such as running averages
  try {
    const leaves = points.map(({ node }) => variable(node, watch));
    const fed = leaves.map((leaf) => new Tensor(leaf));
    const y = f(treeFill(x, isTensor, fed) as X);
    const at = new Map(
      leaves.map((leaf, i) => {
        const im = Float64Array.from(directions[i]!.dataSync(), (d) => step * d);
        return [leaf, { re: Float64Array.from(points[i]!.dataSync()), im }];
      }),
    );
    const [value] = evaluateComplex([y.node], (node) => at.get(node) ?? constant(node));
    return inDType(
      y,
      value!.im.map((z) => z / step),
    );
  } finally {
    watch.release();
  }
}

/** The value of a leaf, or of a node without history. */
const constant = ({ storage, inputs, op }: Node) =>
  storage && (op.leaf || inputs.length === 0) ? complexOf(Float64Array.from(storage.read())) : null;

/**
 * The derivative of a function at x along v by a central difference:
 *
 *   ∂f/∂x · v = (f(x + hv) − f(x − hv)) / 2h + h²/6 · f‴ + O(ε |f| / h)
 *
 * The function is computed as usual, on the current engine and in the dtype of x. A smaller step
 * has less truncation and more rounding error; the default h = ε^⅓ balances them for a function of
 * scale 1, with an error of about ε^⅔: 2e-5 in float32, 4e-11 in float64.
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
  options: StepOptions = {},
): Tensor {
  checkOptions("centralDifference", options, { step: true });
  const { step } = options;
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

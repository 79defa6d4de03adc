import { sameShape, stridesOf } from "../../base/index.ts";
import { apply, type Node, type Strided } from "../../graph/index.ts";
import {
  constant,
  constantValue,
  keepsOrder,
  type Lowering,
  loweringOf,
  reshape,
  reshapeView,
} from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

type ViewLowering = Extract<Lowering, { kind: "view" }>;

/**
 * f(reshape(a), b) = reshape(f(a, reshape(b))), where a is computed and b reshapes without a copy:
 * the elementwise work can then be fused into the kernel that computes a.
 */
export const sinkReshape: Rewrite = (node) => {
  if (loweringOf(node).kind !== "map") return undefined;
  const source = node.inputs.map(reshapedFrom).find((x) => x !== undefined);
  if (!source) return undefined;
  const args = node.inputs.map((x) => reshapedTo(x, source.shape));
  if (args.some((x) => x === undefined)) return undefined;
  return reshape(apply(node.op, args as Node[], node.attrs), node.shape);
};

/** Ops into whose kernel elementwise work can be fused. */
const isJoinable = (x: Node): boolean => {
  const { kind } = loweringOf(x);
  return kind === "map" || kind === "fused" || kind === "reduce";
};

/** The computed node directly under a reshape, if `x` is one. */
const reshapedFrom = (x: Node): Node | undefined =>
  keepsOrder(x) && isJoinable(x.inputs[0]!) ? x.inputs[0] : undefined;

/** `x` under another shape if that needs no copy. */
function reshapedTo(x: Node, shape: readonly number[]): Node | undefined {
  const value = constantValue(x);
  if (value !== undefined) return constant(value, shape, x.dtype);
  if (keepsOrder(x) && sameShape(x.inputs[0]!.shape, shape)) return x.inputs[0];
  if (isJoinable(x)) {
    // Reshaping a computed value could alternate for ever. A mask is the exception: it is cheap to
    // store, and splitting its axes needs no copy.
    return x.dtype === "bool" && shape.length > x.shape.length ? reshape(x, shape) : undefined;
  }
  const strided = assumedView(x);
  return strided && reshapeView(strided, x.shape, shape) ? reshape(x, shape) : undefined;
}

/** The layout of `x` if the value it is a view of is dense. */
function assumedView(x: Node): Strided | null {
  const views: Node[] = [];
  let inner = x;
  for (; loweringOf(inner).kind === "view"; inner = inner.inputs[0]!) views.push(inner);
  if (loweringOf(inner).kind === "index") return null;
  let at: Strided | null = { offset: 0, strides: stridesOf(inner.shape) };
  for (let view = views.pop(); view && at; view = views.pop())
    at = (loweringOf(view) as ViewLowering).view(at, view);
  return at;
}

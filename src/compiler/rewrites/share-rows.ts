import { sameShape } from "../../base/index.ts";
import type { Node } from "../../graph/index.ts";
import {
  assembleOp,
  concatOp,
  matmul,
  matmulOp,
  permute,
  reshape,
  reshapeOp,
  startOf,
  transpose,
  transposeLast,
} from "../../ops/index.ts";
import type { GraphRewrite } from "./rewrite.ts";

/**
 * Σₙₜ a[n, t] b[n, t] in the order Σₜ Σₙ, if the slices a[:, t] are the rows of a concatenation
 * that exists anyway: then a needs no memory of its own, and only b, the thinner one, is copied
 * into another order. The gradients of a recurrent net's two weights are such products.
 */
export const shareRows: GraphRewrite = (nodes) => {
  const concatenated = new Map<string, Node>();
  for (const node of nodes)
    if (node.op === concatOp && node.attrs.axis === 0) concatenated.set(keyOf(node.inputs), node);
  const replaced = new Map<Node, Node>();
  if (concatenated.size === 0) return replaced;
  for (const node of nodes) {
    const other = shared(node, (rows) => concatenated.get(keyOf(rows)));
    if (other) replaced.set(node, other);
  }
  return replaced;
};

const keyOf = (nodes: readonly Node[]): string => nodes.map((x) => x.id).join();

function shared(
  { op, inputs: [a, b], shape }: Node,
  find: (rows: readonly Node[]) => Node | undefined,
): Node | undefined {
  if (op !== matmulOp || shape.length !== 2) return undefined;
  const [left, right] = [transpose(a!), b!];
  const thick = shape[0]! > shape[1]! ? left : right;
  const thin = thick === left ? right : left;
  const whole = thick.op === reshapeOp ? thick.inputs[0]! : thick;
  const stack = stackedFrom(whole);
  const lead = whole.shape.slice(0, -1);
  const isInner = stack && stack.axis > 0 && stack.axis < lead.length;
  if (!isInner || whole.shape.at(-1) !== thick.shape[1]) return undefined;
  const { axis, slices } = stack;
  const rows = find(slices.map(flattened));
  if (!rows) return undefined;
  const order = [axis, ...[...lead.keys()].filter((i) => i !== axis), lead.length];
  const turned = permute(reshape(thin, [...lead, thin.shape[1]!]), order);
  const other = reshape(turned, thin.shape);
  return thick === left ? matmul(transposeLast(rows), other) : matmul(transposeLast(other), rows);
}

/** The slices along one axis, in order, that were concatenated into `x`. */
function stackedFrom(x: Node): { axis: number; slices: readonly Node[] } | undefined {
  if (x.op !== concatOp && x.op !== assembleOp) return undefined;
  const { inputs, shape } = x;
  const axis = shape.findIndex((size, i) => size > 1 && inputs[0]!.shape[i] === 1);
  const isSlice = (y: Node) => y.shape.every((size, i) => size === (i === axis ? 1 : shape[i]));
  if (inputs.length !== shape[axis] || !inputs.every(isSlice)) return undefined;
  if (x.op === concatOp) return { axis, slices: inputs };
  const slices: Node[] = [];
  for (const [i, y] of inputs.entries()) slices[startOf(x.attrs, i, shape.length)[axis]!] = y;
  return { axis, slices };
}

/** All axes but the last as one. */
function flattened(x: Node): Node {
  const shape = [x.size / x.shape.at(-1)!, x.shape.at(-1)!];
  const source = x.op === reshapeOp ? x.inputs[0]! : x;
  return sameShape(source.shape, shape) ? source : x;
}

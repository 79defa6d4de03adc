import { sameShape, stridesOf } from "../base/index.ts";
import { apply, collect, type Node, nodeKey, type Strided } from "../graph/index.ts";
import {
  constant,
  constantValue,
  keepsOrder,
  type Lowering,
  loweringOf,
  reshape,
  reshapeView,
} from "../ops/index.ts";

/**
 * The same values by less work: equal nodes become one, constants are folded, every record's own
 * `simplify` is applied, ops without an instruction are expanded, and reshapes move below
 * elementwise work so that it can join the kernel that made its input. Then records may read what is
 * put together twice from one of both.
 *
 * `inputs` are opaque and stay the same nodes.
 */
export function simplify(inputs: readonly Node[], outputs: readonly Node[]): Node[] {
  const simple = rewrite(inputs, outputs);
  const given = new Set(inputs);
  const nodes = collect(simple, (x) => given.has(x));
  const wholes = new Map<string, Node>();
  for (const node of nodes) {
    const rows = node.op.rows?.(node);
    if (rows) wholes.set(keyOf(rows), node);
  }
  const reused = new Map<Node, Node>();
  for (const node of nodes) {
    const other = node.op.reuse?.(node, (rows) => wholes.get(keyOf(rows)));
    if (other) reused.set(node, other);
  }
  return reused.size > 0 ? rewrite(inputs, simple, reused) : simple;
}

const keyOf = (nodes: readonly Node[]): string => nodes.map((x) => x.id).join();

/** `instead` names nodes that others take the place of. */
function rewrite(
  inputs: readonly Node[],
  outputs: readonly Node[],
  instead?: ReadonlyMap<Node, Node>,
): Node[] {
  const done = new Map<Node, Node>(inputs.map((x) => [x, x]));
  const known = new Map<string, Node>();

  /** The canonical node for one whose inputs may be anything. */
  const visit = (node: Node): Node => {
    const before = done.get(node);
    if (before) return before;
    const other = instead?.get(node);
    if (other) {
      const result = visit(other);
      done.set(node, result);
      return result;
    }
    const args = node.inputs.map(visit);
    const same = args.every((x, i) => x === node.inputs[i]);
    const result = canonical(same ? node : apply(node.op, args, node.attrs));
    done.set(node, result);
    done.set(result, result);
    return result;
  };
  const canonical = (node: Node): Node => {
    if (node.op.leaf) return node;
    const key = `${nodeKey(node)}|${keyOf(node.inputs)}`;
    const twin = known.get(key);
    if (twin) return twin;
    const simpler = folded(node) ?? node.op.simplify?.(node) ?? expanded(node) ?? sunk(node);
    const result = simpler ? visit(simpler) : node;
    known.set(key, result);
    return result;
  };

  // in topological order, so that `visit` never goes deep
  for (const node of collect(outputs, (x) => done.has(x))) visit(node);
  return outputs.map(visit);
}

/** Constant in, constant out: through elementwise ops by their reference, through views by shape. */
function folded(node: Node): Node | undefined {
  const { kind } = loweringOf(node);
  if ((kind !== "map" && kind !== "view") || node.inputs.length === 0) return undefined;
  const values = node.inputs.map(constantValue);
  if (values.some((value) => value === undefined)) return undefined;
  if (kind === "view") return constant(values[0]!, node.shape, node.dtype);
  const { reference } = node.op;
  if (reference.kind === "scalar") {
    const int = node.inputs.every((x) => x.dtype === "int32") ? reference.int : undefined;
    return constant((int ?? reference.real)(...(values as number[])), node.shape, node.dtype);
  }
  const one = node.inputs.map((x, i) => ({
    shape: [],
    dtype: x.dtype,
    data: Float64Array.of(values[i]!),
  }));
  return constant(reference.real(node, one)[0]!, node.shape, node.dtype);
}

function expanded(node: Node): Node | undefined {
  const lower = loweringOf(node);
  return lower.kind === "expand" ? lower.expand(node) : undefined;
}

/** f(reshape(a), b) → reshape(f(a, reshape(b))), when a is computed and b reshapes without a copy. */
function sunk(node: Node): Node | undefined {
  if (loweringOf(node).kind !== "map") return undefined;
  const source = node.inputs.map(reshapedFrom).find((x) => x !== undefined);
  if (!source) return undefined;
  const args = node.inputs.map((x) => reshapedTo(x, source.shape));
  if (args.some((x) => x === undefined)) return undefined;
  return reshape(apply(node.op, args as Node[], node.attrs), node.shape);
}

/** Ops whose kernel elementwise work can join. */
const isJoinable = (x: Node): boolean => {
  const { kind } = loweringOf(x);
  return kind === "map" || kind === "fused" || kind === "reduce";
};

/** The computed node that a reshape directly shows, if that is what `x` is. */
const reshapedFrom = (x: Node): Node | undefined =>
  keepsOrder(x) && isJoinable(x.inputs[0]!) ? x.inputs[0] : undefined;

/** `x` under another shape if that needs no copy. */
function reshapedTo(x: Node, shape: readonly number[]): Node | undefined {
  const value = constantValue(x);
  if (value !== undefined) return constant(value, shape, x.dtype);
  if (keepsOrder(x) && sameShape(x.inputs[0]!.shape, shape)) return x.inputs[0];
  if (isJoinable(x)) {
    // Its own shape is as good, and reshaping to and fro has no end. But a mask costs little to
    // store, and splitting its axes needs no copy.
    return x.dtype === "bool" && shape.length > x.shape.length ? reshape(x, shape) : undefined;
  }
  const strided = assumedView(x);
  return strided && reshapeView(strided, x.shape, shape) ? reshape(x, shape) : undefined;
}

/** How `x` would lie in memory if whatever it is a view of is dense. */
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

type ViewLowering = Extract<Lowering, { kind: "view" }>;

/** Dense layers of a net, found among its nodes: they become modules, so that a head can be replaced. */
import { Linear } from "../nn/layers/linear.ts";
import type { Tensor } from "../tensor/index.ts";
import type { HostTensor } from "./host.ts";
import type { Net } from "./interpreter.ts";
import type { GraphNode } from "./ir.ts";
import { isFloatType } from "./types.ts";
import { Value } from "./value.ts";

/** A dense layer y = x Wᵀ + b, and the nodes that it stands for. */
export interface DenseLayer {
  /** The node whose output is the layer's. */
  readonly node: GraphNode;
  /** The name of x. */
  readonly input: string;
  /** Names of the constants that it takes over. */
  readonly weight: string;
  readonly bias: string | null;
  readonly linear: Linear;
  /** A node that the layer makes superfluous: the product before the addition of the bias. */
  readonly product: GraphNode | null;
}

/**
 * Products with a matrix of the file, with or without a bias, where nothing else reads the matrix: Gemm
 * as it is for layers, and MatMul followed by Add.
 */
export function denseLayers(net: Net): DenseLayer[] {
  const { nodes, constants, outputs } = net.graph;
  const readers = new Map<string, GraphNode[]>();
  const note = (name: string, node: GraphNode) =>
    readers.set(name, [...(readers.get(name) ?? []), node]);
  for (const node of nodes) {
    for (const name of node.inputs) note(name, node);
    for (const { kind, value } of node.attributes.values())
      if (kind === "graph")
        for (const inner of value.nodes) for (const name of inner.inputs) note(name, node);
  }
  for (const { name } of outputs) note(name, nodes[0]!);
  const own = (name: string | undefined, rank: number): HostTensor | null => {
    const found = name ? constants.get(name) : undefined;
    const isOwn =
      found &&
      isFloatType(found.type) &&
      found.shape.length === rank &&
      readers.get(name!)!.length === 1;
    return isOwn ? found : null;
  };
  return nodes.flatMap((node) => {
    if (node.domain !== "") return [];
    if (node.operator === "Gemm") return gemmLayer(node, own) ?? [];
    return node.operator === "MatMul" ? (matMulLayer(node, own, readers) ?? []) : [];
  });
}

type Own = (name: string | undefined, rank: number) => HostTensor | null;

function gemmLayer(node: GraphNode, own: Own): DenseLayer | null {
  const value = (name: string, absent: number) =>
    Number(node.attributes.get(name)?.value ?? absent);
  if (value("transA", 0) !== 0 || value("alpha", 1) !== 1 || value("beta", 1) !== 1) return null;
  const [input, weight, bias] = node.inputs as [string, string, string | undefined];
  const [w, b] = [own(weight, 2), own(bias, 1)];
  if (!w || (bias && !b)) return null;
  const linear = linearOf(w, b, value("transB", 0) !== 0);
  return linear && { node, input, weight, bias: bias || null, linear, product: null };
}

function matMulLayer(
  node: GraphNode,
  own: Own,
  readers: ReadonlyMap<string, readonly GraphNode[]>,
): DenseLayer | null {
  const [input, weight] = node.inputs as [string, string];
  const w = own(weight, 2);
  const next = readers.get(node.outputs[0]!) ?? [];
  const [add] = next;
  if (!w || next.length !== 1 || add!.operator !== "Add" || !add!.inputs.includes(node.outputs[0]!))
    return null;
  const bias = add!.inputs.find((name) => name !== node.outputs[0])!;
  const b = own(bias, 1);
  const linear = b && linearOf(w, b, false);
  return linear && { node: add!, input, weight, bias, linear, product: node };
}

/** @param isTurned whether the matrix is `[out, in]`, as layers have it. */
function linearOf(w: HostTensor, b: HostTensor | null, isTurned: boolean): Linear | null {
  const [outFeatures, inFeatures] = (isTurned ? w.shape : [...w.shape].reverse()) as [
    number,
    number,
  ];
  if (inFeatures < 1 || outFeatures < 1 || (b && (b.shape[0] !== outFeatures || b.type !== w.type)))
    return null;
  const matrix = Value.of(w).tensor;
  const given = (x: Tensor) => () => x;
  return new Linear(inFeatures, outFeatures, {
    bias: b !== null,
    init: given(isTurned ? matrix : matrix.transpose().evalSync()),
    ...(b && { biasInit: given(Value.of(b).tensor) }),
    dtype: matrix.dtype as "float32",
  });
}

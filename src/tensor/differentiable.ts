import { poolBeforeRelu } from "../compiler/rewrites/index.ts";
import { apply, collect, type Node } from "../graph/index.ts";

/**
 * The outputs of a function with the same values, rewritten where that makes their derivatives cheaper.
 *
 * @param variables what derivatives are taken with respect to; all that the function made came after them.
 */
export function beforeDerivatives(outputs: readonly Node[], variables: readonly Node[]): Node[] {
  const first = Math.min(...variables.map((x) => x.id));
  const isOwn = (x: Node) => x.id > first && !x.op.leaf && x.inputs.length > 0;
  const sources = new Set(variables);
  const nodes = collect(outputs, (x) => sources.has(x) || !isOwn(x));
  const replaced = poolBeforeRelu(nodes, outputs);
  if (replaced.size === 0) return [...outputs];
  // All of it is copied, so that nodes, and with them the terms of derivatives, keep their order.
  const copies = new Map<Node, Node>(variables.map((x) => [x, x]));
  const copyOf = (node: Node): Node => {
    const known = copies.get(node);
    if (known) return known;
    const other = replaced.get(node);
    const copy = other ? copyOf(other) : isOwn(node) ? copied(node) : node;
    copies.set(node, copy);
    return copy;
  };
  const copied = (node: Node): Node => {
    const copy = apply(node.op, node.inputs.map(copyOf), node.attrs);
    if (node.storage) copy.realize(node.storage);
    return copy;
  };
  for (const node of nodes) copyOf(node); // in topological order, so that `copyOf` never goes deep
  return outputs.map(copyOf);
}

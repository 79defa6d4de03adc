import { poolBeforeRelu } from "../compiler/rewrites/index.ts";
import { apply, collect, type Node } from "../graph/index.ts";

/**
 * The outputs of a function, rewritten to equal values whose derivatives are cheaper.
 *
 * @param variables the variables of the derivatives, created before everything in the function.
 */
export function beforeDerivatives(outputs: readonly Node[], variables: readonly Node[]): Node[] {
  const first = Math.min(...variables.map((x) => x.id));
  const isOwn = (x: Node) => x.id > first && !x.op.leaf && x.inputs.length > 0;
  const sources = new Set(variables);
  const nodes = collect(outputs, (x) => sources.has(x) || !isOwn(x));
  const replaced = poolBeforeRelu(nodes, outputs);
  if (replaced.size === 0) return [...outputs];
  // Everything is copied, so that nodes, and with them the terms of derivatives, keep their order.
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
  for (const node of nodes) copyOf(node); // in topological order: no deep recursion
  return outputs.map(copyOf);
}

import { apply, collect, type Node } from "./node.ts";

/** The graph of `outputs` with some nodes replaced; nodes that do not depend on them are shared. */
export function substitute(outputs: readonly Node[], replaced: ReadonlyMap<Node, Node>): Node[] {
  const result = new Map<Node, Node>(replaced);
  for (const node of collect(outputs, (x) => replaced.has(x) || x.storage !== null)) {
    if (result.has(node)) continue;
    const touched = node.storage === null && node.inputs.some((x) => result.get(x) !== x);
    const inputs = touched ? node.inputs.map((x) => result.get(x)!) : [];
    result.set(node, touched ? apply(node.op, inputs, node.attrs) : node);
  }
  return outputs.map((y) => result.get(y)!);
}

/**
 * A copy of the graph of `outputs` with some nodes replaced. No other node is shared, so a program
 * neither retains values of the original graph nor sees them appear.
 */
export function rewrite(outputs: readonly Node[], replaced: ReadonlyMap<Node, Node>): Node[] {
  const result = new Map<Node, Node>(replaced);
  for (const node of collect(outputs, (x) => replaced.has(x))) {
    if (result.has(node)) continue;
    const inputs = node.inputs.map((x) => result.get(x)!);
    result.set(node, apply(node.op, inputs, node.attrs));
  }
  return outputs.map((y) => result.get(y)!);
}

import { apply, collect, type Node } from "./node.ts";

/** The graph of `outputs` with some nodes replaced; untouched parts are shared. */
export function rewrite(outputs: readonly Node[], replaced: ReadonlyMap<Node, Node>): Node[] {
  const result = new Map<Node, Node>(replaced);
  for (const node of collect(outputs, (x) => replaced.has(x))) {
    if (result.has(node)) continue;
    const inputs = node.inputs.map((x) => result.get(x)!);
    const same = inputs.every((x, i) => x === node.inputs[i]);
    result.set(node, same ? node : apply(node.op, inputs, node.attrs));
  }
  return outputs.map((y) => result.get(y)!);
}

import type { Node } from "../../graph/index.ts";
import { apply } from "../../graph/index.ts";
import { maxPoolOp, padOp, relu, reluInput } from "../../ops/index.ts";
import type { GraphRewrite } from "./rewrite.ts";

/**
 * max relu(z) = relu(max z), with the same derivatives: fewer elements to compare with 0 and to
 * mask. Not applied if another node also reads relu(z), which is then computed anyway.
 *
 * Applied before derivatives are taken, so that they are derivatives of the cheaper graph.
 */
export const poolBeforeRelu: GraphRewrite = (nodes, outputs) => {
  const users = usesIn(nodes, outputs);
  const replaced = new Map<Node, Node>();
  for (const node of nodes) {
    if (node.op !== maxPoolOp) continue;
    const [x] = node.inputs;
    const padded = x!.op === padOp && x!.attrs.value === Number.NEGATIVE_INFINITY ? x : undefined;
    const y = padded ? padded.inputs[0]! : x!;
    const z = reluInput(y);
    if (!z || users(y) > 1 || users(x!) > 1) continue;
    const input = padded ? apply(padOp, [z], padded.attrs) : z;
    replaced.set(node, relu(apply(maxPoolOp, [input], node.attrs)));
  }
  return replaced;
};

/** How many nodes, and outputs, read a node. */
function usesIn(nodes: readonly Node[], outputs: readonly Node[]): (node: Node) => number {
  const uses = new Map<Node, number>();
  const add = (x: Node) => uses.set(x, (uses.get(x) ?? 0) + 1);
  for (const node of nodes) node.inputs.forEach(add);
  outputs.forEach(add);
  return (node) => uses.get(node) ?? 0;
}

import type { Node } from "../graph/index.ts";
import { carriesDerivative } from "../ops/index.ts";

/**
 * The nodes through which `outputs` depend differentiably on `inputs`, in topological order, the
 * inputs first. Linear in the size of the graph: every node and edge is visited once.
 */
export function pathBetween(inputs: readonly Node[], outputs: readonly Node[]): Node[] {
  const depends = new Map<Node, boolean>(inputs.map((x) => [x, true]));
  const stack = [...outputs];
  while (stack.length > 0) {
    const node = stack.at(-1)!;
    if (depends.has(node)) {
      stack.pop();
      continue;
    }
    const waiting = carriesDerivative(node) ? node.inputs.filter((x) => !depends.has(x)) : [];
    if (waiting.length > 0) {
      for (const x of waiting) stack.push(x);
      continue;
    }
    stack.pop();
    depends.set(node, carriesDerivative(node) && node.inputs.some((x) => depends.get(x)));
  }
  return [...depends]
    .filter(([, yes]) => yes)
    .map(([node]) => node)
    .sort((a, b) => a.id - b.id);
}

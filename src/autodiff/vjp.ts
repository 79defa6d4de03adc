import { invariant, sameShape } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { add } from "../ops/index.ts";
import { pathBetween } from "./path.ts";

/**
 * Reverse mode: x̄ = ȳᵀ ∂y/∂x as graph, for each input; null where no path leads.
 *
 * One sweep over the path in reverse order, one adjoint rule per node, one addition per extra edge:
 * O(V + E). The result is graph like any other and can be differentiated again.
 *
 * @see Griewank & Walther 2008, "Evaluating Derivatives", §3.2
 */
export function vjp(
  outputs: readonly Node[],
  cotangents: readonly (Node | null)[],
  inputs: readonly Node[],
): (Node | null)[] {
  const path = pathBetween(inputs, outputs);
  const onPath = new Set(path);
  const sources = new Set(inputs);
  const bar = new Map<Node, Node>();
  const accumulate = (node: Node, g: Node) => {
    invariant(
      sameShape(g.shape, node.shape) && g.dtype === node.dtype,
      `vjp: cotangent of ${node.op.name} has the wrong shape or dtype`,
    );
    const before = bar.get(node);
    bar.set(node, before ? add(before, g) : g);
  };
  outputs.forEach((y, i) => {
    const g = cotangents[i];
    if (g && onPath.has(y)) accumulate(y, g);
  });
  for (const node of path.reverse()) {
    const g = bar.get(node);
    if (!g || sources.has(node)) continue;
    bar.delete(node); // done with it: let it go
    node.op.vjp(node, g).forEach((gx, i) => {
      const x = node.inputs[i]!;
      if (gx && onPath.has(x)) accumulate(x, gx);
    });
  }
  return inputs.map((x) => bar.get(x) ?? null);
}

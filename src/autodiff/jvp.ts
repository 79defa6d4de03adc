import type { Node } from "../graph/index.ts";
import { pathBetween } from "./path.ts";

/**
 * Forward mode: ẏ = ∂y/∂x ẋ as graph, for each output; null where it is zero.
 *
 * @see Griewank & Walther 2008, "Evaluating Derivatives", §3.1
 */
export function jvp(
  outputs: readonly Node[],
  inputs: readonly Node[],
  tangents: readonly (Node | null)[],
): (Node | null)[] {
  const dot = new Map<Node, Node | null>(inputs.map((x, i) => [x, tangents[i] ?? null]));
  const masked = new Set<Node>(); // whose derivative may contain structural zeros
  for (const node of pathBetween(inputs, outputs)) {
    if (dot.has(node)) continue;
    const given = node.inputs.map((x) => dot.get(x) ?? null);
    const masking = node.inputs.some((x) => masked.has(x)) ? "value" : undefined;
    dot.set(node, given.some((t) => t !== null) ? node.op.jvp(node, given, masking) : null);
    if (masking || node.op.masks) masked.add(node);
  }
  return outputs.map((y) => dot.get(y) ?? null);
}

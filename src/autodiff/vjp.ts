import { invariant, sameShape } from "../base/index.ts";
import type { Masking, Node } from "../graph/index.ts";
import { total } from "../ops/index.ts";
import { pathBetween } from "./path.ts";

/**
 * What a node passes to each of its inputs for its own cotangent g; undefined to use its
 * derivative.
 */
export type BackwardRule = (node: Node, g: Node) => (Node | null)[] | undefined;

/**
 * Reverse mode: x̄ = ȳᵀ ∂y/∂x as graph, for each input; null if there is no path to it.
 *
 * One sweep over the path in reverse order, one adjoint rule per node, one sum per node over its
 * users: O(V + E). The result is an ordinary graph and can be differentiated again.
 *
 * Elements that an op did not select have derivative 0, whatever their value: the sweep tracks
 * where such zeros may occur, and the rules there do not multiply them by ∞ or NaN.
 *
 * @param masking set if the cotangents themselves contain such zeros.
 * @param rule what a node passes to its inputs in place of its derivative, one for each; undefined
 * to use the derivative.
 *
 * @see Griewank & Walther 2008, "Evaluating Derivatives", §3.2
 */
export function vjp(
  outputs: readonly Node[],
  cotangents: readonly (Node | null)[],
  inputs: readonly Node[],
  masking?: Masking,
  rule?: BackwardRule,
): (Node | null)[] {
  const path = pathBetween(inputs, outputs);
  const onPath = new Set(path);
  const sources = new Set(inputs);
  const bars = new Map<Node, Node[]>();
  const maskings = new Map<Node, Masking>();
  const mask = (x: Node, masking: Masking | undefined) => {
    if (masking && maskings.get(x) !== "condition") maskings.set(x, masking);
  };
  const accumulate = (node: Node, g: Node) => {
    invariant(
      sameShape(g.shape, node.shape) && g.dtype === node.dtype,
      `vjp: cotangent of ${node.op.name} has the wrong shape or dtype`,
    );
    const terms = bars.get(node);
    if (terms) terms.push(g);
    else bars.set(node, [g]);
  };
  const bar = (node: Node) => {
    const terms = bars.get(node);
    return terms ? total(terms) : null;
  };
  outputs.forEach((y, i) => {
    const g = cotangents[i];
    if (!g || !onPath.has(y)) return;
    accumulate(y, g);
    mask(y, masking);
  });
  for (const node of path.reverse()) {
    const g = sources.has(node) ? null : bar(node);
    if (!g) continue;
    bars.delete(node); // no longer needed: release it
    const own = maskings.get(node);
    // matrix products and convolutions sum over positions, which leaves at most whole rows of zeros
    const passed = own && node.op.linearity === "each" ? "value" : own;
    const given = rule?.(node, g) ?? node.op.vjp(node, g, own);
    given.forEach((gx, i) => {
      const x = node.inputs[i]!;
      if (!gx || !onPath.has(x)) return;
      accumulate(x, gx);
      mask(x, passed);
      mask(x, node.op.masks?.(node, i));
    });
  }
  return inputs.map(bar);
}

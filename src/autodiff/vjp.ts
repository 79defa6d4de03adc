import { invariant, sameShape } from "../base/index.ts";
import type { Masking, Node } from "../graph/index.ts";
import { total } from "../ops/index.ts";
import { pathBetween } from "./path.ts";

/** What node gives each of its inputs for the cotangent g of its own; undefined where its derivative holds. */
export type BackwardRule = (node: Node, g: Node) => (Node | null)[] | undefined;

/**
 * Reverse mode: x̄ = ȳᵀ ∂y/∂x as graph, for each input; null where no path leads.
 *
 * One sweep over the path in reverse order, one adjoint rule per node, one sum per node of what its users
 * give: O(V + E). The result is graph like any other and can be differentiated again.
 *
 * What an op did not take has derivative 0, whatever it is: the sweep keeps account of where such zeros
 * may be, and the rules there do not multiply them by ∞ or NaN.
 *
 * @param masking says that the cotangents themselves hold such zeros.
 * @param rule what a node gives its inputs in place of its derivative, one for each; undefined for its own.
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
    bars.delete(node); // done with it: let it go
    const own = maskings.get(node);
    // matrix products and convolutions sum over places, which leaves zeros of whole rows at most
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

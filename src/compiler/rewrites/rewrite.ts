import type { Node } from "../../graph/index.ts";

/** The same value by less work, or undefined where the rewrite does not apply. Inputs are rewritten before. */
export type Rewrite = (node: Node) => Node | undefined;

/**
 * A rewrite that looks at the whole graph: nodes with what takes their place.
 *
 * @param nodes in topological order. @param outputs nodes whose values the caller wants.
 */
export type GraphRewrite = (
  nodes: readonly Node[],
  outputs: readonly Node[],
) => ReadonlyMap<Node, Node>;

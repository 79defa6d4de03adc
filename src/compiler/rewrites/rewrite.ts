import type { Node } from "../../graph/index.ts";

/**
 * The same value with less work, or undefined if the rewrite does not apply. Inputs have already
 * been rewritten.
 */
export type Rewrite = (node: Node) => Node | undefined;

/**
 * A rewrite that looks at the whole graph and returns nodes with their replacements.
 *
 * @param nodes in topological order. @param outputs nodes whose values the caller wants.
 */
export type GraphRewrite = (
  nodes: readonly Node[],
  outputs: readonly Node[],
) => ReadonlyMap<Node, Node>;

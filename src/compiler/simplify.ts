import { apply, collect, type Node, nodeKey } from "../graph/index.ts";
import { type GraphRewrite, nodeRewrites, poolBeforeRelu, shareRows } from "./rewrites/index.ts";

/**
 * The same values with less work: common subexpressions are merged, and every rewrite is applied
 * wherever it matches.
 *
 * `inputs` are opaque and stay the same nodes.
 */
export function simplify(inputs: readonly Node[], outputs: readonly Node[]): Node[] {
  const opaque = new Set(inputs);
  const found = (rewrite: GraphRewrite, ys: readonly Node[]) =>
    rewrite(
      collect(ys, (x) => opaque.has(x)),
      ys,
    );
  const simple = rewritten(inputs, outputs, found(poolBeforeRelu, outputs));
  const shared = found(shareRows, simple);
  return shared.size > 0 ? rewritten(inputs, simple, shared) : simple;
}

const keyOf = (nodes: readonly Node[]): string => nodes.map((x) => x.id).join();

/** @param replaced nodes of the graph with their replacements. */
function rewritten(
  inputs: readonly Node[],
  outputs: readonly Node[],
  replaced: ReadonlyMap<Node, Node>,
): Node[] {
  const done = new Map<Node, Node>(inputs.map((x) => [x, x]));
  const known = new Map<string, Node>();

  /** The canonical node for one with arbitrary inputs. */
  const visit = (node: Node): Node => {
    const before = done.get(node);
    if (before) return before;
    const other = replaced.get(node);
    if (other) {
      const result = visit(other);
      done.set(node, result);
      return result;
    }
    const args = node.inputs.map(visit);
    const same = args.every((x, i) => x === node.inputs[i]);
    const result = canonical(same ? node : apply(node.op, args, node.attrs));
    done.set(node, result);
    done.set(result, result);
    return result;
  };
  const canonical = (node: Node): Node => {
    if (node.op.leaf) return node;
    const key = `${nodeKey(node)}|${keyOf(node.inputs)}`;
    const twin = known.get(key);
    if (twin) return twin;
    const simpler = firstOf(node);
    const result = simpler ? visit(simpler) : node;
    known.set(key, result);
    return result;
  };

  // in topological order, so that `visit` does not recurse deeply
  for (const node of collect(outputs, (x) => done.has(x))) visit(node);
  return outputs.map(visit);
}

function firstOf(node: Node): Node | undefined {
  for (const rewrite of nodeRewrites) {
    const simpler = rewrite(node);
    if (simpler) return simpler;
  }
  return undefined;
}

import { invariant, sameShape } from "../base/index.ts";
import { collect, type Node } from "./node.ts";

/**
 * Checks that every node has the shape and dtype that its op infers. Runs after every compiler pass
 * in tests.
 */
export function verifyGraph(outputs: readonly Node[]): void {
  for (const node of collect(outputs, (x) => x.storage !== null)) {
    if (node.storage) {
      invariant(node.storage.size === node.size, `${node.op.name}: storage size ≠ shape`);
      invariant(node.storage.dtype === node.dtype, `${node.op.name}: storage dtype ≠ dtype`);
      continue;
    }
    const { op, inputs, attrs } = node;
    invariant(
      op.arity === "any" || inputs.length === op.arity,
      `${op.name}: ${inputs.length} inputs, arity ${op.arity}`,
    );
    for (const input of inputs) invariant(input.id < node.id, `${op.name}: input made later`);
    const inferred = op.infer(inputs, attrs);
    invariant(sameShape(inferred.shape, node.shape), `${op.name}: shape ≠ inferred shape`);
    invariant(inferred.dtype === node.dtype, `${op.name}: dtype ≠ inferred dtype`);
  }
}

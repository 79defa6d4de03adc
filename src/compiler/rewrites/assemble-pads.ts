import { apply, type Node } from "../../graph/index.ts";
import { assembleOp, elementwiseOps, padOp } from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

interface Boxes {
  readonly inputs: readonly Node[];
  /** The offsets of inputs placed one after another. */
  readonly starts: readonly number[];
}

/** The boxes that a pad with zeros, or an assembly, fills. */
function boxesOf({ op, inputs, attrs }: Node): Boxes | undefined {
  if (op === assembleOp) return { inputs, starts: attrs.starts as readonly number[] };
  const isPlainPad =
    op === padOp &&
    attrs.value === 0 &&
    (attrs.interior as readonly number[]).every((n) => n === 0);
  return isPlainPad ? { inputs, starts: attrs.low as readonly number[] } : undefined;
}

/** a + b as one assembly, if both place boxes into zeros and no two boxes overlap. */
export const assemblePads: Rewrite = ({ op, inputs: [a, b], shape }) => {
  if (op !== elementwiseOps.add || shape.length === 0) return undefined;
  const [left, right] = [boxesOf(a!), boxesOf(b!)];
  if (!left || !right) return undefined;
  const rank = shape.length;
  const apart = (i: number, j: number) =>
    shape.some((_, axis) => {
      const [p, q] = [left.starts[i * rank + axis]!, right.starts[j * rank + axis]!];
      return p + left.inputs[i]!.shape[axis]! <= q || q + right.inputs[j]!.shape[axis]! <= p;
    });
  const free = left.inputs.every((_, i) => right.inputs.every((_, j) => apart(i, j)));
  if (!free) return undefined;
  const inputs = [...left.inputs, ...right.inputs];
  return apply(assembleOp, inputs, { shape, starts: [...left.starts, ...right.starts] });
};

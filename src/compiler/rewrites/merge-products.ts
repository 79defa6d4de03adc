import type { Node } from "../../graph/index.ts";
import {
  concat,
  concatOp,
  elementwiseOps,
  matmul,
  matmulOp,
  transpose,
  transposeLast,
} from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

/**
 * A B + C D = [A C] [B; D], if copying the thin factors costs less than adding the products: the
 * weight gradients of the steps of a recurrent net become one product.
 */
export const mergeProducts: Rewrite = ({ op, inputs: [x, y] }) => {
  if (op !== elementwiseOps.add || x!.op !== matmulOp || y!.op !== matmulOp) return undefined;
  if (x!.shape.length !== 2) return undefined;
  const [m, n] = x!.shape as [number, number];
  const inner = Math.min(x!.inputs[0]!.shape[1]!, y!.inputs[0]!.shape[1]!);
  if (inner * (m + n) >= m * n) return undefined;
  const left = [y!, x!].flatMap(({ inputs: [a] }) => rowsOf(transpose(a!)));
  const right = [y!, x!].flatMap(({ inputs: [, b] }) => rowsOf(b!));
  return matmul(transposeLast(concat(left, 0)), concat(right, 0));
};

/** The inputs of a concatenation of rows, or the value itself. */
const rowsOf = (x: Node): readonly Node[] =>
  x.op === concatOp && x.attrs.axis === 0 ? x.inputs : [x];

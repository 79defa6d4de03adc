import { matmul, matmulOp, permuteOp, transposeLast } from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

/** (A B)ᵀ = Bᵀ Aᵀ: weight gradients are computed in the layout of the weights. */
export const transposeProduct: Rewrite = ({ op, inputs: [product], attrs }) => {
  if (op !== permuteOp || product!.op !== matmulOp) return undefined;
  const perm = attrs.perm as readonly number[];
  const rank = perm.length;
  const swapsLast = perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
  const [a, b] = product!.inputs;
  return swapsLast ? matmul(transposeLast(b!), transposeLast(a!)) : undefined;
};

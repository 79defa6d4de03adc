import { checkSteps, numeric, ShapeError, sameShape, show, sizeOf } from "../base/index.ts";
import { apply, type Node, type RefArray } from "../graph/index.ts";
import { adding, multiplying } from "./by-index.ts";
import { permute, permuteOp } from "./movement.ts";
import { bilinear, checkSameDType, type OpRecord } from "./record.ts";

/** Swaps the last two axes. */
export const transposeLast = (x: Node): Node => {
  const perm = x.shape.map((_, i) => i);
  perm.push(...perm.splice(-2).reverse());
  return permute(x, perm);
};

/** aᵀ of a matrix; if a is itself a transpose, its input. */
export const transpose = (a: Node): Node =>
  a.op === permuteOp && a.shape.length === 2 ? a.inputs[0]! : transposeLast(a);

/** y[b…, m, n] = Σ_k a[b…, m, k] · b[b…, k, n]; the batch axes b… agree. */
export const matmulOp: OpRecord = bilinear({
  name: "matmul",
  formula: "Σₖ a[…, m, k] · b[…, k, n]",
  dtypes: numeric,
  infer([a, b]) {
    checkSameDType("matmul", [a!, b!]);
    const [m, k] = a!.shape.slice(-2);
    const [k2, n] = b!.shape.slice(-2);
    const batch = a!.shape.slice(0, -2);
    if (a!.shape.length < 2 || b!.shape.length < 2 || !sameShape(batch, b!.shape.slice(0, -2)))
      throw new ShapeError({
        subject: "matmul",
        problem: `batch axes differ, ${show(a!.shape)} × ${show(b!.shape)}.`,
        fix: "give both sides the same leading axes, or sizes of 1 that broadcast.",
      });
    if (k !== k2)
      throw new ShapeError({
        subject: "matmul",
        problem: `inner sizes differ, ${show(a!.shape)} × ${show(b!.shape)} (${k} ≠ ${k2}).`,
        fix: "the last axis of the left side must be the second last of the right one.",
      });
    const shape = [...batch, m!, n!];
    checkSteps("matmul", shape, [k!]);
    return { shape, dtype: a!.dtype };
  },
  adjoints: [
    (g, { inputs: [, b] }) => matmul(g, transposeLast(b!)),
    (g, { inputs: [a] }) => matmul(transposeLast(a!), g),
  ],
  reference(node, [a, b]) {
    const [m, n] = node.shape.slice(-2) as [number, number];
    const k = a!.shape.at(-1)!;
    const result = new Float64Array(node.size);
    for (let batch = 0; batch < sizeOf(node.shape.slice(0, -2)); batch++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++)
          result[(batch * m + i) * n + j] = dot(a!, b!, batch, i, j, m, n, k);
    return result;
  },
  lower: {
    kind: "fused",
    channels: (rank) => [rank - 1],
    emit: (node, [a, b], after) => ({
      kind: "matmul",
      shape: node.shape,
      k: node.inputs[0]!.shape.at(-1)!,
      a: a!,
      b: b!,
      ...after,
    }),
  },
});

function dot(
  a: RefArray,
  b: RefArray,
  batch: number,
  i: number,
  j: number,
  m: number,
  n: number,
  k: number,
): number {
  const [add, mul] = [adding(a.dtype), multiplying(a.dtype)];
  let total = 0;
  for (let l = 0; l < k; l++)
    total = add(total, mul(a.data[(batch * m + i) * k + l]!, b.data[(batch * k + l) * n + j]!));
  return total;
}

export const matmul = (a: Node, b: Node): Node => apply(matmulOp, [a, b]);

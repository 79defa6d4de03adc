import { checkSteps, numeric, ShapeError, sameShape, show, sizeOf } from "../base/index.ts";
import { apply, type Node, type RefArray } from "../graph/index.ts";
import { adding, multiplying } from "./by-index.ts";
import {
  concat,
  concatOp,
  permute,
  permuteOp,
  reshape,
  reshapeOp,
  stackedFrom,
} from "./movement.ts";
import { bilinear, checkSameDType, type OpRecord } from "./record.ts";

/** Swaps the last two axes. */
export const transposeLast = (x: Node): Node => {
  const perm = x.shape.map((_, i) => i);
  perm.push(...perm.splice(-2).reverse());
  return permute(x, perm);
};

/** y[b…, m, n] = Σ_k a[b…, m, k] · b[b…, k, n]; the batch axes b… agree. */
export const matmulOp: OpRecord = {
  ...bilinear({
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
      emit: (node, [a, b], epilogue) => ({
        kind: "matmul",
        shape: node.shape,
        k: node.inputs[0]!.shape.at(-1)!,
        a: a!,
        b: b!,
        epilogue,
      }),
    },
  }),
  /** (a · b)ᵀ = bᵀ · aᵀ: weight gradients come out in the layout of the weights. */
  permuted({ inputs: [a, b], shape }, perm) {
    const rank = shape.length;
    const swapsLast = perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
    return swapsLast ? matmul(transposeLast(b!), transposeLast(a!)) : undefined;
  },
  plus: mergedProducts,
  reuse: sharedRows,
};

/**
 * A B + C D = [A C] [B; D], where copying the thin factors costs less than adding up the products:
 * the weight gradients of the steps of a recurrent net become one product.
 */
function mergedProducts(x: Node, y: Node): Node | undefined {
  if (x.op !== matmulOp || y.op !== matmulOp || x.shape.length !== 2) return undefined;
  const [m, n] = x.shape as [number, number];
  const inner = Math.min(x.inputs[0]!.shape[1]!, y.inputs[0]!.shape[1]!);
  if (inner * (m + n) >= m * n) return undefined;
  const left = [y, x].flatMap(({ inputs: [a] }) => rowsOf(transposed(a!)));
  const right = [y, x].flatMap(({ inputs: [, b] }) => rowsOf(b!));
  return matmul(transposeLast(concat(left, 0)), concat(right, 0));
}

/**
 * Σₙₜ a[n, t] b[n, t] in the order Σₜ Σₙ, if the slices a[:, t] are the rows of another value: a takes no
 * memory then, and only b, where it is thinner, is copied in another order. This is so for the gradients
 * of a recurrent net's two weights.
 */
function sharedRows(
  { inputs: [a, b], shape }: Node,
  find: (rows: readonly Node[]) => Node | undefined,
): Node | undefined {
  if (shape.length !== 2) return undefined;
  const [left, right] = [transposed(a!), b!];
  const thick = shape[0]! > shape[1]! ? left : right;
  const thin = thick === left ? right : left;
  const whole = thick.op === reshapeOp ? thick.inputs[0]! : thick;
  const stack = stackedFrom(whole);
  const lead = whole.shape.slice(0, -1);
  const isInner = stack && stack.axis > 0 && stack.axis < lead.length;
  if (!isInner || whole.shape.at(-1) !== thick.shape[1]) return undefined;
  const { axis, slices } = stack;
  const rows = find(slices.map((x) => flattened(x)));
  if (!rows) return undefined;
  const order = [axis, ...[...lead.keys()].filter((i) => i !== axis), lead.length];
  const turned = permute(reshape(thin, [...lead, thin.shape[1]!]), order);
  const other = reshape(turned, thin.shape);
  return thick === left ? matmul(transposeLast(rows), other) : matmul(transposeLast(other), rows);
}

/** All axes but the last as one. */
function flattened(x: Node): Node {
  const shape = [x.size / x.shape.at(-1)!, x.shape.at(-1)!];
  const source = x.op === reshapeOp ? x.inputs[0]! : x;
  return sameShape(source.shape, shape) ? source : x;
}

/** aᵀ, without a second turn where a is one already. */
const transposed = (a: Node): Node =>
  a.op === permuteOp && a.shape.length === 2 ? a.inputs[0]! : transposeLast(a);

/** The parts of what is put together row by row, or the whole. */
const rowsOf = (x: Node): readonly Node[] =>
  x.op === concatOp && x.attrs.axis === 0 ? x.inputs : [x];

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

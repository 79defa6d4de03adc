import { broadcastShapes, ShapeError, show, sizeOf } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";

/** NumPy's matmul: vectors are rows on the left and columns on the right, leading axes broadcast. */
export function matmul(a: Node, b: Node): Node {
  if (a.shape.length === 0 || b.shape.length === 0)
    throw new ShapeError({
      subject: "matmul",
      problem: `takes vectors and matrices, not a scalar: ${show(a.shape)} × ${show(b.shape)}.`,
      fix: "use mul for a scalar.",
    });
  if (a.shape.length === 1) {
    const row = matmul(op.reshape(a, [1, ...a.shape]), b);
    return op.reshape(
      row,
      row.shape.filter((_, i) => i !== row.shape.length - (b.shape.length === 1 ? 1 : 2)),
    );
  }
  if (b.shape.length === 1) {
    const column = matmul(a, op.reshape(b, [...b.shape, 1]));
    return op.reshape(column, column.shape.slice(0, -1));
  }
  if (b.shape.length === 2 && a.shape.length > 2) {
    // one matrix for the entire batch: one tall product instead of many small ones
    const tall = op.matmul(op.reshape(a, [sizeOf(a.shape.slice(0, -1)), a.shape.at(-1)!]), b);
    return op.reshape(tall, [...a.shape.slice(0, -1), b.shape[1]!]);
  }
  const batch = broadcastShapes("matmul", [a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  return op.matmul(
    op.broadcastTo(a, [...batch, ...a.shape.slice(-2)]),
    op.broadcastTo(b, [...batch, ...b.shape.slice(-2)]),
  );
}

import { broadcastShapes, type DType, isFloat } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { broadcastTo, cast, constant } from "../ops/index.ts";

const order: readonly DType[] = ["bool", "int32", "float32", "float64"];
const category = (dtype: DType) => (isFloat(dtype) ? 2 : dtype === "int32" ? 1 : 0);

/**
 * The dtype of a mixed operation: the wider one, but a scalar tensor does not widen a float32 array
 * to float64, nor does a number ever change a float dtype.
 */
export function promotedDType(a: Node, b: Node): DType {
  if (a.dtype === b.dtype) return a.dtype;
  if (category(a.dtype) === category(b.dtype)) {
    if (a.shape.length === 0 && b.shape.length > 0) return b.dtype;
    if (b.shape.length === 0 && a.shape.length > 0) return a.dtype;
  }
  return order[Math.max(order.indexOf(a.dtype), order.indexOf(b.dtype))]!;
}

/** The dtype in which a number meets a tensor of `dtype`. */
function numberDType(value: number, dtype: DType): DType {
  if (isFloat(dtype)) return dtype;
  return Number.isInteger(value) ? "int32" : "float32";
}

/** Brings operands to one dtype and one shape. */
export function align(name: string, a: Node, b: Node | number): [Node, Node] {
  if (typeof b === "number") {
    const dtype = numberDType(b, a.dtype);
    return [cast(a, dtype), constant(b, a.shape, dtype)];
  }
  const dtype = promotedDType(a, b);
  const shape = broadcastShapes(name, [a.shape, b.shape]);
  return [broadcastTo(cast(a, dtype), shape), broadcastTo(cast(b, dtype), shape)];
}

import { broadcastShapes, type DType, isFloat } from "../base/index.ts";
import { apply, collect, type Node } from "../graph/index.ts";
import {
  broadcastTo,
  cast,
  constant,
  constantRecord,
  constantValue,
  leafOp,
} from "../ops/index.ts";

const order: readonly DType[] = ["bool", "int32", "float32", "float64"];
const category = (dtype: DType) => (isFloat(dtype) ? 2 : dtype === "int32" ? 1 : 0);

// Inside a compiled function a number is a scalar input. It stays a number: like those of plain code,
// it takes the dtype that it meets.
const numberAttrs = { shape: [], dtype: "float64", number: true } as const;

/** The place of a number among the inputs of a compiled function. */
export const numberPlaceholder = (): Node => apply(leafOp, [], numberAttrs);
/** A number that is known, where a traced one might stand. */
export const numberConstant = (value: number): Node =>
  apply(constantRecord, [], { ...numberAttrs, value });

const numbers = new WeakMap<Node, boolean>();
/** Whether a scalar is computed from numbers alone. */
function isNumber(x: Node): boolean {
  const known = (y: Node) => y.shape.length > 0 || y.dtype !== "float64" || numbers.has(y);
  for (const y of collect([x], known)) {
    if (known(y)) continue;
    const neutral = (z: Node) => numbers.get(z) === true || constantValue(z) !== undefined;
    const derived = y.inputs.some((z) => numbers.get(z) === true) && y.inputs.every(neutral);
    numbers.set(y, y.attrs.number === true || derived);
  }
  return numbers.get(x) === true;
}

/**
 * The dtype of a mixed operation: the wider one, but a scalar tensor does not widen a float32 array
 * to float64, nor does a number ever change a float dtype.
 */
export function promotedDType(a: Node, b: Node): DType {
  if (a.dtype === b.dtype) return a.dtype;
  if (isNumber(a)) return isFloat(b.dtype) ? b.dtype : "float32";
  if (isNumber(b)) return isFloat(a.dtype) ? a.dtype : "float32";
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

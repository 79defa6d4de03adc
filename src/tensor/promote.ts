import { broadcastShapes, type DType, holds, isFloat } from "../base/index.ts";
import { apply, collect, type Node } from "../graph/index.ts";
import {
  broadcastTo,
  cast,
  constant,
  constantRecord,
  constantValue,
  leafOp,
} from "../ops/index.ts";

/** From the narrowest to the widest. */
const order: readonly DType[] = ["bool", "int32", "float32", "float64"];
/** Booleans, integers, real numbers; −1 if there is none. */
const category = (dtype: DType | undefined) =>
  dtype === undefined ? -1 : isFloat(dtype) ? 2 : dtype === "int32" ? 1 : 0;

/** The widest of some dtypes; undefined for none. */
export const widest = (dtypes: readonly DType[]): DType | undefined =>
  order.findLast((dtype) => dtypes.includes(dtype));

// Inside a compiled function a number is a scalar input. It is still a number: like literals in
// plain code, it takes the dtype of the other operand.
const numberAttrs = { shape: [], dtype: "float64", number: true } as const;

/** The position of a number among the inputs of a compiled function. */
export const numberPlaceholder = (): Node => apply(leafOp, [], numberAttrs);
/** A known number, where a traced one is possible as well. */
export const numberConstant = (value: number): Node =>
  apply(constantRecord, [], { ...numberAttrs, value });

const numbers = new WeakMap<Node, boolean>();
/** Whether a scalar is computed from numbers alone. */
function isNumber(x: Node): boolean {
  if (x.shape.length > 0 || x.dtype !== "float64") return false;
  const known = (y: Node) => y.shape.length > 0 || y.dtype !== "float64" || numbers.has(y);
  for (const y of collect([x], known)) {
    if (known(y)) continue;
    const neutral = (z: Node) => numbers.get(z) === true || constantValue(z) !== undefined;
    const derived = y.inputs.some((z) => numbers.get(z) === true) && y.inputs.every(neutral);
    numbers.set(y, y.attrs.number === true || derived);
  }
  return numbers.get(x) === true;
}

/** The operands of an operation: tensors and plain numbers. */
export type Operand = Node | number;

/** The common dtype of operands, by a row of the table in `docs/ops.md`. */
export type Promotion = (operands: readonly Operand[]) => DType;

/**
 * The dtype that holds all operands, as in PyTorch: the widest of the arrays' dtypes. Of scalar
 * tensors only the kind counts (float before int32 before bool); a number takes the first dtype
 * from there on that can hold it, of int32 and float32. A number argument of a compiled function
 * may have any value and counts as a float.
 */
export const common: Promotion = (operands) => {
  const nodes = operands.filter((x) => typeof x !== "number");
  const tensors = nodes.filter((x) => !isNumber(x));
  if (tensors.length === 0) return nodes.length > 0 ? "float64" : "float32";
  const [arrays, scalars] = [true, false].map((array) =>
    widest(tensors.filter((x) => x.shape.length > 0 === array).map((x) => x.dtype)),
  );
  let dtype = category(scalars) > category(arrays) ? scalars! : arrays!;
  if (isFloat(dtype)) return dtype;
  if (tensors.length < nodes.length) return "float32";
  const held = (at: DType) => operands.every((x) => typeof x !== "number" || holds(at, x));
  while (!held(dtype)) dtype = dtype === "bool" ? "int32" : "float32";
  return dtype;
};

/** For arithmetic: booleans count as 0 and 1. */
export const arithmetic: Promotion = (operands) => {
  const dtype = common(operands);
  return dtype === "bool" ? "int32" : dtype;
};

/** For functions of real numbers: integers become float32. */
export const real: Promotion = (operands) => {
  const dtype = common(operands);
  return isFloat(dtype) ? dtype : "float32";
};

/**
 * For comparisons: int32 and floats are compared in float64, which holds both; float32 would round.
 */
export const comparison: Promotion = (operands) => {
  const dtype = common(operands);
  const hasInt = operands.some((x) => typeof x !== "number" && x.dtype === "int32");
  return hasInt && isFloat(dtype) ? "float64" : dtype;
};

/** Converts operands to one dtype and one shape. */
export function align(
  name: string,
  a: Operand,
  b: Operand,
  promotion: Promotion = common,
): [Node, Node] {
  const dtype = promotion([a, b]);
  const shape = broadcastShapes(name, [shapeOf(a), shapeOf(b)]);
  const aligned = (x: Operand): Node =>
    typeof x === "number" ? constant(x, shape, dtype) : broadcastTo(cast(x, dtype), shape);
  return [aligned(a), aligned(b)];
}

const shapeOf = (x: Operand) => (typeof x === "number" ? [] : x.shape);

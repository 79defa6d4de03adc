import {
  type DType,
  dtypes,
  forEachIndex,
  roundTo,
  type Shape,
  type Storage,
  sizeOf,
} from "../base/index.ts";
import { apply, type Node } from "../graph/index.ts";
import { constantOp, type OpRecord, setZerosLike } from "./record.ts";

/** A value from outside the graph: data, or a placeholder filled by a compiled function. */
export const leafOp: OpRecord = {
  ...constantOp({
    name: "leaf",
    formula: "a value from outside",
    arity: 0,
    dtypes,
    infer: (_, { shape, dtype }) => ({ shape: shape as Shape, dtype: dtype as DType }),
    reference: (node) => Float64Array.from(node.storage!.read()),
    lower: { kind: "leaf" },
  }),
  leaf: true,
};

/** One value everywhere. */
export const constantRecord: OpRecord = constantOp({
  name: "constant",
  formula: "one value everywhere",
  arity: 0,
  dtypes,
  infer: (_, { shape, dtype }) => ({ shape: shape as Shape, dtype: dtype as DType }),
  reference: (node) => new Float64Array(node.size).fill(node.attrs.value as number),
  lower: { kind: "constant" },
});

/** The index along one axis, int32. */
export const iotaOp: OpRecord = constantOp({
  name: "iota",
  formula: "the index along one axis",
  arity: 0,
  dtypes: ["int32"],
  infer: (_, { shape }) => ({ shape: shape as Shape, dtype: "int32" }),
  reference: (node) => {
    const result = new Float64Array(node.size);
    forEachIndex(node.shape, (index, i) => {
      result[i] = index[node.attrs.axis as number]!;
    });
    return result;
  },
  lower: { kind: "index" },
});

/** A placeholder of this shape and dtype. */
export const placeholder = (shape: Shape, dtype: DType): Node =>
  apply(leafOp, [], { shape, dtype });

/** A leaf that holds data. */
export function dataNode(storage: Storage, shape: Shape): Node {
  if (storage.size !== sizeOf(shape)) throw new RangeError("internal: storage does not fill shape");
  const node = placeholder(shape, storage.dtype);
  node.realize(storage);
  return node;
}

/** `value` everywhere, rounded to `dtype`. */
export const constant = (value: number, shape: Shape, dtype: DType): Node =>
  apply(constantRecord, [], { value: roundTo(dtype, value), shape, dtype });

/**
 * `value` everywhere, likely to be another value next time: uncompiled code makes it an input of
 * its program, so that a new value does not need a new program.
 */
export const varying = (value: number, shape: Shape, dtype: DType): Node =>
  apply(constantRecord, [], { value: roundTo(dtype, value), shape, dtype, varying: true });

export const iota = (shape: Shape, axis: number): Node => apply(iotaOp, [], { shape, axis });

export const zerosLike = (x: Node): Node => constant(0, x.shape, x.dtype);
setZerosLike(zerosLike);

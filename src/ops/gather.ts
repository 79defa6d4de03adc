import {
  DataError,
  dtypes,
  forEachIndex,
  numeric,
  ShapeError,
  sameShape,
  show,
  stridesOf,
} from "../base/index.ts";
import { type Attrs, apply, type Node, type RefArray } from "../graph/index.ts";
import { adding } from "./by-index.ts";
import { checkInput, linear, type OpRecord } from "./record.ts";

const axisOf = (attrs: Attrs) => attrs.axis as number;
const replaced = (shape: readonly number[], axis: number, size: number) =>
  shape.map((d, i) => (i === axis ? size : d));

/**
 * The flat position of each index entry in an array of `shape`. @throws {DataError} for an index
 * out of range.
 */
function targets(node: Node, indices: RefArray, shape: readonly number[]): Float64Array {
  const axis = axisOf(node.attrs);
  const strides = stridesOf(shape);
  const result = new Float64Array(indices.data.length);
  forEachIndex(indices.shape, (index, i) => {
    const k = indices.data[i]!;
    if (k < 0 || k >= shape[axis]!)
      throw new DataError({
        subject: node.op.name,
        problem: `index ${k} is outside 0…${shape[axis]! - 1}.`,
        fix: "check the indices (labels, tokens) against the size of that axis.",
      });
    result[i] = index.reduce((n, at, j) => n + (j === axis ? k : at) * strides[j]!, 0);
  });
  return result;
}

/** y[i] = x[i with its `axis` replaced by indices[i]]. Linear in x. */
export const gatherOp: OpRecord = linear({
  name: "gather",
  formula: "x[…, indices[i], …]",
  arity: 2,
  dtypes,
  infer([x, indices], attrs) {
    checkInput("gather", indices!, ["int32"]);
    const axis = axisOf(attrs);
    if (!sameShape(replaced(indices!.shape, axis, 0), replaced(x!.shape, axis, 0)))
      throw new ShapeError({
        subject: "gather",
        problem: `indices ${show(indices!.shape)} and values ${show(x!.shape)} differ off axis ${axis}.`,
        fix: `only axis ${axis} may differ.`,
      });
    return { shape: indices!.shape, dtype: x!.dtype };
  },
  adjoints: [
    (g, { inputs: [x, indices], attrs }) =>
      scatterAdd(indices!, g, axisOf(attrs), x!.shape[axisOf(attrs)]!),
    null,
  ],
  masks: () => "condition",
  reference: (node, [x, indices]) => targets(node, indices!, x!.shape).map((at) => x!.data[at]!),
  lower: {
    kind: "kernel",
    indices: { input: 1, bound: ({ inputs: [x], attrs }) => x!.shape[axisOf(attrs)]! },
    emit: (node, [x, indices], output) => ({
      kind: "gather",
      shape: node.shape,
      axis: axisOf(node.attrs),
      axisSize: node.inputs[0]!.shape[axisOf(node.attrs)]!,
      x: x!,
      indices: indices!,
      output,
    }),
  },
});

/** y = 0, then y[i with its `axis` replaced by indices[i]] += updates[i]. Linear in the updates. */
export const scatterAddOp: OpRecord = linear({
  name: "scatterAdd",
  formula: "Σ of the updates at each index",
  arity: 2,
  dtypes: numeric,
  infer([indices, updates], attrs) {
    checkInput("scatterAdd", indices!, ["int32"]);
    if (!sameShape(indices!.shape, updates!.shape))
      throw new ShapeError({
        subject: "scatterAdd",
        problem: `indices ${show(indices!.shape)} and updates ${show(updates!.shape)} differ.`,
        fix: "give one index per update.",
      });
    const shape = replaced(updates!.shape, axisOf(attrs), attrs.size as number);
    return { shape, dtype: updates!.dtype };
  },
  adjoints: [null, (g, { inputs: [indices], attrs }) => gather(g, indices!, axisOf(attrs))],
  reference(node, [indices, updates]) {
    const result = new Float64Array(node.size);
    const add = adding(node.dtype);
    targets(node, indices!, node.shape).forEach((at, i) => {
      result[at] = add(result[at]!, updates!.data[i]!);
    });
    return result;
  },
  lower: {
    kind: "kernel",
    indices: { input: 0, bound: ({ attrs }) => attrs.size as number },
    emit: (node, [indices, updates], output) => ({
      kind: "scatterAdd",
      shape: node.inputs[0]!.shape,
      axis: axisOf(node.attrs),
      axisSize: node.attrs.size as number,
      indices: indices!,
      updates: updates!,
      output,
    }),
  },
});

export const gather = (x: Node, indices: Node, axis: number): Node =>
  apply(gatherOp, [x, indices], { axis });
export const scatterAdd = (indices: Node, updates: Node, axis: number, size: number): Node =>
  apply(scatterAddOp, [indices, updates], { axis, size });

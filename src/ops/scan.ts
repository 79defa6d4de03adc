import { numeric, type Shape, sizeOf } from "../base/index.ts";
import { type Attrs, apply, type Node, type RefArray } from "../graph/index.ts";
import type { View } from "../runtime/program.ts";
import { adding } from "./by-index.ts";
import { constantOp, linear, type OpRecord } from "./record.ts";

const axisOf = (attrs: Attrs) => attrs.axis as number;
const toLast = <T>(items: readonly T[], axis: number): T[] => [
  ...items.filter((_, i) => i !== axis),
  items[axis]!,
];
/** Shape and views with the op's axis last, as the instructions require. */
const alongLast = (node: Node, input: View, output: View) => {
  const axis = axisOf(node.attrs);
  const turned = (view: View): View => ({ ...view, strides: toLast(view.strides, axis) });
  return { shape: toLast(node.shape, axis), input: turned(input), output: turned(output) };
};

/** Calls `visit` with the flat positions of each line along `axis`. */
function forEachLine(shape: Shape, axis: number, visit: (positions: number[]) => void): void {
  const inner = sizeOf(shape.slice(axis + 1));
  const length = shape[axis]!;
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++)
    for (let i = 0; i < inner; i++)
      visit(Array.from({ length }, (_, k) => (outer * length + k) * inner + i));
}

/** y[k] = Σ_{j ≤ k} x[j] along `axis`, or Σ_{j ≥ k} if `reverse`. */
export const cumsumOp: OpRecord = linear({
  name: "cumsum",
  formula: "Σ x[j] over j ≤ i (or j ≥ i)",
  arity: 1,
  dtypes: numeric,
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  adjoints: [(g, { attrs }) => cumsum(g, axisOf(attrs), !attrs.reverse)],
  reference(node, [x]) {
    const result = new Float64Array(node.size);
    const add = adding(node.dtype);
    forEachLine(node.shape, axisOf(node.attrs), (line) => {
      let total = 0;
      for (const at of node.attrs.reverse ? line.reverse() : line)
        result[at] = total = add(total, x!.data[at]!);
    });
    return result;
  },
  lower: {
    kind: "kernel",
    emit: (node, [input], output) => ({
      kind: "cumsum",
      reverse: node.attrs.reverse as boolean,
      ...alongLast(node, input!, output),
    }),
  },
});

/** Indices that sort x along `axis`: stable, NaN last. Sorting is a gather of x by them. */
export const argsortOp: OpRecord = constantOp({
  name: "argsort",
  formula: "the indices that sort x, stable, NaN last",
  arity: 1,
  dtypes: numeric,
  infer: ([x]) => ({ shape: x!.shape, dtype: "int32" }),
  reference(node, [x]: readonly RefArray[]) {
    const result = new Float64Array(node.size);
    const direction = node.attrs.descending ? -1 : 1;
    const compare = (a: number, b: number) =>
      Number.isNaN(a) || Number.isNaN(b)
        ? Number(Number.isNaN(a)) - Number(Number.isNaN(b))
        : direction * (a < b ? -1 : a > b ? 1 : 0);
    forEachLine(node.shape, axisOf(node.attrs), (line) => {
      const order = line.map((_, k) => k);
      order.sort((i, j) => compare(x!.data[line[i]!]!, x!.data[line[j]!]!) || i - j);
      order.forEach((k, i) => {
        result[line[i]!] = k;
      });
    });
    return result;
  },
  lower: {
    kind: "kernel",
    emit: (node, [input], output) => ({
      kind: "argsort",
      descending: node.attrs.descending as boolean,
      ...alongLast(node, input!, output),
    }),
  },
});

export const cumsum = (x: Node, axis: number, reverse = false): Node =>
  apply(cumsumOp, [x], { axis, reverse });
export const argsort = (x: Node, axis: number, descending = false): Node =>
  apply(argsortOp, [x], { axis, descending });

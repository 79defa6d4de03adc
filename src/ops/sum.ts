import {
  broadcastShapes,
  type DType,
  dtypes,
  numeric,
  reducedShape,
  type Shape,
  ShapeError,
  sameShape,
  show,
  sizeOf,
} from "../base/index.ts";
import { type Attrs, apply, type Node } from "../graph/index.ts";
import { adding, foldBy, movedBy } from "./by-index.ts";
import { linear, type OpRecord } from "./record.ts";

/** The axes that a reduction removes or a broadcast adds. */
export const axesOf = (attrs: Attrs) => attrs.axes as readonly number[];

/** Shape rule of reductions. */
export const inferReduced =
  (name: string, result: DType | null, allowEmpty: boolean) =>
  ([x]: readonly Node[], attrs: Attrs) => {
    const axes = axesOf(attrs);
    if (!allowEmpty && sizeOf(axes.map((axis) => x!.shape[axis]!)) === 0)
      throw new ShapeError({
        subject: name,
        problem: `of no elements: ${show(x!.shape)} over axes ${show(axes)}.`,
        fix: "reduce over at least one element.",
      });
    return { shape: reducedShape(x!.shape, axes, false), dtype: result ?? x!.dtype };
  };

/** y = Σ x over `axes`; the empty sum is 0. int32 wraps around. */
export const sumOp: OpRecord = linear({
  name: "sum",
  formula: "Σ x over axes",
  arity: 1,
  dtypes: numeric,
  infer: inferReduced("sum", null, true),
  adjoints: [(g, { inputs: [x], attrs }) => broadcastInto(g, x!.shape, axesOf(attrs))],
  reference: (node, inputs) => foldBy(0, adding(node.dtype))(node, inputs),
  lower: { kind: "reduce", reducer: "sum" },
  simplify: ({ inputs: [x], attrs }) => (axesOf(attrs).length === 0 ? x : undefined),
});

/** Repeats x along new axes: result[i] = x[i without `axes`]. The adjoint of a sum over them. */
export const broadcastOp: OpRecord = linear({
  name: "broadcast",
  formula: "x repeated along new axes",
  arity: 1,
  dtypes,
  infer([x], attrs) {
    const shape = attrs.shape as Shape;
    const kept = shape.filter((_, axis) => !axesOf(attrs).includes(axis));
    if (!sameShape(kept, x!.shape)) broadcastShapes("broadcast", [x!.shape, shape]);
    return { shape, dtype: x!.dtype };
  },
  adjoints: [(g, { attrs }) => sum(g, axesOf(attrs))],
  reference: movedBy((index, { attrs }) =>
    index.filter((_, axis) => !axesOf(attrs).includes(axis)),
  ),
  lower: {
    kind: "view",
    view({ offset, strides }, { attrs, shape }) {
      const axes = axesOf(attrs);
      let next = 0;
      return { offset, strides: shape.map((_, i) => (axes.includes(i) ? 0 : strides[next++]!)) };
    },
  },
  simplify: ({ inputs: [x], attrs }) => (axesOf(attrs).length === 0 ? x : undefined),
});

export const sum = (x: Node, axes: readonly number[]): Node => apply(sumOp, [x], { axes });

/** Repeats x along new `axes` of the result. */
export const broadcastInto = (x: Node, shape: Shape, axes: readonly number[]): Node =>
  apply(broadcastOp, [x], { shape, axes });

import {
  checkExtent,
  checkSteps,
  dtypes,
  forEachIndex,
  numeric,
  ShapeError,
  show,
  stridesOf,
} from "../base/index.ts";
import { type Attrs, apply, type Node } from "../graph/index.ts";
import { adding } from "./by-index.ts";
import { linear, type OpRecord } from "./record.ts";

/** Geometry of windows over the last axes. */
export interface WindowGeometry {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

const geometry = (attrs: Attrs) => attrs as unknown as WindowGeometry;

function checkGeometry(subject: string, positions: readonly number[], geo: WindowGeometry): void {
  positions.forEach((count, i) => {
    const places = [
      [count, geo.stride[i]!],
      [geo.size[i]!, geo.dilation[i]!],
    ] as const;
    checkExtent(subject, i, places);
  });
}

/**
 * All windows over the last r axes, as a view: y[…, p…, q…] = x[…, p·stride + q·dilation].
 * Pooling is a reduction over q, and costs no copy.
 */
export const windowOp: OpRecord = linear({
  name: "window",
  formula: "x[…, p·stride + q·dilation]",
  arity: 1,
  dtypes,
  infer([x], attrs) {
    const { size, stride, dilation } = geometry(attrs);
    const lead = x!.shape.length - size.length;
    const positions = size.map((k, i) => {
      const room = x!.shape[lead + i]! - ((k - 1) * dilation[i]! + 1);
      return Math.floor(room / stride[i]!) + 1;
    });
    if (lead < 0 || positions.some((p) => p < 1))
      throw new ShapeError({
        subject: "window",
        problem: `windows ${show(size)} do not fit into ${show(x!.shape)} (output size ⌊(n − f)/s + 1⌋ = ${show(positions)}).`,
        fix: "use a smaller window or pad the input.",
      });
    checkGeometry("window", positions, geometry(attrs));
    return { shape: [...x!.shape.slice(0, lead), ...positions, ...size], dtype: x!.dtype };
  },
  adjoints: [
    (g, { inputs: [x], attrs }) =>
      apply(foldOp, [g], { ...attrs, extent: x!.shape.slice(-geometry(attrs).size.length) }),
  ],
  masks: () => "condition", // strides may skip elements
  reference(node, [x]) {
    const { size, stride, dilation } = geometry(node.attrs);
    const r = size.length;
    const lead = x!.shape.length - r;
    const strides = stridesOf(x!.shape);
    const result = new Float64Array(node.size);
    forEachIndex(node.shape, (index, i) => {
      let from = 0;
      for (let axis = 0; axis < lead; axis++) from += index[axis]! * strides[axis]!;
      for (let axis = 0; axis < r; axis++)
        from +=
          (index[lead + axis]! * stride[axis]! + index[lead + r + axis]! * dilation[axis]!) *
          strides[lead + axis]!;
      result[i] = x!.data[from]!;
    });
    return result;
  },
  lower: {
    kind: "view",
    view({ offset, strides }, { attrs }) {
      const { size, stride, dilation } = geometry(attrs);
      const lead = strides.length - size.length;
      const spatial = strides.slice(lead);
      return {
        offset,
        strides: [
          ...strides.slice(0, lead),
          ...spatial.map((s, i) => s * stride[i]!),
          ...spatial.map((s, i) => s * dilation[i]!),
        ],
      };
    },
  },
});

/** Overlap-add, the adjoint of {@link windowOp}: y[…, s…] = Σ x[…, p…, q…] over p·stride + q·dilation = s. */
export const foldOp: OpRecord = linear({
  name: "fold",
  formula: "Σ x[…, p, q] over p·stride + q·dilation = s",
  arity: 1,
  dtypes: numeric,
  infer([x], attrs) {
    const extent = attrs.extent as readonly number[];
    const lead = x!.shape.length - 2 * extent.length;
    const shape = [...x!.shape.slice(0, lead), ...extent];
    checkGeometry("fold", x!.shape.slice(lead, lead + extent.length), geometry(attrs));
    checkSteps("fold", shape, geometry(attrs).size);
    return { shape, dtype: x!.dtype };
  },
  adjoints: [
    (g, { attrs: { size, stride, dilation } }) =>
      apply(windowOp, [g], { size: size!, stride: stride!, dilation: dilation! }),
  ],
  reference(node, [x]) {
    const { size, stride, dilation } = geometry(node.attrs);
    const r = size.length;
    const lead = node.shape.length - r;
    const strides = stridesOf(node.shape);
    const result = new Float64Array(node.size);
    const add = adding(node.dtype);
    forEachIndex(x!.shape, (index, i) => {
      let to = 0;
      for (let axis = 0; axis < lead; axis++) to += index[axis]! * strides[axis]!;
      for (let axis = 0; axis < r; axis++)
        to +=
          (index[lead + axis]! * stride[axis]! + index[lead + r + axis]! * dilation[axis]!) *
          strides[lead + axis]!;
      result[to] = add(result[to]!, x!.data[i]!);
    });
    return result;
  },
  lower: {
    kind: "kernel",
    emit(node, [input], output) {
      const { size, stride, dilation } = geometry(node.attrs);
      const r = size.length;
      return {
        kind: "fold",
        shape: node.shape,
        positions: node.inputs[0]!.shape.slice(-2 * r, -r),
        windowSize: size,
        stride,
        dilation,
        input: input!,
        output,
      };
    },
  },
});

export const window = (x: Node, geo: WindowGeometry): Node =>
  apply(windowOp, [x], geo as unknown as Attrs);

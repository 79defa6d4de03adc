import { forEachIndex, numeric, sizeOf, stridesOf } from "../base/index.ts";
import { type Attrs, apply, type Node } from "../graph/index.ts";
import { add, floorDiv, mul, sub } from "./elementwise.ts";
import { gather, scatterAdd } from "./gather.ts";
import { reshape } from "./movement.ts";
import { custom, type OpRecord } from "./record.ts";
import { argmax, max } from "./reduction.ts";
import { iota } from "./sources.ts";
import { type WindowGeometry, window, windowOp } from "./window.ts";

const geometry = (attrs: Attrs) => attrs as unknown as WindowGeometry;
/** The axes of the windows in `window(x)`. */
const windowAxes = (x: Node, { size }: WindowGeometry) => size.map((_, i) => x.shape.length + i);
/** Spatial axes joined into one. */
const flat = (x: Node, rank: number): Node => {
  const lead = x.shape.slice(0, x.shape.length - rank);
  return reshape(x, [...lead, sizeOf(x.shape.slice(-rank))]);
};

/**
 * Where the largest element of each window stands within its plane, int32, row-major; the first of
 * those that tie.
 */
export function winners(x: Node, geo: WindowGeometry): Node {
  const rank = geo.size.length;
  const winner = argmax(window(x, geo), windowAxes(x, geo));
  const lead = winner.shape.length - rank;
  let rest = winner;
  let index: Node | undefined;
  let step = 1;
  // from the position within the window to the position within the plane, from the last axis on
  for (let i = rank - 1; i >= 0; i--) {
    const quotient = floorDiv(rest, geo.size[i]!);
    const within = mul(sub(rest, mul(quotient, geo.size[i]!)), geo.dilation[i]!);
    const at = mul(add(mul(iota(winner.shape, lead + i), geo.stride[i]!), within), step);
    index = index ? add(index, at) : at;
    step *= x.shape[lead + i]!;
    rest = quotient;
  }
  return index!;
}

/**
 * The largest element of each window over the last axes. The derivative goes to where the value
 * came from, the first of those that tie. The positions are found only when a derivative asks.
 */
export const maxPoolOp: OpRecord = custom({
  name: "maxPool",
  formula: "max over q of x[…, p·stride + q·dilation]",
  arity: 1,
  dtypes: numeric,
  infer(inputs, attrs) {
    const { shape, dtype } = windowOp.infer(inputs, attrs);
    return { shape: shape.slice(0, shape.length - geometry(attrs).size.length), dtype };
  },
  vjp({ inputs: [x], attrs }, g) {
    const rank = geometry(attrs).size.length;
    const plane = sizeOf(x!.shape.slice(-rank));
    const at = flat(winners(x!, geometry(attrs)), rank);
    const spread = scatterAdd(at, flat(g, rank), at.shape.length - 1, plane);
    return [reshape(spread, x!.shape)];
  },
  jvp({ inputs: [x], attrs, shape }, [t]) {
    if (!t) return null;
    const rank = geometry(attrs).size.length;
    const at = flat(winners(x!, geometry(attrs)), rank);
    return reshape(gather(flat(t, rank), at, at.shape.length - 1), shape);
  },
  reference(node, [x]) {
    const { size, stride, dilation } = geometry(node.attrs);
    const lead = node.shape.length - size.length;
    const strides = stridesOf(x!.shape);
    const result = new Float64Array(node.size);
    forEachIndex(node.shape, (index, i) => {
      let largest = Number.NEGATIVE_INFINITY;
      forEachIndex(size, (q) => {
        const at = (position: number, axis: number) =>
          axis < lead
            ? position
            : position * stride[axis - lead]! + q[axis - lead]! * dilation[axis - lead]!;
        const from = index.reduce((n, p, axis) => n + at(p, axis) * strides[axis]!, 0);
        largest = Math.max(largest, x!.data[from]!);
      });
      result[i] = largest;
    });
    return result;
  },
  lower: {
    kind: "expand",
    expand: ({ inputs: [x], attrs }) =>
      max(window(x!, geometry(attrs)), windowAxes(x!, geometry(attrs))),
  },
});

export const maxPool = (x: Node, geo: WindowGeometry): Node =>
  apply(maxPoolOp, [x], geo as unknown as Attrs);

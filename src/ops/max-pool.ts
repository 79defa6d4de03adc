import { forEachIndex, numeric, sizeOf, stridesOf } from "../base/index.ts";
import { type Attrs, apply, type Node, type RefArray } from "../graph/index.ts";
import { add, equal, floorDiv, mul, where } from "./elementwise.ts";
import { gather, scatterAdd } from "./gather.ts";
import { reshape } from "./movement.ts";
import { custom, type OpRecord } from "./record.ts";
import { argmax, max } from "./reduction.ts";
import { iota } from "./sources.ts";
import { broadcastInto } from "./sum.ts";
import { type WindowGeometry, window, windowOp } from "./window.ts";

const geometry = (attrs: Attrs) => attrs as unknown as WindowGeometry;
/** The axes of the windows in `window(x)`. */
const windowAxes = (x: Node, { size }: WindowGeometry) => size.map((_, i) => x.shape.length + i);
/** Spatial axes flattened into one. */
const flat = (x: Node, rank: number): Node => {
  const lead = x.shape.slice(0, x.shape.length - rank);
  return reshape(x, [...lead, sizeOf(x.shape.slice(-rank))]);
};

/**
 * The position of each window's largest element within its plane, int32, row-major; the first one
 * on ties.
 */
export function winners(x: Node, geo: WindowGeometry): Node {
  const rank = geo.size.length;
  const winner = argmax(window(x, geo), windowAxes(x, geo));
  const lead = winner.shape.length - rank;
  const steps = stridesOf(x.shape.slice(lead));
  const corner = steps
    .map((step, i) => mul(iota(winner.shape.slice(lead), i), geo.stride[i]! * step))
    .reduce(add);
  let index = broadcastInto(corner, winner.shape, [...winner.shape.keys()].slice(0, lead));
  // From the position within the window to that within the plane, starting with the last axis:
  // `rest` counts lines of the window, and consecutive lines are `line` positions apart in the
  // plane.
  let rest = winner;
  let line = 0;
  for (let i = rank - 1; i >= 0; i--) {
    const step = geo.dilation[i]! * steps[i]!;
    index = add(index, mul(rest, step - line));
    line = geo.size[i]! * step;
    if (i > 0) rest = floorDiv(rest, geo.size[i]!);
  }
  return index;
}

/**
 * Whether the windows tile the plane, in pairs along its last axis: the kernel reads such
 * repetitions in whole vectors.
 */
const isTiling = (x: Node, { size, stride, dilation }: WindowGeometry): boolean =>
  size.at(-1) === 2 &&
  size.every(
    (k, i) => stride[i] === k && dilation[i] === 1 && x.shape.at(i - size.length)! % k === 0,
  );

/**
 * Each element of g at the position of its window's maximum, 0 elsewhere, for windows that tile the
 * plane: one elementwise map over the plane, into which later work can be fused.
 */
function spreadOverTiles(x: Node, geo: WindowGeometry, g: Node): Node {
  const winner = argmax(window(x, geo), windowAxes(x, geo));
  const lead = x.shape.length - geo.size.length;
  // every spatial axis becomes two: the window, and the position within it
  const within = geo.size.map((_, i) => lead + 2 * i + 1);
  const shape = [
    ...x.shape.slice(0, lead),
    ...geo.size.flatMap((k, i) => [winner.shape[lead + i]!, k]),
  ];
  const places = reshape(iota([sizeOf(geo.size)], 0), geo.size);
  const others = [...shape.keys()].filter((axis) => !within.includes(axis));
  const here = equal(broadcastInto(winner, shape, within), broadcastInto(places, shape, others));
  return reshape(where(here, broadcastInto(g, shape, within), 0), x.shape);
}

/** The same for any windows; where they overlap, a position gets the sum. */
function spreadAt(x: Node, geo: WindowGeometry, g: Node): Node {
  const rank = geo.size.length;
  const at = flat(winners(x, geo), rank);
  const plane = sizeOf(x.shape.slice(-rank));
  return reshape(scatterAdd(at, flat(g, rank), at.shape.length - 1, plane), x.shape);
}

/** The position of the first largest element, or of the first NaN, of each window in `x`. */
function firstLargest(node: Node, x: RefArray): Float64Array {
  const { size, stride, dilation } = geometry(node.attrs);
  const lead = node.shape.length - size.length;
  const strides = stridesOf(x.shape);
  const result = new Float64Array(node.size).fill(-1);
  forEachIndex(node.shape, (index, i) => {
    forEachIndex(size, (q) => {
      const at = (position: number, axis: number) =>
        axis < lead
          ? position
          : position * stride[axis - lead]! + q[axis - lead]! * dilation[axis - lead]!;
      const from = index.reduce((n, p, axis) => n + at(p, axis) * strides[axis]!, 0);
      const [value, best] = [x.data[from]!, x.data[result[i]!]];
      if (best === undefined || value > best || (Number.isNaN(value) && !Number.isNaN(best)))
        result[i] = from;
    });
  });
  return result;
}

/**
 * The largest element of each window over the last axes. The derivative goes to the element that
 * was selected, the first one on ties. Positions are computed only when a derivative needs them.
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
    const spread = isTiling(x!, geometry(attrs)) ? spreadOverTiles : spreadAt;
    return [spread(x!, geometry(attrs), g)];
  },
  jvp({ inputs: [x], attrs, shape }, [t]) {
    if (!t) return null;
    const rank = geometry(attrs).size.length;
    const at = flat(winners(x!, geometry(attrs)), rank);
    return reshape(gather(flat(t, rank), at, at.shape.length - 1), shape);
  },
  masks: () => "value",
  reference: (node, [x]) => firstLargest(node, x!).map((at) => x!.data[at]!),
  imaginary: (node, [re], [im]) => firstLargest(node, re!).map((at) => im!.data[at]!),
  lower: {
    kind: "expand",
    expand: ({ inputs: [x], attrs }) =>
      max(window(x!, geometry(attrs)), windowAxes(x!, geometry(attrs))),
  },
});

export const maxPool = (x: Node, geo: WindowGeometry): Node =>
  apply(maxPoolOp, [x], geo as unknown as Attrs);

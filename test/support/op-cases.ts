/** What the generic sweep feeds to each op: shapes, attributes and where the numbers come from. */
import type { DType, Shape } from "../../src/base/index.ts";
import type { Attrs } from "../../src/graph/index.ts";
import { type ElementwiseOp, type OpRecord, ops } from "../../src/ops/index.ts";

export interface CaseInput {
  readonly shape: Shape;
  /** A fixed dtype (indices, conditions); otherwise the dtype that is swept. */
  readonly dtype?: DType;
  /** Where values are drawn from; default [−3, 3]. */
  readonly range?: readonly [number, number];
}

export interface OpCase {
  readonly inputs: readonly CaseInput[];
  /** `attrs.dtype` follows the swept dtype where it is left out and the op wants one. */
  readonly attrs?: Attrs;
  /** The dtypes to sweep, where they are not the op's. */
  readonly dtypes?: readonly DType[];
}

const numericDTypes: readonly DType[] = ["float32", "float64", "int32"];
const allDTypes: readonly DType[] = [...numericDTypes, "bool"];

const one = (shape: Shape, attrs?: Attrs): OpCase => ({
  inputs: [{ shape }],
  ...(attrs && { attrs }),
});
const shapes: readonly Shape[] = [[], [0], [1], [5], [2, 3], [2, 0, 3], [3, 1, 37], [4, 65]];

/** Elementwise ops draw from their record's domain. */
const elementwiseCases = (op: ElementwiseOp): OpCase[] =>
  shapes.map((shape) => ({ inputs: op.domain.map((range) => ({ shape, range })) }));

const reductions = (allowEmpty: boolean): OpCase[] => [
  one([], { axes: [] }),
  one([1], { axes: [0] }),
  one([7], { axes: [0] }),
  one([3, 4], { axes: [0] }),
  one([3, 4], { axes: [1] }),
  one([3, 4], { axes: [0, 1] }),
  one([3, 4], { axes: [] }),
  one([2, 3, 4, 5], { axes: [1, 3] }),
  one([2, 3, 4], { axes: [0, 2] }),
  one([2, 300], { axes: [1] }),
  one([300, 3], { axes: [0] }),
  one([0, 3], { axes: [1] }),
  ...(allowEmpty ? [one([0, 3], { axes: [0] }), one([0], { axes: [0] })] : []),
];

const bits = (shape: Shape): CaseInput => ({ shape, dtype: "bool", range: [0, 2] });
const index = (shape: Shape, size: number): CaseInput => ({
  shape,
  dtype: "int32",
  range: [0, size],
});

interface Geometry {
  readonly stride?: number[];
  readonly low?: number[];
  readonly high?: number[];
  readonly inputDilation?: number[];
  readonly kernelDilation?: number[];
}
const conv = (x: Shape, w: Shape, geometry: Geometry = {}): OpCase => {
  const each = (value: number) => x.slice(3).map(() => value);
  return {
    inputs: [{ shape: x }, { shape: w }],
    attrs: {
      stride: geometry.stride ?? each(1),
      padLow: geometry.low ?? each(0),
      padHigh: geometry.high ?? each(0),
      inputDilation: geometry.inputDilation ?? each(1),
      kernelDilation: geometry.kernelDilation ?? each(1),
    },
  };
};

const windowGeometry = (size: number[], stride: number[], dilation = size.map(() => 1)) => ({
  size,
  stride,
  dilation,
});

/** Cases of the ops that are not elementwise, by name. */
const table: Readonly<Record<string, readonly OpCase[]>> = {
  leaf: [],
  constant: allDTypes.flatMap((dtype) =>
    shapes.map((shape) => ({
      inputs: [],
      attrs: { value: dtype === "bool" ? 1 : 3, shape, dtype },
      dtypes: [dtype],
    })),
  ),
  iota: [
    { inputs: [], attrs: { shape: [5], axis: 0 } },
    { inputs: [], attrs: { shape: [2, 3, 4], axis: 1 } },
    { inputs: [], attrs: { shape: [0, 3], axis: 1 } },
  ],
  where: shapes.map((shape) => ({ inputs: [bits(shape), { shape }, { shape }] })),
  cast: allDTypes.flatMap((dtype) =>
    shapes.slice(0, 5).map((shape) => ({
      inputs: [{ shape, range: [-5, 5] as const }],
      attrs: { dtype },
    })),
  ),
  identity: shapes.map((shape) => one(shape)),
  stopGradient: shapes.map((shape) => one(shape)),
  sum: reductions(true),
  reduceMax: reductions(false),
  reduceMin: reductions(false),
  argmax: reductions(false),
  argmin: reductions(false),
  reshape: [
    one([], { shape: [1, 1] }),
    one([1], { shape: [] }),
    one([6], { shape: [2, 3] }),
    one([2, 3, 4], { shape: [4, 6] }),
    one([2, 3, 4], { shape: [6, 1, 4] }),
    one([0, 3], { shape: [2, 0] }),
  ],
  permute: [
    one([], { perm: [] }),
    one([4], { perm: [0] }),
    one([2, 3], { perm: [1, 0] }),
    one([2, 3, 4], { perm: [2, 0, 1] }),
    one([2, 1, 3, 2], { perm: [3, 1, 0, 2] }),
    one([0, 3], { perm: [1, 0] }),
  ],
  broadcast: [
    one([], { shape: [3], axes: [0] }),
    one([], { shape: [], axes: [] }),
    one([3], { shape: [2, 3], axes: [0] }),
    one([3], { shape: [3, 2], axes: [1] }),
    one([2, 3], { shape: [4, 2, 5, 3], axes: [0, 2] }),
    one([3], { shape: [0, 3], axes: [0] }),
  ],
  slice: [
    one([], { start: [], size: [], step: [] }),
    one([7], { start: [1], size: [3], step: [2] }),
    one([7], { start: [6], size: [1], step: [3] }),
    one([7], { start: [3], size: [0], step: [1] }),
    one([4, 5], { start: [1, 0], size: [2, 3], step: [1, 2] }),
    one([4, 5], { start: [0, 4], size: [4, 1], step: [1, 1] }),
    one([0, 3], { start: [0, 1], size: [0, 2], step: [1, 1] }),
  ],
  flip: [
    one([5], { axes: [0] }),
    one([2, 3], { axes: [1] }),
    one([2, 3, 4], { axes: [0, 2] }),
    one([2, 3], { axes: [] }),
    one([0, 3], { axes: [0] }),
  ],
  pad: [
    one([], { low: [], high: [], interior: [], value: 0 }),
    one([3], { low: [1], high: [2], interior: [0], value: 0 }),
    one([3], { low: [0], high: [0], interior: [2], value: 1 }),
    one([2, 3], { low: [0, 1], high: [2, 0], interior: [1, 0], value: 1 }),
    one([1, 2], { low: [1, 1], high: [1, 1], interior: [3, 1], value: 0 }),
    one([0, 2], { low: [1, 0], high: [1, 0], interior: [2, 0], value: 1 }),
  ],
  assemble: [
    { inputs: [{ shape: [2] }, { shape: [3] }], attrs: { shape: [7], starts: [4, 0] } },
    {
      inputs: [{ shape: [2, 1] }, { shape: [2, 2] }],
      attrs: { shape: [2, 3], starts: [0, 2, 0, 0] },
    },
    {
      inputs: [{ shape: [1, 2] }, { shape: [2, 1] }],
      attrs: { shape: [3, 4], starts: [0, 0, 1, 3] },
    },
    {
      inputs: [{ shape: [0, 2] }, { shape: [2, 2] }],
      attrs: { shape: [2, 2], starts: [0, 0, 0, 0] },
    },
  ],
  concat: [
    { inputs: [{ shape: [3] }], attrs: { axis: 0 } },
    { inputs: [{ shape: [2] }, { shape: [3] }, { shape: [1] }], attrs: { axis: 0 } },
    { inputs: [{ shape: [2, 3] }, { shape: [2, 1] }], attrs: { axis: 1 } },
    {
      inputs: [{ shape: [2, 1, 3] }, { shape: [2, 0, 3] }, { shape: [2, 2, 3] }],
      attrs: { axis: 1 },
    },
    { inputs: [{ shape: [0, 2] }, { shape: [0, 1] }], attrs: { axis: 1 } },
  ],
  matmul: [
    { inputs: [{ shape: [1, 1] }, { shape: [1, 1] }] },
    { inputs: [{ shape: [2, 3] }, { shape: [3, 4] }] },
    { inputs: [{ shape: [5, 1] }, { shape: [1, 7] }] },
    { inputs: [{ shape: [1, 40] }, { shape: [40, 1] }] },
    { inputs: [{ shape: [17, 19] }, { shape: [19, 23] }] },
    { inputs: [{ shape: [2, 3, 4, 2] }, { shape: [2, 3, 2, 5] }] },
    { inputs: [{ shape: [2, 0] }, { shape: [0, 3] }] },
    { inputs: [{ shape: [0, 3] }, { shape: [3, 2] }] },
    { inputs: [{ shape: [0, 2, 3] }, { shape: [0, 3, 2] }] },
  ],
  conv: [
    // one axis
    conv([2, 1, 3, 8], [1, 4, 3, 3]),
    conv([1, 1, 1, 1], [1, 1, 1, 1]),
    conv([2, 2, 2, 9], [2, 3, 2, 3], { stride: [2] }), // two groups; the last stride falls short
    conv([1, 1, 2, 7], [1, 2, 2, 3], { low: [2], high: [0] }),
    conv([1, 1, 2, 9], [1, 2, 2, 3], { low: [-2], high: [-1] }), // a crop
    conv([1, 1, 2, 9], [1, 2, 2, 3], { low: [-2], high: [3], stride: [3] }),
    conv([1, 1, 2, 5], [1, 2, 2, 3], { inputDilation: [2], low: [1], high: [2] }),
    conv([1, 1, 2, 9], [1, 2, 2, 3], { kernelDilation: [3], stride: [2] }),
    conv([1, 1, 2, 4], [1, 2, 2, 4], { low: [3], high: [3] }),
    conv([1, 1, 1, 6], [1, 1, 1, 3], {
      inputDilation: [3],
      kernelDilation: [2],
      stride: [2],
      low: [-1],
      high: [2],
    }),
    conv([0, 1, 2, 5], [1, 2, 2, 3]),
    conv([2, 1, 0, 5], [1, 2, 0, 3]),
    conv([1, 1, 2, 0], [1, 2, 2, 3], { low: [2], high: [2] }), // nothing but padding
    // two axes
    conv([2, 1, 3, 5, 6], [1, 4, 3, 3, 2]),
    conv([1, 3, 2, 6, 5], [3, 1, 2, 3, 3], { stride: [2, 1], low: [1, 0], high: [0, 2] }),
    conv([1, 1, 2, 4, 3], [1, 2, 2, 2, 3], { inputDilation: [2, 3], low: [0, 1], high: [1, 1] }),
    conv([1, 1, 2, 7, 7], [1, 2, 2, 2, 3], {
      kernelDilation: [2, 3],
      stride: [1, 2],
      low: [-1, 0],
    }),
    conv([2, 4, 1, 5, 5], [4, 1, 1, 3, 3], { low: [1, 1], high: [1, 1] }), // depthwise
    // three axes
    conv([1, 1, 2, 4, 4, 4], [1, 2, 2, 2, 3, 2]),
    conv([1, 2, 1, 4, 3, 5], [2, 1, 1, 2, 2, 3], {
      stride: [2, 1, 2],
      low: [0, 1, 1],
      high: [1, 0, 1],
      inputDilation: [1, 2, 1],
      kernelDilation: [2, 1, 1],
    }),
  ],
  window: [
    one([5], windowGeometry([2], [1])),
    one([2, 7], windowGeometry([3], [2])),
    one([2, 9], windowGeometry([3], [2], [3])),
    one([2, 5, 6], windowGeometry([2, 3], [2, 1])),
    one([1, 4, 4, 4], windowGeometry([2, 1, 2], [1, 2, 2])),
    one([3, 4], windowGeometry([1, 1], [1, 1])),
    one([0, 4], windowGeometry([2], [2])),
  ],
  maxPool: [
    one([5], windowGeometry([2], [1])),
    one([2, 7], windowGeometry([3], [2])),
    one([2, 9], windowGeometry([3], [2], [3])),
    one([2, 3, 6, 7], windowGeometry([2, 3], [2, 2])),
    one([2, 6, 4], windowGeometry([3, 2], [3, 2])),
    one([1, 4, 4, 4], windowGeometry([2, 1, 2], [2, 2, 1])),
    one([0, 4, 4], windowGeometry([2, 2], [2, 2])),
  ],
  fold: [
    one([4, 2], { ...windowGeometry([2], [1]), extent: [5] }),
    one([2, 3, 3], { ...windowGeometry([3], [2]), extent: [8] }),
    one([2, 2, 3], { ...windowGeometry([3], [2], [3]), extent: [9] }),
    one([2, 2, 4, 2, 3], { ...windowGeometry([2, 3], [2, 1]), extent: [5, 6] }),
    one([0, 2, 2], { ...windowGeometry([2], [2]), extent: [4] }),
  ],
  gather: [
    { inputs: [{ shape: [5] }, index([3], 5)], attrs: { axis: 0 } },
    { inputs: [{ shape: [5, 2] }, index([3, 2], 5)], attrs: { axis: 0 } },
    { inputs: [{ shape: [2, 5, 3] }, index([2, 7, 3], 5)], attrs: { axis: 1 } },
    { inputs: [{ shape: [2, 3] }, index([2, 0], 1)], attrs: { axis: 1 } },
    { inputs: [{ shape: [1] }, index([4], 1)], attrs: { axis: 0 } },
  ],
  scatterAdd: [
    { inputs: [index([4], 3), { shape: [4] }], attrs: { axis: 0, size: 3 } },
    { inputs: [index([4, 2], 5), { shape: [4, 2] }], attrs: { axis: 0, size: 5 } },
    { inputs: [index([2, 6, 3], 4), { shape: [2, 6, 3] }], attrs: { axis: 1, size: 4 } },
    { inputs: [index([2, 0], 1), { shape: [2, 0] }], attrs: { axis: 1, size: 3 } },
  ],
  cumsum: [
    one([1], { axis: 0, reverse: false }),
    one([6], { axis: 0, reverse: true }),
    one([3, 4], { axis: 0, reverse: false }),
    one([2, 3, 4], { axis: 1, reverse: true }),
    one([0, 3], { axis: 1, reverse: false }),
    one([2, 0], { axis: 1, reverse: false }),
  ],
  check: [
    {
      inputs: [{ shape: [1] }, index([1], 1)],
      attrs: { subject: "x", wanted: "0", fix: "", scale: 1 },
      dtypes: ["float32", "float64", "int32"],
    },
  ],
  argsort: [
    one([1], { axis: 0, descending: false }),
    one([9], { axis: 0, descending: true }),
    one([4, 5], { axis: 0, descending: false }),
    one([2, 30, 2], { axis: 1, descending: true }),
    one([0, 3], { axis: 1, descending: false }),
  ],
};

const isElementwise = (op: OpRecord): op is ElementwiseOp => "domain" in op;

/** The cases of an op; undefined for one that nobody thought of. */
export const casesOf = (op: OpRecord): readonly OpCase[] | undefined =>
  isElementwise(op) ? elementwiseCases(op) : table[op.name];

/** Names in the table that no record has. */
export const strayCases = (): string[] =>
  Object.keys(table).filter((name) => !ops.some((op) => op.name === name));

import {
  dtypes,
  forEachIndex,
  invariant,
  inversePermutation,
  roundTo,
  type Shape,
  ShapeError,
  sameShape,
  show,
  sizeOf,
  stridesOf,
} from "../base/index.ts";
import { type Attrs, apply, type Node, type Strided } from "../graph/index.ts";
import { movedBy } from "./by-index.ts";
import { checkSameDType, linear, loweringOf, type OpRecord } from "./record.ts";
import { broadcastInto } from "./sum.ts";

const list = (attrs: Attrs, key: string) => attrs[key] as readonly number[];
const isIdentity = (perm: readonly number[]) => perm.every((axis, i) => axis === i);

/** The same elements in the same order under another shape. */
export const reshapeOp: OpRecord = linear({
  name: "reshape",
  formula: "x under another shape",
  arity: 1,
  dtypes,
  infer([x], attrs) {
    const shape = list(attrs, "shape");
    if (sizeOf(shape) !== x!.size)
      throw new ShapeError({
        subject: "reshape",
        problem: `${show(x!.shape)} has ${x!.size} elements, ${show(shape)} needs ${sizeOf(shape)}.`,
        fix: "give a shape with as many elements.",
      });
    return { shape, dtype: x!.dtype };
  },
  adjoints: [(g, { inputs: [x] }) => reshape(g, x!.shape)],
  reference: (_, [x]) => x!.data.slice(),
  lower: {
    kind: "view",
    view: (x, node) => reshapeView(x, node.inputs[0]!.shape, node.shape),
    keepsOrder: true,
  },
  simplify: ({ inputs: [x], shape }) =>
    sameShape(x!.shape, shape)
      ? x
      : x!.op === reshapeOp
        ? reshape(x!.inputs[0]!, shape)
        : undefined,
});

export const permuteOp: OpRecord = linear({
  name: "permute",
  formula: "x with its axes in another order",
  arity: 1,
  dtypes,
  infer([x], attrs) {
    const perm = list(attrs, "perm");
    if (perm.length !== x!.shape.length || !isIdentity([...perm].sort((a, b) => a - b)))
      throw new ShapeError({
        subject: "permute",
        problem: `${show(perm)} is not an order of the ${x!.shape.length} axes of ${show(x!.shape)}.`,
        fix: "name every axis once.",
      });
    return { shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype };
  },
  adjoints: [(g, { attrs }) => permute(g, inversePermutation(list(attrs, "perm")))],
  reference: movedBy((index, { attrs }) =>
    inversePermutation(list(attrs, "perm")).map((axis) => index[axis]!),
  ),
  lower: {
    kind: "view",
    view: ({ offset, strides }, { attrs }) => ({
      offset,
      strides: list(attrs, "perm").map((axis) => strides[axis]!),
    }),
  },
  simplify({ inputs: [x], attrs }) {
    const perm = list(attrs, "perm");
    if (isIdentity(perm)) return x;
    if (x!.op !== permuteOp) return undefined;
    const inner = list(x!.attrs, "perm");
    return permute(
      x!.inputs[0]!,
      perm.map((axis) => inner[axis]!),
    );
  },
});

/** x[start, start + step, …], `size` of them along each axis; step ≥ 1. */
export const sliceOp: OpRecord = linear({
  name: "slice",
  formula: "x[start + i · step]",
  arity: 1,
  dtypes,
  masks: () => "condition",
  infer([x], attrs) {
    const [start, size, step] = [list(attrs, "start"), list(attrs, "size"), list(attrs, "step")];
    x!.shape.forEach((d, i) => {
      const last = start[i]! + (size[i]! - 1) * step[i]!;
      if (start[i]! < 0 || step[i]! < 1 || (size[i]! > 0 && last >= d))
        throw new ShapeError({
          subject: "slice",
          problem: `axis ${i} of ${show(x!.shape)} has no elements ${start[i]}…${last} in steps of ${step[i]}.`,
          fix: `stay within 0…${d - 1}.`,
        });
    });
    return { shape: size, dtype: x!.dtype };
  },
  adjoints: [
    (g, { inputs: [x], attrs }) => {
      const [start, step] = [list(attrs, "start"), list(attrs, "step")];
      const span = (i: number) => (g.shape[i]! === 0 ? 0 : (g.shape[i]! - 1) * step[i]! + 1);
      return pad(g, {
        low: start,
        high: x!.shape.map((d, i) => d - start[i]! - span(i)),
        interior: step.map((s) => s - 1),
      });
    },
  ],
  reference: movedBy((index, { attrs }) =>
    index.map((at, i) => list(attrs, "start")[i]! + at * list(attrs, "step")[i]!),
  ),
  lower: {
    kind: "view",
    view: ({ offset, strides }, { attrs }) => ({
      offset: list(attrs, "start").reduce((n, at, i) => n + at * strides[i]!, offset),
      strides: strides.map((s, i) => s * list(attrs, "step")[i]!),
    }),
  },
  simplify: ({ inputs: [x], shape }) => (sameShape(x!.shape, shape) ? x : undefined),
});

/** x in reverse order along `axes`; its own adjoint. */
export const flipOp: OpRecord = linear({
  name: "flip",
  formula: "x[n − 1 − i] along axes",
  arity: 1,
  dtypes,
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  adjoints: [(g, { attrs }) => flip(g, list(attrs, "axes"))],
  reference: movedBy((index, { attrs, shape }) =>
    index.map((at, i) => (list(attrs, "axes").includes(i) ? shape[i]! - 1 - at : at)),
  ),
  lower: {
    kind: "view",
    view({ offset, strides }, { attrs, shape }) {
      const axes = list(attrs, "axes");
      const toEnd = (axis: number) => Math.max(0, shape[axis]! - 1) * strides[axis]!;
      return {
        offset: axes.reduce((n, axis) => n + toEnd(axis), offset),
        strides: strides.map((s, i) => (axes.includes(i) ? -s : s)),
      };
    },
  },
  simplify: ({ inputs: [x], attrs }) =>
    x!.op === flipOp && String(x!.attrs.axes) === String(attrs.axes) ? x!.inputs[0] : undefined,
});

/** x between `low` and `high` copies of `value`, with `interior` copies between neighbours. */
export const padOp: OpRecord = linear({
  name: "pad",
  formula: "x between, around and within copies of a value",
  arity: 1,
  dtypes,
  infer([x], attrs) {
    const [low, high, interior] = [
      list(attrs, "low"),
      list(attrs, "high"),
      list(attrs, "interior"),
    ];
    for (const n of [...low, ...high, ...interior])
      if (!Number.isInteger(n) || n < 0)
        throw new ShapeError({
          subject: "pad",
          problem: `${n} is not a padding width.`,
          fix: "use whole numbers of 0 or more; crop with slice.",
        });
    const shape = x!.shape.map(
      (d, i) => low[i]! + high[i]! + d + Math.max(0, d - 1) * interior[i]!,
    );
    return { shape, dtype: x!.dtype };
  },
  adjoints: [
    (g, { inputs: [x], attrs }) =>
      slice(g, {
        start: x!.shape.map((d, i) => (d === 0 ? 0 : list(attrs, "low")[i]!)),
        size: x!.shape,
        step: list(attrs, "interior").map((n) => n + 1),
      }),
  ],
  tangent: (node, [t]) => apply(node.op, [t!], { ...node.attrs, value: 0 }),
  reference(node, [x]) {
    const { low, interior, value } = node.attrs as Record<string, readonly number[]>;
    const strides = stridesOf(node.shape);
    const result = new Float64Array(node.size).fill(value as unknown as number);
    forEachIndex(x!.shape, (index, i) => {
      const to = index.map((at, axis) => low![axis]! + at * (interior![axis]! + 1));
      result[to.reduce((n, at, axis) => n + at * strides[axis]!, 0)] = x!.data[i]!;
    });
    return result;
  },
  lower: {
    kind: "assemble",
    fill: ({ attrs }) => attrs.value as number,
    slices: ({ attrs }, whole) => [
      {
        offset: movedTo(whole, list(attrs, "low")),
        strides: whole.strides.map((s, i) => s * (list(attrs, "interior")[i]! + 1)),
      },
    ],
  },
  simplify: ({ inputs: [x], shape }) => (sameShape(x!.shape, shape) ? x : undefined),
});

/**
 * Each input in its own box of the result, whose other elements are 0; the boxes do not overlap.
 * Sums of pads are rewritten to this: the gradient of all slices of a value is written once.
 */
export const assembleOp: OpRecord = linear({
  name: "assemble",
  formula: "parts at their places, 0 between",
  arity: "any",
  dtypes,
  infer(inputs, attrs) {
    checkSameDType("assemble", inputs);
    const shape = list(attrs, "shape");
    for (const [i, x] of inputs.entries()) {
      const start = startOf(attrs, i, shape.length);
      const fits = x.shape.every((d, axis) => start[axis]! + d <= shape[axis]!);
      invariant(fits, `assemble: part ${i}, ${show(x.shape)}, leaves ${show(shape)}`);
    }
    return { shape, dtype: inputs[0]!.dtype };
  },
  adjoints: (g, { inputs, attrs }, position) =>
    slice(g, {
      start: startOf(attrs, position, g.shape.length),
      size: inputs[position]!.shape,
      step: g.shape.map(() => 1),
    }),
  reference(node, inputs) {
    const result = new Float64Array(node.size);
    const strides = stridesOf(node.shape);
    inputs.forEach((x, part) => {
      const start = startOf(node.attrs, part, node.shape.length);
      forEachIndex(x.shape, (index, i) => {
        result[index.reduce((n, at, axis) => n + (start[axis]! + at) * strides[axis]!, 0)] =
          x.data[i]!;
      });
    });
    return result;
  },
  lower: {
    kind: "assemble",
    fill: ({ inputs, size }) => (inputs.reduce((n, x) => n + x.size, 0) === size ? null : 0),
    slices: ({ inputs, attrs, shape }, whole) =>
      inputs.map((_, i) => ({
        offset: movedTo(whole, startOf(attrs, i, shape.length)),
        strides: whole.strides,
      })),
  },
});

/** The offset of the element at `index`. */
const movedTo = ({ offset, strides }: Strided, index: readonly number[]): number =>
  index.reduce((n, at, axis) => n + at * strides[axis]!, offset);

export const startOf = (attrs: Attrs, part: number, rank: number): readonly number[] =>
  list(attrs, "starts").slice(part * rank, (part + 1) * rank);

const known = new WeakMap<Node, Float64Array>();
/**
 * Where each input of a concatenation begins: computed once, because each input asks for its own.
 */
function beginnings(node: Node, axis: number): Float64Array {
  const found = known.get(node);
  if (found) return found;
  let from = 0;
  const result = Float64Array.from(node.inputs, (x) => {
    from += x.shape[axis]!;
    return from - x.shape[axis]!;
  });
  known.set(node, result);
  return result;
}

/** The inputs one after another along `axis`. */
export const concatOp: OpRecord = linear({
  name: "concat",
  formula: "the inputs one after another along an axis",
  arity: "any",
  dtypes,
  infer(inputs, attrs) {
    const axis = attrs.axis as number;
    const [first] = inputs;
    checkSameDType("concat", inputs);
    const others = (x: Node) => x.shape.filter((_, i) => i !== axis);
    for (const x of inputs)
      if (x.shape.length !== first!.shape.length || !sameShape(others(x), others(first!)))
        throw new ShapeError({
          subject: "concat",
          problem: `sizes off axis ${axis} differ, ${inputs.map((i) => show(i.shape)).join(" and ")}.`,
          fix: `only axis ${axis} may differ.`,
        });
    const total = inputs.reduce((n, x) => n + x.shape[axis]!, 0);
    return { shape: first!.shape.map((d, i) => (i === axis ? total : d)), dtype: first!.dtype };
  },
  adjoints(g, node, position) {
    const { inputs } = node;
    const axis = node.attrs.axis as number;
    const from = beginnings(node, axis)[position]!;
    return slice(g, {
      start: g.shape.map((_, i) => (i === axis ? from : 0)),
      size: inputs[position]!.shape,
      step: g.shape.map(() => 1),
    });
  },
  reference(node, inputs) {
    const axis = node.attrs.axis as number;
    const inner = sizeOf(node.shape.slice(axis + 1));
    const outer = sizeOf(node.shape.slice(0, axis));
    const result = new Float64Array(node.size);
    let to = 0;
    for (let o = 0; o < outer; o++)
      for (const x of inputs) {
        const run = x.shape[axis]! * inner;
        result.set(x.data.subarray(o * run, (o + 1) * run), to);
        to += run;
      }
    return result;
  },
  lower: {
    kind: "assemble",
    fill: () => null,
    slices({ inputs, attrs }, { offset, strides }) {
      const axis = attrs.axis as number;
      let from = 0;
      return inputs.map((x) => {
        const start = offset + from * strides[axis]!;
        from += x.shape[axis]!;
        return { offset: start, strides };
      });
    },
  },
  simplify: ({ inputs }) => (inputs.length === 1 ? inputs[0] : undefined),
});

export const reshape = (x: Node, shape: Shape): Node => apply(reshapeOp, [x], { shape });
export const permute = (x: Node, perm: readonly number[]): Node => apply(permuteOp, [x], { perm });
export const flip = (x: Node, axes: readonly number[]): Node => apply(flipOp, [x], { axes });
export const concat = (inputs: readonly Node[], axis: number): Node =>
  apply(concatOp, inputs, { axis });

export const slice = (
  x: Node,
  { start, size, step }: { start: readonly number[]; size: Shape; step: readonly number[] },
): Node => apply(sliceOp, [x], { start, size, step });

/** `count` consecutive elements along one axis, from position `from` on. */
export const span = (x: Node, axis: number, from: number, count: number): Node =>
  slice(x, {
    start: x.shape.map((_, i) => (i === axis ? from : 0)),
    size: x.shape.map((n, i) => (i === axis ? count : n)),
    step: x.shape.map(() => 1),
  });

export const pad = (
  x: Node,
  {
    low,
    high,
    interior = low.map(() => 0),
    value = 0,
  }: {
    low: readonly number[];
    high: readonly number[];
    interior?: readonly number[];
    value?: number;
  },
): Node => apply(padOp, [x], { low, high, interior, value: roundTo(x.dtype, value) });

/** NumPy's broadcasting of one node: axes of size 1 stretch, missing leading axes are added. */
export function broadcastTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  if (loweringOf(x).kind === "constant") return apply(x.op, [], { ...x.attrs, shape });
  const lead = shape.length - x.shape.length;
  const axes = shape.flatMap((d, i) =>
    i < lead || (x.shape[i - lead] === 1 && d !== 1) ? [i] : [],
  );
  const kept = shape.filter((_, i) => !axes.includes(i));
  return broadcastInto(reshape(x, kept), shape, axes);
}

/**
 * The strides under which a strided value of shape `from` reads as shape `to`, or null if there are
 * none: each group of axes that is regrouped must be evenly spaced.
 */
export function reshapeView(x: Strided, from: Shape, to: Shape): Strided | null {
  if (sizeOf(from) === 0) return { offset: x.offset, strides: stridesOf(to) };
  // axes of size 1 have no stride
  const axes = from.map((size, i) => ({ size, stride: x.strides[i]! })).filter((a) => a.size !== 1);
  // neighbours that are evenly spaced merge into one run
  const runs: { size: number; stride: number }[] = [];
  for (const axis of axes) {
    const last = runs.at(-1);
    if (last && last.stride === axis.stride * axis.size) {
      last.size *= axis.size;
      last.stride = axis.stride;
    } else runs.push({ ...axis });
  }
  // each run must split exactly into axes of the new shape
  const strides = new Array<number>(to.length).fill(0);
  let run = runs.length - 1;
  let used = 1;
  for (let i = to.length - 1; i >= 0; i--) {
    if (to[i] === 1) continue;
    const current = runs[run];
    if (!current || current.size % (used * to[i]!) !== 0) return null;
    strides[i] = current.stride * used;
    used *= to[i]!;
    if (used === current.size) {
      run--;
      used = 1;
    }
  }
  return { offset: x.offset, strides };
}

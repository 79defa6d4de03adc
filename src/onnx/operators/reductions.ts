/** Sums, means and extremes along axes, and positions of extremes. */
import { normalizeAxis, reducedShape, sizeOf } from "../../base/index.ts";
import { full, type Tensor } from "../../tensor/index.ts";
import { asFloat, type Call, type Operator } from "../call.ts";
import { convert, type HostTensor, hostOf, stretched } from "../host.ts";
import { infoOf } from "../types.ts";
import { wrapped } from "./numbers.ts";

interface Reduced {
  readonly axis: number[];
  readonly keepDims: boolean;
}

/** The axes: all if none are given, or none if `noop_with_empty_axes` says so. */
function reduced(call: Call): Reduced | null {
  const x = call.x(0);
  const given = call.list("axes", 1);
  const none = given === undefined || given.length === 0;
  if (none && call.int("noop_with_empty_axes", 0)) return null;
  const axis = none
    ? x.shape.map((_, i) => i)
    : given.map((a) => normalizeAxis(call.node.operator, a, x.rank));
  return { axis, keepDims: call.int("keepdims", 1) !== 0 };
}

type Reduction = (x: Tensor, options: Reduced) => Tensor;

/** @param each what is left of one element where no axis is reduced. */
const reduction = (
  name: string,
  f: Reduction,
  each: (x: Tensor) => Tensor = (x) => x,
): Operator => ({
  name,
  settings: [1],
  run: (call) => {
    const x = call.x(0);
    const options = reduced(call);
    const y = options ? f(x.tensor, options) : each(x.tensor);
    const { dtype } = infoOf(x.type);
    return call.value(wrapped(x.type, y.dtype === dtype ? y : y.cast(dtype!)));
  },
});

/** An extreme; of nothing it is what every element is beyond. */
const extreme = (name: string, f: Reduction, empty: number): Operator => ({
  ...reduction(name, (x, options) => {
    const isBool = x.dtype === "bool";
    const y = isBool ? x.cast("int32") : x;
    const { axis, keepDims } = options;
    if (sizeOf(axis.map((a) => x.shape[a]!)) > 0)
      return isBool ? f(y, options).cast("bool") : f(y, options);
    const least =
      y.dtype === "int32"
        ? isBool
          ? Number(empty > 0)
          : Math.sign(empty) * 2 ** 31 - Number(empty > 0)
        : empty;
    const shape = reducedShape(x.shape, axis, keepDims);
    return full(shape, least, { dtype: y.dtype }).cast(x.dtype);
  }),
});

/** Integers that shape arithmetic sums and multiplies fold exactly. */
const folding = (
  operator: Operator,
  f: (a: number, b: number) => number,
  start: number,
): Operator => ({
  ...operator,
  fold: (call, [x]) => {
    const isInt = infoOf(x!.type).dtype === "int32";
    const options = isInt ? reduced(call) : null;
    return options && fold(x!, options, f, start);
  },
});

function fold(
  x: HostTensor,
  { axis, keepDims }: Reduced,
  f: (a: number, b: number) => number,
  start: number,
): HostTensor {
  const kept = reducedShape(x.shape, axis, true);
  const positions = hostOf("int32", kept, (i) => i);
  const target = stretched(positions, x.shape).data as Int32Array;
  const sums = new Array(sizeOf(kept)).fill(convert(start, x.type));
  target.forEach((to, i) => {
    sums[to] = convert(f(sums[to], x.data[i] as number), x.type);
  });
  return hostOf(x.type, reducedShape(x.shape, axis, keepDims), (i) => sums[i]);
}

/** Position of the first extreme, or of the last. */
const position = (name: string, f: (x: Tensor, axis: number) => Tensor): Operator => ({
  name,
  run: (call) => {
    const x = call.t(0);
    const axis = normalizeAxis(name, call.int("axis", 0), x.rank);
    const isLast = call.int("select_last_index", 0) !== 0;
    const found = f(isLast ? x.flip(axis) : x, axis);
    const y = isLast ? found.neg().add(x.shape[axis]! - 1) : found;
    return call.value(call.int("keepdims", 1) ? y.unsqueeze(axis) : y, "int64");
  },
});

const l2: Reduction = (x, options) => asFloat(x).norm(options);
const logSum: Reduction = (x, options) => asFloat(x).sum(options).log();

export const reductionOperators: readonly Operator[] = [
  folding(
    reduction("ReduceSum", (x, options) => x.sum(options)),
    (a, b) => a + b,
    0,
  ),
  folding(
    reduction("ReduceProd", (x, options) => x.prod(options)),
    (a, b) => a * b,
    1,
  ),
  reduction("ReduceMean", (x, options) => x.mean(options)),
  extreme("ReduceMax", (x, options) => x.max(options), Number.NEGATIVE_INFINITY),
  extreme("ReduceMin", (x, options) => x.min(options), Number.POSITIVE_INFINITY),
  reduction(
    "ReduceL1",
    (x, options) => x.abs().sum(options),
    (x) => x.abs(),
  ),
  reduction("ReduceL2", l2, (x) => x.abs()),
  reduction(
    "ReduceSumSquare",
    (x, options) => x.square().sum(options),
    (x) => x.square(),
  ),
  reduction("ReduceLogSum", logSum, (x) => asFloat(x).log()),
  reduction("ReduceLogSumExp", (x, options) => x.logSumExp(options)),
  position("ArgMax", (x, axis) => x.argmax({ axis })),
  position("ArgMin", (x, axis) => x.argmin({ axis })),
];

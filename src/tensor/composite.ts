/** Functions that users see as one and the graph as a few primitives; nodes in, nodes out. */
import {
  isFloat,
  normalizeAxes,
  normalizeAxis,
  reducedShape,
  type Shape,
  sizeOf,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { type Axes, withAxis } from "./arguments.ts";

/** `axis` and `keepDims`, as every reduction takes them. */
export interface ReduceOptions {
  /** The axis or axes to reduce; all if absent. */
  readonly axis?: number | readonly number[] | undefined;
  /** Keep reduced axes with size 1. */
  readonly keepDims?: boolean | undefined;
}

/** Options of the variance and the standard deviation. */
export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the count, default 0; 1 makes the sample variance unbiased. */
  readonly correction?: number | undefined;
}

const axesOf = (name: string, x: Node, options: ReduceOptions) =>
  normalizeAxes(name, options.axis, x.shape.length);

/** Restores the reduced axes with size 1, if requested. */
const kept = (
  reduced: Node,
  x: Node,
  axes: readonly number[],
  { keepDims }: ReduceOptions,
): Node => (keepDims ? op.reshape(reduced, reducedShape(x.shape, axes, true)) : reduced);

type Reduction = (x: Node, axes: readonly number[]) => Node;
const reduction =
  (name: string, reduce: Reduction) =>
  (x: Node, given?: ReduceOptions | Axes): Node => {
    const options = withAxis(name, given, { axis: true, keepDims: true });
    const axes = axesOf(name, x, options);
    return kept(reduce(x, axes), x, axes, options);
  };

const asNumber = (x: Node) => (x.dtype === "bool" ? op.cast(x, "int32") : x);
const asFloat = (x: Node) => (isFloat(x.dtype) ? x : op.cast(x, "float32"));
/**
 * The dtype of means: for int32 it is float64, as in NumPy, which holds all of their sums and
 * means.
 */
export const averaged = (x: Node) => (x.dtype === "int32" ? op.cast(x, "float64") : asFloat(x));
const countOf = (x: Node, axes: readonly number[]) => sizeOf(axes.map((axis) => x.shape[axis]!));
/** A reduced value broadcast back over x. */
const over = (reduced: Node, x: Node, axes: readonly number[]) =>
  op.broadcastInto(reduced, x.shape, axes);

export const sum = reduction("sum", (x, axes) => op.sum(asNumber(x), axes));
export const max = reduction("max", (x, axes) => op.max(asNumber(x), axes));
export const min = reduction("min", (x, axes) => op.min(asNumber(x), axes));
export const mean = reduction("mean", (x, axes) =>
  op.div(op.sum(averaged(x), axes), countOf(x, axes)),
);

/**
 * Product by halving: log₂ n rounds of elementwise products, so derivatives of every order are
 * right even where factors are 0.
 */
export const prod = reduction("prod", (x, axes) => {
  const rest = x.shape.map((_, i) => i).filter((axis) => !axes.includes(axis));
  let y = op.reshape(op.permute(asNumber(x), [...rest, ...axes]), [
    ...rest.map((axis) => x.shape[axis]!),
    countOf(x, axes),
  ]);
  const last = rest.length;
  if (y.shape[last] === 0) return op.constant(1, y.shape.slice(0, last), y.dtype);
  while (y.shape[last]! > 1) {
    const n = y.shape[last]!;
    const half = n >> 1;
    const products = op.mul(op.span(y, last, 0, half), op.span(y, last, half, half));
    y = n % 2 === 0 ? products : op.concat([products, op.span(y, last, n - 1, 1)], last);
  }
  return op.reshape(y, y.shape.slice(0, last));
});

/**
 * Mean squared distance from the mean, over n − correction; two passes, so nothing cancels. A
 * correction above n counts as n, as in NumPy: the result is ∞, or NaN if all values are equal, and
 * never below 0.
 */
export const variance = (x: Node, given?: VarianceOptions | Axes): Node => {
  const names = { axis: true, keepDims: true, correction: true } as const;
  const options = withAxis("variance", given, names);
  const axes = axesOf("variance", x, options);
  const centred = op.sub(averaged(x), over(mean(x, { axis: axes }), x, axes));
  const squares = op.sum(op.mul(centred, centred), axes);
  const over0 = Math.max(0, countOf(x, axes) - (options.correction ?? 0));
  return kept(op.div(squares, over0), x, axes, options);
};

/** √x with derivative 0 at 0, for sums of squares that are constant below 0. */
export const rootOfSquares = (x: Node): Node => op.where(op.equal(x, 0), 0, op.sqrt(x));

/**
 * ‖x‖ = √Σx². float32 squares neither overflow nor underflow in float64; float64 is scaled by its largest
 * magnitude, which cancels in exact arithmetic and so carries no derivative.
 */
export const norm = reduction("norm", (x, axes) => {
  if (x.dtype !== "float64") {
    const wide = op.cast(x, "float64");
    return op.cast(rootOfSquares(op.sum(op.mul(wide, wide), axes)), asFloat(x).dtype);
  }
  if (countOf(x, axes) === 0) return op.sum(x, axes);
  const top = op.stopGradient(op.max(op.abs(x), axes));
  const usable = op.and(op.less(0, top), op.less(top, Infinity));
  const scale = op.where(usable, top, 1);
  const y = op.div(x, over(scale, x, axes));
  return op.mul(rootOfSquares(op.sum(op.mul(y, y), axes)), scale);
});

/** x − m with m = max x, so that no exponential overflows; softmax is invariant to a shift. */
const shifted = (x: Node, axes: readonly number[]): Node =>
  // m cancels in exact arithmetic, so it carries no derivative
  op.sub(x, over(op.stopGradient(op.max(x, axes)), x, axes));

/**
 * log Σ eˣ = m + log Σ e^{x − m} with m = max x: the largest term is 1, so nothing overflows. Of no
 * elements, or of −∞ only, it is −∞, with derivative 0.
 */
export const logSumExp = reduction("logSumExp", (x, axes) => {
  if (countOf(x, axes) === 0) {
    const shape = reducedShape(x.shape, axes, false);
    return op.constant(-Infinity, shape, x.dtype);
  }
  const top = op.stopGradient(op.max(x, axes));
  // ±∞ must not become ∞ − ∞
  const m = op.where(op.less(op.abs(top), Infinity), top, 0);
  const total = op.sum(op.exp(op.sub(x, over(m, x, axes))), axes);
  return op.where(op.equal(total, 0), -Infinity, op.add(op.log(total), m));
});

/** softmax(x)ᵢ = e^{xᵢ − m} / Σⱼ e^{xⱼ − m}; shift-invariant. Of no elements it is empty. */
export const softmax = (x: Node, axis = -1): Node => {
  const axes = [normalizeAxis("softmax", axis, x.shape.length)];
  if (countOf(x, axes) === 0) return asFloat(x);
  const e = op.exp(shifted(asFloat(x), axes));
  return op.div(e, over(op.sum(e, axes), x, axes));
};

/**
 * log softmax(x) = (x − m) − log Σ e^{x − m}: finite where log(softmax(x)) is −∞, and precise for large
 * x, where x − logSumExp(x) cancels.
 */
export const logSoftmax = (x: Node, axis = -1): Node => {
  const axes = [normalizeAxis("logSoftmax", axis, x.shape.length)];
  if (countOf(x, axes) === 0) return asFloat(x);
  const s = shifted(asFloat(x), axes);
  return op.sub(s, over(op.log(op.sum(op.exp(s), axes)), x, axes));
};

/** Whether any element is not 0; a count, so that an empty reduction is false. */
const someTrue: Reduction = (x, axes) =>
  op.less(0, op.sum(op.cast(op.cast(x, "bool"), "int32"), axes));
export const any = reduction("any", someTrue);
export const all = reduction("all", (x, axes) =>
  op.not(someTrue(op.not(op.cast(x, "bool")), axes)),
);

/** −⌊−x⌋ */
export const ceil = (x: Node): Node => op.neg(op.floor(op.neg(x)));
/** To the nearest integer, halves to even, as in NumPy. */
export const round = (x: Node): Node => {
  const down = op.floor(x);
  const rest = op.sub(x, down);
  const odd = op.equal(op.sub(down, op.mul(2, op.floor(op.mul(0.5, down)))), 1);
  const up = op.or(op.less(0.5, rest), op.and(op.equal(rest, 0.5), odd));
  return op.where(up, op.add(down, 1), down);
};
/** The exact remainder with the sign of the divisor, as in NumPy; for integers, a mod 0 is a. */
export const mod = (a: Node, b: Node): Node =>
  isFloat(a.dtype) ? op.mod(a, b) : op.sub(a, op.mul(op.floorDiv(a, b), b));

/** `depth` columns, 1 in the column of the index. The lookup rejects an index out of range. */
export const oneHot = (indices: Node, depth: number, dtype: Node["dtype"]): Node => {
  const shape: Shape = [...indices.shape, depth];
  const column = op.iota(shape, shape.length - 1);
  const known = op.and(op.lessEqual(0, indices), op.less(indices, depth));
  const index = op.checked(indices, known, {
    subject: "oneHot",
    wanted: `an index of 0…${depth - 1}`,
    fix: "check the indices, or give more columns.",
  });
  return op.cast(op.equal(op.broadcastInto(index, shape, [shape.length - 1]), column), dtype);
};

/** One axis, or all. */
export const axesFor = (name: string, x: Node, axis: number | undefined): number[] =>
  normalizeAxes(name, axis, x.shape.length);

import {
  broadcastShapes,
  checkOptions,
  checkShape,
  type DType,
  type HostArray,
  normalizeAxis,
  type Shape,
  ShapeError,
  sameShape,
  show,
  sizeOf,
  type TypedArray,
} from "../base/index.ts";
import { type Node, printGraph } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import {
  type Axes,
  checkList,
  checkNumber,
  checkWidths,
  nodeOf,
  noOperator,
  operandOf,
  resolveShape,
  withAxis,
} from "./arguments.ts";
import type { ReduceOptions, VarianceOptions } from "./composite.ts";
import * as composite from "./composite.ts";
import { display } from "./display.ts";
import { ElementwiseMethods, floatOf, numberOf } from "./elementwise-methods.ts";
import { indexed, type Range } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { align, arithmetic, common, comparison, real } from "./promote.ts";
import type { AnyRank, ArrayOfRank, JointRank, NestedArray, RankOfShape } from "./rank.ts";
import { realize, realizeSync } from "./realize.ts";
import { cumprod, shifted, towards } from "./running.ts";
import { type Uncloneable, uncloneable } from "./uncloneable.ts";

/** The axis of an operation. */
export interface AxisOptions {
  readonly axis?: number | undefined;
}
/** Options of `sort` and `argsort`. */
export interface SortOptions extends AxisOptions {
  readonly descending?: boolean | undefined;
}
/** Options of `cumsum` and `cumprod`. */
export interface CumulativeOptions extends AxisOptions {
  /** From the end; default false. */
  readonly reverse?: boolean | undefined;
  /**
   * Excludes the element itself, so that the first result is that of no elements; default false.
   */
  readonly exclusive?: boolean | undefined;
}
const cumulativeOptions = { axis: true, reverse: true, exclusive: true } as const;
const sortOptions = { axis: true, descending: true } as const;

const hereTensor = uncloneable("Tensor", "x");

/** The right operand of a binary operation. */
export type TensorLike = Tensor | number;
/** The rank of an operand. */
type RankOf<T> = T extends number ? 0 : T extends Tensor<infer S> ? S : AnyRank;

/**
 * An immutable, lazy n-dimensional array. Operations add to a graph; reading a value compiles and
 * runs what it needs. Memory belongs to the garbage collector.
 *
 * `R` is the rank, if the types of the inputs determine it; it types `toArray`.
 *
 * Binary operations broadcast as in NumPy. Mixed dtypes promote to the wider one, but numbers and
 * scalar tensors never widen a float tensor.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * x.matmul(x).add(1).toArray(); // [[8, 11], [16, 23]]
 */
export class Tensor<R extends number = AnyRank> extends ElementwiseMethods {
  /** Makes structuredClone and postMessage refuse: a tensor stays on its thread. */
  readonly here: Uncloneable = hereTensor;
  /** The graph node; ops and transforms work on it. */
  readonly node: Node;

  constructor(node: Node) {
    super();
    this.node = node;
  }

  get shape(): Shape {
    return this.node.shape;
  }
  get dtype(): DType {
    return this.node.dtype;
  }
  /** Number of axes. */
  get rank(): number {
    return this.node.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return this.node.size;
  }

  // — reading —

  /** The values in row-major order, computed off the main thread. The array is a copy. */
  async data(): Promise<TypedArray> {
    await realize([this.node]);
    return this.node.storage!.read().slice();
  }
  /** The values in row-major order, now. The array is a copy. */
  dataSync(): TypedArray {
    realizeSync([this.node]);
    return this.node.storage!.read().slice();
  }
  /** The only element. @throws {ShapeError} if there is more than one. */
  item(): number {
    if (this.size !== 1)
      throw new ShapeError({
        subject: "item",
        problem: `needs one element, ${show(this.shape)} has ${this.size}.`,
        fix: "reduce the tensor first, or use toArray().",
      });
    return this.dataSync()[0]!;
  }
  /** The values as nested arrays. */
  toArray(): ArrayOfRank<R> {
    const data = this.dataSync();
    let at = 0;
    const build = (axis: number): NestedArray =>
      axis === this.rank
        ? data[at++]!
        : Array.from({ length: this.shape[axis]! }, () => build(axis + 1));
    return build(0) as ArrayOfRank<R>;
  }
  /** A copy as a host array, for files and batches. */
  toHost(): HostArray {
    return { shape: this.shape, dtype: this.dtype, data: this.dataSync() };
  }
  /** Computes the value and keeps it. */
  async eval(): Promise<this> {
    await realize([this.node]);
    return this;
  }
  /** Computes the value now and keeps it. */
  evalSync(): this {
    if (this.node.storage === null) realizeSync([this.node]);
    return this;
  }
  /** The graph that computes this tensor, one line per node. */
  graph(): string {
    return printGraph([this.node]);
  }
  /**
   * Dtype, shape and values: abridged if there are many, and omitted if they are expensive to
   * compute. `console.log` shows the same.
   * @example
   * String(tensor([1, 2])); // "Tensor(float32[2]) [1, 2]"
   */
  override toString(): string {
    return display("Tensor", this.node);
  }
  /**
   * Like `toArray`, with the strings "NaN", "Infinity" and "-Infinity" for numbers that JSON does
   * not have.
   */
  toJSON(): unknown {
    return mapNested(this.toArray(), (x) => (Number.isFinite(x) ? x : String(x)));
  }
  /**
   * JavaScript operators do not work on tensors: `${x}` is text, all others throw and name the
   * method to call.
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw noOperator("a tensor", "a");
  }
  /** The output of Node's `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  // — arithmetic —

  /** a + b, element by element, with broadcasting. */
  add<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("add", op.add, other);
  }
  /** a − b */
  sub<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("sub", op.sub, other);
  }
  /** a · b, element by element; {@link Tensor.matmul} is the matrix product. */
  mul<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("mul", op.mul, other);
  }
  /** True division; integers become float32. */
  div<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("div", op.div, other, real);
  }
  /** ⌊a/b⌋ of the exact quotient, as in Python; the derivative is 0. */
  floorDiv<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("floorDiv", op.floorDiv, other);
  }
  /**
   * The exact remainder a − ⌊a/b⌋ b, with the sign of the divisor, as in Python. The derivatives are 1
   * and −⌊a/b⌋, also where the remainder jumps.
   */
  mod<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("mod", composite.mod, other);
  }
  /** aᵇ; integers become float32. */
  pow<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("pow", op.pow, other, real);
  }
  /** The larger of both, element by element; NaN if either is. */
  maximum<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("maximum", op.maximum, other);
  }
  /** The smaller of both, element by element; NaN if either is. */
  minimum<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("minimum", op.minimum, other);
  }
  /** Clips values to low … high: min(max(x, low), high). */
  clip(low: TensorLike, high: TensorLike): Tensor {
    return this.#binary("clip", op.maximum, low).#binary("clip", op.minimum, high);
  }
  /** a = b, as bool. */
  equal<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("equal", op.equal, other, comparison);
  }
  /** a ≠ b, as bool. */
  notEqual<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("notEqual", (a, b) => op.not(op.equal(a, b)), other, comparison);
  }
  /** a < b, as bool. */
  less<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("less", op.less, other, comparison);
  }
  /** a ≤ b, as bool. */
  lessEqual<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("lessEqual", op.lessEqual, other, comparison);
  }
  /** a > b, as bool. */
  greater<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("greater", (a, b) => op.less(b, a), other, comparison);
  }
  /** a ≥ b, as bool. */
  greaterEqual<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#binary("greaterEqual", (a, b) => op.lessEqual(b, a), other, comparison);
  }
  /** Whether both are true, or not 0. */
  logicalAnd<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#logical("logicalAnd", op.and, other);
  }
  /** Whether either is true, or not 0. */
  logicalOr<T extends TensorLike>(other: T): Tensor<JointRank<R, RankOf<T>>> {
    return this.#logical("logicalOr", op.or, other);
  }

  // — reductions —

  /** The sum over some axes, over all if absent. */
  sum(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.sum(x, options));
  }
  /** The mean over some axes, over all if absent. */
  mean(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.mean(x, options));
  }
  /** The product over some axes, over all if absent. */
  prod(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.prod(x, options));
  }
  /** NaN if any element is; ties share the derivative. */
  max(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.max(x, options));
  }
  /** NaN if any element is; ties share the derivative. */
  min(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.min(x, options));
  }
  /**
   * Mean squared distance from the mean, over n − correction (default 0). With a correction of n or more
   * it is ∞, or NaN where all are equal, as in NumPy.
   */
  variance(options?: VarianceOptions | Axes): Tensor {
    return this.#map((x) => composite.variance(x, options));
  }
  /**
   * The square root of {@link Tensor.variance}; if all elements are equal, its derivatives are 0.
   */
  std(options?: VarianceOptions | Axes): Tensor {
    return this.#map((x) => composite.rootOfSquares(composite.variance(x, options)));
  }
  /**
   * The Euclidean norm √Σx² over some axes, over all if absent. It does not overflow where the squares
   * do; its derivatives at 0 are 0.
   *
   * @example
   * tensor([[3, 4], [0, 0]]).norm({ axis: 1 }).toArray(); // [5, 0]
   */
  norm(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.norm(x, options));
  }
  /** log Σ eˣ, without overflow. */
  logSumExp(options?: ReduceOptions | Axes): Tensor {
    return floatOf(this).#map((x) => composite.logSumExp(x, options));
  }
  /** eˣ / Σ eˣ along `axis`, without overflow. */
  softmax(options?: AxisOptions | number): Tensor<R> {
    const { axis } = withAxis("softmax", options, { axis: true });
    return this.#map((x) => composite.softmax(x, axis));
  }
  /** x − log Σ eˣ along `axis`: finite where log(softmax x) would be −∞. */
  logSoftmax(options?: AxisOptions | number): Tensor<R> {
    const { axis } = withAxis("logSoftmax", options, { axis: true });
    return this.#map((x) => composite.logSoftmax(x, axis));
  }
  /** Index of the first largest element along `axis`, int32; over all elements if absent. */
  argmax(options?: AxisOptions | number): Tensor {
    const { axis } = withAxis("argmax", options, { axis: true });
    return numberOf(this).#map((x) => op.argmax(x, composite.axesFor("argmax", x, axis)));
  }
  /** Index of the first smallest element along `axis`, int32; over all elements if absent. */
  argmin(options?: AxisOptions | number): Tensor {
    const { axis } = withAxis("argmin", options, { axis: true });
    return numberOf(this).#map((x) => op.argmin(x, composite.axesFor("argmin", x, axis)));
  }
  /** Whether any element along some axes is true, or not 0. */
  any(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.any(x, options));
  }
  /** Whether all elements along some axes are true, or not 0. */
  all(options?: ReduceOptions | Axes): Tensor {
    return this.#map((x) => composite.all(x, options));
  }
  /**
   * Cumulative sums along `axis`, by default the last; optionally reversed or exclusive.
   * @example
   * tensor([1, 2, 3]).cumsum({ exclusive: true }).toArray(); // [0, 1, 3]
   */
  cumsum(options?: CumulativeOptions | number): Tensor<R> {
    return this.#running("cumsum", options, 0, op.cumsum);
  }
  /**
   * Cumulative products along `axis`, by default the last; optionally reversed or exclusive.
   * @example
   * tensor([2, 3, 4]).cumprod({ reverse: true }).toArray(); // [24, 12, 4]
   */
  cumprod(options?: CumulativeOptions | number): Tensor<R> {
    return this.#running("cumprod", options, 1, cumprod);
  }
  /** Indices that sort along `axis`: stable, NaN last. */
  argsort(options?: SortOptions | number): Tensor<R> {
    const { axis = -1, descending = false } = withAxis("argsort", options, sortOptions);
    const at = normalizeAxis("argsort", axis, this.rank);
    return numberOf(this).#map((x) => op.argsort(x, at, Boolean(descending)));
  }
  /** In ascending order along `axis`, by default the last: stable, NaN last. */
  sort(options?: SortOptions | number): Tensor<R> {
    const { axis = -1, descending = false } = withAxis("sort", options, sortOptions);
    return this.takeAlong(this.argsort({ axis, descending }), { axis });
  }

  // — shape —

  /** The same elements in order under another shape; one size may be −1, to be inferred. */
  reshape<const S extends Shape>(shape: S): Tensor<RankOfShape<S>> {
    const resolved = resolveShape(this.shape, shape);
    return this.#map((x) => op.reshape(x, resolved));
  }
  /** Flattens the axes from `startAxis` on into one. */
  flatten(options?: { startAxis?: number } | number): Tensor {
    if (typeof options === "number") return this.flatten({ startAxis: options });
    checkOptions("flatten", options, { startAxis: true });
    const start = normalizeAxis("flatten", options?.startAxis ?? 0, Math.max(1, this.rank));
    return this.reshape([...this.shape.slice(0, start), sizeOf(this.shape.slice(start))]);
  }
  /** Permutes the axes; reverses them by default. */
  transpose(perm?: readonly number[]): Tensor<R> {
    const order = perm ?? this.shape.map((_, i) => this.rank - 1 - i);
    checkList("transpose", "the order of axes", order, "[1, 0]");
    const axes = Array.from(order, (axis) => normalizeAxis("transpose", axis, this.rank));
    return this.#map((x) => op.permute(x, axes));
  }
  /** Removes an axis of size 1. */
  squeeze(axis: number): Tensor {
    const at = normalizeAxis("squeeze", axis, this.rank);
    if (this.shape[at] !== 1)
      throw new ShapeError({
        subject: "squeeze",
        problem: `axis ${axis} of ${show(this.shape)} has size ${this.shape[at]}, not 1.`,
        fix: `take one slice of it instead, or name an axis of size 1.`,
      });
    return this.reshape(this.shape.filter((_, i) => i !== at));
  }
  /** Inserts an axis of size 1 at position `axis`. */
  unsqueeze(axis: number): Tensor {
    const at = normalizeAxis("unsqueeze", axis, this.rank + 1);
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }
  /** Broadcasts to `shape`: repeats axes of size 1 and adds leading axes. Copies nothing. */
  broadcastTo<const S extends Shape>(shape: S): Tensor<RankOfShape<S>> {
    checkShape("broadcastTo", shape);
    const result = broadcastShapes("broadcastTo", [this.shape, shape]);
    if (!sameShape(result, shape))
      throw new ShapeError({
        subject: "broadcastTo",
        problem: `${show(this.shape)} does not stretch to ${show(shape)}.`,
        fix: "only sizes of 1 stretch.",
      });
    return this.#map((x) => op.broadcastTo(x, [...shape]));
  }
  /**
   * Elements by range, one entry per leading axis: an index (the axis disappears), `[start, stop]`,
   * `[start, stop, step]` (negative steps run backwards), or null for all.
   *
   * @example
   * arange(6).reshape([2, 3]).slice(1, [0, 3, 2]).toArray(); // [3, 5]
   */
  slice(...ranges: readonly Range[]): Tensor {
    return this.#map((x) => indexed(x, ranges));
  }
  /** Reverses the order along one axis or several. */
  flip(axis: Axes): Tensor<R> {
    const given = Array.isArray(axis) ? Array.from<number>(axis) : [axis as number];
    const axes = given.map((a) => normalizeAxis("flip", a, this.rank));
    return this.#map((x) => op.flip(x, axes));
  }
  /** Pads with `[before, after]` copies of `value` along each axis. */
  pad(widths: readonly (readonly [number, number])[], value = 0): Tensor<R> {
    checkWidths(widths, this.shape);
    checkNumber("pad", "the value", value, true);
    const dtype = common([this.node, value]);
    const [low, high] = [0, 1].map((side) => widths.map((w) => w[side]!)) as [number[], number[]];
    return this.#map((x) => op.pad(op.cast(x, dtype), { low, high, value }));
  }
  /**
   * Elements selected by an int32 tensor that has this tensor's shape except along `axis`, by
   * default the last.
   */
  takeAlong(indices: Tensor, options?: AxisOptions | number): Tensor<R> {
    const { axis = -1 } = withAxis("takeAlong", options, { axis: true });
    const at = normalizeAxis("takeAlong", axis, this.rank);
    const wanted = nodeOf("takeAlong", indices);
    return this.#map((x) => op.gather(x, wanted, at));
  }
  /** Whole slices along `axis`, by default the first: result[…, i…, …] = this[…, indices[i…], …]. */
  take(indices: Tensor, options?: AxisOptions | number): Tensor {
    const { axis = 0 } = withAxis("take", options, { axis: true });
    const at = normalizeAxis("take", axis, this.rank);
    const wanted = nodeOf("take", indices);
    const flat = [...this.shape];
    flat[at] = wanted.size;
    const others = flat.map((_, i) => i).filter((i) => i !== at);
    const wide = op.broadcastInto(op.reshape(wanted, [wanted.size]), flat, others);
    const shape = [...this.shape.slice(0, at), ...wanted.shape, ...this.shape.slice(at + 1)];
    return this.#map((x) => op.reshape(op.gather(x, wide, at), shape));
  }
  /** Matrix product over the last two axes; leading axes broadcast; vectors as in NumPy. */
  matmul(other: Tensor): Tensor {
    const [a, b] = [this.node, nodeOf("matmul", other)];
    const dtype = arithmetic([a, b]);
    return new Tensor(matmul(op.cast(a, dtype), op.cast(b, dtype)));
  }

  #running(
    name: string,
    options: CumulativeOptions | number | undefined,
    neutral: number,
    run: (x: Node, axis: number) => Node,
  ): Tensor {
    const { axis = -1, reverse, exclusive } = withAxis(name, options, cumulativeOptions);
    const at = normalizeAxis(name, axis, this.rank);
    const shift = (x: Node) => (exclusive ? shifted(x, at, neutral) : x);
    return numberOf(this).#map((x) => towards(Boolean(reverse), x, at, (y) => run(shift(y), at)));
  }
  #map(f: (x: Node) => Node): Tensor {
    return new Tensor(f(this.node));
  }
  #binary(
    name: string,
    f: (a: Node, b: Node) => Node,
    other: TensorLike,
    promotion = arithmetic,
  ): Tensor {
    return new Tensor(f(...align(name, this.node, operandOf(name, other), promotion)));
  }
  #logical(name: string, f: (a: Node, b: Node) => Node, other: TensorLike): Tensor {
    return this.#binary(name, f, other, () => "bool");
  }
}

const mapNested = <T>(x: NestedArray, f: (x: number) => T): unknown =>
  typeof x === "number" ? f(x) : x.map((row) => mapNested(row, f));

export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;

import {
  broadcastShapes,
  checkDType,
  checkShape,
  DataError,
  type DType,
  type HostArray,
  isFloat,
  normalizeAxis,
  type Shape,
  ShapeError,
  show,
  sizeOf,
  type TypedArray,
} from "../base/index.ts";
import { type Node, printGraph } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import type { ReduceOptions } from "./composite.ts";
import * as composite from "./composite.ts";
import { backend } from "./engine.ts";
import { indexed, type Range } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { align } from "./promote.ts";
import { realize, realizeSync } from "./realize.ts";

/** Nested arrays of numbers, as `tensor` takes them and `toArray` gives them. */
export type NestedArray = number | NestedArray[];
/** What binary operations take on their right side. */
export type TensorLike = Tensor | number;

/**
 * An immutable, lazy n-dimensional array. Operations add to a graph; reading a value compiles and
 * runs what it needs. Memory belongs to the garbage collector.
 *
 * Binary operations broadcast as in NumPy. Mixed dtypes meet in the wider one, but numbers and
 * scalar tensors never widen a float tensor.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * x.matmul(x).add(1).toArray(); // [[8, 11], [16, 23]]
 */
export class Tensor {
  /** The value in the graph; ops and transforms work on it. */
  readonly node: Node;

  constructor(node: Node) {
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
  toArray(): NestedArray {
    const data = this.dataSync();
    let at = 0;
    const build = (axis: number): NestedArray =>
      axis === this.rank
        ? data[at++]!
        : Array.from({ length: this.shape[axis]! }, () => build(axis + 1));
    return build(0);
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
  /** The dtype and the shape, without computing anything. */
  toString(): string {
    return `Tensor(${this.dtype}${show(this.shape)})`;
  }

  // — arithmetic —

  /** a + b, element by element, with broadcasting. */
  add(other: TensorLike): Tensor {
    return this.#binary("add", op.add, other);
  }
  /** a − b */
  sub(other: TensorLike): Tensor {
    return this.#binary("sub", op.sub, other);
  }
  /** a · b, element by element; {@link Tensor.matmul} is the matrix product. */
  mul(other: TensorLike): Tensor {
    return this.#binary("mul", op.mul, other);
  }
  /** True division; integers become float32. */
  div(other: TensorLike): Tensor {
    return this.#float().#binary("div", op.div, floatLike(other));
  }
  /** ⌊a/b⌋ */
  floorDiv(other: TensorLike): Tensor {
    return this.#binary(
      "floorDiv",
      (a, b) => (isFloat(a.dtype) ? op.floor(op.div(a, b)) : op.floorDiv(a, b)),
      other,
    );
  }
  /** The remainder, with the sign of the divisor. */
  mod(other: TensorLike): Tensor {
    return this.#binary("mod", composite.mod, other);
  }
  /** aᵇ; integers become float32. */
  pow(other: TensorLike): Tensor {
    return this.#float().#binary("pow", op.pow, floatLike(other));
  }
  /** The larger of both, element by element; NaN if either is. */
  maximum(other: TensorLike): Tensor {
    return this.#binary("maximum", op.maximum, other);
  }
  /** The smaller of both, element by element; NaN if either is. */
  minimum(other: TensorLike): Tensor {
    return this.#binary("minimum", op.minimum, other);
  }
  /** Limits values to low … high. */
  clip(low: number, high: number): Tensor {
    return this.maximum(low).minimum(high);
  }
  /** a = b, as bool. */
  equal(other: TensorLike): Tensor {
    return this.#binary("equal", op.equal, other);
  }
  /** a ≠ b, as bool. */
  notEqual(other: TensorLike): Tensor {
    return this.equal(other).logicalNot();
  }
  /** a < b, as bool. */
  less(other: TensorLike): Tensor {
    return this.#binary("less", op.less, other);
  }
  /** a ≤ b, as bool. */
  lessEqual(other: TensorLike): Tensor {
    return this.#binary("lessEqual", op.lessEqual, other);
  }
  /** a > b, as bool. */
  greater(other: TensorLike): Tensor {
    return this.#binary("greater", (a, b) => op.less(b, a), other);
  }
  /** a ≥ b, as bool. */
  greaterEqual(other: TensorLike): Tensor {
    return this.#binary("greaterEqual", (a, b) => op.lessEqual(b, a), other);
  }
  /** Not x, of bool. */
  logicalNot(): Tensor {
    return this.#map(op.not);
  }
  /** Both, of bool. */
  logicalAnd(other: Tensor): Tensor {
    return this.#binary("logicalAnd", op.and, other);
  }
  /** Either or both, of bool. */
  logicalOr(other: Tensor): Tensor {
    return this.#binary("logicalOr", op.or, other);
  }

  /** −x */
  neg(): Tensor {
    return this.#map(op.neg);
  }
  /** |x|; the derivative at 0 is 0. */
  abs(): Tensor {
    return this.#map(op.abs);
  }
  /** −1, 0 or 1; the derivative is 0. */
  sign(): Tensor {
    return this.#map(op.sign);
  }
  /** x² */
  square(): Tensor {
    return this.#map((x) => op.mul(x, x));
  }
  /** √x; NaN below 0. */
  sqrt(): Tensor {
    return this.#float().#map(op.sqrt);
  }
  /** 1/√x */
  rsqrt(): Tensor {
    return this.#float().#map(op.rsqrt);
  }
  /** eˣ */
  exp(): Tensor {
    return this.#float().#map(op.exp);
  }
  /** eˣ − 1, exact to rounding near 0. */
  expm1(): Tensor {
    return this.#float().#map(op.expm1);
  }
  /** The natural logarithm; −∞ at 0, NaN below. */
  log(): Tensor {
    return this.#float().#map(op.log);
  }
  /** log(1 + x), exact to rounding near 0. */
  log1p(): Tensor {
    return this.#float().#map(op.log1p);
  }
  /** sin x, x in radians. */
  sin(): Tensor {
    return this.#float().#map(op.sin);
  }
  /** cos x, x in radians. */
  cos(): Tensor {
    return this.#float().#map(op.cos);
  }
  /** tanh x */
  tanh(): Tensor {
    return this.#float().#map(op.tanh);
  }
  /** 1/(1 + e⁻ˣ), without overflow. */
  sigmoid(): Tensor {
    return this.#float().#map(op.sigmoid);
  }
  /** log(1 + eˣ), without overflow. */
  softplus(): Tensor {
    return this.#float().#map(op.softplus);
  }
  /** (2/√π) ∫₀ˣ e^(−t²) dt */
  erf(): Tensor {
    return this.#float().#map(op.erf);
  }
  /** max(x, 0); the derivative at 0 is 0. */
  relu(): Tensor {
    return this.#map(composite.relu);
  }
  /** x above 0, slope · x below. */
  leakyRelu(slope = 0.01): Tensor {
    return this.#float().#map((x) => composite.leakyRelu(x, slope));
  }
  /** ⌊x⌋; the derivative is 0. */
  floor(): Tensor {
    return this.#float().#map(op.floor);
  }
  /** ⌈x⌉; the derivative is 0. */
  ceil(): Tensor {
    return this.#float().#map(composite.ceil);
  }
  /** To the nearest integer, halves to even. */
  round(): Tensor {
    return this.#float().#map(composite.round);
  }
  /** Whether each element is NaN, as bool. */
  isNaN(): Tensor {
    return this.#map((x) => op.not(op.equal(x, x)));
  }
  /** Whether each element is neither infinite nor NaN, as bool. */
  isFinite(): Tensor {
    return this.#map((x) =>
      isFloat(x.dtype)
        ? op.less(op.abs(x), Number.POSITIVE_INFINITY)
        : op.constant(1, x.shape, "bool"),
    );
  }
  /** The same values in another dtype; fractions are cut off towards 0 on the way to int32. */
  cast(dtype: DType): Tensor {
    checkDType("cast", dtype);
    return this.#map((x) => op.cast(x, dtype));
  }
  /** The same value, which derivatives take for a constant. */
  stopGradient(): Tensor {
    return this.#map(op.stopGradient);
  }

  // — reductions —

  /** The sum over some axes, over all if absent. */
  sum(options?: ReduceOptions): Tensor {
    return this.#map((x) => composite.sum(x, options));
  }
  /** The mean over some axes, over all if absent. */
  mean(options?: ReduceOptions): Tensor {
    return this.#map((x) => composite.mean(x, options));
  }
  /** The product over some axes, over all if absent. */
  prod(options?: ReduceOptions): Tensor {
    return this.#map((x) => composite.prod(x, options));
  }
  /** NaN if any element is; ties share the derivative. */
  max(options?: ReduceOptions): Tensor {
    return this.#map((x) => composite.max(x, options));
  }
  /** NaN if any element is; ties share the derivative. */
  min(options?: ReduceOptions): Tensor {
    return this.#map((x) => composite.min(x, options));
  }
  /** Mean squared distance from the mean, over n − correction (default 0). */
  variance(options?: ReduceOptions & { correction?: number }): Tensor {
    return this.#map((x) => composite.variance(x, options));
  }
  /** The root of {@link Tensor.variance}. */
  std(options?: ReduceOptions & { correction?: number }): Tensor {
    return this.variance(options).sqrt();
  }
  /** log Σ eˣ, without overflow. */
  logSumExp(options?: ReduceOptions): Tensor {
    return this.#float().#map((x) => composite.logSumExp(x, options));
  }
  /** eˣ / Σ eˣ along `axis`, without overflow. */
  softmax(axis = -1): Tensor {
    return this.#map((x) => composite.softmax(x, axis));
  }
  /** x − log Σ eˣ along `axis`: finite where log(softmax x) would be −∞. */
  logSoftmax(axis = -1): Tensor {
    return this.#map((x) => composite.logSoftmax(x, axis));
  }
  /** Index of the first largest element along `axis`, int32; over all elements if absent. */
  argmax({ axis }: { axis?: number } = {}): Tensor {
    return this.#map((x) => op.argmax(x, composite.axesFor("argmax", x, axis)));
  }
  /** Index of the first smallest element along `axis`, int32; over all elements if absent. */
  argmin({ axis }: { axis?: number } = {}): Tensor {
    return this.#map((x) => op.argmin(x, composite.axesFor("argmin", x, axis)));
  }
  /** Whether any element along some axes is true, or not 0. */
  any(options?: ReduceOptions): Tensor {
    return this.#map((x) => composite.any(x, options));
  }
  /** Whether all elements along some axes are true, or not 0. */
  all(options?: ReduceOptions): Tensor {
    return this.#map((x) => composite.all(x, options));
  }
  /** Sums of each element and all before it along `axis`; of all after it if `reverse`. */
  cumsum({ axis = -1, reverse = false } = {}): Tensor {
    return this.#map((x) => op.cumsum(x, normalizeAxis("cumsum", axis, this.rank), reverse));
  }
  /** Indices that sort along `axis`: stable, NaN last. */
  argsort({ axis = -1, descending = false } = {}): Tensor {
    return this.#map((x) => op.argsort(x, normalizeAxis("argsort", axis, this.rank), descending));
  }
  /** In ascending order along `axis`: stable, NaN last. */
  sort(options: { axis?: number; descending?: boolean } = {}): Tensor {
    return this.takeAlong(this.argsort(options), options);
  }

  // — shape —

  /** The same elements in order under another shape; one size may be −1. */
  reshape(shape: Shape): Tensor {
    const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
    const resolved = shape.map((d) => (d === -1 ? this.size / (known || 1) : d));
    checkShape("reshape", resolved);
    return this.#map((x) => op.reshape(x, resolved));
  }
  /** Joins the axes from `startAxis` on into one. */
  flatten({ startAxis = 0 } = {}): Tensor {
    return this.reshape([
      ...this.shape.slice(0, startAxis),
      this.shape.slice(startAxis).reduce((n, d) => n * d, 1),
    ]);
  }
  /** Axes in another order; reversed if absent. */
  transpose(perm?: readonly number[]): Tensor {
    const order = perm ?? this.shape.map((_, i) => this.rank - 1 - i);
    const axes = order.map((axis) => normalizeAxis("transpose", axis, this.rank));
    return this.#map((x) => op.permute(x, axes));
  }
  /** Without an axis of size 1. */
  squeeze(axis: number): Tensor {
    const at = normalizeAxis("squeeze", axis, this.rank);
    return this.reshape(this.shape.filter((_, i) => i !== at));
  }
  /** With a new axis of size 1 before position `axis`. */
  unsqueeze(axis: number): Tensor {
    const at = normalizeAxis("unsqueeze", axis, this.rank + 1);
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }
  /** Axes of size 1 repeated, and new leading axes, to fill `shape`. Copies nothing. */
  broadcastTo(shape: Shape): Tensor {
    checkShape("broadcastTo", shape);
    const result = broadcastShapes("broadcastTo", [this.shape, shape]);
    if (show(result) !== show(shape))
      throw new ShapeError({
        subject: "broadcastTo",
        problem: `${show(this.shape)} does not stretch to ${show(shape)}.`,
        fix: "only sizes of 1 stretch.",
      });
    return this.#map((x) => op.broadcastTo(x, shape));
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
  /** In the opposite order along one axis or several. */
  flip(axis: number | readonly number[]): Tensor {
    const axes = (typeof axis === "number" ? [axis] : axis).map((a) =>
      normalizeAxis("flip", a, this.rank),
    );
    return this.#map((x) => op.flip(x, axes));
  }
  /** With `[before, after]` copies of `value` along each axis. */
  pad(widths: readonly (readonly [number, number])[], value = 0): Tensor {
    if (widths.length !== this.rank)
      throw new ShapeError({
        subject: "pad",
        problem: `${widths.length} widths for ${this.rank} axes of ${show(this.shape)}.`,
        fix: "give [before, after] for every axis.",
      });
    return this.#map((x) =>
      op.pad(x, { low: widths.map((w) => w[0]), high: widths.map((w) => w[1]), value }),
    );
  }
  /** Elements by an int32 tensor that has this tensor's shape but along `axis`. */
  takeAlong(indices: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
    return this.#map((x) =>
      op.gather(x, indices.node, normalizeAxis("takeAlong", axis, this.rank)),
    );
  }
  /** Whole slices along `axis`: result[…, i…, …] = this[…, indices[i…], …]. */
  take(indices: Tensor, { axis = 0 } = {}): Tensor {
    const at = normalizeAxis("take", axis, this.rank);
    const flat = [...this.shape];
    flat[at] = indices.size;
    const others = flat.map((_, i) => i).filter((i) => i !== at);
    const wide = op.broadcastInto(op.reshape(indices.node, [indices.size]), flat, others);
    const shape = [...this.shape.slice(0, at), ...indices.shape, ...this.shape.slice(at + 1)];
    return this.#map((x) => op.reshape(op.gather(x, wide, at), shape));
  }
  /** Matrix product over the last two axes; leading axes broadcast; vectors as in NumPy. */
  matmul(other: Tensor): Tensor {
    const [a, b] = [this.node, other.node];
    const dtype = align("matmul", op.constant(0, [1], a.dtype), op.constant(0, [1], b.dtype))[0]
      .dtype;
    return new Tensor(matmul(op.cast(a, dtype), op.cast(b, dtype)));
  }

  #map(f: (x: Node) => Node): Tensor {
    return new Tensor(f(this.node));
  }
  #float(): Tensor {
    return isFloat(this.dtype) ? this : this.cast("float32");
  }
  #binary(name: string, f: (a: Node, b: Node) => Node, other: TensorLike): Tensor {
    return new Tensor(f(...align(name, this.node, other instanceof Tensor ? other.node : other)));
  }
}

const floatLike = (x: TensorLike): TensorLike =>
  x instanceof Tensor && !isFloat(x.dtype) ? x.cast("float32") : x;

export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;

/**
 * A tensor that holds `array` itself, without a copy: do not write to the array afterwards. The first
 * asynchronous call that reads the tensor takes a copy, so that the array may be transferred to
 * another thread while the call runs.
 *
 * @throws {DataError} if there are not as many values as the shape has places; later, where the tensor
 *   is read, if the array's buffer was transferred before.
 */
export function fromHost({ shape, data }: HostArray): Tensor {
  if (data.length !== sizeOf(shape))
    throw new DataError({
      subject: "fromHost",
      problem: `${data.length} values for the ${sizeOf(shape)} places of ${show(shape)}.`,
      fix: "give a shape whose sizes multiply to the number of values.",
    });
  return new Tensor(op.dataNode(backend().borrow(data), shape));
}

/** {@link fromHost} for an array that nobody else has: it need not be copied. */
export const keepHost = ({ shape, data }: HostArray): Tensor =>
  new Tensor(op.dataNode(backend().upload(data), shape));

/** @throws {DataError} for arrays whose rows differ in length. */
export function shapeOfNested(values: NestedArray): number[] {
  const shape: number[] = [];
  for (let x = values; Array.isArray(x); x = x[0] as NestedArray) {
    shape.push(x.length);
    if (x.length === 0) break;
  }
  const check = (x: NestedArray, axis: number): void => {
    const isRow = Array.isArray(x);
    if (isRow !== axis < shape.length || (isRow && x.length !== shape[axis]))
      throw new DataError({
        subject: "tensor",
        problem: `rows differ: expected ${show(shape.slice(axis))} on level ${axis}, got ${isRow ? `${x.length} entries` : String(x)}.`,
        fix: "give every row the same length.",
      });
    if (isRow) for (const row of x) check(row, axis + 1);
  };
  check(values, 0);
  return shape;
}

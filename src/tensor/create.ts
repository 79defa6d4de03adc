import {
  broadcastShapes,
  ConfigError,
  checkDType,
  checkOptions,
  checkShape,
  DataError,
  type DType,
  DTypeError,
  holds,
  normalizeAxis,
  numeric,
  type Shape,
  ShapeError,
  sameShape,
  show,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { checkNumber, checkWhole, nodeOf, nodesOf, operandOf, withAxis } from "./arguments.ts";
import * as composite from "./composite.ts";
import { keepHost } from "./host.ts";
import { readNested, type TensorData } from "./nested.ts";
import { align, arithmetic, common } from "./promote.ts";
import type { RankOfData, RankOfShape } from "./rank.ts";
import { type AxisOptions, Tensor, type TensorLike } from "./tensor.ts";

/**
 * A tensor of given values: a number, nested arrays of numbers (float32 unless said otherwise) or
 * of booleans (bool), or typed arrays of any kind, which are copied and keep their dtype if tensors
 * have it: a `Uint8Array` is bool, other integers are int32.
 *
 * @throws {DataError} with the index, for rows of different length, values that are not numbers,
 * and values that the dtype cannot hold: int32 holds integers from −2³¹ to 2³¹ − 1, bool 0 and 1.
 * @example
 * tensor([[1, 2], [3, 4]]).shape; // [2, 2]
 * tensor([true, false]).dtype; // "bool"
 * tensor(Uint8Array.of(0, 128, 255), "float32").toArray(); // [0, 128, 255]
 */
export function tensor<A extends TensorData>(values: A, dtype?: DType): Tensor<RankOfData<A>> {
  if (dtype !== undefined) checkDType("tensor", dtype);
  return keepHost(readNested(values, dtype));
}

interface Typed {
  readonly dtype?: DType | undefined;
}
const typed = { dtype: true } as const;

/** The dtype in the options. */
function dtypeIn(
  subject: string,
  options: Typed | undefined,
  absent: DType,
  allowed?: readonly DType[],
): DType {
  checkOptions(subject, options, typed);
  const { dtype = absent } = options ?? {};
  checkDType(subject, dtype, allowed);
  return dtype;
}

/** @throws {DataError} unless `dtype` can hold `x`. */
function checkHeld(subject: string, name: string, x: number, dtype: DType): void {
  if (holds(dtype, x)) return;
  throw new DataError({
    subject,
    problem: `${name} is ${x}, which ${dtype} does not hold.`,
    fix: `give the dtype "${holds("int32", x) ? "int32" : Number.isInteger(x) ? "float64" : "float32"}".`,
  });
}

/** `value` everywhere. @throws {DataError} if the dtype cannot hold it, such as 0.5 in int32. */
export function full<const S extends Shape>(
  shape: S,
  value: number,
  options?: Typed,
): Tensor<RankOfShape<S>> {
  return filled("full", shape, value, options);
}
/** All 0; float32 by default. */
export const zeros = <const S extends Shape>(shape: S, options?: Typed): Tensor<RankOfShape<S>> =>
  filled("zeros", shape, 0, options);
/** All 1; float32 by default. */
export const ones = <const S extends Shape>(shape: S, options?: Typed): Tensor<RankOfShape<S>> =>
  filled("ones", shape, 1, options);
/** All 0, with the shape and dtype of another tensor. */
export const zerosLike = <R extends number>(x: Tensor<R>): Tensor<R> =>
  new Tensor(op.filled(0, nodeOf("zerosLike", x)));
/** All 1, with the shape and dtype of another tensor. */
export const onesLike = <R extends number>(x: Tensor<R>): Tensor<R> =>
  new Tensor(op.filled(1, nodeOf("onesLike", x)));

function filled(subject: string, shape: Shape, value: number, options?: Typed): Tensor {
  checkShape(subject, shape);
  checkNumber(subject, "the value", value, true);
  const dtype = dtypeIn(subject, options, "float32");
  checkHeld(subject, "the value", value, dtype);
  return new Tensor(op.constant(value, [...shape], dtype));
}

/** The largest number of elements that int32 can index. */
const maxCount = 2 ** 31 - 1;

/**
 * start, start + step, …, ⌈(stop − start)/step⌉ of them, all of them before stop; `arange(n)`
 * counts 0 … n − 1. Each is start + i · step in float64, rounded once. An integer start and step
 * give int32, others float32, unless a dtype is given.
 *
 * @throws {ConfigError} for a step of 0. @throws {DataError} for values that the dtype cannot hold.
 * @example
 * arange(2, 11, 3).toArray(); // [2, 5, 8]
 * arange(0, 1, 0.25).toArray(); // [0, 0.25, 0.5, 0.75]
 * arange(3, 0, -1).toArray(); // [3, 2, 1]
 */
export function arange(start: number, stop?: number, step = 1, options?: Typed): Tensor<1> {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  checkNumber("arange", "start", from);
  checkNumber("arange", "stop", to);
  checkNumber("arange", "step", step);
  if (step === 0)
    throw new ConfigError({
      subject: "arange",
      problem: "the step is 0.",
      fix: "give a step that leads from start to stop; full repeats one value.",
    });
  const isWhole = Number.isInteger(from) && Number.isInteger(step);
  const dtype = dtypeIn("arange", options, isWhole ? "int32" : "float32", numeric);
  const count = Math.max(0, Math.ceil((to - from) / step));
  checkWhole("arange", "the number of values", count, 0, maxCount);
  if (count > 0) {
    checkHeld("arange", "start", from, dtype);
    checkHeld("arange", "the last value", from + (count - 1) * step, dtype);
  }
  const isInt = isWhole && dtype === "int32" && holds("int32", step);
  return new Tensor(op.cast(line(from, step, count, isInt), dtype));
}

/** start + i · step for i = 0 … count − 1, in int32 or float64. */
function line(start: number, step: number, count: number, isInt: boolean): Node {
  const index = op.cast(op.iota([count], 0), isInt ? "int32" : "float64");
  return op.add(op.mul(index, count > 1 ? step : 0), start);
}

/**
 * `count` evenly spaced values from start to stop, both included exactly: start + i · (stop −
 * start)/(count − 1) in float64, rounded once (down for int32, as in NumPy); a single value is
 * start.
 *
 * @throws {ConfigError} for bounds that are not finite, or a count that is not an integer.
 * @throws {DataError} for bounds that the dtype cannot hold.
 * @example
 * linspace(0, 1, 5).toArray(); // [0, 0.25, 0.5, 0.75, 1]
 * linspace(0, 10, 5, { dtype: "int32" }).toArray(); // [0, 2, 5, 7, 10]
 */
export function linspace(start: number, stop: number, count: number, options?: Typed): Tensor<1> {
  checkNumber("linspace", "start", start);
  checkNumber("linspace", "stop", stop);
  checkWhole("linspace", "the count", count, 0, maxCount);
  const dtype = dtypeIn("linspace", options, "float32", numeric);
  for (const [name, bound] of [["start", start] as const, ["stop", stop] as const])
    checkHeld("linspace", name, dtype === "int32" ? Math.floor(bound) : bound, dtype);
  const last = op.equal(op.iota([count], 0), count - 1);
  const step = (stop - start) / Math.max(1, count - 1);
  checkNumber("linspace", "stop − start", stop - start);
  const values = op.where(count > 1 ? last : op.not(last), stop, line(start, step, count, false));
  return new Tensor(op.cast(dtype === "int32" ? op.floor(values) : values, dtype));
}

/** The n × n identity. */
export function eye(n: number, options?: Typed): Tensor<2> {
  checkWhole("eye", "the size", n, 0, maxCount);
  const dtype = dtypeIn("eye", options, "float32");
  return new Tensor(op.cast(op.equal(op.iota([n, n], 0), op.iota([n, n], 1)), dtype));
}

/**
 * x itself. Computing it is an error that names a value, unless `valid` is true everywhere.
 *
 * @param blame `wanted` is what a value must be: "a value is 0, not a target of −1 or 1."
 * @param values the values that `valid` checks, if not x.
 */
export const checkedValues = (
  x: Tensor,
  valid: Tensor,
  blame: { readonly subject: string; readonly wanted: string; readonly fix: string },
  values = x,
): Tensor => new Tensor(op.checked(x.node, valid.node, blame, values.node));

/**
 * Row k is 1 in column indices[k], else 0: [...] int32 → [..., depth].
 *
 * @throws {ConfigError} unless the depth is an integer ≥ 1. @throws {DataError}, when the values
 * are computed, for an index outside 0 … depth − 1.
 * @example
 * oneHot(tensor([2, 0], "int32"), 3).toArray(); // [[0, 0, 1], [1, 0, 0]]
 */
export function oneHot(indices: Tensor, depth: number, options?: Typed): Tensor {
  const found = nodeOf("oneHot", indices);
  if (found.dtype !== "int32")
    throw new DTypeError({
      subject: "oneHot",
      problem: `indices are ${found.dtype}.`,
      fix: 'cast them: indices.cast("int32").',
    });
  checkWhole("oneHot", "the depth", depth, 1, maxCount);
  return new Tensor(composite.oneHot(found, depth, dtypeIn("oneHot", options, "float32")));
}

/**
 * a where `condition`, else b; the dtype holds both, shapes broadcast.
 * @example
 * where(tensor([true, false]), 0.5, tensor([1, 2], "int32")).toArray(); // [0.5, 2]
 */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const chosen = nodeOf("where", condition);
  const [x, y] = align("where", operandOf("where", a), operandOf("where", b));
  const shape = broadcastShapes("where", [chosen.shape, x.shape]);
  return new Tensor(
    op.where(op.broadcastTo(chosen, shape), op.broadcastTo(x, shape), op.broadcastTo(y, shape)),
  );
}

/** Tensors of one dtype, the widest of theirs. */
function promoted(subject: string, tensors: readonly Tensor[]): Node[] {
  const nodes = nodesOf(subject, tensors);
  const dtype = common(nodes);
  return nodes.map((x) => op.cast(x, dtype));
}

/**
 * Concatenates tensors along `axis`, by default the first. @throws {ShapeError} if there are none.
 */
export function concat(tensors: readonly Tensor[], options?: AxisOptions | number): Tensor {
  const { axis = 0 } = withAxis("concat", options, { axis: true });
  const nodes = promoted("concat", tensors);
  return new Tensor(op.concat(nodes, normalizeAxis("concat", axis, nodes[0]!.shape.length)));
}

/**
 * Stacks tensors along a new axis, by default the first. @throws {ShapeError} if their shapes
 * differ.
 */
export function stack(tensors: readonly Tensor[], options?: AxisOptions | number): Tensor {
  const { axis = 0 } = withAxis("stack", options, { axis: true });
  const nodes = promoted("stack", tensors);
  const { shape } = nodes[0]!;
  const other = nodes.find((x) => !sameShape(x.shape, shape));
  if (other)
    throw new ShapeError({
      subject: "stack",
      problem: `shapes differ, ${show(shape)} with ${show(other.shape)}.`,
      fix: "give tensors of one shape; concat joins along an axis that exists.",
    });
  const at = normalizeAxis("stack", axis, shape.length + 1);
  const wide = [...shape.slice(0, at), 1, ...shape.slice(at)];
  return new Tensor(
    op.concat(
      nodes.map((x) => op.reshape(x, wide)),
      at,
    ),
  );
}

/**
 * result = 0, then result[i with its axis replaced by indices[i]] += updates[i]. Sums of bool are
 * int32.
 *
 * Updates of one position are added one after another in their dtype, as in PyTorch's `index_add`:
 * sums of very many lose digits in float32, which float64 keeps.
 *
 * @param options the axis, and the result's `size` along it.
 * @throws {ConfigError} unless the size is an integer ≥ 0. @throws {DataError}, when the values are
 * computed, for an index outside 0 … size − 1.
 * @example
 * scatterAdd(tensor([0, 2, 0], "int32"), tensor([1, 2, 3]), { axis: 0, size: 3 }).toArray(); // [4, 0, 2]
 */
export function scatterAdd(
  indices: Tensor,
  updates: Tensor,
  options: { axis: number; size: number },
): Tensor {
  const [at, added] = [nodeOf("scatterAdd", indices), nodeOf("scatterAdd", updates)];
  checkOptions("scatterAdd", options ?? null, { axis: true, size: true });
  const axis = normalizeAxis("scatterAdd", options.axis, added.shape.length);
  checkWhole("scatterAdd", "the size", options.size, 0, maxCount);
  return new Tensor(op.scatterAdd(at, op.cast(added, arithmetic([added])), axis, options.size));
}

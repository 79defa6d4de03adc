import {
  allocate,
  broadcastShapes,
  checkDType,
  checkShape,
  type DType,
  dtypeOf,
  hostArray,
  roundTo,
  type Shape,
  ShapeError,
  show,
  sizeOf,
  type TypedArray,
} from "../base/index.ts";
import * as op from "../ops/index.ts";
import * as composite from "./composite.ts";
import { align } from "./promote.ts";
import { fromHost, type NestedArray, shapeOfNested, Tensor, type TensorLike } from "./tensor.ts";

/**
 * A tensor of given values: nested arrays of numbers (float32 unless said otherwise), or a typed
 * array, whose dtype it keeps and which is copied.
 *
 * @throws {DataError} if rows differ in length.
 * @example
 * tensor([[1, 2], [3, 4]]).shape; // [2, 2]
 */
export function tensor(values: NestedArray | TypedArray, dtype?: DType): Tensor {
  if (dtype !== undefined) checkDType("tensor", dtype);
  if (ArrayBuffer.isView(values)) {
    const bytes = values instanceof Uint8Array ? values.map((x) => (x ? 1 : 0)) : values.slice();
    const copy = fromHost(hostArray([values.length], bytes));
    return dtype && dtype !== dtypeOf(values) ? copy.cast(dtype) : copy;
  }
  const shape = shapeOfNested(values);
  const type = dtype ?? "float32";
  const data = allocate(type, sizeOf(shape));
  let at = 0;
  const fill = (x: NestedArray): void => {
    if (Array.isArray(x)) for (const row of x) fill(row);
    else data[at++] = roundTo(type, x);
  };
  fill(values);
  return fromHost({ shape, dtype: type, data });
}

interface Typed {
  readonly dtype?: DType | undefined;
}

/** `value` everywhere. */
export function full(shape: Shape, value: number, { dtype = "float32" }: Typed = {}): Tensor {
  checkShape("full", shape);
  checkDType("full", dtype);
  return new Tensor(op.constant(value, [...shape], dtype));
}
/** All 0; float32 unless said otherwise. */
export const zeros = (shape: Shape, options?: Typed): Tensor => full(shape, 0, options);
/** All 1; float32 unless said otherwise. */
export const ones = (shape: Shape, options?: Typed): Tensor => full(shape, 1, options);
/** All 0, in the shape and dtype of another tensor. */
export const zerosLike = (x: Tensor): Tensor => full(x.shape, 0, { dtype: x.dtype });
/** All 1, in the shape and dtype of another tensor. */
export const onesLike = (x: Tensor): Tensor => full(x.shape, 1, { dtype: x.dtype });

/** start, start + step, … below stop; `arange(n)` counts 0 … n − 1. int32 unless said otherwise. */
export function arange(
  start: number,
  stop?: number,
  step = 1,
  { dtype = "int32" }: Typed = {},
): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const size = Math.max(0, Math.ceil((to - from) / step));
  const index = op.cast(op.iota([size], 0), dtype);
  return new Tensor(op.add(op.mul(index, step), from));
}

/** `count` evenly spaced values from start to stop, both included. */
export function linspace(
  start: number,
  stop: number,
  count: number,
  { dtype = "float32" }: Typed = {},
): Tensor {
  const index = op.cast(op.iota([count], 0), dtype);
  return new Tensor(op.add(op.mul(index, count > 1 ? (stop - start) / (count - 1) : 0), start));
}

/** The n × n identity. */
export function eye(n: number, { dtype = "float32" }: Typed = {}): Tensor {
  return new Tensor(op.cast(op.equal(op.iota([n, n], 0), op.iota([n, n], 1)), dtype));
}

/** Row k is 1 in column indices[k], else 0: [...] int32 → [..., depth]. */
export const oneHot = (indices: Tensor, depth: number, { dtype = "float32" }: Typed = {}): Tensor =>
  new Tensor(composite.oneHot(indices.node, depth, dtype));

/** a where `condition`, else b. */
export function where(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const left =
    a instanceof Tensor ? a : full([], a, { dtype: b instanceof Tensor ? b.dtype : "float32" });
  const [x, y] = align("where", left.node, b instanceof Tensor ? b.node : b);
  const shape = broadcastShapes("where", [condition.shape, x.shape]);
  return new Tensor(
    op.where(
      op.broadcastTo(condition.node, shape),
      op.broadcastTo(x, shape),
      op.broadcastTo(y, shape),
    ),
  );
}

/** The tensors one after another along `axis`. @throws {ShapeError} if there are none. */
export function concat(tensors: readonly Tensor[], { axis = 0 } = {}): Tensor {
  if (tensors.length === 0)
    throw new ShapeError({
      subject: "concat",
      problem: "there are no tensors, and so no shape and dtype.",
      fix: "give a tensor or more.",
    });
  const at = composite.axesFor("concat", tensors[0]!.node, axis)[0]!;
  return new Tensor(
    op.concat(
      tensors.map((t) => t.node),
      at,
    ),
  );
}

/** The tensors side by side along a new axis. */
export const stack = (tensors: readonly Tensor[], { axis = 0 } = {}): Tensor =>
  concat(
    tensors.map((t) => t.unsqueeze(axis)),
    { axis },
  );

/** The k largest along the last axis, with their indices. */
export function topK(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const n = x.shape.at(-1) ?? 0;
  if (!Number.isInteger(k) || k < 0 || k > n)
    throw new ShapeError({
      subject: "topK",
      problem: `${k} of ${n} elements along the last axis of ${show(x.shape)}.`,
      fix: `ask for 0 … ${n}.`,
    });
  const lead = x.shape.slice(0, -1).map(() => null);
  const indices = x.argsort({ descending: true }).slice(...lead, [0, k]);
  return { values: x.takeAlong(indices), indices };
}

/** result = 0, then result[i with its axis replaced by indices[i]] += updates[i]. */
export function scatterAdd(
  indices: Tensor,
  updates: Tensor,
  { axis, size }: { axis: number; size: number },
): Tensor {
  const [at] = composite.axesFor("scatterAdd", updates.node, axis);
  return new Tensor(op.scatterAdd(indices.node, updates.node, at!, size));
}

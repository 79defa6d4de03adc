/** Elements by index: gathered, scattered, sorted and found. */
import { normalizeAxis, sizeOf, stridesOf } from "../../base/index.ts";
import {
  arange,
  gatherElements,
  gatherNd,
  type Reduction,
  scatterElements,
  scatterNd,
  type Tensor,
  tensor,
  topK,
  unique,
  where,
} from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { hostOf } from "../host.ts";
import { Value } from "../value.ts";

/** Indices counted from the front. */
const positive = (index: Tensor, size: number): Tensor =>
  where(index.less(0), index.add(size), index);

/** Slices along an axis; constants of constants stay constants. */
function gather(call: Call): Value {
  const [x, index] = [call.x(0), call.x(1)];
  const axis = normalizeAxis("Gather", call.int("axis", 0), x.rank);
  if (x.host && index.host) return gatherHost(call, axis);
  const i = positive(index.tensor.cast("int32"), x.shape[axis]!);
  return call.value(x.tensor.take(i, { axis }));
}

function gatherHost(call: Call, axis: number): Value {
  const [x, index] = [call.x(0).host!, call.x(1).host!];
  const n = x.shape[axis]!;
  const inner = sizeOf(x.shape.slice(axis + 1));
  const count = index.data.length;
  const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
  const at = Array.from(index.data as ArrayLike<number | bigint>, (i) =>
    Number(i) < 0 ? Number(i) + n : Number(i),
  );
  const wrong = at.findIndex((i) => !(i >= 0 && i < n));
  if (wrong >= 0) throw call.error(`takes index ${index.data[wrong]} of an axis of ${n}.`);
  return Value.of(
    hostOf(x.type, shape, (k) => {
      const [outer, rest] = [Math.floor(k / (count * inner)), k % (count * inner)];
      return x.data[(outer * n + at[Math.floor(rest / inner)]!) * inner + (rest % inner)]!;
    }),
  );
}

/** The last axis of indices, each counted from the front of the axis that it goes along. */
function positiveRows(index: Tensor, sizes: readonly number[]): Tensor {
  const size = tensor(Int32Array.from(sizes), "int32");
  return where(index.less(0), index.add(size), index);
}

function gatherND(call: Call): Value {
  const [x, index] = [call.t(0), call.t(1).cast("int32")];
  const batchDims = call.int("batch_dims", 0);
  const depth = index.shape.at(-1)!;
  const rows = positiveRows(index, x.shape.slice(batchDims, batchDims + depth));
  return call.value(gatherNd(x, rows, { batchDims }));
}

function gatherElementsOp(call: Call): Value {
  const [x, index] = [call.t(0), call.t(1).cast("int32")];
  const axis = normalizeAxis("GatherElements", call.int("axis", 0), x.rank);
  return call.value(gatherElements(x, positive(index, x.shape[axis]!), { axis }));
}

const reductions: Readonly<Record<string, Reduction>> = {
  none: "set",
  add: "add",
  mul: "mul",
  max: "max",
  min: "min",
};
function reductionOf(call: Call): Reduction {
  const name = call.text("reduction", "none");
  const found = Object.hasOwn(reductions, name) ? reductions[name] : undefined;
  if (!found) throw call.error(`has an unknown reduction "${name}".`);
  return found;
}

function scatterElementsOp(call: Call): Value {
  const [x, index, updates] = [call.t(0), call.t(1).cast("int32"), call.t(2)];
  const axis = normalizeAxis(call.node.operator, call.int("axis", 0), x.rank);
  const at = positive(index, x.shape[axis]!);
  return call.value(scatterElements(x, at, updates, { axis, reduction: reductionOf(call) }));
}

function scatterND(call: Call): Value {
  const [x, index, updates] = [call.t(0), call.t(1).cast("int32"), call.t(2)];
  const rows = positiveRows(index, x.shape.slice(0, index.shape.at(-1)!));
  return call.value(scatterNd(x, rows, updates, { reduction: reductionOf(call) }));
}

/** The rows where a condition holds, which must be known. */
function compress(call: Call): Value {
  const x = call.x(0);
  const kept = Array.from(call.x(1).read().data as ArrayLike<number>).flatMap((c, i) =>
    c ? [i] : [],
  );
  const index = tensor(Int32Array.from(kept), "int32");
  if (!call.has("axis")) return call.value(x.tensor.reshape([x.size]).take(index));
  const axis = normalizeAxis("Compress", call.int("axis", 0), x.rank);
  return call.value(x.tensor.take(index, { axis }));
}

/** Positions of what is not 0, one column each: as many as there are, so the values must be known. */
function nonZero(call: Call): Value {
  const { shape, data } = call.x(0).read();
  const at = Array.from(data as ArrayLike<number>).flatMap((x, i) => (x ? [i] : []));
  const strides = stridesOf(shape);
  return Value.of(
    hostOf("int64", [shape.length, at.length], (k) => {
      const [axis, i] = [Math.floor(k / at.length), k % at.length];
      return BigInt(Math.floor(at[i]! / strides[axis]!) % shape[axis]!);
    }),
  );
}

/** Updates at a position of each row, along the axis of a cache. */
function tensorScatter(call: Call): Value {
  const [past, update] = [call.t(0), call.t(1)];
  const axis = normalizeAxis("TensorScatter", call.int("axis", -2), past.rank);
  const [most, length] = [past.shape[axis]!, update.shape[axis]!];
  const start = call.optional(2)?.tensor.cast("int32") ?? arange(past.shape[0]!).mul(0);
  const behind = update.shape.slice(axis + 1).map(() => 1);
  const first = start.reshape([-1, ...past.shape.slice(1).map(() => 1)]);
  const place = first.add(arange(length).reshape([length, ...behind]));
  const at = call.text("mode", "linear") === "circular" ? place.mod(most) : place;
  return call.value(scatterElements(past, at.broadcastTo(update.shape), update, { axis }));
}

function topKOp(call: Call): Output[] {
  const x = call.t(0);
  const axis = normalizeAxis("TopK", call.int("axis", -1), x.rank);
  const k = call.version < 10 ? call.int("k", 1) : call.must(call.number(1));
  const smallest = call.int("largest", 1) === 0;
  const { values, indices } = topK(x, k, { axis, smallest });
  return [call.value(values), call.value(indices, "int64")];
}

/** Distinct elements, or slices along an axis, in ascending order or in that of their first occurrence. */
function uniqueOp(call: Call): Output[] {
  const x = call.t(0);
  const axis = call.has("axis") ? normalizeAxis("Unique", call.int("axis", 0), x.rank) : undefined;
  const { values, indices, inverse, counts } = unique(x, axis === undefined ? {} : { axis });
  const rest = [indices, inverse.reshape([inverse.size]), counts];
  const isSorted = call.int("sorted", 1) !== 0;
  const order = indices.argsort();
  const [first, back, count] = isSorted
    ? (rest as [Tensor, Tensor, Tensor])
    : [indices.take(order), order.argsort().take(rest[1]!), counts.take(order)];
  const found = isSorted ? values : values.take(order, { axis: axis ?? 0 });
  return [call.value(found), ...[first, back, count].map((t) => call.value(t!, "int64"))];
}

export const gatherOperators: readonly Operator[] = [
  { name: "Gather", run: gather },
  { name: "GatherElements", run: gatherElementsOp },
  { name: "GatherND", run: gatherND },
  { name: "ScatterElements", run: scatterElementsOp },
  { name: "Scatter", run: scatterElementsOp },
  { name: "ScatterND", run: scatterND },
  { name: "Compress", run: compress },
  { name: "NonZero", run: nonZero },
  { name: "TensorScatter", run: tensorScatter },
  { name: "TopK", settings: [1], run: topKOp },
  { name: "Unique", run: uniqueOp },
];

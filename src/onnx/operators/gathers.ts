/** Elements by index: gathered and scattered. */
import { normalizeAxis, type Shape, sizeOf, stridesOf } from "../../base/index.ts";
import { concat, ones, scatterAdd, type Tensor, tensor, where } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
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

/** The index of each element as a position in the flattened x, from indices that replace one axis. */
function flatIndex(index: Tensor, shape: Shape, axis: number): Tensor {
  const strides = stridesOf(shape);
  const at = positive(index.cast("int32"), shape[axis]!).mul(strides[axis]!);
  return index.shape.reduce(
    (sum, d, i) =>
      i === axis || d === 0 ? sum : sum.add(counting(d, index.rank, i).mul(strides[i]!)),
    at,
  );
}

/** 0, 1, … along an axis of a tensor of so many axes. */
const counting = (n: number, rank: number, axis: number): Tensor =>
  ones([n], { dtype: "int32" })
    .cumsum()
    .sub(1)
    .reshape([n, ...new Array<number>(rank - axis - 1).fill(1)]);

function gatherElements(call: Call): Value {
  const [x, index] = [call.t(0), call.t(1)];
  const axis = normalizeAxis("GatherElements", call.int("axis", 0), x.rank);
  const flat = flatIndex(index, x.shape, axis).broadcastTo(index.shape);
  return call.value(x.reshape([x.size]).take(flat));
}

/** The position of the slice that each row of indices names, in units of one slice. */
function rowIndex(index: Tensor, shape: Shape, batch: number): Tensor {
  const depth = index.shape.at(-1)!;
  const sizes = shape.slice(batch, batch + depth);
  const strides = stridesOf(shape.slice(0, batch + depth));
  const lead = index.shape.slice(0, -1);
  const columns = sizes.map((d, k) =>
    positive(index.slice(...lead.map(() => null), k), d).mul(strides[batch + k]!),
  );
  const start = columns.reduce((a, b) => a.add(b));
  return lead
    .slice(0, batch)
    .reduce((sum, d, i) => sum.add(counting(d, lead.length, i).mul(strides[i]!)), start);
}

function gatherND(call: Call): Value {
  const [x, index] = [call.t(0), call.t(1).cast("int32")];
  const batch = call.int("batch_dims", 0);
  const depth = index.shape.at(-1)!;
  const inner = x.shape.slice(batch + depth);
  const rows = x.reshape([sizeOf(x.shape.slice(0, batch + depth)), ...inner]);
  return call.value(rows.take(rowIndex(index, x.shape, batch)));
}

/** How updates meet what is there. */
type Meeting = "none" | "add" | "mul" | "max" | "min";

/**
 * x [R, …] with rows of updates [K, …] put at positions [K, …], or met with what is there. What is
 * replaced gets the last update; that, products and extremes go update by update in rounds, where
 * a round takes at most one update per place.
 */
export function scattered(x: Tensor, at: Tensor, updates: Tensor, meeting: Meeting): Tensor {
  const flat = x.reshape([x.size]);
  const values = updates.reshape([updates.size]);
  const places = at.reshape([updates.size]);
  if (updates.size === 0) return x;
  const sum = (v: Tensor) => scatterAdd(places, v, { axis: 0, size: x.size });
  if (meeting === "add") return flat.add(sum(values)).reshape(x.shape);
  // the order within a place decides; sorting by place is stable, so runs of one place are in order
  const order = places.argsort();
  const sorted = places.take(order);
  const n = updates.size;
  const isLast = n === 1 ? ones([1]).cast("bool") : lastOfRun(sorted, n);
  const run = runValues(values.take(order), sorted, meeting, n);
  const chosen = where(isLast, run, 0);
  const total = scatterAdd(sorted, chosen, { axis: 0, size: x.size });
  const isHit = scatterAdd(sorted, isLast.cast("int32"), { axis: 0, size: x.size }).greater(0);
  const met = {
    none: total,
    mul: flat.mul(total),
    max: flat.maximum(total),
    min: flat.minimum(total),
  }[meeting];
  return where(isHit, met, flat).reshape(x.shape);
}

const lastOfRun = (sorted: Tensor, n: number): Tensor =>
  sorted
    .slice([0, n - 1])
    .notEqual(sorted.slice([1, n]))
    .cast("int32")
    .pad([[0, 1]], 1)
    .cast("bool");

/** Within each run of one place, the result of all updates up to each: by doubling, log₂ n rounds. */
function runValues(values: Tensor, sorted: Tensor, meeting: Meeting, n: number): Tensor {
  if (meeting === "none") return values;
  let y = values;
  for (let step = 1; step < n; step *= 2) {
    const before = y.slice([0, n - step]);
    const same = sorted.slice([0, n - step]).equal(sorted.slice([step, n]));
    const here = y.slice([step, n]);
    const joined =
      meeting === "mul"
        ? here.mul(before)
        : meeting === "max"
          ? here.maximum(before)
          : here.minimum(before);
    y = concat([y.slice([0, step]), where(same, joined, here)]);
  }
  return y;
}

const meetingOf = (call: Call): Meeting => {
  const name = call.text("reduction", "none");
  if (["none", "add", "mul", "max", "min"].includes(name)) return name as Meeting;
  throw call.error(`has an unknown reduction "${name}".`);
};

function scatterElements(call: Call): Value {
  const [x, index, updates] = [call.t(0), call.t(1), call.t(2)];
  const axis = normalizeAxis(call.node.operator, call.int("axis", 0), x.rank);
  const at = flatIndex(index, x.shape, axis).broadcastTo(index.shape);
  return call.value(scattered(x, at, updates, meetingOf(call)));
}

function scatterND(call: Call): Value {
  const [x, index, updates] = [call.t(0), call.t(1).cast("int32"), call.t(2)];
  const depth = index.shape.at(-1)!;
  const inner = sizeOf(x.shape.slice(depth));
  const rows = rowIndex(index, x.shape, 0);
  const at = rows
    .reshape([rows.size, 1])
    .mul(inner)
    .add(counting(inner, 1, 0))
    .reshape([rows.size * inner]);
  return call.value(scattered(x, at, updates, meetingOf(call)));
}

/** The rows where a condition holds, which must be known. */
function compress(call: Call): Value {
  const x = call.x(0);
  const kept = Array.from(call.x(1).read().data as ArrayLike<number>).flatMap((c, i) =>
    c ? [i] : [],
  );
  const index = tensor(Int32Array.from(kept), "int32");
  if (!call.has("axis")) return call.value(x.tensor.reshape([x.size]).take(index));
  return call.value(
    x.tensor.take(index, { axis: normalizeAxis("Compress", call.int("axis", 0), x.rank) }),
  );
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

/** A batch of updates at a position of each row, along the axis of a cache. */
function tensorScatter(call: Call): Value {
  const [past, update] = [call.t(0), call.t(1)];
  const axis = normalizeAxis("TensorScatter", call.int("axis", -2), past.rank);
  const isCircular = call.text("mode", "linear") === "circular";
  const [most, length] = [past.shape[axis]!, update.shape[axis]!];
  const start = call.optional(2)?.tensor ?? ones([past.shape[0]!], { dtype: "int32" }).mul(0);
  const trailing = past.rank - axis - 1;
  const offset = counting(length, trailing + 1, 0);
  const first = start.reshape([-1, ...past.shape.slice(1).map(() => 1)]).add(offset);
  const place = isCircular ? first.mod(most) : first;
  const at = flatIndex(place.broadcastTo(update.shape), past.shape, axis).broadcastTo(update.shape);
  return call.value(scattered(past, at, update, "none"));
}

export const gatherOperators: readonly Operator[] = [
  { name: "Gather", run: gather },
  { name: "GatherElements", run: gatherElements },
  { name: "GatherND", run: gatherND },
  { name: "ScatterElements", run: scatterElements },
  { name: "Scatter", run: scatterElements },
  { name: "ScatterND", run: scatterND },
  { name: "Compress", run: compress },
  { name: "NonZero", run: nonZero },
  { name: "TensorScatter", run: tensorScatter },
];

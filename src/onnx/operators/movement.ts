/** Operators that move elements about and compute nothing. */
import {
  normalizeAxis,
  type Shape,
  ShapeError,
  show,
  sizeOf,
  stridesOf,
} from "../../base/index.ts";
import { concat, pad as padTensor, type Tensor } from "../../tensor/index.ts";
import type { Call, Operator, Output } from "../call.ts";
import { hostOf, stretched, strided } from "../host.ts";
import { Value } from "../value.ts";

/** An operator that only gives another shape: the elements stay in order. */
const reshaping = (
  name: string,
  shape: (call: Call) => Shape,
  settings: number[] = [],
): Operator => ({
  name,
  settings,
  run: (call) => reshaped(call.x(0), shape(call)),
});

function reshaped(x: Value, shape: Shape): Value {
  if (sizeOf(shape) !== x.size)
    throw new ShapeError({
      subject: "reshape",
      problem: `${show(x.shape)} has ${x.size} elements, ${show(shape)} ${sizeOf(shape)}.`,
      fix: "give the net inputs of the sizes that it was made for.",
    });
  return x.host ? Value.of({ ...x.host, shape }) : Value.ofTensor(x.type, x.tensor.reshape(shape));
}

/** 0 keeps a size, unless `allowzero`; one −1 is what is left. */
function reshapeTo(call: Call): Shape {
  const { shape: old, size } = call.x(0);
  const wanted = call.version < 5 ? call.must(call.ints("shape")) : call.must(call.numbers(1));
  const keeps = !call.int("allowzero", 0);
  const kept = wanted.map((d, i) => (d === 0 && keeps ? (old[i] ?? 0) : d));
  const rest = kept.reduce((n, d) => (d === -1 ? n : n * d), 1);
  const open = kept.filter((d) => d === -1).length;
  if (
    open > 1 ||
    kept.some((d) => d < -1) ||
    (open === 1 && (rest === 0 ? size !== 0 : size % rest !== 0))
  )
    throw new ShapeError({
      subject: "Reshape",
      problem: `${show(old)} does not go into ${show(wanted)}.`,
      fix: "give the net inputs of the sizes that it was made for.",
    });
  return kept.map((d) => (d === -1 ? (rest === 0 ? 0 : size / rest) : d));
}

function flattened(call: Call): Shape {
  const { shape } = call.x(0);
  const given = call.int("axis", 1);
  const axis = given < 0 ? given + shape.length : given;
  if (axis > shape.length) throw call.error(`has axis ${given} for ${show(shape)}.`);
  return [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))];
}

function squeezed(call: Call): Shape {
  const { shape } = call.x(0);
  const given = call.list("axes", 1);
  const axes = given?.map((a) => normalizeAxis("Squeeze", a, shape.length));
  const wrong = axes?.find((a) => shape[a] !== 1);
  if (wrong !== undefined)
    throw new ShapeError({
      subject: "Squeeze",
      problem: `axis ${wrong} of ${show(shape)} is not of size 1.`,
      fix: "give the net inputs of the sizes that it was made for.",
    });
  return shape.filter((d, i) => (axes ? !axes.includes(i) : d !== 1));
}

function unsqueezed(call: Call): Shape {
  const { shape } = call.x(0);
  const axes = call.list("axes", 1) ?? [];
  const rank = shape.length + axes.length;
  const at = axes.map((a) => normalizeAxis("Unsqueeze", a, rank));
  if (new Set(at).size < at.length) throw call.error(`names an axis twice in ${show(axes)}.`);
  const rest = [...shape];
  return Array.from({ length: rank }, (_, i) => (at.includes(i) ? 1 : rest.shift()!));
}

function transpose(call: Call): Value {
  const x = call.x(0);
  const order = call.ints("perm") ?? x.shape.map((_, i) => x.rank - 1 - i);
  if ([...order].sort((a, b) => a - b).some((a, i) => a !== i) || order.length !== x.rank)
    throw call.error(`has the order ${show(order)} for ${x.rank} axes.`);
  if (!x.host) return call.value(x.tensor.transpose(order));
  const own = stridesOf(x.shape);
  return Value.of(
    strided(
      x.host,
      order.map((a) => x.shape[a]!),
      order.map((a) => own[a]!),
    ),
  );
}

/** The part of an axis that a slice takes: first element, step, number of elements. */
function partOf(n: number, start: number, end: number, step: number): [number, number, number] {
  const back = step < 0;
  const bound = (i: number) => {
    const at = i < 0 ? i + n : i;
    return back ? Math.max(-1, Math.min(n - 1, at)) : Math.max(0, Math.min(n, at));
  };
  const [from, to] = [bound(start), back && end < -n ? -1 : bound(end)];
  return [from, step, Math.max(0, Math.ceil((to - from) / step))];
}

function slice(call: Call): Value {
  const x = call.x(0);
  const clamped = (name: string, i: number) =>
    call.version < 10
      ? call
          .attribute(name, "ints")
          ?.map((n) =>
            Number(
              BigInt.asIntN(53, n) === n
                ? n
                : n < 0n
                  ? Number.MIN_SAFE_INTEGER
                  : Number.MAX_SAFE_INTEGER,
            ),
          )
      : call.numbers(i, true);
  const [starts, ends] = [clamped("starts", 1) ?? [], clamped("ends", 2) ?? []];
  const axes = (clamped("axes", 3) ?? starts.map((_, i) => i)).map((a) =>
    normalizeAxis("Slice", a, x.rank),
  );
  const steps = call.version < 10 ? undefined : call.numbers(4, true);
  const parts = x.shape.map((n): [number, number, number] => [0, 1, n]);
  axes.forEach((axis, i) => {
    const step = steps?.[i] ?? 1;
    if (step === 0) throw call.error("has a step of 0.");
    parts[axis] = partOf(x.shape[axis]!, starts[i]!, ends[i]!, step);
  });
  return taken(x, parts);
}

/** Elements of each axis from a first one on, by a step, so many. */
export function taken(x: Value, parts: readonly (readonly [number, number, number])[]): Value {
  if (x.host) {
    const own = stridesOf(x.shape);
    const start = parts.reduce((at, [first], i) => at + first * own[i]!, 0);
    return Value.of(
      strided(
        x.host,
        parts.map((p) => p[2]),
        parts.map(([, step], i) => step * own[i]!),
        start,
      ),
    );
  }
  const ranges = parts.map(([first, step, count]): [number, number | null, number] => {
    const stop = first + step * count;
    return count === 0 ? [0, 0, 1] : [first, stop < 0 ? null : stop, step];
  });
  return Value.ofTensor(x.type, x.tensor.slice(...ranges));
}

function concatenated(call: Call): Value {
  const all = call.all;
  const { rank, type } = all[0]!;
  const axis = normalizeAxis("Concat", call.int("axis", call.version < 4 ? 1 : 0), rank);
  return concatenate(all, axis, type);
}

/** Values one after another along an axis. */
export function concatenate(all: readonly Value[], axis: number, type = all[0]!.type): Value {
  const { shape } = all[0]!;
  const hosts = all.flatMap((x) => x.host ?? []);
  if (hosts.length < all.length)
    return Value.ofTensor(
      type,
      concat(
        all.map((x) => x.tensor),
        { axis },
      ),
    );
  const odd = all.find(
    (x) => x.rank !== shape.length || x.shape.some((d, i) => i !== axis && d !== shape[i]),
  );
  if (odd)
    throw new ShapeError({
      subject: "Concat",
      problem: `${show(shape)} and ${show(odd.shape)} differ on more than axis ${axis}.`,
      fix: "give the net inputs of the sizes that it was made for.",
    });
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const chunks = Array.from({ length: outer }, (_, i) =>
    hosts.flatMap((x, k) => {
      const length = all[k]!.shape[axis]! * inner;
      return Array.from(x.data.slice(i * length, (i + 1) * length) as ArrayLike<number>);
    }),
  ).flat();
  const total = all.reduce((n, x) => n + x.shape[axis]!, 0);
  return Value.of(
    hostOf(
      type,
      shape.map((d, i) => (i === axis ? total : d)),
      (i) => chunks[i]!,
    ),
  );
}

function split(call: Call): Output[] {
  const x = call.x(0);
  const axis = normalizeAxis("Split", call.int("axis", 0), x.rank);
  const n = x.shape[axis]!;
  const count = call.int("num_outputs", call.node.outputs.length);
  const even = Math.ceil(n / count);
  const sizes =
    call.list("split", 1) ??
    Array.from({ length: count }, (_, i) => Math.max(0, Math.min(even, n - i * even)));
  if (sizes.reduce((a, b) => a + b, 0) !== n)
    throw call.error(`cuts ${n} elements into ${show(sizes)}.`);
  return parts(x, axis, sizes);
}

/** Consecutive parts along an axis. */
export function parts(x: Value, axis: number, sizes: readonly number[]): Value[] {
  let at = 0;
  return sizes.map((size) => {
    const part = x.shape.map((n, i): [number, number, number] =>
      i === axis ? [at, 1, size] : [0, 1, n],
    );
    at += size;
    return taken(x, part);
  });
}

function expand(call: Call): Value {
  const x = call.x(0);
  const wanted = call.must(call.numbers(1));
  const rank = Math.max(wanted.length, x.rank);
  const at = (shape: Shape, i: number) => shape[i - (rank - shape.length)] ?? 1;
  const shape = Array.from({ length: rank }, (_, i) => {
    const [own, other] = [at(x.shape, i), at(wanted, i)];
    if (own !== other && own !== 1 && other !== 1)
      throw new ShapeError({
        subject: "Expand",
        problem: `${show(x.shape)} does not stretch to ${show(wanted)}.`,
        fix: "give the net inputs of the sizes that it was made for.",
      });
    return own === 1 ? other : own;
  });
  if (x.host && sizeOf(shape) <= mostFolded) return Value.of(stretched(x.host, shape));
  return call.value(x.tensor.broadcastTo(shape));
}
const mostFolded = 1 << 16;

/** Copies side by side: [a, b] → [r, a, s, b] → [r · a, s · b]. */
function tile(call: Call): Value {
  const x = call.x(0);
  const repeats = call.version < 6 ? firstTile(call) : call.must(call.numbers(1));
  const wide = repeats.flatMap((r, i) => [r, x.shape[i]!]);
  const shape = repeats.map((r, i) => r * x.shape[i]!);
  if (x.host && sizeOf(shape) <= mostFolded) {
    const thin = { ...x.host, shape: x.shape.flatMap((d) => [1, d]) };
    return Value.of({ ...stretched(thin, wide), shape });
  }
  const y = x.tensor.reshape(x.shape.flatMap((d) => [1, d])).broadcastTo(wide);
  return call.value(y.reshape(shape));
}

/** The first version names one axis and the copies along it. */
function firstTile(call: Call): number[] {
  const [tiles, axis] = [call.must(call.number(1)), call.must(call.number(2))];
  return call.x(0).shape.map((_, i) => (i === axis ? tiles : 1));
}

const modes = {
  constant: "constant",
  reflect: "reflect",
  edge: "replicate",
  wrap: "circular",
} as const;

function pad(call: Call): Value {
  const x = call.x(0);
  const given =
    call.version < 11
      ? call.must(call.ints("pads") ?? call.ints("paddings"))
      : call.must(call.numbers(1));
  const axes = (call.numbers(3) ?? x.shape.map((_, i) => i)).map((a) =>
    normalizeAxis("Pad", a, x.rank),
  );
  const widths = x.shape.map((): [number, number] => [0, 0]);
  axes.forEach((axis, i) => {
    widths[axis] = [given[i]!, given[i + axes.length]!];
  });
  const name = call.text("mode", "constant");
  const mode = modes[name as keyof typeof modes];
  if (!mode) throw call.error(`has an unknown mode "${name}".`);
  const value =
    call.version < 11 ? call.float("value", 0) : Number(call.optional(2)?.read().data[0] ?? 0);
  return call.value(padded(x.tensor, widths, mode, value));
}

/** Negative widths cut off. */
export function padded(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  mode: (typeof modes)[keyof typeof modes] = "constant",
  value = 0,
): Tensor {
  const cuts = widths.map(([low, high], i): [number, number] => [
    Math.max(0, -low),
    x.shape[i]! - Math.max(0, -high),
  ]);
  const isCut = widths.some(([low, high]) => low < 0 || high < 0);
  const inner = isCut ? x.slice(...cuts) : x;
  const outer = widths.map(([low, high]): [number, number] => [
    Math.max(0, low),
    Math.max(0, high),
  ]);
  if (outer.every(([low, high]) => low === 0 && high === 0)) return inner;
  if (mode === "constant") {
    const isBool = inner.dtype === "bool";
    const y = (isBool ? inner.cast("int32") : inner).pad(outer, value);
    return isBool ? y.cast("bool") : y;
  }
  return farPadded(inner, outer, mode);
}

/** Modes go on over as much as there is at a time; wider paddings take several turns. */
function farPadded(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  mode: "reflect" | "replicate" | "circular",
): Tensor {
  const most = x.shape.map((n) =>
    mode === "reflect" ? n - 1 : mode === "circular" ? n : Number.POSITIVE_INFINITY,
  );
  const now = widths.map(([low, high], i): [number, number] => [
    Math.min(low, most[i]!),
    Math.min(high, most[i]!),
  ]);
  const y = padTensor(x, now, { mode });
  const left = widths.map(([low, high], i): [number, number] => [
    low - now[i]![0],
    high - now[i]![1],
  ]);
  if (
    left.every(([low, high]) => low === 0 && high === 0) ||
    now.every(([low, high]) => low + high === 0)
  )
    return y;
  return farPadded(y, left, mode);
}

function depthToSpace(call: Call): Tensor {
  const x = call.t(0);
  const b = call.int("blocksize", 1);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const depth = c / (b * b);
  return call.text("mode", "DCR") === "DCR"
    ? x
        .reshape([n, b, b, depth, h, w])
        .transpose([0, 3, 4, 1, 5, 2])
        .reshape([n, depth, h * b, w * b])
    : x
        .reshape([n, depth, b, b, h, w])
        .transpose([0, 1, 4, 2, 5, 3])
        .reshape([n, depth, h * b, w * b]);
}

function spaceToDepth(call: Call): Tensor {
  const x = call.t(0);
  const b = call.int("blocksize", 1);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return x
    .reshape([n, c, h / b, b, w / b, b])
    .transpose([0, 3, 5, 1, 2, 4])
    .reshape([n, c * b * b, h / b, w / b]);
}

/** The middle of the axes, or zeros around it. */
function centerCropPad(call: Call): Value {
  const x = call.x(0);
  const wanted = call.must(call.numbers(1));
  const axes = (call.ints("axes") ?? x.shape.map((_, i) => i)).map((a) =>
    normalizeAxis("CenterCropPad", a, x.rank),
  );
  const widths = x.shape.map((n, i): [number, number] => {
    const at = axes.indexOf(i);
    const more = at < 0 ? 0 : wanted[at]! - n;
    const half = more >= 0 ? Math.floor(more / 2) : -Math.floor(-more / 2);
    return [half, more - half];
  });
  return call.value(padded(x.tensor, widths));
}

/** Each row reversed over its first elements, as many as it is long. */
function reverseSequence(call: Call): Value {
  const x = call.t(0);
  const [batch, time] = [call.int("batch_axis", 1), call.int("time_axis", 0)];
  const rows = call.must(call.numbers(1)).map((length, i) => {
    const row = x.slice(...x.shape.map((_, a) => (a === batch ? ([i, i + 1] as const) : null)));
    const part = (from: number, to: number) =>
      row.slice(...x.shape.map((_, a) => (a === time ? ([from, to] as const) : null)));
    return concat([part(0, length).flip(time), part(length, x.shape[time]!)], { axis: time });
  });
  return call.value(concat(rows, { axis: batch }));
}

export const movementOperators: readonly Operator[] = [
  reshaping("Reshape", reshapeTo, [1]),
  reshaping("Flatten", flattened),
  reshaping("Squeeze", squeezed, [1]),
  reshaping("Unsqueeze", unsqueezed, [1]),
  { name: "Transpose", run: transpose },
  { name: "Slice", settings: [1, 2, 3, 4], run: slice },
  { name: "Concat", run: concatenated },
  { name: "Split", settings: [1], run: split },
  { name: "Expand", settings: [1], run: expand },
  { name: "Tile", settings: [1, 2], run: tile },
  { name: "Pad", settings: [1, 2, 3], run: pad },
  { name: "DepthToSpace", run: depthToSpace },
  { name: "SpaceToDepth", run: spaceToDepth },
  { name: "CenterCropPad", settings: [1], run: centerCropPad },
  { name: "ReverseSequence", settings: [1], run: reverseSequence },
];

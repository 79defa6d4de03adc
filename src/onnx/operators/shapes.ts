/** Shapes as values, casts and constants: what nets reckon with rather than compute. */
import { type DType, normalizeAxis, sizeOf } from "../../base/index.ts";
import { eye, full, ones, type Tensor, where } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
import { convert, type HostTensor, hostOf, int64s, type Scalar } from "../host.ts";
import { elementType } from "../tensor-proto.ts";
import { type ElementType, infoOf, isFloatType, isWholeType } from "../types.ts";
import { Value } from "../value.ts";
import { wrapped } from "./numbers.ts";

/** A folded constant is small; what is larger is a tensor from the start. */
const mostFolded = 1 << 16;

function shape(call: Call): Value {
  const { shape } = call.x(0);
  const at = (name: string, absent: number) => {
    const i = call.int(name, absent);
    return Math.max(0, Math.min(shape.length, i < 0 ? i + shape.length : i));
  };
  return Value.of(int64s(shape.slice(at("start", 0), at("end", shape.length))));
}

const size = (call: Call): Value =>
  Value.of({ type: "int64", shape: [], data: BigInt64Array.of(BigInt(call.x(0).size)) });

/** A tensor of an attribute, or a number or list of one. */
function constant(call: Call): Value {
  const tensor = call.attribute("value", "tensor");
  if (tensor) return Value.of(tensor);
  const one = <T extends Scalar>(type: ElementType, x: T | undefined) =>
    x === undefined ? undefined : hostOf(type, [], () => x);
  const many = <T extends Scalar>(type: ElementType, list: readonly T[] | undefined) =>
    list && hostOf(type, [list.length], (i) => list[i]!);
  const found =
    one("float32", call.attribute("value_float", "float")) ??
    one("int64", call.attribute("value_int", "int")) ??
    one("string", call.attribute("value_string", "string")) ??
    many("float32", call.attribute("value_floats", "floats")) ??
    many("int64", call.attribute("value_ints", "ints")) ??
    many("string", call.attribute("value_strings", "strings"));
  if (!found)
    throw call.error("holds no tensor.", "sparse constants are not read; save dense ones.");
  return Value.of(found);
}

/** One value everywhere. */
export function filled(shape: readonly number[], type: ElementType, value: Scalar): Value {
  if (sizeOf(shape) <= mostFolded) return Value.of(hostOf(type, shape, () => value));
  return Value.ofTensor(type, full(shape, Number(value), { dtype: infoOf(type).dtype as DType }));
}

function constantOfShape(call: Call): Value {
  const value = call.attribute("value", "tensor") ?? hostOf("float32", [1], () => 0);
  return filled(call.must(call.numbers(0)), value.type, value.data[0]!);
}

/** start, start + delta, … before limit. */
function range(call: Call): Value {
  const { type } = call.x(0);
  const [start, limit, delta] = [0, 1, 2].map((i) => call.x(i).read().data[0]!) as [
    number,
    number,
    number,
  ];
  const count = Math.max(0, Math.ceil((Number(limit) - Number(start)) / Number(delta)));
  if (!(count <= 2 ** 31))
    throw call.error(`makes ${count} values.`, "give a delta that leads from start to limit.");
  const [from, step] = [Number(start), Number(delta)];
  if (isWholeType(type) || count <= mostFolded)
    return Value.of(
      hostOf(type, [count], (i) =>
        convert(
          typeof start === "bigint"
            ? (start as bigint) + BigInt(i) * BigInt(delta)
            : from + i * step,
          type,
        ),
      ),
    );
  const index = ones([count], { dtype: "float64" }).cumsum().sub(1);
  return Value.ofTensor(
    type,
    index
      .mul(step)
      .add(from)
      .cast(infoOf(type).dtype as DType),
  );
}

/** The type that `to` names. */
const target = (call: Call): ElementType => elementType(call.int("to", 0), 'the attribute "to"');

/** x in another type: floats toward 0 to integers, whose low bits stay; anything but 0 is true. */
export function castTo(x: Value, to: ElementType): Value {
  if (x.type === to) return x;
  if (x.host && (x.size <= mostFolded || x.type === "string" || to === "string"))
    return Value.of(castHost(x.host, to));
  return Value.ofTensor(to, castTensor(x, to));
}

const castHost = (x: HostTensor, to: ElementType): HostTensor =>
  hostOf(to, x.shape, (i) => convert(numberOf(x.data[i]!), to));

/** Text as NumPy reads it. */
const numberOf = (x: Scalar): Scalar =>
  typeof x === "string" ? Number(x.replace(/^([+-]?)inf(inity)?$/i, "$1Infinity")) : x;

function castTensor(x: Value, to: ElementType): Tensor {
  const { dtype } = infoOf(to);
  if (dtype === null) return Value.of(castHost(x.read(), to)).tensor;
  const y = x.tensor.cast(dtype);
  if (isWholeType(to)) return x.type === "bool" ? y : wrapped(to, y);
  if (to === "float16" && x.type !== "bfloat16") return rounded(y, halfBits);
  return to === "bfloat16" ? rounded(y, brainBits) : isFloatType(to) ? y : y;
}

/** Of the narrow floats: bits of the significand, the least exponent of a normal one, the largest value. */
const halfBits = { bits: 11, least: 2 ** -14, most: 65504 };
const brainBits = { bits: 8, least: 2 ** -126, most: 3.3895313892515355e38 };

/**
 * float32 rounded to a narrower float, which has the derivative of the identity. In float64,
 * y = (x + c) − c with c = 3/2 · 2⁵² steps rounds to whole steps, where a step is that of x's exponent.
 */
function rounded(x: Tensor, { bits, least, most }: typeof halfBits): Tensor {
  const wide = x.stopGradient().cast("float64");
  // x (2ᵏ + 1) − x 2ᵏ splits off the leading bits (Veltkamp), k = 53 − bits
  const split = wide.mul(2 ** (53 - bits) + 1);
  const leading = split.sub(split.sub(wide));
  const step = 3 * 2 ** 51 * least * 2 ** (1 - bits);
  const small = wide.add(step).sub(step);
  const near = where(wide.abs().less(least), small, leading);
  const y = where(near.abs().greater(most), wide.sign().div(0), near);
  const kept = where(wide.isFinite(), y, wide).cast("float32");
  const flow = x.sub(x.stopGradient()); // 0 with derivative 1, but NaN for what is not finite
  return kept.add(where(x.isFinite(), flow, 0));
}

const castLike = (call: Call): Value => castTo(call.x(0), call.x(1).type);

/** Ones on a diagonal, in the shape of the input. */
function eyeLike(call: Call): Value {
  const [rows, columns] = call.x(0).shape as [number, number];
  const type = call.has("dtype")
    ? elementType(call.int("dtype", 1), 'the attribute "dtype"')
    : call.x(0).type;
  const k = call.int("k", 0);
  const n = Math.max(rows, columns) + Math.abs(k);
  const [row, column] = k < 0 ? [-k, 0] : [0, k];
  const all = eye(n, { dtype: infoOf(type).dtype as DType });
  // the square has ones where its row is its column: from (max(k, 0), max(−k, 0)) on they are k apart
  return Value.ofTensor(type, all.slice([column, column + rows], [row, row + columns]));
}

/** A tensor of the same axes and only those where `keep` holds of row and column. */
function trilu(call: Call): Tensor {
  const x = call.t(0);
  const k = call.number(1) ?? 0;
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  if (x.size === 0) return x;
  const position = (n: number) => ones([n], { dtype: "int32" }).cumsum().sub(1);
  const offset = position(columns)
    .reshape([1, columns])
    .sub(position(rows).reshape([rows, 1]));
  const keep = call.int("upper", 1) ? offset.greaterEqual(k) : offset.lessEqual(k);
  return x.dtype === "bool" ? x.logicalAnd(keep) : where(keep, x, 0);
}

/** 1 at the index along a new axis, else 0; an index outside gives none. */
function oneHot(call: Call): Value {
  const indices = call.t(0).cast("int32");
  const depth = Number(call.x(1).read().data[0]);
  const axis = normalizeAxis("OneHot", call.int("axis", -1), indices.rank + 1);
  const positive = where(indices.less(0), indices.add(depth), indices).unsqueeze(axis);
  const column = ones([depth], { dtype: "int32" }).cumsum().sub(1);
  const hot = positive.equal(
    column.reshape(
      [depth, ...positive.shape.slice(axis + 1)].map((d, i) => (i === 0 ? depth : 1) * (d && 1)),
    ),
  );
  const values = call.t(2);
  return Value.ofTensor(call.x(2).type, where(hot, values.slice(1), values.slice(0)));
}

export const shapeOperators: readonly Operator[] = [
  { name: "Shape", run: shape },
  { name: "Size", run: size },
  { name: "Constant", run: constant },
  { name: "ConstantOfShape", settings: [0], run: constantOfShape },
  { name: "Range", settings: [0, 1, 2], run: range },
  { name: "Cast", run: (call) => castTo(call.x(0), target(call)) },
  { name: "CastLike", run: castLike },
  { name: "EyeLike", run: eyeLike },
  { name: "Trilu", settings: [1], run: trilu },
  { name: "OneHot", settings: [1], run: oneHot },
];

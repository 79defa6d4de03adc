/** The element types of ONNX: what holds them here, as arrays and as tensors. */
import type { DType } from "../base/index.ts";

/** What holds the elements of one type in the memory of JavaScript. */
export type Elements =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | string[];

interface ElementInfo {
  /** Its number in the file, `TensorProto.DataType`. */
  readonly code: number;
  /** Bits of one element in a file; 0 for text. */
  readonly bits: number;
  /** The dtype of tensors of it; null for text, which tensors do not hold. */
  readonly dtype: DType | null;
  /** An array of so many zeros. */
  readonly make: (size: number) => Elements;
  /** Of integers: the least and the largest. */
  readonly range?: readonly [bigint, bigint];
}

const whole = (
  code: number,
  bits: number,
  signed: boolean,
  make: (size: number) => Elements,
): ElementInfo => ({
  ...{ code, bits, make, dtype: "int32" },
  range: signed
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n],
});
const float = (
  code: number,
  bits: number,
  dtype: DType,
  make: (size: number) => Elements,
): ElementInfo => ({ code, bits, dtype, make });

const table = {
  float32: float(1, 32, "float32", (n) => new Float32Array(n)),
  uint8: whole(2, 8, false, (n) => new Uint8Array(n)),
  int8: whole(3, 8, true, (n) => new Int8Array(n)),
  uint16: whole(4, 16, false, (n) => new Uint16Array(n)),
  int16: whole(5, 16, true, (n) => new Int16Array(n)),
  int32: whole(6, 32, true, (n) => new Int32Array(n)),
  int64: whole(7, 64, true, (n) => new BigInt64Array(n)),
  string: { code: 8, bits: 0, dtype: null, make: (n) => new Array<string>(n).fill("") },
  bool: { code: 9, bits: 8, dtype: "bool", make: (n) => new Uint8Array(n), range: [0n, 1n] },
  float16: float(10, 16, "float32", (n) => new Float32Array(n)),
  float64: float(11, 64, "float64", (n) => new Float64Array(n)),
  uint32: whole(12, 32, false, (n) => new Uint32Array(n)),
  uint64: whole(13, 64, false, (n) => new BigUint64Array(n)),
  bfloat16: float(16, 16, "float32", (n) => new Float32Array(n)),
  uint4: whole(21, 4, false, (n) => new Uint8Array(n)),
  int4: whole(22, 4, true, (n) => new Int8Array(n)),
} as const satisfies Record<string, ElementInfo>;

/** An element type of ONNX. Tensors hold float16 and bfloat16 as float32, and all integers as int32. */
export type ElementType = keyof typeof table;

export const elementTypes = Object.keys(table) as readonly ElementType[];
export const infoOf = (type: ElementType): ElementInfo => table[type];

const byCode = new Map(elementTypes.map((type) => [table[type].code, type]));
/** The type with this number in files, if it is one that is read here. */
export const typeOfCode = (code: number): ElementType | undefined => byCode.get(code);

/** Names of the element types that are not read here, by their numbers. */
export const foreignTypes: Readonly<Record<number, string>> = {
  14: "complex64",
  15: "complex128",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
  27: "float6e2m3",
  28: "float6e3m2",
};

export const isFloatType = (type: ElementType): boolean =>
  infoOf(type).dtype?.startsWith("float") ?? false;
/** Whether the elements are whole numbers; truth values are not. */
export const isWholeType = (type: ElementType): boolean => infoOf(type).dtype === "int32";

/** The type of a tensor's elements where no file says another. */
export const typeOfDType = (dtype: DType): ElementType => dtype;

/** The nearest float16, as a float32. */
export function roundToHalf(x: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const size = Math.abs(x);
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const step = 2 ** (exponent - 10);
  const y = toEven(size / step) * step;
  return Math.sign(x) * (y > 65504 ? Number.POSITIVE_INFINITY : y);
}

/** To the nearest whole number, halves to even. */
export function toEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}

const word = new Uint32Array(1);
const asFloat = new Float32Array(word.buffer);

/** The nearest bfloat16, as a float32: the upper half of its bits, halves to even. */
export function roundToBrain(x: number): number {
  if (!Number.isFinite(x)) return x;
  asFloat[0] = x;
  const bits = word[0]!;
  word[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return asFloat[0]!;
}

/** The value of 16 bits of bfloat16. */
export function brainOf(bits: number): number {
  word[0] = bits << 16;
  return asFloat[0]!;
}

/** The value of 16 bits of float16. */
export function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

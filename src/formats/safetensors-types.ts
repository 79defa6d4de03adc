import { type DType, type TypedArray, viewOf } from "../base/index.ts";

/** An element type of the format: its width in bytes, and the conversion to one of our types. */
export interface ElementType {
  readonly bytes: number;
  /**
   * @param payload whole little-endian elements, from the start of their buffer.
   * @returns an error if a value would change.
   */
  readonly decode: (payload: Uint8Array) => TypedArray | { readonly problem: string };
}

/** Our element types by the format's names. */
export const codeOf: Record<DType, string> = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  bool: "BOOL",
};

/**
 * The supported element types. A type that we do not have becomes the next one that can represent
 * every value: small floats float32, integers int32, or float64 if one does not fit.
 */
export const elementTypes: Readonly<Record<string, ElementType>> = {
  F32: { bytes: 4, decode: (payload) => viewOf("float32", payload.buffer, 0, payload.length / 4) },
  F64: { bytes: 8, decode: (payload) => viewOf("float64", payload.buffer, 0, payload.length / 8) },
  I32: { bytes: 4, decode: (payload) => viewOf("int32", payload.buffer, 0, payload.length / 4) },
  BOOL: { bytes: 1, decode: bools },
  F16: smallFloat(2, 10, 15),
  BF16: smallFloat(2, 7, 127),
  F8_E5M2: smallFloat(1, 2, 15),
  F8_E4M3: smallFloat(1, 3, 7, "finite"),
  I8: whole(Int8Array),
  I16: whole(Int16Array),
  I64: whole(BigInt64Array),
  U8: whole(Uint8Array),
  U16: whole(Uint16Array),
  U32: whole(Uint32Array),
  U64: whole(BigUint64Array),
};

function bools(payload: Uint8Array): ReturnType<ElementType["decode"]> {
  const strange = payload.find((x) => x > 1);
  return strange === undefined
    ? payload
    : { problem: `is BOOL but holds the byte ${strange}, neither 0 nor 1` };
}

/**
 * Floats of one or two bytes by a table of all their values: sign, exponent, `fraction` bits.
 *
 *   ±2^(e − bias) (1 + f/2^fraction), or ±2^(1 − bias) f/2^fraction where e = 0
 *
 * The largest exponent means ∞ and NaN, or in the "finite" kind is one as others, all ones being NaN.
 *
 * @see Micikevicius et al. 2022, "FP8 formats for deep learning", table 1
 */
function smallFloat(bytes: 1 | 2, fraction: number, bias: number, kind?: "finite"): ElementType {
  let table: Float32Array | undefined;
  const value = (bits: number): number => {
    const magnitude = bits & (2 ** (8 * bytes - 1) - 1);
    const sign = magnitude === bits ? 1 : -1;
    const e = magnitude >> fraction;
    const f = (magnitude & (2 ** fraction - 1)) / 2 ** fraction;
    const mostE = 2 ** (8 * bytes - 1 - fraction) - 1;
    if (kind === "finite" ? magnitude === 2 ** (8 * bytes - 1) - 1 : e === mostE)
      return f === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (e === 0 ? 2 ** (1 - bias) * f : 2 ** (e - bias) * (1 + f));
  };
  return {
    bytes,
    decode(payload) {
      table ??= Float32Array.from({ length: 2 ** (8 * bytes) }, (_, bits) => value(bits));
      const codes = bytes === 1 ? payload : new Uint16Array(payload.buffer);
      const values = new Float32Array(codes.length);
      for (let i = 0; i < codes.length; i++) values[i] = table[codes[i]!]!;
      return values;
    },
  };
}

interface WholeNumbers {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): ArrayLike<number> | ArrayLike<bigint>;
}

function whole(Elements: WholeNumbers): ElementType {
  return {
    bytes: Elements.BYTES_PER_ELEMENT,
    decode(payload) {
      const values = new Elements(payload.buffer as ArrayBuffer);
      const small = new Int32Array(values.length);
      for (let i = 0; i < values.length; i++) {
        small[i] = Number(values[i]);
        if (small[i] !== Number(values[i])) return wide(values);
      }
      return small;
    },
  };
}

/** Integers beyond int32 as float64, if it can represent all of them. */
function wide(values: ArrayLike<number | bigint>): ReturnType<ElementType["decode"]> {
  const doubles = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    doubles[i] = Number(values[i]);
    if (BigInt(doubles[i]!) !== BigInt(values[i]!))
      return { problem: `holds ${values[i]}, which neither int32 nor float64 has exactly` };
  }
  return doubles;
}

import { type DType, floats, numeric } from "../base/index.ts";

/**
 * The scalar operations of expressions. `tools/generate-opcodes.mjs` writes this table to
 * `kernel/src/opcodes.h`; a test fails when the two differ.
 */
export interface OpcodeInfo {
  readonly arity: number;
  /** dtypes that the arguments may have; all arguments share one (but see `where`). */
  readonly args: readonly DType[];
  /** `same` as the arguments, or fixed; `any` for cast. */
  readonly result: "same" | "any" | DType;
}

const all: readonly DType[] = ["float32", "float64", "int32", "bool"];
const unary = (args: readonly DType[]): OpcodeInfo => ({ arity: 1, args, result: "same" });
const binary = (args: readonly DType[]): OpcodeInfo => ({ arity: 2, args, result: "same" });
const compare: OpcodeInfo = { arity: 2, args: all, result: "bool" };

/** In the order of their codes, 0, 1, 2, … */
export const opcodes = {
  /** To the result's dtype: nearest for floats, toward zero with saturation (NaN → 0) for int32, ≠ 0 for bool. */
  cast: { arity: 1, args: all, result: "any" },
  neg: unary(numeric),
  abs: unary(numeric),
  /** −1, 0, 1; sign(NaN) is NaN. */
  sign: unary(numeric),
  floor: unary(floats),
  sqrt: unary(floats),
  rsqrt: unary(floats),
  exp: unary(floats),
  expm1: unary(floats),
  log: unary(floats),
  log1p: unary(floats),
  sin: unary(floats),
  cos: unary(floats),
  tanh: unary(floats),
  sigmoid: unary(floats),
  erf: unary(floats),
  /** Logical not. */
  not: unary(["bool"]),
  /** int32 wraps around. */
  add: binary(numeric),
  sub: binary(numeric),
  mul: binary(numeric),
  div: binary(floats),
  /**
   * ⌊a/b⌋, exact below 2⁵². Integers: 0 where b = 0, and −2³¹ / −1 wraps to −2³¹. Floats: a/b where
   * b = 0, NaN for an infinite a.
   */
  floorDiv: binary(numeric),
  /** As C's pow: pow(0, 0) = 1, pow(1, NaN) = 1. */
  pow: binary(floats),
  /** NaN if either is NaN, as NumPy. */
  max: binary(numeric),
  min: binary(numeric),
  eq: compare,
  lt: compare,
  le: compare,
  and: binary(["bool"]),
  or: binary(["bool"]),
  /** Logical shift right of a 32-bit pattern by 0…31 bits (the count taken modulo 32). */
  shiftRight: binary(["int32"]),
  /** where(c, a, b): c is bool, a and b share any dtype, which is the result's. */
  where: { arity: 3, args: all, result: "same" },
  /** randomBits(key0, key1, counter): word 0 of Philox-4×32-10 at (counter, 0, 0, 0). */
  randomBits: { arity: 3, args: ["int32"], result: "same" },
  /** The exact remainder of floats with the sign of b, ±0 too; NaN where b = 0 or a is infinite. */
  mod: binary(floats),
  /** a·b, and +0 where either is ±0. */
  mulZero: binary(floats),
} as const satisfies Record<string, OpcodeInfo>;

export type Opcode = keyof typeof opcodes;

export const opcodeNames = Object.keys(opcodes) as readonly Opcode[];
export const opcodeOf = (name: Opcode): number => opcodeNames.indexOf(name);

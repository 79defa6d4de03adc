import {
  ConfigError,
  checkDType,
  checkOptions,
  checkSeed,
  checkShape,
  type DType,
  describe,
  type FloatDType,
  floats,
  type Shape,
  sameShape,
  seedWords,
  show,
  sizeOf,
} from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { checkWhole } from "./arguments.ts";
import { tensor } from "./create.ts";
import type { RankOfShape } from "./rank.ts";
import { isTensor, Tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

/**
 * The source of random numbers: a seed, an integer from 0 to 2⁵³ − 1, or a key of two int32 words
 * as a tensor `[2]`, from {@link randomKey} or a {@link Generator}.
 */
export type RandomKey = number | Tensor;

interface RandomOptions {
  readonly key: RandomKey;
  readonly dtype?: FloatDType | undefined;
}

const keyWord = (key: RandomKey, word: 0 | 1, shape: Shape): Node => {
  if (typeof key === "number") return op.varying(seedWords(key)[word], shape, "int32");
  return op.broadcastTo(key.slice(word).node, shape);
};

/**
 * The key of a seed and a stream number: `[seed, stream]` for seeds below 2³². Streams of one seed
 * are independent of each other.
 *
 * @throws {ConfigError} unless the seed is an integer from 0 to 2⁵³ − 1, and the stream an integer
 * below 2³².
 * @example
 * const [a, b] = [0, 1].map((stream) => normal([3], { key: randomKey(7, stream) }));
 * a.equal(b).any().item(); // 0
 */
export function randomKey(seed: number, stream = 0): Tensor {
  checkSeed("randomKey", seed);
  checkWhole("randomKey", "the stream", stream, 0, 2 ** 32 - 1);
  return tensor(seedWords(seed, stream), "int32");
}

/** @throws {GradusError} unless shape, key and dtype are valid for random numbers. */
function checkRandom(subject: string, shape: Shape, key: RandomKey, dtype: DType): void {
  checkShape(subject, shape);
  checkDType(subject, dtype, floats);
  if (!isTensor(key)) checkSeed(subject, key);
  else if (key.dtype !== "int32" || !sameShape(key.shape, [2]))
    throw new ConfigError({
      subject,
      problem: `the key is a tensor ${key.dtype}${show(key.shape)}, not int32[2].`,
      fix: "give a key from randomKey(seed), or the next one of a Generator; numbers that a compiled function is given are tensors.",
    });
}

/** 32 random bits per element; `lane` separates draws under one key. */
function bits(key: RandomKey, shape: Shape, lane: number): Node {
  const size = sizeOf(shape);
  const counter = op.reshape(op.add(op.iota([size], 0), lane * size), shape);
  return op.randomBits(keyWord(key, 0, shape), keyWord(key, 1, shape), counter);
}

function uniformNode(key: RandomKey, shape: Shape, dtype: FloatDType, lane: number): Node {
  if (dtype === "float32")
    return op.mul(op.cast(op.shiftRight(bits(key, shape, lane), 8), dtype), 2 ** -24);
  // 53 bits: 26 high ones and 27 low ones
  const high = op.cast(op.shiftRight(bits(key, shape, 2 * lane), 6), dtype);
  const low = op.cast(op.shiftRight(bits(key, shape, 2 * lane + 1), 5), dtype);
  return op.mul(op.add(op.mul(high, 2 ** 27), low), 2 ** -53);
}

/**
 * Uniform numbers in [0, 1): a pure function of key and position, the same in every engine.
 *
 * @throws {ConfigError} for a seed that is not an integer from 0 to 2⁵³ − 1. @throws {ShapeError}
 * @see Salmon et al. 2011 (Philox), `src/base/random.ts`
 * @example
 * uniform([2, 3], { key: 7 }).shape; // [2, 3]
 */
export function uniform<const S extends Shape>(
  shape: S,
  options: RandomOptions,
): Tensor<RankOfShape<S>> {
  checkOptions("uniform", options ?? null, { key: true, dtype: true });
  const { key, dtype = "float32" } = options;
  checkRandom("uniform", shape, key, dtype);
  return new Tensor(uniformNode(key, [...shape], dtype, 0));
}

/**
 * Standard normal numbers, √(−2 log(1 − u)) cos(2πv) (Box & Muller 1958): the same on every
 * processor, natively and in WebAssembly.
 *
 * @throws {ConfigError} for a seed that is not an integer from 0 to 2⁵³ − 1. @throws {ShapeError}
 */
export function normal<const S extends Shape>(
  shape: S,
  options: RandomOptions,
): Tensor<RankOfShape<S>> {
  checkOptions("normal", options ?? null, { key: true, dtype: true });
  const { key, dtype = "float32" } = options;
  checkRandom("normal", shape, key, dtype);
  const u = uniformNode(key, [...shape], dtype, 0);
  const v = uniformNode(key, [...shape], dtype, 1);
  const radius = op.sqrt(op.mul(-2, op.log1p(op.neg(u)))); // 1 − u is never 0
  return new Tensor(op.mul(radius, op.cos(op.mul(2 * Math.PI, v))));
}

/**
 * True with probability p. @throws {ConfigError} unless p is from 0 to 1, and the seed an integer.
 */
export function bernoulli<const S extends Shape>(
  p: number,
  shape: S,
  options: { key: RandomKey },
): Tensor<RankOfShape<S>> {
  checkOptions("bernoulli", options ?? null, { key: true });
  checkRandom("bernoulli", shape, options.key, "float32");
  if (!(typeof p === "number" && p >= 0 && p <= 1))
    throw new ConfigError({
      subject: "bernoulli",
      problem: `the probability is ${describe(p)}.`,
      fix: "give a number from 0 to 1.",
    });
  return new Tensor(op.less(uniformNode(options.key, [...shape], "float32", 0), p));
}

/**
 * A source of fresh keys whose state is a variable: inside a compiled function each call draws new
 * numbers, and a checkpoint that holds the state repeats them exactly.
 */
export class Generator {
  /** int32 [2]: the seed and the number of keys drawn. */
  readonly state: Variable;

  /** @throws {ConfigError} unless `seed` is an integer from 0 to 2⁵³ − 1. */
  constructor(seed: number) {
    checkSeed("Generator", seed);
    this.state = new Variable(randomKey(seed));
  }

  /** A key that has not been used before. */
  next(): Tensor {
    const key = this.state.value;
    this.state.value = key.add(tensor([0, 1], "int32"));
    return key;
  }
}

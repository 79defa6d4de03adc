import { type FloatDType, type Shape, sizeOf } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";
import { tensor } from "./create.ts";
import { Tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

/** Where random numbers come from: a seed, or a key of two int32 words as a tensor `[2]`. */
export type RandomKey = number | Tensor;

interface RandomOptions {
  readonly key: RandomKey;
  readonly dtype?: FloatDType | undefined;
}

const keyWord = (key: RandomKey, word: number, shape: Shape): Node => {
  if (typeof key === "number") return op.constant(word === 0 ? key | 0 : 0, shape, "int32");
  return op.broadcastTo(key.slice(word).node, shape);
};

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
 * @see Salmon et al. 2011 (Philox), `src/base/random.ts`
 */
export function uniform(shape: Shape, { key, dtype = "float32" }: RandomOptions): Tensor {
  return new Tensor(uniformNode(key, shape, dtype, 0));
}

/** Standard normal numbers, √(−2 log(1 − u)) cos(2πv) (Box & Muller 1958). */
export function normal(shape: Shape, { key, dtype = "float32" }: RandomOptions): Tensor {
  const u = uniformNode(key, shape, dtype, 0);
  const v = uniformNode(key, shape, dtype, 1);
  const radius = op.sqrt(op.mul(-2, op.log1p(op.neg(u)))); // 1 − u is never 0
  return new Tensor(op.mul(radius, op.cos(op.mul(2 * Math.PI, v))));
}

/** True with probability p. */
export function bernoulli(p: number, shape: Shape, { key }: { key: RandomKey }): Tensor {
  return new Tensor(op.less(uniformNode(key, shape, "float32", 0), p));
}

/**
 * A source of fresh keys whose state is a variable: inside a compiled function each call draws new
 * numbers, and a checkpoint that holds the state repeats them exactly.
 */
export class Generator {
  /** int32 [2]: the seed and the number of keys drawn. */
  readonly state: Variable;

  constructor(seed: number) {
    this.state = new Variable(tensor([seed | 0, 0], "int32"));
  }

  /** A key that has not been used before. */
  next(): Tensor {
    const key = this.state.value;
    this.state.value = key.add(tensor([0, 1], "int32"));
    return key;
  }
}

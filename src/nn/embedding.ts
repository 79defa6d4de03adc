import { DTypeError, type FloatDType } from "../base/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type Initializer, normal } from "./initialise.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** The initial law and dtype of an {@link Embedding}. */
export interface EmbeddingOptions {
  /** The law of the vectors, default N(0, 1). */
  readonly init?: Initializer | undefined;
  readonly dtype?: FloatDType | undefined;
}

/**
 * A learned vector for each of `count` things: row i of the weight for index i, which equals the
 * product of a one-hot row with the weight without computing it.
 *
 *   y = W[x],   W ~ N(0, 1)
 *
 * @throws {DTypeError} for indices that are not int32. @throws {DataError} when it is computed, if an
 * index is outside 0…count − 1.
 * @see Bengio et al. 2003, "A neural probabilistic language model"
 * @example
 * const layer = new Embedding(3, 2);
 * layer.weight.value = tensor([[1, 2], [3, 4], [5, 6]]);
 * layer.forward(tensor([[2, 0]], "int32")).toArray(); // [[[5, 6], [1, 2]]]
 */
export class Embedding extends Module {
  readonly count: number;
  readonly size: number;
  readonly weight: Parameter; // [count, size]

  constructor(count: number, size: number, { init = normal(0, 1), dtype }: EmbeddingOptions = {}) {
    super();
    this.count = count;
    this.size = size;
    this.weight = new Parameter(init([count, size], { dtype }));
  }

  /** `[…]` int32 → `[…, size]` */
  forward(indices: Tensor): Tensor {
    if (indices.dtype !== "int32")
      throw new DTypeError({
        subject: "Embedding",
        problem: `indices are ${indices.dtype}.`,
        fix: 'cast them: indices.cast("int32").',
      });
    return this.weight.value.take(indices);
  }

  override toString(): string {
    return `Embedding ${this.count} × ${this.size}`;
  }
}

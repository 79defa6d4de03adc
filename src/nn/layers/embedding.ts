import { ConfigError, checkOptions, DTypeError, type FloatDType } from "../../base/index.ts";
import { arange, type Tensor, where } from "../../tensor/index.ts";
import { type Initializer, normal } from "../initialise.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import { checkCounts } from "./linear.ts";

/** The initializer, the dtype and the padding index of an {@link Embedding}. */
export interface EmbeddingOptions {
  /** Initializer of the vectors, default N(0, 1). */
  readonly init?: Initializer | undefined;
  readonly dtype?: FloatDType | undefined;
  /** The index of padding: its vector starts at 0 and gets no gradient. */
  readonly paddingIndex?: number | undefined;
}

/**
 * A learned vector for each of `count` items: row i of the weight for index i, which equals the
 * product of a one-hot row with the weight, without computing it.
 *
 *   y = W[x],   W ~ N(0, 1)
 *
 * @throws {DTypeError} for indices that are not int32. @throws {DataError} when it is computed, if
 * an index is outside 0…count − 1. @throws {ConfigError} for a padding index outside that range.
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

  readonly paddingIndex: number | null;

  constructor(count: number, size: number, options: EmbeddingOptions = {}) {
    super();
    checkOptions("Embedding", options, { init: true, dtype: true, paddingIndex: true });
    const { init = normal(0, 1), dtype, paddingIndex = null } = options;
    checkCounts("Embedding", { count, size });
    if (
      paddingIndex !== null &&
      !(Number.isInteger(paddingIndex) && 0 <= paddingIndex && paddingIndex < count)
    )
      throw new ConfigError({
        subject: "Embedding",
        problem: `paddingIndex is ${paddingIndex} of ${count} indices.`,
        fix: `give an index of 0…${count - 1}.`,
      });
    this.count = count;
    this.size = size;
    this.paddingIndex = paddingIndex;
    const weight = init([count, size], { dtype });
    const isPadding = arange(count)
      .equal(paddingIndex ?? -1)
      .unsqueeze(1);
    this.weight = new Parameter(
      paddingIndex === null ? weight : where(isPadding, 0, weight).evalSync(),
    );
  }

  /** `[…]` int32 → `[…, size]` */
  forward(indices: Tensor): Tensor {
    if (indices.dtype !== "int32")
      throw new DTypeError({
        subject: "Embedding",
        problem: `indices are ${indices.dtype}.`,
        fix: 'cast them: indices.cast("int32").',
      });
    const y = this.weight.value.take(indices);
    if (this.paddingIndex === null) return y;
    return where(indices.equal(this.paddingIndex).unsqueeze(-1), y.stopGradient(), y);
  }

  override toString(): string {
    return `Embedding ${this.count} × ${this.size}`;
  }
}

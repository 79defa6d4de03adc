import { ConfigError, checkOptions } from "../../base/index.ts";
import { bernoulli, Generator, type Tensor, where, zerosLike } from "../../tensor/index.ts";
import { nextSeed } from "../initialise.ts";
import { Module } from "../module.ts";

/**
 * In training, each element is 0 with probability p, and the others are scaled up to preserve the
 * expectation (inverted dropout); in evaluation, x itself.
 *
 *   y = x · m / (1 − p),   m ~ Bernoulli(1 − p)
 *
 * The layer draws from a generator of its own, whose state is part of `state()`: a resumed run
 * drops the same elements.
 *
 * @see Srivastava et al. 2014
 * @example
 * new Dropout(0.5).eval().forward(tensor([1, 2])).toArray(); // [1, 2]
 */
export class Dropout extends Module {
  readonly p: number;
  readonly random: Generator;

  /**
   * @param p probability to drop, 0 ≤ p ≤ 1; 1 drops all.
   * @throws {ConfigError} for any other p.
   */
  constructor(p = 0.5, options: { readonly seed?: number } = {}) {
    super();
    checkOptions("Dropout", options, { seed: "number" });
    const { seed = nextSeed() } = options;
    if (!(p >= 0 && p <= 1))
      throw new ConfigError({
        subject: "Dropout",
        problem: `p is ${p}.`,
        fix: "give the probability to drop, from 0 to 1.",
      });
    this.p = p;
    this.random = new Generator(seed);
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    if (this.p === 1) return zerosLike(x); // 1/(1 − p) is infinite
    const kept = bernoulli(1 - this.p, x.shape, { key: this.random.next() });
    return where(kept, x.mul(1 / (1 - this.p)), 0);
  }

  override toString(): string {
    return `Dropout ${this.p}`;
  }
}

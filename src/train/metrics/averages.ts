import type { Logs } from "../history.ts";

/** Partial sums of an epoch: plain data, so that a checkpoint can store them. */
export interface Sums {
  readonly examples: number;
  readonly sums: Logs;
}

/**
 * Averages over examples, exact for any batch size: sums in float64, divided once. Counts
 * (accuracy) are integers and have no rounding at all.
 * @example
 * const averages = new Averages();
 * averages.add({ loss: 6 }, 2);
 * averages.add({ loss: 1 }, 1);
 * averages.logs; // { loss: 2.3333… }
 */
export class Averages {
  #examples: number;
  readonly #sums: Record<string, number>;

  /** @param state the sums to continue from, in the middle of an epoch. */
  constructor({ examples, sums }: Sums = { examples: 0, sums: {} }) {
    this.#examples = examples;
    this.#sums = { ...sums };
  }

  /** Adds sums over `examples` examples. */
  add(sums: Logs, examples: number): void {
    this.#examples += examples;
    for (const [name, sum] of Object.entries(sums))
      this.#sums[name] = (this.#sums[name] ?? 0) + sum;
  }

  get state(): Sums {
    return { examples: this.#examples, sums: { ...this.#sums } };
  }

  get logs(): Logs {
    const entries = Object.entries(this.#sums);
    return Object.fromEntries(entries.map(([name, sum]) => [name, sum / this.#examples]));
  }
}

import type { TypedArray } from "../base/index.ts";
import { isSwitchedOn } from "./environment.ts";

/** Of smaller arrays, malloc itself hands the pages out again. */
const leastBytes = 1 << 20;
/** So many bytes of the arrays that were lent last are kept, dead or alive. */
const keptBytes = 256 << 20;
/** Bits of the number that `ended` returns. */
const places = 32;

/** Tells the end of objects; see `watch` and `ended` in `kernel/bindings/node/addon.cc`. */
export interface Watcher {
  watch(place: number, object: object): void;
  ended(): number;
}

/** An array whose owner is watched. */
export class Loan {
  /** Null when others may hold the array, too: then it goes the way of all garbage. */
  array: TypedArray | null;
  /** Bytes that were lent before. */
  readonly since: number;

  constructor(array: TypedArray, since: number) {
    this.array = array;
    this.since = since;
  }
}

/**
 * Large arrays of owners that are garbage, for owners to come. The pages of a fresh array are mapped one
 * by one as they are written, which takes longer than computing what is written.
 *
 * Only its owner knows an array, and only the collector says that an owner is dead: memory that can
 * still be reached is never lent twice.
 */
export class Recycler {
  readonly #watcher: Watcher;
  readonly #loans: (Loan | null)[] = new Array(places).fill(null);
  #lent = 0;
  /** What is lent again is made useless in tests, so that nobody relies on it. */
  readonly #wipes = isSwitchedOn("GRADUS_VERIFY");

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  /** Whether arrays of so many bytes are recycled. */
  takes(bytes: number): boolean {
    return bytes >= leastBytes && bytes <= keptBytes;
  }

  /**
   * An array in place of `fresh`, which nobody has written, or `fresh` where none of its length is
   * there. V8 collects garbage by the bytes of arrays that it was asked for; so it is asked as if
   * nothing were recycled, and pages that nobody writes cost nothing.
   */
  take(fresh: TypedArray): TypedArray {
    const ended = this.#watcher.ended();
    let newest = -1;
    for (let i = 0; i < places; i++)
      if ((ended >>> i) & 1 && this.#loans[i]?.array?.byteLength === fresh.byteLength)
        if (this.#since(i) > this.#since(newest)) newest = i;
    if (newest < 0) return fresh;
    const array = this.#loans[newest]!.array!;
    this.#loans[newest] = null;
    if (this.#wipes) new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(0xff);
    return array;
  }

  /** Keeps `array` for whoever comes after `owner`. */
  lend(array: TypedArray, owner: object): Loan {
    const loan = new Loan(array, this.#lent);
    this.#lent += array.byteLength;
    let oldest = 0;
    for (let i = 0; i < places; i++) {
      if (this.#lent - this.#since(i) > keptBytes) this.#loans[i] = null;
      if (this.#since(i) < this.#since(oldest)) oldest = i;
    }
    this.#watcher.watch(oldest, owner);
    this.#loans[oldest] = loan;
    return loan;
  }

  /** Leaves all arrays to the collector. */
  clear(): void {
    this.#loans.fill(null);
  }

  /** Age of the loan at a place; of a place that is free, less than any. */
  #since(place: number): number {
    const loan = this.#loans[place];
    return loan?.array ? loan.since : -1;
  }
}

import type { TypedArray } from "../base/index.ts";
import { isSwitchedOn } from "./environment.ts";

/** malloc itself reuses the pages of smaller arrays. */
const leastBytes = 1 << 20;
/**
 * At most this many bytes of recycled arrays are kept, in use or not; the least recently used are
 * dropped.
 */
const keptBytes = 256 << 20;
/** Bits of the number that `ended` returns. */
const slots = 32;

/** Reports collected objects; see `watch` and `ended` in `kernel/bindings/node/addon.cc`. */
export interface Watcher {
  watch(slot: number, object: object): void;
  ended(): number;
}

/** An array whose owner is watched. */
export class Loan {
  /** Null if others may hold the array as well: then it is left to the garbage collector. */
  array: TypedArray | null;
  /** The total bytes handed out before it. */
  readonly since: number;

  constructor(array: TypedArray, since: number) {
    this.array = array;
    this.since = since;
  }
}

/**
 * Recycles large arrays whose owners have been collected. The pages of a fresh array are mapped one
 * by one as they are written, which takes longer than computing the values.
 *
 * Only its owner holds an array, and only the collector decides that an owner is dead, so reachable
 * memory is never reused.
 */
export class Recycler {
  readonly #watcher: Watcher;
  readonly #loans: (Loan | null)[] = new Array(slots).fill(null);
  #lent = 0;
  /** In tests, recycled arrays are overwritten, so that nothing relies on their contents. */
  readonly #wipes = isSwitchedOn("GRADUS_VERIFY");

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  /** Whether arrays of this size are recycled. */
  takes(bytes: number): boolean {
    return bytes >= leastBytes && bytes <= keptBytes;
  }

  /**
   * A recycled array in place of the unwritten array `fresh`, or `fresh` itself if none of its
   * length is free. V8 schedules collections by the bytes of arrays that were allocated, so `fresh`
   * is allocated in any case; its unwritten pages cost nothing.
   */
  take(fresh: TypedArray): TypedArray {
    const ended = this.#watcher.ended();
    let newest = -1;
    for (let i = 0; i < slots; i++)
      if ((ended >>> i) & 1 && this.#loans[i]?.array?.byteLength === fresh.byteLength)
        if (this.#since(i) > this.#since(newest)) newest = i;
    if (newest < 0) return fresh;
    const array = this.#loans[newest]!.array!;
    this.#loans[newest] = null;
    if (this.#wipes) new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(0xff);
    return array;
  }

  /** Keeps `array` for reuse after `owner` has been collected. */
  lend(array: TypedArray, owner: object): Loan {
    const loan = new Loan(array, this.#lent);
    this.#lent += array.byteLength;
    let oldest = 0;
    for (let i = 0; i < slots; i++) {
      if (this.#lent - this.#since(i) > keptBytes) this.#loans[i] = null;
      if (this.#since(i) < this.#since(oldest)) oldest = i;
    }
    this.#watcher.watch(oldest, owner);
    this.#loans[oldest] = loan;
    return loan;
  }

  /** Leaves all arrays to the garbage collector. */
  clear(): void {
    this.#loans.fill(null);
  }

  /** The age of the array in a slot; a free slot counts as the oldest. */
  #since(slot: number): number {
    const loan = this.#loans[slot];
    return loan?.array ? loan.since : -1;
  }
}

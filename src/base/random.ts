import { ConfigError } from "./errors.ts";
import { describe } from "./options.ts";

/**
 * Counter-based random bits: Philox-4×32 with 10 rounds.
 *
 * The bits are a pure function of (key, counter), so every engine, every order of evaluation and
 * every number of threads gives the same numbers, and a resumed run needs only the two integers.
 *
 * @see Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", §3.3
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9; // golden ratio
const W1 = 0xbb67ae85; // √3 − 1

/** The high half of the 64-bit product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = Math.imul(aLow, bLow);
  const mid1 = (Math.imul(aHigh, bLow) >>> 0) + (low >>> 16);
  const mid2 = (Math.imul(aLow, bHigh) >>> 0) + (mid1 & 0xffff);
  return (Math.imul(aHigh, bHigh) + (mid1 >>> 16) + (mid2 >>> 16)) | 0;
}

/**
 * The last block of {@link rounds}, reused: shuffles draw millions, and allocating each would
 * dominate.
 */
const block = new Int32Array(4);

/** Writes the four words of Philox-4×32-10 to `block`. */
function rounds(key0: number, key1: number, a: number, b: number, c: number, d: number): void {
  let c0 = a | 0;
  let c1 = b | 0;
  let c2 = c | 0;
  let c3 = d | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < 10; round++) {
    const next0 = mulHigh(M1, c2) ^ c1 ^ k0;
    const next2 = mulHigh(M0, c0) ^ c3 ^ k1;
    c1 = Math.imul(M1, c2);
    c3 = Math.imul(M0, c0);
    c0 = next0;
    c2 = next2;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** The four 32-bit words of Philox-4×32-10, unsigned. */
export function philox(
  key0: number,
  key1: number,
  [a, b, c, d]: readonly [number, number, number, number],
): [number, number, number, number] {
  rounds(key0, key1, a, b, c, d);
  return [block[0]! >>> 0, block[1]! >>> 0, block[2]! >>> 0, block[3]! >>> 0];
}

/** Random bits at one counter, as a signed 32-bit integer: word 0 of Philox at (counter, 0, 0, 0). */
export function randomBits(key0: number, key1: number, counter: number): number {
  rounds(key0, key1, counter, 0, 0, 0);
  return block[0]!;
}

/**
 * @throws {ConfigError} unless `seed` is an integer from 0 to 2⁵³ − 1, so that different seeds stay
 * different.
 */
export function checkSeed(subject: string, seed: unknown): asserts seed is number {
  if (Number.isSafeInteger(seed) && (seed as number) >= 0) return;
  throw new ConfigError({
    subject,
    problem: `the seed is ${describe(seed)}, which is not a whole number from 0 to 2⁵³ − 1.`,
    fix: "give one, such as 7; Math.floor(x * 2 ** 53) makes one of a fraction.",
  });
}

/** The bits of a seed above the low 32; 0 for smaller seeds. */
export const highWord = (seed: number): number => Math.floor(seed / 4294967296);

/**
 * The two int32 words of the key of a seed: `[seed, stream]` below 2³². Above, where the first word
 * alone would not distinguish seeds, two words of Philox under all bits of the seed.
 */
export function seedWords(seed: number, stream = 0): [number, number] {
  const high = highWord(seed);
  if (high === 0) return [seed | 0, stream | 0];
  const [a, b] = philox(seed, high, [0, 0, 3, 0]);
  return [a | 0, (b + stream) | 0];
}

/**
 * A seeded random stream on the host, for shuffles and generated data. Plain state, so it can be
 * saved.
 */
export class RandomStream {
  /** The key; `counter` numbers have been drawn from it. */
  readonly seed: number;
  counter: number;
  readonly stream: number;

  constructor(seed: number, stream = 0, counter = 0) {
    checkSeed("random", seed);
    this.seed = seed;
    this.stream = stream;
    this.counter = counter;
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    const c = this.counter++;
    rounds(this.seed, this.stream, c, highWord(c), 1, highWord(this.seed));
    return block[0]! >>> 0;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.bits() >>> 5;
    const low = this.bits() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    const r = Math.sqrt(-2 * Math.log(1 - this.uniform())); // 1 − u is never 0
    return r * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Uniform integer in 0…n−1 (bias below 2⁻²⁰ for n < 2³²). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** A uniform permutation of 0…n−1, by Fisher and Yates. */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swap = order[i]!;
      order[i] = order[j]!;
      order[j] = swap;
    }
    return order;
  }
}

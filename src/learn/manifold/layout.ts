/** The layout of UMAP: neighbors attract, others that are drawn at random repel. */
import { type Curve, cellOf, Forces, upperHalf } from "./curve.ts";
import type { Sparse } from "./graph.ts";

/** The options of a layout. */
export interface LayoutOptions {
  readonly dimensions: number;
  readonly iterations: number;
  readonly learningRate: number;
  readonly negativeSampleRate: number;
  readonly curve: Curve;
  /** 32 bits that are not all 0. */
  readonly seed: number;
}

/** The largest coordinate of a gradient. */
const most = 4;
const clipped = (x: number): number => (x > most ? most : x < -most ? -most : x);

/**
 * Minimizes the cross entropy of the fuzzy sets,
 *
 *   Σ wᵢⱼ ln(wᵢⱼ/vᵢⱼ) + (1 − wᵢⱼ) ln((1 − wᵢⱼ)/(1 − vᵢⱼ)),   v = 1/(1 + a d^2b)
 *
 * by stochastic gradients: each entry is used in a fraction of the iterations ∝ wᵢⱼ, and each time
 * some others are sampled for the second term. The rate falls linearly to 0.
 *
 * @param graph row i of it belongs to points[i], its columns to others[j].
 * @param others the same array as `points`, and then both ends move; or points that stay.
 * @see McInnes, Healy & Melville 2018, §3.2
 */
export function layOut(
  graph: Sparse,
  points: Float64Array,
  others: Float64Array,
  options: LayoutOptions,
): void {
  const { iterations, learningRate, negativeSampleRate } = options;
  const periods = periodsOf(graph, iterations);
  const schedule: Schedule = {
    periods,
    turns: periods.slice(),
    drawn: periods.map((period) => period / negativeSampleRate),
  };
  const layout = new Layout(points, others, options);
  for (let n = 0; n < iterations; n++) {
    const rate = learningRate * (1 - n / iterations);
    if (options.dimensions === 2) {
      layout.sweepPlane(graph, schedule, n, rate, negativeSampleRate);
      continue;
    }
    for (let i = 0; i + 1 < graph.starts.length; i++)
      for (let at = graph.starts[i]!; at < graph.starts[i + 1]!; at++) {
        if (!(schedule.turns[at]! <= n)) continue;
        const draws = taken(schedule, at, n, negativeSampleRate);
        layout.pull(i, graph.columns[at]!, rate);
        layout.push(i, draws, rate);
      }
  }
}

/**
 * After how many iterations each entry is used again: 1 for the strongest, never if it would not be
 * used once.
 */
function periodsOf({ values }: Sparse, iterations: number): Float64Array {
  const strongest = values.reduce((a, b) => Math.max(a, b), 0);
  return values.map((w) =>
    w * iterations >= strongest ? strongest / w : Number.POSITIVE_INFINITY,
  );
}

/** Of each entry of the graph after how many iterations it is taken again, when next, and up to when others were drawn for it. */
interface Schedule {
  readonly periods: Float64Array;
  readonly turns: Float64Array;
  readonly drawn: Float64Array;
}

/** Takes an entry in iteration n, and gives how many others are drawn for it. */
function taken(
  { periods, turns, drawn }: Schedule,
  at: number,
  n: number,
  negativeSampleRate: number,
): number {
  turns[at]! += periods[at]!;
  const each = periods[at]! / negativeSampleRate;
  const draws = Math.floor((n - drawn[at]!) / each);
  drawn[at]! += draws * each;
  return draws;
}

/** Points that are moved. */
class Layout {
  readonly #points: Float64Array;
  readonly #others: Float64Array;
  readonly #dimensions: number;
  readonly #count: number;
  readonly #forces: Forces;
  #bits: number;

  constructor(points: Float64Array, others: Float64Array, options: LayoutOptions) {
    this.#points = points;
    this.#others = others;
    this.#dimensions = options.dimensions;
    this.#count = others.length / options.dimensions;
    this.#forces = new Forces(options.curve);
    this.#bits = options.seed;
  }

  /** An iteration in the plane, all in one loop: a call for each of millions of pairs would take longer than what it computes. */
  sweepPlane(
    { starts, columns }: Sparse,
    schedule: Schedule,
    n: number,
    rate: number,
    negativeSampleRate: number,
  ): void {
    const [points, others, count] = [this.#points, this.#others, this.#count];
    const { pulls, pushes } = this.#forces;
    const isFree = others === points;
    const number = new Float64Array(1);
    const upper = upperHalf(number);
    let bits = this.#bits;
    for (let i = 0; i + 1 < starts.length; i++) {
      for (let at = starts[i]!; at < starts[i + 1]!; at++) {
        if (!(schedule.turns[at]! <= n)) continue;
        const draws = taken(schedule, at, n, negativeSampleRate);
        let x = points[2 * i]!;
        let y = points[2 * i + 1]!;
        const j = 2 * columns[at]!;
        const dx = x - others[j]!;
        const dy = y - others[j + 1]!;
        number[0] = dx * dx + dy * dy;
        if (number[0] > 0) {
          const cell = cellOf(upper[0]!);
          const entry = 2 * (cell | 0);
          const force = pulls[entry]! + (cell - (cell | 0)) * pulls[entry + 1]!;
          const mx = rate * clipped(force * dx);
          const my = rate * clipped(force * dy);
          x -= mx;
          y -= my;
          if (isFree) {
            others[j]! += mx;
            others[j + 1]! += my;
          }
        }
        for (let draw = 0; draw < draws; draw++) {
          bits ^= bits << 13;
          bits ^= bits >>> 17;
          bits ^= bits << 5;
          const k = 2 * (((bits >>> 0) * 2 ** -32 * count) | 0);
          if (isFree && k === 2 * i) continue;
          const ex = x - others[k]!;
          const ey = y - others[k + 1]!;
          number[0] = ex * ex + ey * ey;
          if (number[0] === 0) continue; // in the same place
          const cell = cellOf(upper[0]!);
          const entry = 2 * (cell | 0);
          const force = pushes[entry]! + (cell - (cell | 0)) * pushes[entry + 1]!;
          x += rate * clipped(force * ex);
          y += rate * clipped(force * ey);
        }
        points[2 * i] = x;
        points[2 * i + 1] = y;
      }
    }
    this.#bits = bits;
  }

  /** Moves point i and, where it is free, its neighbor j towards each other. */
  pull(i: number, j: number, rate: number): void {
    const [points, others, dimensions] = [this.#points, this.#others, this.#dimensions];
    const square = this.#square(i, j);
    if (square === 0) return;
    const force = this.#forces.pull(square);
    for (let d = 0; d < dimensions; d++) {
      const difference = points[i * dimensions + d]! - others[j * dimensions + d]!;
      const move = rate * clipped(force * difference);
      points[i * dimensions + d]! -= move;
      if (others === points) others[j * dimensions + d]! += move;
    }
  }

  /** Moves point i away from some random others. */
  push(i: number, draws: number, rate: number): void {
    const [points, others, dimensions] = [this.#points, this.#others, this.#dimensions];
    for (let draw = 0; draw < draws; draw++) {
      const j = this.#draw();
      const square = this.#square(i, j);
      if (square === 0) continue; // itself, or at the same position
      const force = this.#forces.push(square);
      for (let d = 0; d < dimensions; d++) {
        const difference = points[i * dimensions + d]! - others[j * dimensions + d]!;
        points[i * dimensions + d]! += rate * clipped(force * difference);
      }
    }
  }

  #square(i: number, j: number): number {
    const [points, others, dimensions] = [this.#points, this.#others, this.#dimensions];
    let square = 0;
    for (let d = 0; d < dimensions; d++) {
      const difference = points[i * dimensions + d]! - others[j * dimensions + d]!;
      square += difference * difference;
    }
    return square;
  }

  /**
   * A random other point by Marsaglia's xorshift: millions are needed, and the library's own stream
   * takes ten times as long.
   */
  #draw(): number {
    let bits = this.#bits;
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    this.#bits = bits;
    return Math.floor((bits >>> 0) * 2 ** -32 * this.#count);
  }
}

/** The nearest of many rows, exactly. */
import { dot } from "../../base/vectors.ts";
import { type Matrix, rowOf } from "../input.ts";
import { valuesOf } from "../linalg.ts";
import { blocksOf } from "../moments.ts";
import { errorOf, frameOf, type Reduced, reduced, tensor32, unitLength } from "./float32.ts";

/** Distances between rows: ‖a − b‖, Σ|a − b|, max|a − b|, 1 − cos∠(a, b). */
export type DistanceMetric = "euclidean" | "manhattan" | "chebyshev" | "cosine";
export const metrics: readonly DistanceMetric[] = ["euclidean", "manhattan", "chebyshev", "cosine"];

/** For each row the k nearest: their distances, ascending, and their indices. */
export interface Neighbors {
  readonly k: number;
  readonly distances: Float64Array;
  readonly indices: Int32Array;
}

const distanceBy: Readonly<Record<DistanceMetric, (a: Float64Array, b: Float64Array) => number>> = {
  euclidean(a, b) {
    let sum = 0;
    for (let j = 0; j < a.length; j++) {
      const difference = a[j]! - b[j]!;
      sum += difference * difference;
    }
    return Math.sqrt(sum);
  },
  manhattan(a, b) {
    let sum = 0;
    for (let j = 0; j < a.length; j++) sum += Math.abs(a[j]! - b[j]!);
    return sum;
  },
  chebyshev(a, b) {
    let most = 0;
    for (let j = 0; j < a.length; j++) most = Math.max(most, Math.abs(a[j]! - b[j]!));
    return most;
  },
  cosine(a, b) {
    const lengths = Math.sqrt(dot(a, a) * dot(b, b));
    return lengths === 0 ? 1 : Math.max(0, 1 - dot(a, b) / lengths);
  },
};

/**
 * The k nearest rows of `x` to each row of `queries`; on equal distances the rows that come first.
 *
 * Euclidean and cosine distances are first estimated by products in float32, ‖a‖²/2 + ‖b‖²/2 − aᵀb,
 * which is fast but loses digits; all rows within the error bound are then compared in float64 by
 * their differences. O(NMD).
 */
export function nearestRows(
  x: Matrix,
  queries: Matrix,
  k: number,
  metric: DistanceMetric,
): Neighbors {
  const found: Neighbors = {
    k,
    distances: new Float64Array(queries.rows * k),
    indices: new Int32Array(queries.rows * k),
  };
  const distance = distanceBy[metric];
  const choose = (i: number, candidates: ArrayLike<number>) => {
    const row = rowOf(queries, i);
    const nearest = new Nearest(k);
    for (let n = 0; n < candidates.length; n++)
      nearest.add(distance(row, rowOf(x, candidates[n]!)), candidates[n]!);
    found.distances.set(nearest.distances, i * k);
    found.indices.set(nearest.indices, i * k);
  };
  if (metric === "euclidean" || metric === "cosine") {
    const products = new Products(x, queries, metric);
    for (const [first, last] of blocksOf({ ...queries, columns: 1 }, queryBlock)) {
      const selections = select(products, first, last, k);
      for (const [n, selection] of selections.entries()) choose(first + n, selection.candidates());
    }
    return found;
  }
  const all = Int32Array.from({ length: x.rows }, (_, j) => j);
  for (let i = 0; i < queries.rows; i++) choose(i, all);
  return found;
}

/** The k nearest other rows of each row, itself excluded even among equal rows. */
export function nearestOthers(x: Matrix, k: number, metric: DistanceMetric): Neighbors {
  const found = nearestRows(x, x, k + 1, metric);
  const distances = new Float64Array(x.rows * k);
  const indices = new Int32Array(x.rows * k);
  for (let i = 0; i < x.rows; i++) {
    const first = i * (k + 1);
    const self = found.indices.subarray(first, first + k + 1).indexOf(i);
    for (let n = 0, at = first; n < k; n++, at++) {
      if (at - first === self) at++;
      distances[i * k + n] = found.distances[at]!;
      indices[i * k + n] = found.indices[at]!;
    }
  }
  return { k, distances, indices };
}

/**
 * The k smallest of the added values, in order; on ties those with the smaller index, which must be
 * added first.
 */
class Nearest {
  readonly distances: Float64Array;
  readonly indices: Int32Array;

  constructor(k: number) {
    this.distances = new Float64Array(k).fill(Number.POSITIVE_INFINITY);
    this.indices = new Int32Array(k).fill(-1);
  }

  /** The largest kept distance; infinite until there are k. */
  get worst(): number {
    return this.distances[this.distances.length - 1]!;
  }

  add(distance: number, index: number): void {
    const { distances, indices } = this;
    let at = distances.length - 1;
    if (!(distance < distances[at]!)) return;
    for (; at > 0 && distance < distances[at - 1]!; at--) {
      distances[at] = distances[at - 1]!;
      indices[at] = indices[at - 1]!;
    }
    distances[at] = distance;
    indices[at] = index;
  }
}

/** Distances whose products are computed at once where all rows are needed. */
const blockElements = 1 << 21;

/** Queries, and rows that they are compared with, whose products are computed at once. */
const [queryBlock, rowBlock] = [1024, 2048];

/** What products in float32 tell about the distances between queries and rows, up to a constant of the query and in a unit of its own. */
class Products {
  /** ‖b‖²/2 of each row; less aᵀb, it is the less the nearer. */
  readonly halves: Float64Array;
  readonly rows: number;
  readonly #known: Reduced;
  readonly #asked: Reduced;
  readonly #longest: number;

  constructor(x: Matrix, queries: Matrix, metric: "euclidean" | "cosine") {
    const frame = metric === "cosine" ? unitLength(x.columns) : frameOf(x, queries);
    this.rows = x.rows;
    this.#known = reduced(x, frame);
    this.#asked = queries === x ? this.#known : reduced(queries, frame);
    const { lengths } = this.#known;
    this.halves = lengths.map((length) => (metric === "cosine" ? 0 : (length * length) / 2));
    this.#longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  }

  /** aᵀb of the queries first … last and the rows from … to, to be read before the next are computed. */
  between(first: number, last: number, from: number, to: number): Float32Array {
    const rows = tensor32(this.#known, from, to).transpose();
    return valuesOf<Float32Array>(tensor32(this.#asked, first, last).matmul(rows));
  }

  /** Two rows may be in the wrong order where they differ by less. */
  tolerance(query: number): number {
    const { columns, lengths } = this.#asked;
    return 2 * errorOf(columns, lengths[query]!, this.#longest);
  }
}

/** What may be among the nearest of the queries first … last. */
function select(products: Products, first: number, last: number, k: number): Selection[] {
  const selections = Array.from(
    { length: last - first },
    (_, n) => new Selection(k, products.tolerance(first + n)),
  );
  for (let from = 0; from < products.rows; from += rowBlock) {
    const to = Math.min(from + rowBlock, products.rows);
    const values = products.between(first, last, from, to);
    for (const [n, selection] of selections.entries())
      selection.add(values, n * (to - from), products.halves, from, to);
  }
  return selections;
}

/**
 * The rank of others among the neighbors of a row: 1 for the nearest; on equal distances the row
 * that comes first is nearer.
 *
 * @param others k others for each row, `[N, k]`.
 */
export function ranksOf(x: Matrix, others: Int32Array, metric: DistanceMetric): Int32Array {
  const k = others.length / x.rows;
  const ranks = new Int32Array(others.length).fill(1);
  const distance = distanceBy[metric];
  const hasProducts = metric === "euclidean" || metric === "cosine";
  const products = hasProducts ? new Products(x, x, metric) : undefined;
  for (const [first, last] of blocksOf({ ...x, columns: x.rows }, blockElements)) {
    const values = products?.between(first, last, 0, x.rows);
    for (let i = first; i < last; i++) {
      const row = rowOf(x, i);
      const near = values?.subarray((i - first) * x.rows, (i + 1 - first) * x.rows);
      for (let at = i * k; at < (i + 1) * k; at++) {
        const j = others[at]!;
        const own = distance(row, rowOf(x, j));
        const isNearer = (other: number) => {
          const to = distance(row, rowOf(x, other));
          return other !== i && other !== j && (to < own || (to === own && other < j));
        };
        if (near) ranks[at]! += countNearer(products!, near, i, j, isNearer);
        else for (let other = 0; other < x.rows; other++) ranks[at]! += Number(isNearer(other));
      }
    }
  }
  return ranks;
}

/** How many rows except i are nearer than j; `isNearer` decides within the tolerance. */
function countNearer(
  products: Products,
  near: Float32Array,
  i: number,
  j: number,
  isNearer: (other: number) => boolean,
): number {
  const { halves } = products;
  const tolerance = products.tolerance(i);
  const own = halves[j]! - near[j]!;
  let count = 0;
  for (let other = 0; other < halves.length; other++) {
    const value = halves[other]! - near[other]!;
    if (value < own - tolerance) count += Number(other !== i);
    else if (value <= own + tolerance) count += Number(isNearer(other));
  }
  return count;
}

/** Finds the rows that are as near as the k-th nearest, or farther by less than the tolerance. */
class Selection {
  readonly #tolerance: number;
  readonly #nearest: Nearest;
  /** Rows that were within the limit when they came, and their values. */
  readonly #rows: number[] = [];
  readonly #values: number[] = [];
  #limit = Number.POSITIVE_INFINITY;

  constructor(k: number, tolerance: number) {
    this.#tolerance = tolerance;
    this.#nearest = new Nearest(k);
  }

  /** Takes in the rows from … to, whose products lie from `at` on. */
  add(products: Float32Array, at: number, halves: Float64Array, from: number, to: number): void {
    let limit = this.#limit;
    for (let j = from; j < to; j++, at++) {
      const value = halves[j]! - products[at]!;
      if (!(value <= limit)) continue;
      this.#rows.push(j);
      this.#values.push(value);
      this.#nearest.add(value, j);
      limit = this.#nearest.worst + this.#tolerance;
    }
    this.#limit = limit;
  }

  /** Which rows, ascending. */
  candidates(): number[] {
    return this.#rows.filter((_, n) => this.#values[n]! <= this.#limit);
  }
}

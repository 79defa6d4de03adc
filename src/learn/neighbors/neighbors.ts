/** The nearest of many rows, exactly. */
import { dot } from "../../base/vectors.ts";
import { type Matrix, rowOf, tensorOf } from "../input.ts";

/** Distances between rows: ‖a − b‖, Σ|a − b|, max|a − b|, 1 − cos∠(a, b). */
export type Metric = "euclidean" | "manhattan" | "chebyshev" | "cosine";
export const metrics: readonly Metric[] = ["euclidean", "manhattan", "chebyshev", "cosine"];

/** For each row the k nearest: their distances ascending, and which rows they are. */
export interface Neighbors {
  readonly k: number;
  readonly distances: Float64Array;
  readonly indices: Int32Array;
}

const distanceBy: Readonly<Record<Metric, (a: Float64Array, b: Float64Array) => number>> = {
  euclidean(a, b) {
    let sum = 0;
    for (let j = 0; j < a.length; j++) sum += (a[j]! - b[j]!) ** 2;
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

/** Rows of queries that are compared at once: their products fill a few megabytes. */
const blockElements = 1 << 20;

/**
 * The k nearest rows of `x` to each row of `queries`; of equal distances the rows that come first.
 *
 * Euclidean and cosine distances are first taken from products, ‖a‖² + ‖b‖² − 2aᵀb, which is fast and loses
 * digits; all rows that this error may have kept out are then compared by their differences. O(NMD).
 */
export function nearestRows(x: Matrix, queries: Matrix, k: number, metric: Metric): Neighbors {
  const distances = new Float64Array(queries.rows * k);
  const indices = new Int32Array(queries.rows * k);
  const candidates = new Candidates(x, queries, k, metric);
  const distance = distanceBy[metric];
  for (let i = 0; i < queries.rows; i++) {
    const row = rowOf(queries, i);
    const nearest = new Nearest(k);
    for (const j of candidates.of(i)) nearest.add(distance(row, rowOf(x, j)), j);
    distances.set(nearest.distances, i * k);
    indices.set(nearest.indices, i * k);
  }
  return { k, distances, indices };
}

/** The k smallest of what is added, in order; of equals those of the smaller index, which must be added first. */
class Nearest {
  readonly distances: Float64Array;
  readonly indices: Int32Array;

  constructor(k: number) {
    this.distances = new Float64Array(k).fill(Number.POSITIVE_INFINITY);
    this.indices = new Int32Array(k).fill(-1);
  }

  /** The largest distance that is kept; infinite until there are k. */
  get worst(): number {
    return this.distances[this.distances.length - 1]!;
  }

  add(distance: number, index: number): void {
    let at = this.distances.length - 1;
    if (!(distance < this.distances[at]!)) return;
    for (; at > 0 && distance < this.distances[at - 1]!; at--) {
      this.distances[at] = this.distances[at - 1]!;
      this.indices[at] = this.indices[at - 1]!;
    }
    this.distances[at] = distance;
    this.indices[at] = index;
  }
}

/** Which rows may be among the nearest of a query, ascending. */
class Candidates {
  readonly #x: Matrix;
  readonly #queries: Matrix;
  readonly #k: number;
  readonly #metric: Metric;
  readonly #squares: Float64Array;
  readonly #block: number;
  #first = -1;
  #products: Float64Array = new Float64Array();

  constructor(x: Matrix, queries: Matrix, k: number, metric: Metric) {
    this.#x = x;
    this.#queries = queries;
    this.#k = k;
    this.#metric = metric;
    this.#squares = squaresOf(x);
    this.#block = Math.max(1, Math.floor(blockElements / x.rows));
  }

  of(i: number): ArrayLike<number> & Iterable<number> {
    const isByProducts = this.#metric === "euclidean" || this.#metric === "cosine";
    if (!isByProducts) return Array.from({ length: this.#x.rows }, (_, j) => j);
    const first = i - (i % this.#block);
    if (first !== this.#first) this.#multiply(first);
    const { rows } = this.#x;
    return this.#near(this.#products.subarray((i - first) * rows, (i - first + 1) * rows), i);
  }

  #multiply(first: number): void {
    const { columns, rows, data } = this.#queries;
    const count = Math.min(this.#block, rows - first);
    const part = {
      rows: count,
      columns,
      data: data.subarray(first * columns, (first + count) * columns),
    };
    this.#products = tensorOf(part)
      .matmul(tensorOf(this.#x).transpose())
      .dataSync() as Float64Array;
    this.#first = first;
  }

  /** Rows whose approximate distance is at most the k-th, give or take the error of both. */
  #near(products: Float64Array, i: number): number[] {
    const row = rowOf(this.#queries, i);
    const square = dot(row, row);
    const isCosine = this.#metric === "cosine";
    const approximate = products.map((product, j) => {
      const other = this.#squares[j]!;
      if (!isCosine) return square + other - 2 * product;
      return square * other === 0 ? 1 : 1 - product / Math.sqrt(square * other);
    });
    const nearest = new Nearest(this.#k);
    let most = 0;
    for (let j = 0; j < approximate.length; j++) {
      nearest.add(approximate[j]!, j);
      most = Math.max(most, this.#squares[j]!);
    }
    // a dot product of D terms is off by D ε times the product of the lengths
    const error = 4 * (row.length + 4) * Number.EPSILON * (isCosine ? 1 : square + most);
    const limit = nearest.worst + 2 * error;
    const kept: number[] = [];
    for (let j = 0; j < approximate.length; j++) if (approximate[j]! <= limit) kept.push(j);
    return kept;
  }
}

function squaresOf(x: Matrix): Float64Array {
  return Float64Array.from({ length: x.rows }, (_, i) => dot(rowOf(x, i), rowOf(x, i)));
}

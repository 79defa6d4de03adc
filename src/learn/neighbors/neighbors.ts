/** The nearest of many rows, exactly. */
import { dot } from "../../base/vectors.ts";
import { fromHost, type Tensor } from "../../tensor/index.ts";
import { type Matrix, rowOf } from "../input.ts";

/** Distances between rows: ‖a − b‖, Σ|a − b|, max|a − b|, 1 − cos∠(a, b). */
export type Metric = "euclidean" | "manhattan" | "chebyshev" | "cosine";
export const metrics: readonly Metric[] = ["euclidean", "manhattan", "chebyshev", "cosine"];

/** For each row the k nearest: their distances, ascending, and their indices. */
export interface Neighbors {
  readonly k: number;
  readonly distances: Float64Array;
  readonly indices: Int32Array;
}

const distanceBy: Readonly<Record<Metric, (a: Float64Array, b: Float64Array) => number>> = {
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
export function nearestRows(x: Matrix, queries: Matrix, k: number, metric: Metric): Neighbors {
  const distances = new Float64Array(queries.rows * k);
  const indices = new Int32Array(queries.rows * k);
  const candidates = candidatesOf(x, queries, k, metric);
  const distance = distanceBy[metric];
  for (let i = 0; i < queries.rows; i++) {
    const row = rowOf(queries, i);
    const nearest = new Nearest(k);
    for (const j of candidates(i)) nearest.add(distance(row, rowOf(x, j)), j);
    distances.set(nearest.distances, i * k);
    indices.set(nearest.indices, i * k);
  }
  return { k, distances, indices };
}

/** The k nearest other rows of each row, itself excluded even among equal rows. */
export function nearestOthers(x: Matrix, k: number, metric: Metric): Neighbors {
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

/** The products computed at once fill 8 megabytes. */
const blockElements = 1 << 21;

/** For a query, the indices of rows that may be among the nearest, ascending. */
function candidatesOf(
  x: Matrix,
  queries: Matrix,
  k: number,
  metric: Metric,
): (i: number) => Int32Array {
  const nearness = nearnessOf(x, queries, metric);
  if (!nearness) {
    const all = Int32Array.from({ length: x.rows }, (_, j) => j);
    return () => all;
  }
  const selection = new Selection(k, x.rows);
  return (i) => selection.of(nearness(i));
}

/**
 * Distances from a query, up to a constant and a unit: half[j] − product[first + j]; smaller is
 * nearer. Two of these may be in the wrong order if they differ by less than the tolerance.
 */
interface Nearness {
  readonly products: Float32Array;
  readonly first: number;
  readonly halves: Float64Array;
  readonly tolerance: number;
}

/**
 * The float32 estimate of the distances from each query, requested in ascending order; undefined
 * for metrics without products.
 */
function nearnessOf(
  x: Matrix,
  queries: Matrix,
  metric: Metric,
): ((i: number) => Nearness) | undefined {
  if (metric !== "euclidean" && metric !== "cosine") return undefined;
  const frame = frameOf(x, queries, metric);
  const known = reduced(x, frame);
  const asked = queries === x ? known : reduced(queries, frame);
  const transposed = tensor32(known.data, x.rows, x.columns).transpose();
  const halves = known.lengths.map((length) => (metric === "cosine" ? 0 : (length * length) / 2));
  const longest = known.lengths.reduce((a, b) => Math.max(a, b), 0);
  const block = Math.max(1, Math.floor(blockElements / x.rows));
  let first = Number.POSITIVE_INFINITY;
  let products: Float32Array = new Float32Array();
  return (i) => {
    if (!(i >= first && i < first + block)) {
      first = i - (i % block);
      const last = Math.min(first + block, queries.rows);
      const part = asked.data.subarray(first * x.columns, last * x.columns);
      const rows = tensor32(part, last - first, x.columns);
      products = rows.matmul(transposed).dataSync() as Float32Array;
    }
    // both factors are rounded to 2⁻²⁴, and D terms are added; twice that covers second-order terms
    const error = (x.columns + 4) * (2 ** -23 * asked.lengths[i]! * longest + 2 ** -126);
    return { products, first: (i - first) * x.rows, halves, tolerance: 2 * error };
  };
}

/**
 * The rank of others among the neighbors of a row: 1 for the nearest; on equal distances the row
 * that comes first is nearer.
 *
 * @param others k others for each row, `[N, k]`.
 */
export function ranksOf(x: Matrix, others: Int32Array, metric: Metric): Int32Array {
  const k = others.length / x.rows;
  const ranks = new Int32Array(others.length).fill(1);
  const nearness = nearnessOf(x, x, metric);
  const distance = distanceBy[metric];
  for (let i = 0; i < x.rows; i++) {
    const row = rowOf(x, i);
    const seen = nearness?.(i);
    for (let at = i * k; at < (i + 1) * k; at++) {
      const j = others[at]!;
      const own = distance(row, rowOf(x, j));
      const isNearer = (other: number) => {
        const to = distance(row, rowOf(x, other));
        return other !== i && other !== j && (to < own || (to === own && other < j));
      };
      if (seen) ranks[at]! += countNearer(seen, i, j, isNearer);
      else for (let other = 0; other < x.rows; other++) ranks[at]! += Number(isNearer(other));
    }
  }
  return ranks;
}

/** How many rows except i are nearer than j; `isNearer` decides within the tolerance. */
function countNearer(
  { products, first, halves, tolerance }: Nearness,
  i: number,
  j: number,
  isNearer: (other: number) => boolean,
): number {
  const own = halves[j]! - products[first + j]!;
  let count = 0;
  for (let other = 0; other < halves.length; other++) {
    const value = halves[other]! - products[first + other]!;
    if (value < own - tolerance) count += Number(other !== i);
    else if (value <= own + tolerance) count += Number(isNearer(other));
  }
  return count;
}

const tensor32 = (data: Float32Array, rows: number, columns: number): Tensor =>
  fromHost({ dtype: "float32", shape: [rows, columns], data });

/** The float32 representation of rows: x ↦ (x − center) / unit, or for cosines x/‖x‖. */
interface Frame {
  readonly center: Float64Array;
  readonly unit: number;
  readonly isUnitLength: boolean;
}

/**
 * Distances do not change when all rows are shifted, and are most accurate around 0; the unit, a
 * power of 2, keeps squares finite.
 */
function frameOf(x: Matrix, queries: Matrix, metric: Metric): Frame {
  const center = new Float64Array(x.columns);
  if (metric === "cosine") return { center, unit: 1, isUnitLength: true };
  for (let i = 0; i < x.rows; i++) {
    const row = rowOf(x, i);
    for (let j = 0; j < center.length; j++) center[j]! += row[j]! / x.rows;
  }
  let most = 0;
  for (const { data, columns } of [x, queries])
    for (let at = 0; at < data.length; )
      for (let j = 0; j < columns; j++, at++)
        most = Math.max(most, Math.abs(data[at]! - center[j]!));
  return { center, unit: most > 0 ? 2 ** Math.ceil(Math.log2(most)) : 1, isUnitLength: false };
}

/** Rows in this representation as float32, and their lengths. */
function reduced(x: Matrix, { center, unit, isUnitLength }: Frame) {
  const data = new Float32Array(x.data.length);
  const lengths = new Float64Array(x.rows);
  for (let i = 0; i < x.rows; i++) {
    const row = rowOf(x, i);
    const divisor = isUnitLength ? Math.sqrt(dot(row, row)) || 1 : unit;
    let sum = 0;
    for (let j = 0, at = i * x.columns; j < row.length; j++, at++) {
      const value = (row[j]! - center[j]!) / divisor;
      data[at] = value;
      sum += value * value;
    }
    lengths[i] = Math.sqrt(sum);
  }
  return { data, lengths };
}

/** Finds the rows that are as near as the k-th nearest, or farther by less than the tolerance. */
class Selection {
  readonly #k: number;
  readonly #values: Float64Array;
  readonly #kept: Int32Array;

  constructor(k: number, size: number) {
    this.#k = k;
    this.#values = new Float64Array(size);
    this.#kept = new Int32Array(size);
  }

  /** Their indices, ascending. */
  of({ products, first, halves, tolerance }: Nearness): Int32Array {
    const [values, kept] = [this.#values, this.#kept];
    const nearest = new Nearest(this.#k);
    let count = 0;
    let limit = Number.POSITIVE_INFINITY;
    for (let j = 0; j < halves.length; j++) {
      const value = halves[j]! - products[first + j]!;
      if (!(value <= limit)) continue;
      values[count] = value;
      kept[count++] = j;
      nearest.add(value, j);
      limit = nearest.worst + tolerance;
    }
    let left = 0;
    for (let n = 0; n < count; n++) if (values[n]! <= limit) kept[left++] = kept[n]!;
    return kept.subarray(0, left);
  }
}

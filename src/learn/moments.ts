/** Means of columns, and products of rows around them. */
import type { Tensor } from "../tensor/index.ts";
import { type Matrix, rowOf, rowsBetween, tensorOf, vectorTensor } from "./input.ts";
import { valuesOf } from "./linalg.ts";

/** Rows that are centered at once take 16 megabytes. */
const blockElements = 1 << 21;

/** The rows of a matrix in blocks: first … last. */
export function* blocksOf(
  { rows, columns }: Matrix,
  elements = blockElements,
): Generator<readonly [first: number, last: number]> {
  const most = Math.max(1, Math.floor(elements / columns));
  for (let first = 0; first < rows; first += most) yield [first, Math.min(first + most, rows)];
}

/** What belongs to rows of a block, as a column. */
const columnOf = (values: Float64Array, first: number, last: number): Tensor =>
  vectorTensor(values.subarray(first, last), [last - first, 1]);

const areOnes = (values: Float64Array): boolean => values.every((value) => value === 1);

/** Σ wₙ xₙ / Σ wₙ, exact where a column never changes: what is added up is the distance to the first row. */
export function meanOf(x: Matrix, weights?: Float64Array): Float64Array {
  const given = weights && !areOnes(weights) ? weights : undefined;
  const origin = rowOf(x, 0);
  const shift = vectorTensor(origin);
  const sums = new Float64Array(x.columns);
  for (const [first, last] of blocksOf(x)) {
    const apart = tensorOf(rowsBetween(x, first, last)).sub(shift);
    const weighted = given ? apart.mul(columnOf(given, first, last)) : apart;
    addTo(sums, valuesOf(weighted.sum({ axis: 0 })));
  }
  const total = given ? given.reduce((a, b) => a + b, 0) : x.rows;
  return sums.map((sum, j) => origin[j]! + sum / total);
}

/** Σ wₙ (xₙ − m)(xₙ − m)ᵀ `[D, D]`, and Σ wₙ (xₙ − m) yₙ where there is a y. */
export function productsAround(
  x: Matrix,
  mean: Float64Array,
  { weights, y }: { readonly weights?: Float64Array; readonly y?: Float64Array } = {},
): { gram: Float64Array; along: Float64Array } {
  const gram = new Float64Array(x.columns ** 2);
  const along = new Float64Array(x.columns);
  const center = vectorTensor(mean);
  const roots = weights && !areOnes(weights) ? weights.map(Math.sqrt) : undefined;
  for (const [first, last] of blocksOf(x)) {
    const apart = tensorOf(rowsBetween(x, first, last)).sub(center);
    const rows = (roots ? apart.mul(columnOf(roots, first, last)) : apart).evalSync();
    addTo(gram, valuesOf(rows.transpose().matmul(rows)));
    if (!y) continue;
    const own = y.subarray(first, last);
    const targets = vectorTensor(roots ? own.map((t, i) => t * roots[first + i]!) : own);
    addTo(along, valuesOf(targets.matmul(rows)));
  }
  return { gram, along };
}

function addTo(sums: Float64Array, values: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += values[i]!;
}

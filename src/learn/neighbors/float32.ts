/** Rows as float32 sees them: products that are fast, and how far they may be wrong. */
import { dot } from "../../base/vectors.ts";
import { fromHost, type Tensor } from "../../tensor/index.ts";
import { type Matrix, rowOf, rowsBetween, tensorOf, vectorTensor } from "../input.ts";
import { blocksOf, meanOf } from "../moments.ts";

/** x ↦ (x − center) / unit, or for cosines x/‖x‖. */
export interface Frame {
  readonly center: Float64Array;
  readonly unit: number;
  readonly isUnitLength: boolean;
}

/** The frame of cosines. */
export const unitLength = (columns: number): Frame => ({
  ...{ center: new Float64Array(columns), unit: 1, isUnitLength: true },
});

/** Distances stay the same when all rows move, and are most exact around 0; the unit, a power of 2, keeps squares finite. */
export function frameOf(x: Matrix, others = x): Frame {
  const center = meanOf(x);
  const most = Math.max(...new Set([x, others].map((rows) => farthest(rows, center))));
  const unit = most > 0 ? 2 ** Math.ceil(Math.log2(most)) : 1;
  return { center, unit, isUnitLength: false };
}

/** max |xᵢⱼ − centerⱼ| */
function farthest(x: Matrix, center: Float64Array): number {
  const shift = vectorTensor(center);
  let most = 0;
  for (const [first, last] of blocksOf(x)) {
    const apart = tensorOf(rowsBetween(x, first, last)).sub(shift);
    most = Math.max(most, apart.abs().max().item());
  }
  return most;
}

/** Rows in a frame, and their lengths there. */
export interface Reduced {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
  readonly lengths: Float64Array;
}

/** Rows in a frame as float32. */
export function reduced(x: Matrix, { center, unit, isUnitLength }: Frame): Reduced {
  const { rows, columns, data } = x;
  const own = new Float32Array(data.length);
  const lengths = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = rowOf(x, i);
    const scale = isUnitLength ? 1 / (Math.sqrt(dot(row, row)) || 1) : 1 / unit;
    let sum = 0;
    for (let j = 0, at = i * columns; j < columns; j++, at++) {
      const value = (data[at]! - center[j]!) * scale;
      own[at] = value;
      sum += value * value;
    }
    lengths[i] = Math.sqrt(sum);
  }
  return { rows, columns, data: own, lengths };
}

/** Rows first … last as a tensor. */
export const tensor32 = ({ rows, columns, data }: Reduced, first = 0, last = rows): Tensor =>
  fromHost({
    dtype: "float32",
    shape: [last - first, columns],
    data: data.subarray(first * columns, last * columns),
  });

/**
 * By how much a product aᵀb of rows of such lengths may be wrong: both factors are rounded to 2⁻²⁴, and D terms are
 * added; twice that covers terms of second order.
 */
export const errorOf = (columns: number, a: number, b: number): number =>
  (columns + 4) * (2 ** -23 * a * b + 2 ** -126);

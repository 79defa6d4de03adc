import { DataError, type HostArray, ShapeError, show } from "../base/index.ts";

/**
 * One-hot rows of class indices.
 *
 *   result[n, k] = 1 if indices[n] = k, else 0
 *
 * @param indices `[N]` int32, 0…classes−1.
 * @returns `[N, classes]` float32.
 * @throws {DataError} if an index is not a class.
 * @example
 * toOneHot(hostArray([2], Int32Array.of(2, 0)), 3).data; // Float32Array [0, 0, 1, 1, 0, 0]
 */
export function toOneHot(indices: HostArray, classes: number): HostArray {
  const [count] = checkRank("toOneHot", indices, 1) as [number];
  const data = new Float32Array(count * classes);
  indices.data.forEach((k, n) => {
    if (!Number.isInteger(k) || k < 0 || k >= classes)
      throw new DataError({
        subject: "toOneHot",
        problem: `label ${n} is ${k}, outside 0…${classes - 1}.`,
        fix: "give more classes, or number the labels from 0.",
      });
    data[n * classes + k] = 1;
  });
  return { dtype: "float32", shape: [count, classes], data };
}

/**
 * The class of each row: the index of its largest value, the first one on ties. The inverse of
 * {@link toOneHot}; also turns probabilities into decisions.
 *
 * @param rows `[N, C]`, C at least 1.
 * @returns `[N]` int32.
 * @throws {ShapeError} if `rows` is not a table with a column. @throws {DataError} if a row holds
 * NaN.
 */
export function fromOneHot(rows: HostArray): HostArray {
  const [count, classes] = checkRank("fromOneHot", rows, 2) as [number, number];
  if (classes === 0)
    throw new ShapeError({
      subject: "fromOneHot",
      problem: `shape ${show(rows.shape)} has no column, so a row has no largest value.`,
      fix: "give one column per class.",
    });
  const data = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    const row = rows.data.subarray(n * classes, (n + 1) * classes);
    data[n] = indexOfLargest(row, n);
  }
  return { dtype: "int32", shape: [count], data };
}

function indexOfLargest(row: ArrayLike<number>, n: number): number {
  let best = 0;
  for (let k = 0; k < row.length; k++) {
    if (Number.isNaN(row[k]))
      throw new DataError({ subject: "fromOneHot", problem: `row ${n} holds NaN at column ${k}.` });
    if (row[k]! > row[best]!) best = k;
  }
  return best;
}

function checkRank(subject: string, array: HostArray, rank: number): readonly number[] {
  if (array.shape.length === rank) return array.shape;
  throw new ShapeError({
    subject,
    problem: `expected ${rank === 1 ? "a list [N]" : "a table [N, C]"}, found ${show(array.shape)}.`,
    fix: rank === 1 ? "give one class index per example." : "give one row per example.",
  });
}

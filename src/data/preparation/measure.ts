/** Means, deviations and most frequent values of plain numbers, in float64. */
import type { Scale } from "./preparation.ts";

/**
 * Mean and standard deviation of the population (÷ N) by Welford's update; a deviation of 0 counts
 * as 1, so that a constant column becomes 0. Of no numbers: 0 and 1.
 */
export function meanAndDeviation(numbers: Float64Array): Scale {
  let average = 0;
  let squares = 0;
  for (let n = 0; n < numbers.length; n++) {
    const before = numbers[n]! - average;
    average += before / (n + 1);
    squares += before * (numbers[n]! - average);
  }
  return { mean: average, std: squares > 0 ? Math.sqrt(squares / numbers.length) : 1 };
}

export const allFinite = ({ mean, std }: Scale): boolean =>
  Number.isFinite(mean) && Number.isFinite(std);

export const mean = (numbers: Float64Array): number =>
  numbers.reduce((sum, x) => sum + x / numbers.length, 0);

export function median(numbers: Float64Array): number {
  const ordered = numbers.toSorted();
  const middle = ordered.length >> 1;
  const upper = ordered[middle]!;
  return ordered.length % 2 === 1 ? upper : (ordered[middle - 1]! + upper) / 2;
}

/** The most frequent number; ties go to the smallest. */
export function mostFrequent(numbers: Float64Array): number {
  const counts = new Map<number, number>();
  for (const x of numbers) counts.set(x, (counts.get(x) ?? 0) + 1);
  const [first] = [...counts].sort(([a, n], [b, m]) => m - n || a - b);
  return first![0];
}

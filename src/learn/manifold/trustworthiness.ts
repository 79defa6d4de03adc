/** How far a map can be trusted. */
import { ConfigError, checkOptions, ShapeError } from "../../base/index.ts";
import { checkWhole, checkWord } from "../checks.ts";
import { type Features, matrixOf } from "../input.ts";
import { type DistanceMetric, metrics, nearestOthers, ranksOf } from "../neighbors/neighbors.ts";

/** Options of {@link trustworthiness}. */
export interface TrustworthinessOptions {
  /** k, fewer than half of the rows. Default 5. */
  readonly nNeighbors?: number | undefined;
  /** Distances between the rows of `x`; in the map they are Euclidean. Default "euclidean". */
  readonly metric?: DistanceMetric | undefined;
}

/**
 * How many of the k nearest neighbors in a map are neighbors in the data, from 0 to 1:
 *
 *   T = 1 − 2 / (N k (2N − 3k − 1)) · Σᵢ Σⱼ max(0, r(i, j) − k)
 *
 * over the neighbors j of i in the map, where j is the r-th nearest to i in the data; on ties the
 * earlier row is nearer. O(N²D).
 *
 * @param x the data, `[N, D]`. @param embedding the map, `[N, d]`.
 * @throws {ShapeError} if they differ in the number of rows. @throws {ConfigError} unless k < N/2.
 * @see Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods"
 * @example
 * const x = [[0, 0], [1, 0], [2, 0], [3, 0], [4, 1]];
 * trustworthiness(x, [[0], [1], [2], [3], [4]], { nNeighbors: 2 }); // 1
 * trustworthiness(x, [[0], [4], [1], [3], [2]], { nNeighbors: 2 }); // 0.4
 */
export function trustworthiness(
  x: Features,
  embedding: Features,
  options: TrustworthinessOptions = {},
): number {
  const subject = "trustworthiness";
  checkOptions(subject, options, { nNeighbors: true, metric: true });
  const { nNeighbors: k = 5, metric = "euclidean" } = options;
  checkWhole(subject, "nNeighbors", k);
  checkWord(subject, "metric", metric, metrics);
  const rows = matrixOf(subject, x);
  const map = matrixOf(subject, embedding);
  const n = rows.rows;
  if (map.rows !== n)
    throw new ShapeError({
      subject,
      problem: `there are ${n} rows, and ${map.rows} points (${n} ≠ ${map.rows}).`,
      fix: "give a point for each row.",
    });
  if (k >= n / 2)
    throw new ConfigError({
      subject,
      problem: `${k} neighbors are asked for, and there are ${n} rows (${k} ≥ ${n}/2).`,
      fix: "take nNeighbors below half of the rows.",
    });
  const { indices } = nearestOthers(map, k, "euclidean");
  const penalty = ranksOf(rows, indices, metric).reduce(
    (sum, rank) => sum + Math.max(0, rank - k),
    0,
  );
  return 1 - (2 / (n * k * (2 * n - 3 * k - 1))) * penalty;
}

import { DataError, type HostArray, type Shape, ShapeError, show, sizeOf } from "../base/index.ts";
import type { Split } from "./dataset.ts";

/** Mean and standard deviation of each feature of the training set. Plain state: save it. */
export interface Standardization {
  /** `[D]` */
  readonly mean: Float64Array;
  /** `[D]`, of the population (÷ N); 1 for constant features. */
  readonly std: Float64Array;
}

/**
 * Measures each feature (all axes but the first, flattened) of the training set. Fit on training
 * data alone and apply the same numbers to the test set, which must not influence them.
 *
 *   μ = (1/N) Σₙ xₙ    σ² = (1/N) Σₙ (xₙ − μ)²
 *
 * Welford's update keeps the digits that Σx² − (Σx)²/N loses if μ ≫ σ.
 *
 * @param inputs `[N, ...]`, N at least 1.
 * @param features which to standardize; the others, such as categories, get mean 0 and deviation 1,
 * which leaves them unchanged. Default: all.
 * @throws {DataError} if there is no row, or a value is not finite.
 * @see Welford 1962, "Note on a method for calculating corrected sums of squares and products"
 * @example
 * const [train, test] = splitDataset(moons({ size: 100 }), 0.2, 1);
 * const scale = fitStandardization(train.inputs);
 * standardize(test, scale).inputs.shape; // [20, 2]
 */
export function fitStandardization(
  inputs: HostArray,
  features?: readonly number[],
): Standardization {
  const [rows = 0, ...rest] = inputs.shape;
  const width = sizeOf(rest);
  if (rows === 0)
    throw new DataError({
      subject: "fitStandardization",
      problem: `shape ${show(inputs.shape)} has no row to measure.`,
      fix: "give at least one example.",
    });
  const mean = new Float64Array(width);
  const squares = new Float64Array(width);
  for (let n = 0; n < rows; n++)
    for (let d = 0; d < width; d++) {
      const x = inputs.data[n * width + d]!;
      if (!Number.isFinite(x)) throw notFinite(x, n, d);
      const before = x - mean[d]!;
      mean[d] = mean[d]! + before / (n + 1);
      squares[d] = squares[d]! + before * (x - mean[d]!);
    }
  const std = squares.map((s) => (s > 0 ? Math.sqrt(s / rows) : 1));
  if (!features) return { mean, std };
  const isWanted = new Set(features);
  return {
    mean: mean.map((x, d) => (isWanted.has(d) ? x : 0)),
    std: std.map((x, d) => (isWanted.has(d) ? x : 1)),
  };
}

/**
 * The split with inputs (x − μ) / σ, feature by feature.
 *
 * @throws {ShapeError} if the number of features differs from the training set.
 */
export function standardize(split: Split, { mean, std }: Standardization): Split {
  const { dtype, shape, data } = split.inputs;
  const features: Shape = shape.slice(1);
  const width = sizeOf(features);
  if (width !== mean.length)
    throw new ShapeError({
      subject: "standardize",
      problem: `examples of shape ${show(features)} have ${width} features, the scale was fit on ${mean.length}.`,
      fix: "fit the scale on data of the same features.",
    });
  const scaled =
    dtype === "float64" ? new Float64Array(data.length) : new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const d = i % width;
    scaled[i] = (data[i]! - mean[d]!) / std[d]!;
  }
  return {
    ...split,
    inputs: { dtype: dtype === "float64" ? dtype : "float32", shape, data: scaled },
  };
}

const notFinite = (x: number, row: number, feature: number): DataError =>
  new DataError({
    subject: "fitStandardization",
    problem: `feature ${feature} of row ${row} is ${x}.`,
    fix: "remove or fill values that are not finite.",
  });

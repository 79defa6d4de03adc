/**
 * Random numbers of an experiment: each use has its own stream, and all follow from the
 * experiment's seed.
 */
import { normal, randomKey, type Tensor, uniform } from "gradus";

/** Standard normal numbers, float64. */
export const gaussian = (shape: readonly number[], seed: number, stream: number): Tensor =>
  normal(shape, { key: randomKey(seed, stream), dtype: "float64" }).evalSync();

/** Whole numbers 0 … below − 1, int32. */
export const integers = (
  below: number,
  shape: readonly number[],
  seed: number,
  stream: number,
): Tensor =>
  uniform(shape, { key: randomKey(seed, stream), dtype: "float64" })
    .mul(below)
    .floor()
    .cast("int32")
    .evalSync();

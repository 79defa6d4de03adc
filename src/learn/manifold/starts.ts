/** Initial positions of a map's points. */
import type { RandomStream } from "../../base/index.ts";
import { PCA } from "../decomposition/pca.ts";
import { type Matrix, tensorOf } from "../input.ts";

/** Normal numbers of a deviation. */
export const randomStart = (size: number, deviation: number, random: RandomStream): Float64Array =>
  Float64Array.from({ length: size }, () => deviation * random.normal());

/**
 * Rows projected onto their principal components, `[N, dimensions]`, scaled so that the first has a
 * given deviation, and perturbed by a hundredth of it, which separates equal rows. Components that
 * the data do not have are noise alone.
 */
export async function principalStart(
  rows: Matrix,
  dimensions: number,
  deviation: number,
  random: RandomStream,
): Promise<Float64Array> {
  const known = Math.min(dimensions, rows.rows, rows.columns);
  const solver = Math.min(rows.rows, rows.columns) > 2000 ? "randomized" : undefined;
  const pca = new PCA({ nComponents: known, solver, seed: random.seed });
  const z = (await pca.fitTransform(tensorOf(rows))).dataSync();
  const spread = Math.sqrt(pca.explainedVariance.dataSync()[0]!);
  const scale = spread > 0 ? deviation / spread : 0;
  const start = randomStart(rows.rows * dimensions, deviation / 100, random);
  for (let i = 0; i < rows.rows; i++)
    for (let d = 0; d < known; d++) start[i * dimensions + d]! += scale * z[i * known + d]!;
  return start;
}

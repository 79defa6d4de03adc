/** The fuzzy simplicial set of UMAP. */
import type { Neighbors } from "../neighbors/neighbors.ts";
import { type Sparse, symmetrized } from "./graph.ts";

/** The width ends when the sum is right to so much, or no longer can be. */
const tolerance = 1e-10;
const maxSteps = 100;
/** No width is below this share of the mean distance. */
const leastWidth = 1e-3;

/**
 * To which degree each neighbor belongs to a row,
 *
 *   wᵢⱼ = exp(−max(0, dᵢⱼ − ρᵢ)/σᵢ),   Σⱼ wᵢⱼ = log₂(k + 1)
 *
 * with the distance ρ to the nearest other place, or 0 where rows are new and none is their own.
 *
 * @see McInnes, Healy & Melville 2018, "UMAP: uniform manifold approximation and projection", §3.1
 */
export function memberships({ k, distances }: Neighbors, areNew = false): Float64Array {
  const weights = new Float64Array(distances.length);
  const mean = distances.reduce((a, b) => a + b, 0) / distances.length;
  // the row itself counts as one of its neighbors
  const target = Math.log2(areNew ? k : k + 1);
  for (let i = 0; i * k < distances.length; i++) {
    const own = distances.subarray(i * k, (i + 1) * k);
    const rho = areNew ? 0 : (own.find((d) => d > 0) ?? 0);
    const ownMean = own.reduce((a, b) => a + b, 0) / (areNew ? k : k + 1);
    const least = leastWidth * (rho > 0 ? ownMean : mean);
    const sigma = Math.max(widthOf(own, rho, target), least);
    for (const [n, d] of own.entries())
      weights[i * k + n] = d <= rho ? 1 : Math.exp((rho - d) / sigma);
  }
  return weights;
}

/** σ with Σ exp(−max(0, d − ρ)/σ) = target, by halving; 0 where the nearest alone are more. */
function widthOf(distances: Float64Array, rho: number, target: number): number {
  let [low, high, sigma] = [0, Number.POSITIVE_INFINITY, 1];
  for (let step = 0; step < maxSteps; step++) {
    let sum = 0;
    for (const d of distances) sum += d <= rho ? 1 : Math.exp((rho - d) / sigma);
    if (Math.abs(sum - target) < tolerance) break;
    if (sum > target) high = sigma;
    else low = sigma;
    sigma = high === Number.POSITIVE_INFINITY ? 2 * sigma : (low + high) / 2;
  }
  return sigma;
}

/** The union of what both ends say, sᵢⱼ = wᵢⱼ + wⱼᵢ − wᵢⱼ wⱼᵢ. */
export const fuzzySet = (neighbors: Neighbors): Sparse =>
  symmetrized(
    { k: neighbors.k, indices: neighbors.indices, weights: memberships(neighbors) },
    (a, b) => a + b - a * b,
  );

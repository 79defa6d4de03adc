/** The fuzzy simplicial set of UMAP. */
import type { Neighbors } from "../neighbors/neighbors.ts";
import { type Sparse, symmetrized } from "./graph.ts";

/** The search for the width ends when the sum is accurate to this, or no longer improves. */
const tolerance = 1e-10;
const maxSteps = 100;
/** No width is below this fraction of the mean distance. */
const leastWidth = 1e-3;

/**
 * The membership of each neighbor in the fuzzy set of a row,
 *
 *   wᵢⱼ = exp(−max(0, dᵢⱼ − ρᵢ)/σᵢ),   Σⱼ wᵢⱼ = log₂(k + 1)
 *
 * with the distance ρ to the nearest other point; for new rows the nearest point counts.
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

/** σ with Σ exp(−max(0, d − ρ)/σ) = target, by bisection; 0 if the nearest alone exceed it. */
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

/** The fuzzy union of both directions, sᵢⱼ = wᵢⱼ + wⱼᵢ − wᵢⱼ wⱼᵢ. */
export const fuzzySet = (neighbors: Neighbors): Sparse =>
  symmetrized(
    { k: neighbors.k, indices: neighbors.indices, weights: memberships(neighbors) },
    (a, b) => a + b - a * b,
  );

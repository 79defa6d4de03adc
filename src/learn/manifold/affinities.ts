/** The affinities of t-SNE in the original space. */
import type { Neighbors } from "../neighbors/neighbors.ts";
import { type Sparse, symmetrized } from "./graph.ts";

/** The search ends when the entropy is accurate to this many nats, or no longer improves. */
const entropyTolerance = 1e-10;
const maxSteps = 100;

/**
 * The joint probabilities of t-SNE over the nearest neighbors,
 *
 *   pⱼ|ᵢ ∝ exp(−βᵢ dᵢⱼ²),   H(p.|ᵢ) = ln(perplexity),   pᵢⱼ = (pⱼ|ᵢ + pᵢ|ⱼ) / 2N
 *
 * @see van der Maaten & Hinton 2008, §2; van der Maaten 2014, §3, for the restriction to neighbors
 */
export function affinities({ k, distances, indices }: Neighbors, perplexity: number): Sparse {
  const rows = indices.length / k;
  const weights = new Float64Array(indices.length);
  for (let i = 0; i < rows; i++)
    conditional(
      distances.subarray(i * k, (i + 1) * k),
      weights.subarray(i * k, (i + 1) * k),
      Math.log(perplexity),
    );
  return symmetrized({ k, indices, weights }, (a, b) => (a + b) / (2 * rows));
}

/**
 * Writes p ∝ exp(−β d²) with the given entropy, by Newton's steps in ln β between bounds:
 *
 *   H = ln Σ exp(−β d²) + β E[d²],   dH/d ln β = −β² Var[d²]
 */
function conditional(distances: Float64Array, p: Float64Array, entropy: number): void {
  // minus the smallest, which cancels: so that exp does not underflow for all
  const squares = distances.map((d) => d * d - distances[0]! * distances[0]!);
  const mean = squares.reduce((a, b) => a + b, 0) / squares.length;
  let logBeta = mean > 0 ? -Math.log(mean) : 0;
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let step = 0; step < maxSteps; step++) {
    const beta = Math.exp(logBeta);
    const { total, first, second } = moments(squares, p, beta);
    const off = Math.log(total) + beta * first - entropy;
    const slope = -beta * beta * (second - first * first);
    if (Math.abs(off) < entropyTolerance || mean === 0) break;
    if (off > 0) low = logBeta;
    else high = logBeta;
    const newton = logBeta - off / slope;
    if (newton > low && newton < high && Math.abs(newton - logBeta) < 5) logBeta = newton;
    else if (high === Number.POSITIVE_INFINITY) logBeta += 2;
    else if (low === Number.NEGATIVE_INFINITY) logBeta -= 2;
    else logBeta = (low + high) / 2;
  }
}

/** Fills p, normalized to sum 1, and returns Σ exp(−β s), E[s] and E[s²]. */
function moments(squares: Float64Array, p: Float64Array, beta: number) {
  let [total, first, second] = [0, 0, 0];
  for (let j = 0; j < p.length; j++) {
    const s = squares[j]!;
    const weight = Math.exp(-beta * s);
    p[j] = weight;
    total += weight;
    first += weight * s;
    second += weight * s * s;
  }
  for (let j = 0; j < p.length; j++) p[j]! /= total;
  return { total, first: first / total, second: second / total };
}

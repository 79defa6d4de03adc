/** The gradient descent of t-SNE. */
import type { Sparse } from "./graph.ts";

/**
 * Adds Σⱼ (yᵢ − yⱼ) qᵢⱼ² to the forces `[N, dimensions]`, and returns Σ_{i≠j} qᵢⱼ, where q = 1 / (1
 * + ‖yᵢ − yⱼ‖²).
 */
export type Repulsion = (points: Float64Array, dimensions: number, forces: Float64Array) => number;

/** The options of the descent. */
export interface DescentOptions {
  readonly dimensions: number;
  readonly iterations: number;
  readonly exaggeration: number;
  readonly learningRate: number | "auto";
}

const momentum = 0.8;
const leastGain = 0.01;
/** The farthest that a point moves in one step. */
const longestStep = 5;

/**
 * Minimizes KL(P ‖ Q) over the points, in place, by
 *
 *   ∂KL/∂yᵢ = 4 Σⱼ (pᵢⱼ − qᵢⱼ/Z) qᵢⱼ (yᵢ − yⱼ)
 *
 * with momentum and a gain for each coordinate that grows while its direction stays the same; the 4
 * is part of the learning rate.
 *
 * @see Jacobs 1988, "Increased rates of convergence through learning rate adaptation"
 */
export function descend(
  p: Sparse,
  points: Float64Array,
  repel: Repulsion,
  { dimensions, iterations, exaggeration, learningRate }: DescentOptions,
): { embedding: Float64Array; klDivergence: number } {
  const rows = points.length / dimensions;
  const velocity = new Float64Array(points.length);
  const gains = new Float64Array(points.length).fill(1);
  const repulsion = new Float64Array(points.length);
  const gradient = new Float64Array(points.length);
  const early = Math.floor(iterations / 3);
  for (let step = 0; step < iterations; step++) {
    const factor = step < early ? exaggeration : 1;
    const rate = learningRate === "auto" ? rows / factor : learningRate;
    repulsion.fill(0);
    const z = Math.max(repel(points, dimensions, repulsion), Number.MIN_VALUE);
    for (let at = 0; at < gradient.length; at++) gradient[at] = -repulsion[at]! / z;
    if (dimensions === 2) attractInPlane(p, points, factor, gradient);
    else attract(p, points, dimensions, factor, gradient);
    if (step === early) velocity.fill(0);
    if (step === early) gains.fill(1);
    for (let at = 0; at < points.length; at++) {
      const isOnward = gradient[at]! > 0 !== velocity[at]! > 0;
      gains[at] = isOnward ? gains[at]! + 0.2 : Math.max(leastGain, gains[at]! * 0.8);
      velocity[at] = momentum * velocity[at]! - rate * gains[at]! * gradient[at]!;
    }
    move(points, velocity, dimensions);
  }
  repulsion.fill(0);
  const z = repel(points, dimensions, repulsion);
  return { embedding: points, klDivergence: divergence(p, points, dimensions, z) };
}

/** Adds factor · Σⱼ pᵢⱼ qᵢⱼ (yᵢ − yⱼ). */
function attract(
  { starts, columns, values }: Sparse,
  points: Float64Array,
  dimensions: number,
  factor: number,
  forces: Float64Array,
): void {
  for (let i = 0; i + 1 < starts.length; i++)
    for (let at = starts[i]!; at < starts[i + 1]!; at++) {
      const j = columns[at]!;
      const share = (factor * values[at]!) / (1 + squareBetween(points, dimensions, i, j));
      for (let d = 0; d < dimensions; d++)
        forces[i * dimensions + d]! +=
          share * (points[i * dimensions + d]! - points[j * dimensions + d]!);
    }
}

/** The same for two dimensions, where most of a step's time is spent. */
function attractInPlane(
  { starts, columns, values }: Sparse,
  points: Float64Array,
  factor: number,
  forces: Float64Array,
): void {
  for (let i = 0; i + 1 < starts.length; i++) {
    const [x, y] = [points[2 * i]!, points[2 * i + 1]!];
    let [fx, fy] = [0, 0];
    for (let at = starts[i]!; at < starts[i + 1]!; at++) {
      const j = 2 * columns[at]!;
      const dx = x - points[j]!;
      const dy = y - points[j + 1]!;
      const share = values[at]! / (1 + dx * dx + dy * dy);
      fx += share * dx;
      fy += share * dy;
    }
    forces[2 * i]! += factor * fx;
    forces[2 * i + 1]! += factor * fy;
  }
}

function squareBetween(points: Float64Array, dimensions: number, i: number, j: number): number {
  let square = 0;
  for (let d = 0; d < dimensions; d++)
    square += (points[i * dimensions + d]! - points[j * dimensions + d]!) ** 2;
  return square;
}

/** A step; no point moves farther than {@link longestStep}, and the mean is shifted back to 0. */
function move(points: Float64Array, velocity: Float64Array, dimensions: number): void {
  const rows = points.length / dimensions;
  for (let i = 0; i < rows; i++) {
    let square = 0;
    for (let d = 0; d < dimensions; d++) square += velocity[i * dimensions + d]! ** 2;
    const shrink = square > longestStep ** 2 ? longestStep / Math.sqrt(square) : 1;
    for (let at = i * dimensions; at < (i + 1) * dimensions; at++) {
      velocity[at]! *= shrink;
      points[at]! += velocity[at]!;
    }
  }
  for (let d = 0; d < dimensions; d++) {
    let sum = 0;
    for (let at = d; at < points.length; at += dimensions) sum += points[at]!;
    for (let at = d; at < points.length; at += dimensions) points[at]! -= sum / rows;
  }
}

/** Σ pᵢⱼ ln(pᵢⱼ/qᵢⱼ) */
function divergence(p: Sparse, points: Float64Array, dimensions: number, z: number): number {
  let total = 0;
  for (let i = 0; i + 1 < p.starts.length; i++)
    for (let at = p.starts[i]!; at < p.starts[i + 1]!; at++) {
      const square = squareBetween(points, dimensions, i, p.columns[at]!);
      total += p.values[at]! * Math.log(p.values[at]! * z * (1 + square));
    }
  return total;
}

/** Repulsion between all pairs. */
export const repelAll: Repulsion = (points, dimensions, forces) => {
  const rows = points.length / dimensions;
  let z = 0;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < i; j++) {
      const q = 1 / (1 + squareBetween(points, dimensions, i, j));
      z += 2 * q;
      for (let d = 0; d < dimensions; d++) {
        const force = q * q * (points[i * dimensions + d]! - points[j * dimensions + d]!);
        forces[i * dimensions + d]! += force;
        forces[j * dimensions + d]! -= force;
      }
    }
  return z;
};

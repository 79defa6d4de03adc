/** Linearly separable classes, and the perceptron on them (E3). */
import { Perceptron } from "gradus/learn";
import { gaussian } from "./random.ts";
import { dot, norm } from "./vectors.ts";

/**
 * Points of the unit ball, labelled by a random hyperplane through 0; none is closer to it than γ.
 */
export function separable(d: number, n: number, gamma: number, seed: number, stream: number) {
  const [normal, ...points] = gaussian([40 * n + 1, d], seed, stream).toArray() as number[][];
  const w = normal!.map((x) => x / norm(normal!));
  const x = points
    .map((x) => x.map((xi) => xi * Math.min(1, 2 / norm(x))))
    .filter((x) => Math.abs(dot(w, x)) >= gamma)
    .slice(0, n);
  const y = x.map((x) => Number(dot(w, x) > 0));
  // with its b, which is 0, the normal still has length 1; each example has the length of (x, 1)
  const margin = Math.min(...x.map((x) => Math.abs(dot(w, x))));
  return { w, x, y, margin, radius: Math.max(...x.map((x) => Math.hypot(...x, 1))) };
}

/** Mistakes from zero weights, where a score of 0 counts as one; cumulative, epoch by epoch. */
export async function perceive(x: readonly number[][], y: readonly number[], epochs: number) {
  const learner = await new Perceptron({ labels: "signed", epochs }).fit(x, y);
  const { converged, mistakes, total } = learner.report;
  let before = 0;
  return {
    w: (learner.coef.toArray() as number[][])[0]!,
    b: learner.intercept.item(),
    ...{ converged, total, mistakes: mistakes.map((wrong) => (before += wrong)) },
  };
}

/**
 * n examples whose (x, 1) are orthogonal, of length √n: each must be learned separately. The
 * corners of a regular simplex, xᵢ·xⱼ = −1 and ‖xᵢ‖² = n − 1; the best hyperplane has γ = 1, so
 * that the bound is n.
 */
export const simplex = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => Math.sqrt(n) * (Number(i === j) - 1 / n)),
  );

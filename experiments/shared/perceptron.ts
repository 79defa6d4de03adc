import { gaussian } from "./random.ts";
import { dot, norm } from "./vectors.ts";

/** Points of the ball around 0, labelled by a random line through it; none is nearer to it than γ. */
export function separable(d: number, n: number, gamma: number, seed: number, stream: number) {
  const [normal, ...points] = gaussian([40 * n + 1, d], seed, stream).toArray() as number[][];
  const w = normal!.map((x) => x / norm(normal!));
  const signed = points
    .map((x) => x.map((xi) => xi * Math.min(1, 2 / norm(x))))
    .map((x) => (dot(w, x) < 0 ? x.map((xi) => -xi) : x))
    .filter((x) => dot(w, x) >= gamma)
    .slice(0, n);
  return { w, signed, margin: Math.min(...signed.map((x) => dot(w, x))) };
}

/** w ← w + yx for each example yx (y = ±1, lines through 0) on the wrong side, in turn, until none is or the epochs are over. */
export function perceptron(examples: readonly number[][], epochs: number) {
  let w = examples[0]!.map(() => 0);
  const mistakes: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    let wrong = 0;
    for (const x of examples)
      if (dot(w, x) <= 0) {
        w = w.map((wi, i) => wi + x[i]!);
        wrong++;
      }
    mistakes.push((mistakes.at(-1) ?? 0) + wrong);
    if (wrong === 0) return { w, mistakes, converged: true };
  }
  return { w, mistakes, converged: false };
}

/** The items in another order. */
export function shuffled<T>(items: readonly T[], seed: number, stream: number): T[] {
  const keys = gaussian([items.length], seed, stream).dataSync();
  const order = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]!);
  return order.map((i) => items[i]!);
}

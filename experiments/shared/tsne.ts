/** t-SNE as its paper has it, exact: every pair of points is looked at. */
import { compile, type Tensor, tensor } from "gradus";
import { gaussian } from "./random.ts";

/** Squared distances `[n, n]` between rows. */
const distances = (x: Tensor): Tensor => {
  const squares = x.square().sum({ axis: 1 });
  return squares.unsqueeze(1).add(squares).sub(x.matmul(x.transpose()).mul(2)).maximum(0);
};

/** Of each point, the others by nearness: exp(−βd²), with β such that the entropy is ln(perplexity). */
function affinities(squared: Float64Array, n: number, perplexity: number): Float64Array {
  const p = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const d = squared.subarray(i * n, (i + 1) * n);
    const row = p.subarray(i * n, (i + 1) * n);
    let [low, high, beta] = [0, Number.POSITIVE_INFINITY, 1];
    const nearest = d.reduce(
      (least, x, j) => (j === i ? least : Math.min(least, x)),
      Number.POSITIVE_INFINITY,
    );
    for (let k = 0; k < 60; k++) {
      // less the nearest, which cancels: exp cannot vanish for all
      row.forEach((_, j) => {
        row[j] = j === i ? 0 : Math.exp(-beta * (d[j]! - nearest));
      });
      const sum = row.reduce((a, b) => a + b, 0);
      row.forEach((x, j) => {
        row[j] = x / sum;
      });
      const entropy = row.reduce((h, x) => (x > 0 ? h - x * Math.log(x) : h), 0);
      if (Math.abs(entropy - Math.log(perplexity)) < 1e-5) break;
      if (entropy > Math.log(perplexity)) low = beta;
      else high = beta;
      beta = high === Number.POSITIVE_INFINITY ? 2 * beta : (low + high) / 2;
    }
  }
  // symmetric, and one in all
  return p.map((x, k) => (x + p[(k % n) * n + Math.floor(k / n)]!) / (2 * n));
}

/**
 * Points of the plane whose neighbours are those of the rows of x: minimises KL(P ‖ Q) with
 *
 *   p_ij ∝ exp(−β_i ‖x_i − x_j‖²), made symmetric     q_ij ∝ 1 / (1 + ‖y_i − y_j‖²)
 *   ∂/∂y_i = 4 Σ_j (p_ij − q_ij)(y_i − y_j) / (1 + ‖y_i − y_j‖²)
 *
 * by momentum with gains, P being four times as large for the first 100 steps.
 *
 * @param x `[n, d]`, n of a few hundred.
 * @see van der Maaten & Hinton 2008, "Visualizing data using t-SNE", §3.3–3.4
 */
export function tsne(
  x: Tensor,
  seed: number,
  { perplexity = 30, steps = 500, rate = 100 } = {},
): number[][] {
  const n = x.shape[0]!;
  const exact = x.cast("float64");
  const squared = distances(exact).dataSync() as Float64Array;
  const p = tensor(affinities(squared, n, perplexity))
    .reshape([n, n])
    .evalSync();
  const others = tensor(Float64Array.from({ length: n * n }, (_, k) => Number(k % (n + 1) !== 0)))
    .reshape([n, n])
    .evalSync();
  const move = compile(
    (y: Tensor, velocity: Tensor, gains: Tensor, more: number, momentum: number) => {
      const near = distances(y).add(1).pow(-1).mul(others);
      const force = p.mul(more).sub(near.div(near.sum())).mul(near); // [n, n]
      const gradient = y
        .mul(force.sum({ axis: 1, keepDims: true }))
        .sub(force.matmul(y))
        .mul(4);
      const same = gradient.mul(velocity).greater(0).cast("float64"); // still uphill
      const grown = gains
        .mul(same.mul(0.8))
        .add(gains.add(0.2).mul(same.neg().add(1)))
        .maximum(0.01);
      const next = velocity.mul(momentum).sub(grown.mul(gradient).mul(rate));
      const moved = y.add(next);
      return [moved.sub(moved.mean({ axis: 0 })), next, grown] as const;
    },
  );
  let y = gaussian([n, 2], seed, 50).mul(1e-4).evalSync();
  let velocity = y.mul(0).evalSync();
  let gains = velocity.add(1).evalSync();
  for (let k = 0; k < steps; k++)
    [y, velocity, gains] = move.sync(y, velocity, gains, k < 100 ? 4 : 1, k < 250 ? 0.5 : 0.8);
  return y.toArray() as number[][];
}

/** Logistic classification by one hidden layer, with planted weights. */
import { randomKey, type Tensor, uniform } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import { derivatives, table } from "./newton.ts";
import { gaussian } from "./random.ts";

export const [K, d] = [2, 3];

/** P(y = 1) = (1/K) Σₖ σ(wₖᵀx) for many W `[B, Kd]` and all x `[n, d]`: `[B, n]`. */
const probability = (W: Tensor, x: Tensor): Tensor =>
  W.reshape([W.shape[0]!, K, d])
    .matmul(x.transpose())
    .sigmoid()
    .mean({ axis: 1 })
    .mul(1 - 2e-12)
    .add(1e-12); // keeps the logarithms below finite after a large step

/**
 * Cross-entropy of n examples; labels sampled from the planted W*, or their expectation given x.
 */
export function problem(
  planted: readonly number[],
  n: number,
  seed: number,
  labels: "thrown" | "expected",
) {
  const x = gaussian([n, d], seed, n);
  const p = probability(table([planted]), x)
    .squeeze(0)
    .evalSync();
  const u = uniform([n], { key: randomKey(seed, n + 1), dtype: "float64" });
  const y = labels === "expected" ? p : u.less(p).cast("float64").evalSync();
  return (W: Tensor) => {
    const q = probability(W, x);
    const likelihood = y.mul(q.log()).add(y.mul(-1).add(1).mul(q.mul(-1).add(1).log()));
    return likelihood.mean({ axis: 1 }).neg();
  };
}

/** The least eigenvalue of the Hessian at each point, and the largest. */
export function spectrum(losses: (W: Tensor) => Tensor, points: readonly (readonly number[])[]) {
  return derivatives(losses)(points).map(({ hessian }) => {
    const { values } = eigenSymmetric(hessian);
    return { least: values.at(-1)!, largest: values[0]! };
  });
}

import { ConfigError, checkOptions, describe, ShapeError, show } from "../../base/index.ts";
import { concat, eye, type Tensor, where } from "../../tensor/index.ts";
import { type LossOptions, reduced } from "./losses.ts";

/** The temperature of {@link ntXent}, beside the reduction. */
export interface ContrastiveLossOptions extends LossOptions {
  /** τ, above 0: small ones weigh the most similar others most. Default 0.5. */
  readonly temperature?: number | undefined;
}

/** Added to the similarity of a row with itself: e^−10⁹ is 0 in every dtype. */
const never = -1e9;

/** Squares of lengths below it count as 0: 10⁻¹², as in PyTorch's `normalize`. */
const leastSquare = 1e-24;

/**
 * The normalised temperature-scaled cross-entropy of SimCLR: each row is to find its partner among all other rows of
 * the batch, by cosine similarity.
 *
 *   zᵢ, i = 1…2N: the rows of a and b;   s(i, j) = zᵢ·zⱼ / (‖zᵢ‖ ‖zⱼ‖)
 *   ℓ(i, j) = −log exp(s(i, j)/τ) / Σ_{k ≠ i} exp(s(i, k)/τ)
 *   L = (1/2N) Σₙ ℓ(aₙ, bₙ) + ℓ(bₙ, aₙ)
 *
 * It depends on the batch: with more rows there are more to be told apart.
 *
 * @param a `[N, K]` float; a row of zeros has similarity 0 to all. @param b `[N, K]`, of which row n is the partner of row n of a.
 * @returns scalar `[]`, or of each pair `[N]` without reduction.
 * @throws {ShapeError} if the shapes differ. @throws {ConfigError} for a temperature that is not above 0.
 * @see Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of visual representations", §2.1
 * @example
 * const a = tensor([[1, 0], [0, 1]]);
 * ntXent(a, a, { temperature: 1 }).item(); // 0.551…
 */
export function ntXent(a: Tensor, b: Tensor, options: ContrastiveLossOptions = {}): Tensor {
  checkOptions("ntXent", options, { temperature: true, reduction: true });
  const { temperature = 0.5, ...rest } = options;
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY))
    throw new ConfigError({
      subject: "ntXent",
      problem: `the temperature is ${describe(temperature)}.`,
      fix: "give a number above 0, such as 0.5.",
    });
  if (a.rank !== 2 || show(a.shape) !== show(b.shape))
    throw new ShapeError({
      subject: "ntXent",
      problem: `takes two of [N, K], got ${show(a.shape)} and ${show(b.shape)}.`,
      fix: "give the codes of two views of the same N examples.",
    });
  const [n] = a.shape as [number, number];
  const z = unit(concat([a, b], { axis: 0 })); // [2N, K]
  const similar = z.matmul(z.transpose()).div(temperature); // [2N, 2N]
  const self = eye(2 * n, { dtype: a.dtype as "float32" }).mul(never);
  const all = similar.add(self).logSumExp({ axis: 1 }).reshape([2, n]);
  const partner = unit(a).mul(unit(b)).sum({ axis: 1 }).div(temperature); // [N]
  return reduced("ntXent", all.mean({ axis: 0 }).sub(partner), rest);
}

/** Rows of length 1; a row of zeros stays one, with a gradient of 0. */
export function unit(x: Tensor): Tensor {
  const square = x.square().sum({ axis: 1, keepDims: true });
  return where(square.greater(leastSquare), x.div(square.maximum(leastSquare).sqrt()), 0);
}

/** Two normal classes, and naive Bayes and logistic regression on samples of them. */
import { concat, type Tensor, tensor } from "gradus";
import { LogisticRegression } from "gradus/learn";
import { gaussian } from "./random.ts";

/** The number of features. */
export const d = 20;
const shift = 0.3; // the classes are N(±shift, Σ), as many examples of each
const ridge = 0.01; // of ½‖w‖²: separable samples then have a solution

/**
 * x = ±shift + ε + c u, where the first half of the features share u: naive Bayes is the right
 * model at c = 0.
 */
export function sample(c: number, n: number, runs: number, seed: number, stream: number): Tensor {
  const which = tensor(
    Array.from({ length: d }, (_, i) => (i < d / 2 ? c : 0)),
    "float64",
  );
  const noise = gaussian([runs, n, d], seed, stream);
  const common = gaussian([runs, n, 1], seed, stream + 1).mul(which);
  return noise.add(common).add(signs(n).mul(shift)).evalSync();
}

/** `[n, 1]`: 1, −1, 1, −1, … */
const signs = (n: number): Tensor =>
  tensor(
    Array.from({ length: n }, (_, i) => [i % 2 ? -1 : 1]),
    "float64",
  );

/** w·x + b > 0 means class 1; one classifier per run, `[runs, d + 1]` with b last. */
type Classifiers = Tensor;

/** Gaussian naive Bayes with one variance per feature: w = (m₁ − m₀)/σ², b = −w·(m₁ + m₀)/2. */
export function naiveBayes(x: Tensor): Classifiers {
  const [runs, n] = x.shape as readonly [number, number];
  const pairs = x.reshape([runs, n / 2, 2, d]);
  const means = pairs.mean({ axis: 1, keepDims: true }); // [runs, 1, 2, d]
  const variance = pairs
    .sub(means)
    .square()
    .sum({ axis: [1, 2] })
    .div(n - 2);
  const [one, zero] = [means.slice([0, runs], 0, 0), means.slice([0, runs], 0, 1)];
  const w = one.sub(zero).div(variance);
  return concat([w, w.mul(one.add(zero)).sum({ axis: 1, keepDims: true }).div(-2)], {
    axis: 1,
  }).evalSync();
}

/** Logistic regression: the minimum of Σ softplus(−y (w·x + b)) / ridge + ½ ‖w‖². */
export async function logistic(x: Tensor): Promise<Classifiers> {
  const [runs, n] = x.shape as readonly [number, number];
  const labels = Array.from({ length: n }, (_, i) => (i % 2 ? 0 : 1));
  const found: Tensor[] = [];
  for (let r = 0; r < runs; r++) {
    const { coef, intercept } = await new LogisticRegression({ C: 1 / ridge }).fit(
      x.slice(r),
      labels,
    );
    found.push(concat([coef, intercept.unsqueeze(1)], { axis: 1 }));
  }
  return concat(found).evalSync();
}

/** Φ(z) = ½ (1 + erf(z/√2)) */
const normalCdf = (z: Tensor): Tensor => z.mul(Math.SQRT1_2).erf().add(1).div(2);

/** The exact error of each classifier: no test examples are drawn. */
export function errors(classifiers: Classifiers, c: number): number[] {
  const runs = classifiers.shape[0]!;
  const [w, b] = [classifiers.slice([0, runs], [0, d]), classifiers.slice([0, runs], d)];
  const shared = w.slice([0, runs], [0, d / 2]).sum({ axis: 1 });
  const deviation = w
    .square()
    .sum({ axis: 1 })
    .add(shared.square().mul(c * c))
    .sqrt();
  const toward = w.sum({ axis: 1 }).mul(shift);
  const wrong = [b, b.neg()].map((bias) => normalCdf(toward.add(bias).div(deviation).neg()));
  return Array.from(wrong[0]!.add(wrong[1]!).div(2).dataSync());
}
/** Φ(−√(μᵀΣ⁻¹μ)), by Sherman and Morrison's formula for Σ = I + c² 1₁1₁ᵀ. */
export const bayesError = (c: number): number => {
  const half = d / 2;
  const distance = shift ** 2 * (half / (1 + c * c * half) + half);
  return normalCdf(tensor(-Math.sqrt(distance), "float64")).item();
};

/** Losses: predictions and targets → one number. All are smooth wherever their formula is. */
import {
  ConfigError,
  checkOptions,
  DTypeError,
  isFloat,
  ShapeError,
  sameShape,
  show,
} from "../../base/index.ts";
import { checkedValues, type Tensor, where } from "../../tensor/index.ts";

/** How the losses of the examples are reduced to one number; "none" keeps them apart. */
export type Reduction = "mean" | "sum" | "none";

/** The reduction of a loss. */
export interface LossOptions {
  /** Default "mean". */
  readonly reduction?: Reduction | undefined;
}

/**
 * The losses of the examples, reduced as the options request. @throws {ConfigError} for unknown
 * options and reductions.
 */
export function reduced(name: string, losses: Tensor, options: LossOptions): Tensor {
  checkOptions(name, options, { reduction: true });
  const { reduction = "mean" } = options;
  if (reduction === "mean") return losses.mean();
  if (reduction === "sum") return losses.sum();
  if (reduction === "none") return losses;
  throw new ConfigError({
    subject: name,
    problem: `unknown reduction "${reduction}".`,
    fix: 'use "mean", "sum" or "none".',
  });
}

/**
 * Kullback–Leibler divergence of the predicted from the true distribution, in nats: the cost of
 * believing the prediction beyond the entropy of the truth.
 *
 *   L = (1/N) Σₙ Σ_c pₙc (log pₙc − log qₙc),   q = softmax(z)
 *
 * It differs from {@link crossEntropy} by the entropy of p, so both have the same gradient in z.
 *
 * @param logits z `[…, C]` float, unnormalised; log-probabilities are logits as well.
 * @param targets p `[…, C]`, rows that sum to 1.
 * @returns scalar `[]`, or `[…]` without reduction.
 * @throws {ShapeError} if the shapes differ.
 * @see Kullback & Leibler 1951
 * @example
 * klDivergence(tensor([[0, 0]]), tensor([[0.5, 0.5]])).item(); // 0
 * klDivergence(tensor([[0, 0]]), tensor([[1, 0]])).item(); // 0.6931471824645996
 */
export function klDivergence(logits: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  const [z, p] = pair("klDivergence", logits, targets);
  const terms = where(p.equal(0), 0, p.mul(p.log().sub(z.logSoftmax()))); // 0 log 0 = 0
  return reduced("klDivergence", terms.sum({ axis: -1 }), options);
}

/**
 * Mean negative log-likelihood of a binary answer, in nats, from the logit z of "yes".
 *
 *   L = y · softplus(−z) + (1 − y) · softplus(z),   softplus(z) = log(1 + eᶻ) = −log σ(−z)
 *
 * Both tails are precise, and the derivative is σ(z) − y everywhere: no |z| with a kink at 0, which
 * would spoil the Hessian there.
 *
 * @param logits any shape, float. @param targets the same shape: 0, 1 or probabilities, any dtype.
 * @returns scalar `[]`, or the shape of the logits without reduction.
 * @throws {ShapeError} if the shapes differ. @throws {DataError} when it is computed, for targets
 * beyond 0 to 1.
 * @see Goodfellow, Bengio & Courville 2016, §6.2.2.2
 * @example
 * binaryCrossEntropyWithLogits(tensor([0, 0]), tensor([0, 1])).item(); // 0.6931471824645996
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  const [z, given] = pair("binaryCrossEntropyWithLogits", logits, targets);
  const y = shares("binaryCrossEntropyWithLogits", given);
  // 0 · ∞ = 0: an infinite logit of the right sign has no loss
  const ofYes = where(y.equal(0), 0, y.mul(z.neg().softplus()));
  const ofNo = where(y.equal(1), 0, y.neg().add(1).mul(z.softplus()));
  const losses = ofYes.add(ofNo);
  return reduced("binaryCrossEntropyWithLogits", losses, options);
}

/**
 * Mean negative log-likelihood of a binary answer, in nats, from the probability p of "yes".
 *
 *   L = −y log p − (1 − y) log(1 − p)
 *
 * ∞ for a certain and wrong answer, which a sigmoid in float32 gives from |z| ≈ 17 on: if p is a
 * sigmoid, prefer {@link binaryCrossEntropyWithLogits} of its logits.
 *
 * @param probabilities p, any shape, float. @param targets y, the same shape: 0, 1 or
 * probabilities.
 * @returns scalar `[]`, or the shape of p without reduction.
 * @throws {ShapeError} if the shapes differ. @throws {DataError} when it is computed, for targets
 * beyond 0 to 1.
 * @see Goodfellow, Bengio & Courville 2016, §6.2.2.2
 * @example
 * binaryCrossEntropy(tensor([0.5, 1]), tensor([0, 1]), { reduction: "sum" }).item(); // 0.6931471824645996
 */
export function binaryCrossEntropy(
  probabilities: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  const [p, given] = pair("binaryCrossEntropy", probabilities, targets);
  const y = shares("binaryCrossEntropy", given);
  const ofYes = where(y.equal(0), 0, y.mul(p.log())); // 0 log 0 = 0
  const ofNo = where(y.equal(1), 0, y.neg().add(1).mul(p.neg().log1p()));
  return reduced("binaryCrossEntropy", ofYes.add(ofNo).neg(), options);
}

/**
 * Mean squared error (ŷ − y)² over all elements, in squared units of y.
 *
 * @throws {ShapeError} if the shapes differ: [N] and [N, 1] do not broadcast here.
 * @example
 * meanSquaredError(tensor([1, 2]), tensor([1, 4])).item(); // 2
 */
export function meanSquaredError(
  predictions: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  const [p, y] = pair("meanSquaredError", predictions, targets);
  return reduced("meanSquaredError", p.sub(y).square(), options);
}

/**
 * Half the squared error, ½(ŷ − y)², whose derivative is the error itself.
 *
 * @throws {ShapeError} if the shapes differ.
 * @example
 * squaredError(tensor([1, 2]), tensor([1, 4]), { reduction: "sum" }).item(); // 2
 */
export function squaredError(
  predictions: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  const [p, y] = pair("squaredError", predictions, targets);
  return reduced("squaredError", p.sub(y).square().mul(0.5), options);
}

/**
 * Mean absolute error |ŷ − y| over all elements, in units of y; the derivative at 0 is 0.
 *
 * @throws {ShapeError} if the shapes differ.
 * @example
 * meanAbsoluteError(tensor([1, 2]), tensor([1, 4])).item(); // 1
 */
export function meanAbsoluteError(
  predictions: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  const [p, y] = pair("meanAbsoluteError", predictions, targets);
  return reduced("meanAbsoluteError", p.sub(y).abs(), options);
}

/** The δ of {@link huber}. */
export interface HuberOptions extends LossOptions {
  /** δ > 0, default 1. */
  readonly delta?: number | undefined;
}

/**
 * Squared near the target and absolute far from it, so that the gradient of outliers is bounded:
 *
 *   L = ½ r² where |r| ≤ δ,   δ (|r| − ½ δ) elsewhere,   r = ŷ − y
 *
 * The derivative is r clipped to −δ … δ, even for infinite residuals.
 *
 * @throws {ShapeError} if the shapes differ. @throws {ConfigError} for an invalid δ.
 * @see Huber 1964, "Robust estimation of a location parameter"
 * @example
 * huber(tensor([0.5, 3]), tensor([0, 0]), { reduction: "none" }).toArray(); // [0.125, 2.5]
 */
export function huber(predictions: Tensor, targets: Tensor, options: HuberOptions = {}): Tensor {
  checkOptions("huber", options, { reduction: true, delta: true });
  const { delta = 1, reduction } = options;
  const [p, y] = pair("huber", predictions, targets);
  if (!(delta > 0))
    throw new ConfigError({
      subject: "huber",
      problem: `delta is ${delta}.`,
      fix: "give the residual above 0 at which the loss turns linear.",
    });
  const r = p.sub(y);
  const far = r
    .abs()
    .sub(0.5 * delta)
    .mul(delta);
  return reduced("huber", where(r.abs().lessEqual(delta), r.square().mul(0.5), far), { reduction });
}

export function checkFloat(name: string, x: Tensor): void {
  if (isFloat(x.dtype)) return;
  throw new DTypeError({
    subject: name,
    problem: `predictions are ${x.dtype}.`,
    fix: 'cast them: x.cast("float32").',
  });
}

/** Predictions, and targets of the same shape in the dtype of the predictions. */
export function pair(name: string, predictions: Tensor, targets: Tensor): [Tensor, Tensor] {
  checkFloat(name, predictions);
  if (!sameShape(predictions.shape, targets.shape))
    throw new ShapeError({
      subject: name,
      problem: `predictions ${show(predictions.shape)} and targets ${show(targets.shape)} differ.`,
      fix: "reshape one of them: a loss does not broadcast.",
    });
  return [predictions, targets.cast(predictions.dtype)];
}

/** Targets y unchanged, each from 0 to 1. @throws {DataError} when computed, for others. */
const shares = (name: string, y: Tensor): Tensor =>
  checkedValues(y, y.greaterEqual(0).logicalAnd(y.lessEqual(1)), {
    subject: name,
    wanted: "a target of 0 to 1",
    fix: "give 0 for no and 1 for yes; signs −1 and 1 become targets.add(1).div(2).",
  });

/** Targets y unchanged, each −1 or 1. @throws {DataError} when computed, for others. */
export const signs = (name: string, y: Tensor): Tensor =>
  checkedValues(y, y.abs().equal(1), {
    subject: name,
    wanted: "a target of −1 or 1",
    fix: "give −1 for no and 1 for yes; labels 0 and 1 become targets.mul(2).sub(1).",
  });

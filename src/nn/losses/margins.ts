/**
 * Losses of a margin, the score of the true class above the others. Two classes are y ∈ {−1, 1} with
 * one score f each; the margin is y f.
 */
import { DTypeError, ShapeError, sameShape, show } from "../../base/index.ts";
import { checkedValues, oneHot, type Tensor, where } from "../../tensor/index.ts";
import { checkFloat, type LossOptions, pair, reduced, signs } from "./losses.ts";

/**
 * Hinge loss: 0 beyond a margin of 1, linear below. With an L2 penalty it makes a support vector
 * machine.
 *
 *   L = max(0, 1 − y f)
 *
 * The derivative at the kink, y f = 1, is 0.
 *
 * @param scores f, any shape, float. @param targets y ∈ {−1, 1}, the same shape, any dtype.
 * @returns scalar `[]`, or the shape of the scores without reduction.
 * @throws {ShapeError} if the shapes differ. @throws {DataError} when it is computed, for other
 * targets.
 * @see Cortes & Vapnik 1995, "Support-vector networks"
 * @example
 * hinge(tensor([2, 0.5]), tensor([1, -1]), { reduction: "none" }).toArray(); // [0, 1.5]
 */
export function hinge(scores: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  return reduced("hinge", slack("hinge", scores, targets), options);
}

/**
 * Squared hinge loss, which is smooth at a margin of 1.
 *
 *   L = max(0, 1 − y f)²
 *
 * @param targets y ∈ {−1, 1}.
 * @throws {ShapeError} if the shapes differ. @throws {DataError} when it is computed, for other targets.
 * @see Chang, Hsieh & Lin 2008
 * @example
 * squaredHinge(tensor([2, 0.5]), tensor([1, -1]), { reduction: "none" }).toArray(); // [0, 2.25]
 */
export function squaredHinge(scores: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  return reduced("squaredHinge", slack("squaredHinge", scores, targets).square(), options);
}

/** max(0, 1 − y f) */
function slack(name: string, scores: Tensor, targets: Tensor): Tensor {
  const [f, given] = pair(name, scores, targets);
  const y = signs(name, given);
  return y.mul(f).neg().add(1).relu();
}

/**
 * Logistic loss, the binary cross-entropy for targets −1 and 1, in nats: with y = 2t − 1 it is
 * {@link binaryCrossEntropyWithLogits} of t.
 *
 *   L = log(1 + e^{−y f})
 *
 * Computed as softplus, so that no margin overflows. The derivative in f is −y σ(−y f).
 *
 * @param scores f, any shape, float. @param targets y ∈ {−1, 1}, the same shape, any dtype.
 * @returns scalar `[]`, or the shape of the scores without reduction.
 * @throws {ShapeError} if the shapes differ. @throws {DataError} when it is computed, for other
 * targets.
 * @see Hastie, Tibshirani & Friedman 2009, §10.5
 * @example
 * logisticLoss(tensor([0, 1000]), tensor([1, 1]), { reduction: "sum" }).item(); // 0.6931471824645996
 */
export function logisticLoss(scores: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  const [f, given] = pair("logisticLoss", scores, targets);
  const y = signs("logisticLoss", given);
  return reduced("logisticLoss", y.mul(f).neg().softplus(), options);
}

/**
 * Exponential loss, which AdaBoost minimizes. It grows so fast that one wrong label can dominate
 * all others, and overflows float32 at a margin of −89.
 *
 *   L = e^{−y f}
 *
 * @param targets y ∈ {−1, 1}.
 * @throws {ShapeError} if the shapes differ. @throws {DataError} when it is computed, for other
 * targets.
 * @see Friedman, Hastie & Tibshirani 2000, "Additive logistic regression", §4
 * @example
 * exponentialLoss(tensor([0, 0]), tensor([1, -1])).item(); // 1
 */
export function exponentialLoss(
  scores: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  const [f, given] = pair("exponentialLoss", scores, targets);
  const y = signs("exponentialLoss", given);
  return reduced("exponentialLoss", y.mul(f).neg().exp(), options);
}

/**
 * Hinge loss of many classes: every other class that comes within 1 of the true class costs.
 *
 *   L = Σ_{j ≠ y} max(0, 1 + z_j − z_y)
 *
 * This is the sum of Weston & Watkins; Crammer & Singer take only the largest term, and PyTorch
 * divides the sum by the number of classes.
 *
 * @param scores z `[…, C]` float. @param labels y `[…]` int32, 0…C−1.
 * @returns scalar `[]`, or `[…]` without reduction.
 * @throws {ShapeError} if the leading sizes differ. @throws {DTypeError} for labels that are not
 * int32.
 * @see Weston & Watkins 1999
 * @example
 * multiClassHinge(tensor([[3, 2.5, 0]]), tensor([0], "int32")).item(); // 0.5
 */
export function multiClassHinge(scores: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  checkFloat("multiClassHinge", scores);
  checkLabels("multiClassHinge", scores, labels);
  const own = scores.takeAlong(labels.unsqueeze(-1));
  const isOwn = oneHot(labels, scores.shape.at(-1)!, { dtype: "bool" });
  const terms = where(isOwn, 0, scores.sub(own).add(1).relu());
  return reduced("multiClassHinge", terms.sum({ axis: -1 }), options);
}

/**
 * The share of wrong answers, for evaluation: its derivative is 0 wherever it exists, so it cannot
 * be trained with.
 *
 *   L = [ŷ ≠ y],   ŷ = argmax z, or for a single score ŷ = 1 where f ≥ 0, −1 elsewhere
 *
 * @param scores z `[…, C]` with labels `[…]` int32, or f of any shape with y ∈ {−1, 1} of the same.
 * @returns scalar `[]`, or one 0 or 1 per example without reduction; in the dtype of the scores.
 * @throws {ShapeError} if the shapes do not fit. @throws {DTypeError} for labels that are not
 * int32.
 * @throws {DataError} when it is computed, for other targets.
 * @see Vapnik 1998, §1.3
 * @example
 * zeroOneLoss(tensor([[1, 2], [2, 1]]), tensor([1, 1], "int32")).item(); // 0.5
 * zeroOneLoss(tensor([3, -2, 0.5]), tensor([1, 1, 1]), { reduction: "sum" }).item(); // 1
 */
export function zeroOneLoss(scores: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  checkFloat("zeroOneLoss", scores);
  if (sameShape(scores.shape, targets.shape)) {
    const positive = scores.greaterEqual(0);
    const wrong = positive.notEqual(signs("zeroOneLoss", targets.cast(scores.dtype)).greater(0));
    return reduced("zeroOneLoss", wrong.cast(scores.dtype), options);
  }
  checkLabels("zeroOneLoss", scores, targets);
  const known = targets.greaterEqual(0).logicalAnd(targets.less(scores.shape.at(-1)!));
  const labels = checkedValues(targets, known, {
    subject: "zeroOneLoss",
    wanted: `a class of 0…${scores.shape.at(-1)! - 1}`,
    fix: "number the classes from 0.",
  });
  const wrong = scores.argmax({ axis: -1 }).notEqual(labels);
  return reduced("zeroOneLoss", wrong.cast(scores.dtype), options);
}

function checkLabels(name: string, scores: Tensor, labels: Tensor): void {
  if (scores.rank === 0 || !sameShape(scores.shape.slice(0, -1), labels.shape))
    throw new ShapeError({
      subject: name,
      problem: `scores ${show(scores.shape)} do not fit labels ${show(labels.shape)}.`,
      fix: `give one class index per row, ${show(scores.shape.slice(0, -1))}.`,
    });
  if (labels.dtype !== "int32")
    throw new DTypeError({
      subject: name,
      problem: `class indices are ${labels.dtype}.`,
      fix: 'cast them: labels.cast("int32").',
    });
}

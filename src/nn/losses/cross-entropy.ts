/** Cross-entropy of classes, with class weights, label smoothing and ignored examples. */
import {
  ConfigError,
  checkOptions,
  DTypeError,
  describe,
  ShapeError,
  sameShape,
  show,
} from "../../base/index.ts";
import { isTensor, type Tensor, tensor, where } from "../../tensor/index.ts";
import { checkFloat, type LossOptions, reduced } from "./losses.ts";

/** The ignored class, label smoothing and class weights of {@link crossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /** Examples of this class index have no loss and are not counted; it may lie outside 0…C−1. */
  readonly ignoreIndex?: number | undefined;
  /** ε, 0 ≤ ε ≤ 1: the targets become (1 − ε) p + ε/C. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** The weight of each class, `[C]`. Default 1. */
  readonly weights?: Tensor | readonly number[] | undefined;
}

/**
 * Mean negative log-likelihood of the true class, in nats.
 *
 *   L = −(1/N) Σₙ log softmax(zₙ)[yₙ]   or, for probabilities p,   −(1/N) Σₙ Σ_c pₙc log softmax(zₙ)[c]
 *
 * Computed from s = z − max z as log Σ eˢ − s[y]: finite where log(softmax) would be −∞, and precise
 * for small losses of large logits, where logSumExp(z) − z[y] cancels.
 *
 * With weights w of the classes every term is multiplied by w_c; the mean over class indices is then
 * Σₙ Lₙ / Σₙ w[yₙ], over examples that are not ignored, and NaN if there are none. Probabilities are
 * averaged over N. This is PyTorch's rule.
 *
 * @param logits `[…, C]` float, unnormalised.
 * @param targets `[…]` int32 class indices, 0…C−1, or `[…, C]` float: one-hot rows or probabilities.
 * @returns scalar `[]`, or `[…]` without reduction.
 * @throws {ShapeError} if the leading sizes differ, or there is not one weight per class.
 * @throws {DTypeError} for class indices that are not int32. @throws {ConfigError} for unknown options
 * and values out of range. @throws {DataError} when it is computed, if an index is outside 0…C−1.
 * @see Goodfellow, Bengio & Courville 2016, §6.2.2.3; Szegedy et al. 2016, §7, for smoothing
 * @example
 * crossEntropy(tensor([[0, 0]]), tensor([1], "int32")).item(); // 0.6931471824645996
 * crossEntropy(tensor([[0, 0]]), tensor([[0.5, 0.5]])).item(); // 0.6931471824645996
 * crossEntropy(tensor([[0, 0], [9, 0]]), tensor([1, -100], "int32"), { ignoreIndex: -100 }).item(); // 0.6931471824645996
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const byIndex = targets.rank === logits.rank - 1;
  check(logits, targets, byIndex, options);
  const shifted = logits.sub(
    logits.max({ axis: -1, keepDims: true }).stopGradient(), // cancels, so it has no derivative
  );
  const logTotal = shifted.exp().sum({ axis: -1, keepDims: true }).log();
  const weights = weightsOf(logits, options.weights);
  return byIndex
    ? ofIndices(shifted, logTotal, targets, weights, options)
    : ofProbabilities(shifted, logTotal, targets, weights, options);
}

function ofIndices(
  shifted: Tensor,
  logTotal: Tensor,
  targets: Tensor,
  weights: Tensor | undefined,
  { reduction = "mean", ignoreIndex, labelSmoothing = 0 }: CrossEntropyOptions,
): Tensor {
  const counts = ignoreIndex === undefined ? undefined : targets.notEqual(ignoreIndex);
  const index = counts ? where(counts, targets, 0) : targets;
  let losses = logTotal.sub(shifted.takeAlong(index.unsqueeze(-1))).squeeze(-1);
  const own = weights?.take(index);
  if (own) losses = losses.mul(own);
  if (labelSmoothing > 0) {
    const every = logTotal.sub(shifted);
    const uniform = (weights ? every.mul(weights) : every).mean({ axis: -1 });
    losses = losses.mul(1 - labelSmoothing).add(uniform.mul(labelSmoothing));
  }
  if (counts) losses = where(counts, losses, 0);
  if (reduction !== "mean" || (!counts && !own))
    return reduced("crossEntropy", losses, { reduction });
  const mass = counts && own ? where(counts, own, 0) : (own ?? counts!.cast(losses.dtype));
  return losses.sum().div(mass.sum());
}

function ofProbabilities(
  shifted: Tensor,
  logTotal: Tensor,
  targets: Tensor,
  weights: Tensor | undefined,
  { reduction, labelSmoothing: e = 0 }: CrossEntropyOptions,
): Tensor {
  const given = targets.cast(shifted.dtype);
  const p = e > 0 ? given.mul(1 - e).add(e / shifted.shape.at(-1)!) : given;
  const terms = where(p.equal(0), 0, p.mul(logTotal.sub(shifted))); // 0 log 0 = 0
  const losses = (weights ? terms.mul(weights) : terms).sum({ axis: -1 });
  return reduced("crossEntropy", losses, { reduction });
}

function weightsOf(logits: Tensor, weights: CrossEntropyOptions["weights"]): Tensor | undefined {
  if (weights === undefined) return undefined;
  const given = isTensor(weights) ? weights : tensor(Array.from(weights));
  const classes = logits.shape.slice(-1);
  if (!sameShape(given.shape, classes))
    throw new ShapeError({
      subject: "crossEntropy",
      problem: `weights ${show(given.shape)} for ${classes[0]} classes.`,
      fix: `give one weight per class, ${show(classes)}.`,
    });
  return given.cast(logits.dtype);
}

function check(
  logits: Tensor,
  targets: Tensor,
  byIndex: boolean,
  options: CrossEntropyOptions,
): void {
  checkFloat("crossEntropy", logits);
  checkOptions("crossEntropy", options, {
    reduction: true,
    ignoreIndex: true,
    labelSmoothing: true,
    weights: true,
  });
  const expected = byIndex ? logits.shape.slice(0, -1) : logits.shape;
  if (logits.rank === 0 || !sameShape(expected, targets.shape))
    throw new ShapeError({
      subject: "crossEntropy",
      problem: `logits ${show(logits.shape)} do not fit targets ${show(targets.shape)}.`,
      fix: `give one class index per row, ${show(logits.shape.slice(0, -1))}, or one row of probabilities, ${show(logits.shape)}.`,
    });
  if (byIndex && targets.dtype !== "int32")
    throw new DTypeError({
      subject: "crossEntropy",
      problem: `class indices are ${targets.dtype}.`,
      fix: 'cast them: targets.cast("int32").',
    });
  checkValues(byIndex, options);
}

function checkValues(
  byIndex: boolean,
  { ignoreIndex, labelSmoothing = 0, weights }: CrossEntropyOptions,
): void {
  const wrong = (problem: string, fix: string) =>
    new ConfigError({ subject: "crossEntropy", problem, fix });
  if (ignoreIndex !== undefined && !Number.isInteger(ignoreIndex))
    throw wrong(`ignoreIndex is ${ignoreIndex}.`, "give the class index to ignore, such as -100.");
  if (ignoreIndex !== undefined && !byIndex)
    throw wrong(
      "ignoreIndex says which class index to ignore, and the targets are rows of probabilities.",
      "give class indices, or multiply the losses by a mask.",
    );
  if (typeof labelSmoothing !== "number" || !(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw wrong(`labelSmoothing is ${labelSmoothing}.`, "give a share from 0 to 1, such as 0.1.");
  if (weights === undefined || isTensor(weights)) return;
  const isList = Array.isArray(weights) || ArrayBuffer.isView(weights);
  const bad = isList
    ? Array.from(weights).findIndex((w) => !(Number.isFinite(w) && Number(w) >= 0))
    : 0;
  if (bad < 0) return;
  const found = isList
    ? `weight ${bad} is ${describe(weights[bad])}`
    : `weights are ${describe(weights)}`;
  throw wrong(`${found}.`, "give a tensor or an array of one number of at least 0 per class.");
}

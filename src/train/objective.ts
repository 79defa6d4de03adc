import { ConfigError, type HostArray, nearest, type Shape, sizeOf } from "../base/index.ts";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  type LossOptions,
  meanSquaredError,
} from "../nn/index.ts";
import { arange, concat, type Tensor } from "../tensor/index.ts";
import type { Metric } from "./metrics/metric.ts";
import { badShapes, checkFinite, checkLabels, checkRange, checkRows } from "./targets.ts";

/** The mean loss of a batch: outputs of the model and targets → a float scalar. */
export type Loss = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * Predicted and true classes as 0 and 1: `[N, C]` each; for a binary objective the columns are no,
 * yes.
 */
export interface Decision {
  readonly predicted: Tensor;
  readonly actual: Tensor;
}

/**
 * What a task requires of a model's outputs: the loss, the metrics, and how to read the outputs.
 *
 * | objective | outputs | read by | loss |
 * |---|---|---|---|
 * | {@link binary} | one logit | sigmoid | binary cross-entropy |
 * | {@link classification} | a logit per class | softmax | cross-entropy |
 * | {@link multiLabel} | a logit per label | sigmoid | binary cross-entropy |
 * | {@link regression} | numbers | – | mean squared error |
 * | {@link unitRegression} | a logit per number | sigmoid | binary cross-entropy |
 *
 * The activation is in `read` and in the loss, so a model ends in a linear layer.
 *
 * @see Goodfellow, Bengio & Courville 2016, §6.2.2
 */
export interface Objective {
  readonly name: string;
  readonly loss: Loss;
  /** The loss of each example, `[N]`, whose mean is `loss`; required for weights. */
  readonly losses?: Loss;
  readonly metrics: Readonly<Record<string, Metric>>;
  /** Converts outputs to readable values: probabilities, or the values themselves. */
  readonly read: (outputs: Tensor) => Tensor;
  /** The activation in `read`, which must not also be the model's last layer. */
  readonly activation?: "sigmoid" | "softmax";
  /** Set if the answer is a class or labels. */
  readonly decide?: (outputs: Tensor, targets: Tensor) => Decision;
  /** Of two classes, the one that unaveraged scores refer to: "yes". */
  readonly positive?: 1;
  /** @throws if outputs of this shape do not fit these targets. */
  readonly check: (outputs: Shape, targets: HostArray) => void;
}

/** The mean over all axes but the first. */
const perExample = (losses: Tensor): Tensor =>
  losses.rank < 2 ? losses : losses.reshape([losses.shape[0]!, -1]).mean({ axis: 1 });

/** A loss of outputs against targets with as many values, reduced and per example. */
export const ofAsMany = (
  f: (outputs: Tensor, targets: Tensor, options?: LossOptions) => Tensor,
) => {
  const targetsFor = (outputs: Tensor, targets: Tensor) =>
    targets.cast(outputs.dtype).reshape(outputs.shape);
  return {
    loss: (outputs: Tensor, targets: Tensor) => f(outputs, targetsFor(outputs, targets)),
    losses: (outputs: Tensor, targets: Tensor) =>
      perExample(f(outputs, targetsFor(outputs, targets), { reduction: "none" })),
  };
};

const sameSize = (outputs: Shape, targets: HostArray): boolean =>
  sizeOf(outputs.slice(1)) === sizeOf(targets.shape.slice(1));

/** Rows `[N, C]` of binary columns. */
const yesOrNo = (outputs: Tensor, targets: Tensor): Decision => {
  const rows: Shape = [outputs.shape[0]!, outputs.size / (outputs.shape[0]! || 1)];
  return {
    predicted: outputs.greater(0).reshape(rows).cast("float32"),
    actual: targets.cast("float32").greater(0.5).reshape(rows).cast("float32"),
  };
};

/** No and yes as two classes. */
const indexed = (targets: Tensor): Tensor =>
  targets.dtype === "bool" ? targets.cast("int32") : targets;

const classOf = (targets: Tensor): Tensor =>
  targets.rank === 1 ? targets.cast("int32") : targets.argmax({ axis: -1 });

/** Class indices `[N]` as one-hot rows. */
const rowsOf = (labels: Tensor, classes: Tensor): Tensor =>
  labels.unsqueeze(-1).equal(classes).cast("float32");

/**
 * One class of many: logits `[N, C]` against class indices `[N]`, or against one-hot rows or
 * probabilities `[N, C]`, for which this objective must be named explicitly. The softmax is in the
 * loss.
 *
 *   L = −(1/N) Σₙ log softmax(zₙ)[yₙ]
 */
export const classification: Objective = {
  name: "classification",
  loss: (logits, targets) => crossEntropy(logits, indexed(targets)),
  losses: (logits, targets) => crossEntropy(logits, indexed(targets), { reduction: "none" }),
  metrics: {
    accuracy: (logits, targets) =>
      logits.argmax({ axis: -1 }).equal(classOf(targets)).cast("int32").sum(),
  },
  read: (logits) => logits.softmax(),
  activation: "softmax",
  decide(logits, targets) {
    const classes = arange(logits.shape[1]!);
    return {
      predicted: rowsOf(logits.argmax({ axis: -1 }), classes),
      actual: rowsOf(classOf(targets), classes),
    };
  },
  check(outputs, targets) {
    const isRows = targets.shape.length === 2 && targets.shape[1] === outputs[1];
    if (outputs.length !== 2 || (targets.shape.length !== 1 && !isRows))
      throw badShapes("classification", outputs, targets, "[N, C]", "[N]");
    if (isRows) checkRows("classification", targets);
    else checkLabels("classification", targets, outputs[1]!);
  },
};

/**
 * {@link classification} with label smoothing, (1 − ε) p + ε/C, so that logits need not grow
 * without bound. Only the loss is smoothed: metrics use the labels.
 *
 * @param labelSmoothing ε, 0 ≤ ε ≤ 1.
 * @see Szegedy et al. 2016, §7
 * @example
 * smoothedClassification(0.2).loss(tensor([[2, 0]]), tensor([0], "int32")).item(); // 0.3269…
 */
export const smoothedClassification = (labelSmoothing: number): Objective => ({
  ...classification,
  loss: (logits, targets) => crossEntropy(logits, indexed(targets), { labelSmoothing }),
  losses: (logits, targets) =>
    crossEntropy(logits, indexed(targets), { labelSmoothing, reduction: "none" }),
});

/**
 * Binary classification: one logit per example, `[N]` or `[N, 1]`, against 0 or 1. The sigmoid is
 * in the loss.
 *
 *   L = −(1/N) Σₙ yₙ log σ(zₙ) + (1 − yₙ) log(1 − σ(zₙ))
 */
export const binary: Objective = {
  name: "binary",
  ...ofAsMany(binaryCrossEntropyWithLogits),
  metrics: {
    accuracy: (logits, labels) =>
      logits
        .greater(0)
        .equal(labels.reshape(logits.shape).cast("float32").greater(0.5))
        .cast("int32")
        .sum(),
  },
  read: (logits) => logits.sigmoid(),
  activation: "sigmoid",
  decide(logits, targets) {
    const { predicted, actual } = yesOrNo(logits, targets);
    const both = (yes: Tensor) => concat([yes.neg().add(1), yes], { axis: 1 });
    return { predicted: both(predicted), actual: both(actual) };
  },
  positive: 1,
  check(outputs, targets) {
    if (sizeOf(outputs.slice(1)) !== 1 || sizeOf(targets.shape.slice(1)) !== 1)
      throw badShapes("binary", outputs, targets, "[N] or [N, 1]", "[N] or [N, 1]");
    checkLabels("binary", targets, 2);
  },
};

/**
 * Multi-label classification, any number of labels at once: a logit per label, `[N, C]`, against
 * rows `[N, C]` of 0 and 1. The sigmoid is in the loss; labels are independent, so rows need not
 * sum to 1.
 *
 *   L = −(1/NC) Σₙ Σ_c yₙc log σ(zₙc) + (1 − yₙc) log(1 − σ(zₙc))
 *
 * Its accuracy is the share of labels that are right; `exactMatch` counts whole rows.
 *
 * @example
 * multiLabel.loss(tensor([[0, 0]]), tensor([[1, 1]])).item(); // 0.6931…
 */
export const multiLabel: Objective = {
  name: "multiLabel",
  ...ofAsMany(binaryCrossEntropyWithLogits),
  metrics: {
    accuracy: {
      sums(logits, targets) {
        const { predicted, actual } = yesOrNo(logits, targets);
        return predicted.equal(actual).cast("int32").sum({ axis: 0 });
      },
      result: (counts, examples) => counts.reduce((a, b) => a + b, 0) / (counts.length * examples),
    },
  },
  read: (logits) => logits.sigmoid(),
  activation: "sigmoid",
  decide: yesOrNo,
  check(outputs, targets) {
    if (outputs.length !== 2 || targets.shape.length !== 2 || outputs[1] !== targets.shape[1])
      throw badShapes("multiLabel", outputs, targets, "[N, C]", "[N, C] of 0 and 1");
    checkRange("multiLabel", targets, (y) => y === 0 || y === 1, "0 or 1");
  },
};

/**
 * Regression: outputs against targets with as many values.
 *
 *   L = mean (ŷ − y)²
 */
export const regression: Objective = {
  name: "regression",
  ...ofAsMany(meanSquaredError),
  metrics: {},
  read: (outputs) => outputs,
  check(outputs, targets) {
    if (!sameSize(outputs, targets))
      throw badShapes("regression", outputs, targets, "as many values as the targets", "");
    checkFinite("regression", targets);
  },
};

const unitCheck: Objective["check"] = (outputs, targets) => {
  if (!sameSize(outputs, targets))
    throw badShapes("unitRegression", outputs, targets, "as many values as the targets", "");
  checkRange("unitRegression", targets, (y) => y >= 0 && y <= 1, "between 0 and 1");
};

/**
 * Numbers in [0, 1], such as shares and intensities: a logit per number, read through the sigmoid.
 *
 *   L = −mean y log σ(z) + (1 − y) log(1 − σ(z))
 *
 * Like the squared error it is minimal at σ(z) = y, but its gradient σ(z) − y does not vanish where
 * the sigmoid is flat. Its minimum is the mean entropy of y, not 0.
 *
 * @example
 * unitRegression.loss(tensor([[0]]), tensor([[0.5]])).item(); // 0.6931…
 */
export const unitRegression: Objective = {
  name: "unitRegression",
  ...ofAsMany(binaryCrossEntropyWithLogits),
  metrics: {},
  read: (logits) => logits.sigmoid(),
  activation: "sigmoid",
  check: unitCheck,
};

/**
 * {@link unitRegression} by squared error: L = mean (σ(z) − y)².
 *
 * @example
 * unitRegressionBySquares.loss(tensor([[0]]), tensor([[1]])).item(); // 0.25
 */
export const unitRegressionBySquares: Objective = {
  ...unitRegression,
  ...ofAsMany((logits, y, options) => meanSquaredError(logits.sigmoid(), y, options)),
};

/** All objectives by name. */
export const objectives = {
  binary,
  classification,
  multiLabel,
  regression,
  unitRegression,
} as const;
/** The name of one of the {@link objectives}. */
export type ObjectiveName = keyof typeof objectives;

/**
 * An objective by its name; objectives are returned unchanged.
 *
 * @throws {ConfigError} for an unknown name.
 * @example
 * objectiveNamed("multiLabel").read(tensor([[0, 0]])).toArray(); // [[0.5, 0.5]]
 */
export function objectiveNamed(objective: Objective | ObjectiveName): Objective {
  if (typeof objective !== "string") return objective;
  if (Object.hasOwn(objectives, objective)) return objectives[objective];
  const near = nearest(objective, Object.keys(objectives));
  throw new ConfigError({
    subject: "objective",
    problem: `there is no "${objective}" among ${Object.keys(objectives).join(", ")}.`,
    fix: near ? `did you mean "${near}"?` : "name one of these, or give an objective of your own.",
  });
}

/**
 * The default objective: regression for float targets; classes for integers, with one logit or
 * several.
 */
export function objectiveFor(outputs: Shape, targets: HostArray): Objective {
  if (targets.dtype !== "int32" && targets.dtype !== "bool") return regression;
  return sizeOf(outputs.slice(1)) === 1 ? binary : classification;
}

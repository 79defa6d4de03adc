import { DataError, type HostArray, type Shape, ShapeError, sizeOf } from "../base/index.ts";
import { binaryCrossEntropyWithLogits, crossEntropy, meanSquaredError } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** The mean loss of a batch: outputs of the model and targets → a float scalar. */
export type Loss = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * A sum over the examples of a batch: outputs and targets → a scalar. Divided by the number of
 * examples it is what logs show; a whole number (a count) stays exact.
 */
export type Metric = (outputs: Tensor, targets: Tensor) => Tensor;

/** What a task asks of the end of a model: which loss, what to count, how to read its outputs. */
export interface Head {
  readonly name: string;
  readonly loss: Loss;
  readonly metrics: Readonly<Record<string, Metric>>;
  /** Outputs as a person reads them: probabilities, or the values themselves. */
  readonly read: (outputs: Tensor) => Tensor;
  /** @throws if outputs of this shape cannot meet these targets. */
  readonly check: (outputs: Shape, targets: HostArray) => void;
}

/**
 * One class of many: logits `[N, C]` against class indices `[N]`, or against one-hot rows or
 * probabilities `[N, C]`, which must be asked for by this head. The softmax is in the loss.
 *
 *   L = −(1/N) Σₙ log softmax(zₙ)[yₙ]
 */
export const classification: Head = {
  name: "classification",
  loss: crossEntropy,
  metrics: {
    accuracy(logits, targets) {
      const labels = targets.rank === 1 ? targets : targets.argmax({ axis: -1 });
      return logits.argmax({ axis: -1 }).equal(labels).cast("int32").sum();
    },
  },
  read: (logits) => logits.softmax(),
  check(outputs, targets) {
    const isRows = targets.shape.length === 2 && targets.shape[1] === outputs[1];
    if (outputs.length !== 2 || (targets.shape.length !== 1 && !isRows))
      throw badShapes("classification", outputs, targets, "[N, C]", "[N]");
    if (!isRows) checkLabels("classification", targets, outputs[1]!);
  },
};

/**
 * Yes or no: one logit per example, `[N]` or `[N, 1]`, against 0 or 1. The sigmoid is in the loss.
 *
 *   L = −(1/N) Σₙ yₙ log σ(zₙ) + (1 − yₙ) log(1 − σ(zₙ))
 */
export const binary: Head = {
  name: "binary",
  loss: (logits, labels) =>
    binaryCrossEntropyWithLogits(logits, labels.cast(logits.dtype).reshape(logits.shape)),
  metrics: {
    accuracy: (logits, labels) =>
      logits.greater(0).equal(labels.reshape(logits.shape).greater(0.5)).cast("int32").sum(),
  },
  read: (logits) => logits.sigmoid(),
  check(outputs, targets) {
    if (sizeOf(outputs.slice(1)) !== 1 || sizeOf(targets.shape.slice(1)) !== 1)
      throw badShapes("binary", outputs, targets, "[N] or [N, 1]", "[N] or [N, 1]");
    checkLabels("binary", targets, 2);
  },
};

/**
 * Numbers: outputs against targets of as many values.
 *
 *   L = mean (ŷ − y)²
 */
export const regression: Head = {
  name: "regression",
  loss: (outputs, targets) => meanSquaredError(outputs, targets.reshape(outputs.shape)),
  metrics: {},
  read: (outputs) => outputs,
  check(outputs, targets) {
    if (sizeOf(outputs.slice(1)) !== sizeOf(targets.shape.slice(1)))
      throw badShapes("regression", outputs, targets, "as many values as the targets", "");
  },
};

/** The head that fits: floats are numbers to hit, integers are classes, of one logit or many. */
export function headFor(outputs: Shape, targets: HostArray): Head {
  if (targets.dtype !== "int32" && targets.dtype !== "bool") return regression;
  return sizeOf(outputs.slice(1)) === 1 ? binary : classification;
}

function badShapes(
  name: string,
  outputs: Shape,
  targets: HostArray,
  wantedOutputs: string,
  wantedTargets: string,
): ShapeError {
  const batch = (shape: Shape) => `[${["N", ...shape.slice(1)].join(", ")}]`;
  return new ShapeError({
    subject: name,
    problem: `the model gives ${batch(outputs)} for targets ${batch(targets.shape)}.`,
    fix: `let the model end in ${wantedOutputs}${wantedTargets && ` and give targets ${wantedTargets}`}.`,
  });
}

function checkLabels(name: string, { data }: HostArray, classes: number): void {
  for (let n = 0; n < data.length; n++) {
    const label = data[n]!;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw new DataError({
      subject: name,
      problem: `the target of example ${n} is ${label}, but the model knows ${classes} classes, 0 to ${classes - 1}.`,
      fix: `number the classes from 0, and give the model as many outputs as there are classes.`,
    });
  }
}

/** The predictions of a fitted learner of any kind, and their metrics. */
import { ConfigError, type HostArray, sizeOf } from "../../base/index.ts";
import { classesOf, type Preparation, type Split } from "../../data/index.ts";
import type { Classifier, Estimator, KMeans, Regressor } from "../../learn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import {
  classificationReport,
  confusionMatrix,
  type Logs,
  type MetricName,
  rocAuc,
  rSquared,
} from "../../train/index.ts";

/** Predictions for some examples; classes are numbered as in the preparation. */
export interface LearnerOutputs {
  /** The class of each example, or its cluster. */
  readonly chosen?: Int32Array;
  /** The probability of each class, by example; absent if the learner has none. */
  readonly probabilities?: readonly (readonly number[])[];
  /** A score per class that increases with it, by example: probabilities if there are any. */
  readonly scores?: readonly (readonly number[])[];
  /** Numbers, in the units of the data. */
  readonly numbers?: Float64Array;
}

/** A learner, as far as its predictions are concerned. */
type Asked = Classifier & {
  predictProba?(x: HostArray): Tensor;
  decisionFunction?(x: HostArray): Tensor;
};

export function outputsOf(
  learner: Estimator,
  inputs: HostArray,
  preparation: Preparation,
): LearnerOutputs {
  const x = flat(inputs);
  const { target } = preparation;
  if (learner.name === "KMeans") return { chosen: (learner as KMeans).predict(x) };
  if (target.task === "regression") {
    const { mean, std } = target.scale ?? { mean: 0, std: 1 };
    const values = (learner as Regressor).predict(x).dataSync();
    return { numbers: Float64Array.from(values, (y) => y * std + mean) };
  }
  const asked = learner as Asked;
  const places = asked.classes.map((label) => target.classes.indexOf(String(label)));
  const index = new Map(asked.classes.map((label, k) => [label, places[k]!]));
  const named = () => Int32Array.from(asked.predict(x), (label) => index.get(label)!);
  /**
   * Reorders columns from the learner's classes to those of the data; an unseen class gets zeros.
   */
  const spread = (row: readonly number[], nothing: number): number[] => {
    const all = target.classes.map(() => nothing);
    places.forEach((k, column) => {
      all[k] = row[column]!;
    });
    return all;
  };
  if (asked.predictProba) {
    const rows = asked.predictProba(x).toArray() as number[][];
    const probabilities = rows.map((row) => spread(row, 0));
    // for neighbors both are the same votes, and searching them again would double the work
    const votes = learner.name === "KNeighborsClassifier";
    const chosen = votes ? Int32Array.from(rows, (row) => places[largest(row)]!) : named();
    return { chosen, probabilities, scores: probabilities };
  }
  const chosen = named();
  if (!asked.decisionFunction) return { chosen };
  const scores = classScores(asked.decisionFunction(x), asked);
  return { chosen, scores: scores.map((row) => spread(row, Number.NEGATIVE_INFINITY)) };
}

const largest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

/** A score per class, from scores of the second class, of each class, or of each pair. */
function classScores(scores: Tensor, { name, classes }: Classifier): number[][] {
  const rows = scores.toArray() as number[] | number[][];
  const width = classes.length;
  return rows.map((row) => {
    if (typeof row === "number") return [-row, row];
    if (name !== "SVC") return row;
    const sums = new Array<number>(width).fill(0);
    let pair = 0;
    for (let a = 0; a < width; a++)
      for (let b = a + 1; b < width; b++, pair++) {
        sums[a]! -= row[pair]!;
        sums[b]! += row[pair]!;
      }
    return sums;
  });
}

/** Examples as rows of a matrix. */
export const flat = ({ dtype, shape, data }: HostArray): HostArray => ({
  dtype,
  shape: [shape[0]!, sizeOf(shape.slice(1))],
  data,
});

/** The name of each feature: a column, a category, x0, x1, … */
export function targetsOf({ target }: Preparation, { targets }: Split): string[] | HostArray {
  if (target.task === "regression") return targets;
  return Array.from(targets.data, (k) => target.classes[k]!);
}

/** The metrics of a learner, by the names that networks use. */
const classMeasures: readonly MetricName[] = ["accuracy", "precision", "recall", "f1", "auc"];
const numberMeasures: readonly MetricName[] = ["meanAbsoluteError", "meanSquaredError", "r2"];

/**
 * Metrics of predictions: the loss (in nats, if there are probabilities; else the mean squared
 * error) and the requested ones.
 *
 * @throws {ConfigError} for a metric that this task does not have.
 */
export function measure(
  outputs: LearnerOutputs,
  { targets }: Split,
  preparation: Preparation,
  names?: readonly MetricName[],
): Logs {
  const isNumbers = outputs.numbers !== undefined;
  const known = isNumbers ? numberMeasures : classMeasures;
  const strange = names?.find((name) => !known.includes(name));
  if (strange !== undefined)
    throw new ConfigError({
      subject: "--metrics",
      problem: `"${strange}" is no measure of ${isNumbers ? "numbers" : "the classes of a learner"}.`,
      fix: `give some of ${known.join(", ")}.`,
    });
  if (outputs.numbers) return numberLogs(outputs.numbers, targets, names);
  return classLogs(outputs, targets, classesOf(preparation).length, names);
}

function numberLogs(
  predicted: Float64Array,
  targets: HostArray,
  names: readonly MetricName[] = ["meanAbsoluteError", "r2"],
): Logs {
  const errors = Float64Array.from(predicted, (y, n) => y - targets.data[n]!);
  const mean = (of: (e: number) => number) =>
    errors.reduce((sum, e) => sum + of(e), 0) / errors.length;
  const shaped: HostArray = { dtype: "float64", shape: targets.shape, data: predicted };
  const values: Partial<Record<MetricName, () => number>> = {
    meanAbsoluteError: () => mean(Math.abs),
    meanSquaredError: () => mean((e) => e * e),
    r2: () => rSquared(shaped, targets),
  };
  return { loss: mean((e) => e * e), ...chosenLogs(values, names) };
}

function classLogs(
  { chosen, probabilities, scores }: LearnerOutputs,
  { data: actual }: HostArray,
  classes: number,
  names: readonly MetricName[] = ["accuracy", "f1"],
): Logs {
  const report = classificationReport(confusionMatrix(actual, chosen!, Math.max(2, classes)));
  const values: Partial<Record<MetricName, () => number>> = {
    accuracy: () => report.accuracy,
    precision: () => report.macro.precision,
    recall: () => report.macro.recall,
    f1: () => report.macro.f1,
    auc: () => meanAuc(scores, actual, classes),
  };
  return {
    ...(probabilities && { loss: crossEntropy(probabilities, actual) }),
    ...chosenLogs(values, names),
  };
}

const chosenLogs = (
  values: Partial<Record<MetricName, () => number>>,
  names: readonly MetricName[],
): Logs => Object.fromEntries(names.map((name) => [name, values[name]!()]));

/**
 * −mean ln p of the true class; a p of 0 counts as the smallest positive number, so that one
 * example does not make the mean infinite.
 */
const crossEntropy = (rows: readonly (readonly number[])[], actual: ArrayLike<number>): number =>
  rows.reduce((sum, row, n) => sum - Math.log(Math.max(row[actual[n]!]!, 2 ** -52)), 0) /
  rows.length;

/** The area under the ROC curve: of the second of two classes, else the mean of one-vs-rest. */
function meanAuc(
  scores: LearnerOutputs["scores"],
  actual: ArrayLike<number>,
  classes: number,
): number {
  if (!scores)
    throw new ConfigError({
      subject: "--metrics",
      problem: "auc is of scores, and this learner has none.",
      fix: "ask for accuracy, precision, recall or f1.",
    });
  const of = (k: number) =>
    rocAuc(
      scores.map((row) => row[k]!),
      Array.from(actual, (label) => Number(label === k)),
    );
  if (classes === 2) return of(1);
  const each = Array.from({ length: classes }, (_, k) => of(k));
  return each.reduce((a, b) => a + b, 0) / classes;
}

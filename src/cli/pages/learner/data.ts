/** The numbers in a learner's report. */
import { sizeOf } from "../../../base/index.ts";
import {
  classesOf,
  featuresOf,
  type NumberInput,
  type Preparation,
  type Split,
} from "../../../data/index.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { confusionMatrix, type Logs, rocAuc } from "../../../train/index.ts";
import { type LearnerOutputs, outputsOf } from "../../run/learner-outputs.ts";
import {
  type AnyLearner,
  fitSplit,
  freshLearner,
  inOwnUnits,
  measureOn,
} from "../../run/learner-run.ts";
import type { LearnerRunConfig } from "../../run/run-config.ts";
import { type Source, some } from "../../sources/data-source.ts";

/** The names of an example's features. */
export function featureNames({ inputs, inputShape }: Preparation): string[] {
  if (inputs.kind === "table") return featuresOf(inputs);
  return Array.from({ length: sizeOf(inputShape) }, (_, k) => `x${k}`);
}

/** How each feature becomes an input, (x − mean) / std; a category stays 0 or 1. */
export function featureScales({
  inputs,
  inputShape,
}: Preparation): { mean: number; std: number }[] {
  const plain = { mean: 0, std: 1 };
  if (inputs.kind !== "table") return Array.from({ length: sizeOf(inputShape) }, () => plain);
  return inputs.columns.flatMap((column) =>
    column.type === "number"
      ? [{ mean: (column as NumberInput).mean, std: (column as NumberInput).std }]
      : column.categories.map(() => plain),
  );
}

/** A weight per feature for each class, or one row for regression. */
export interface Coefficients {
  readonly names: readonly string[];
  /** The class or quantity of each row of weights. */
  readonly of: readonly string[];
  readonly weights: readonly (readonly number[])[];
  /** The same per unit of the data. */
  readonly perUnit: readonly (readonly number[])[];
  readonly intercepts: readonly number[];
}

/** The weights of a linear learner; undefined for others. */
export function coefficientsOf(
  learner: AnyLearner,
  preparation: Preparation,
): Coefficients | undefined {
  const { coef, intercept, classes } = learner as unknown as {
    coef?: Tensor;
    intercept?: Tensor | number;
    classes?: readonly unknown[];
  };
  if (!coef || intercept === undefined) return undefined;
  const rows = (coef.rank === 1 ? [coef.toArray()] : coef.toArray()) as number[][];
  const { target } = preparation;
  const scale = target.task === "regression" ? (target.scale?.std ?? 1) : 1;
  const scales = featureScales(preparation);
  const ofTwo = rows.length === 1;
  return {
    names: featureNames(preparation),
    of: classes ? (ofTwo ? [String(classes[1])] : classes.map(String)) : [target.column ?? "y"],
    weights: rows,
    perUnit: rows.map((row) => row.map((w, j) => (w * scale) / scales[j]!.std)),
    intercepts: typeof intercept === "number" ? [intercept] : (intercept.toArray() as number[]),
  };
}

/** A point of a curve. */
export type XY = readonly [x: number, y: number];

/** A class against all others. */
export interface ClassCurves {
  readonly name: string;
  readonly auc: number;
  /** False positive and true positive rates, threshold by threshold. */
  readonly roc: readonly XY[];
  /** Recall and precision. */
  readonly precisionRecall: readonly XY[];
}

/** The most classes for which each has a curve. */
const mostCurves = 10;

/**
 * The curves of each class (for two classes only the second), if it has examples and is not all of
 * them.
 */
export function curvesOf(
  { scores }: LearnerOutputs,
  { targets: { data: actual } }: Split,
  names: readonly string[],
): ClassCurves[] {
  if (!scores || names.length > mostCurves) return [];
  return (names.length === 2 ? [1] : [...names.keys()]).flatMap((k) => {
    const own = scores.map((row) => row[k]!);
    const positive = Array.from(actual, (label) => Number(label === k));
    const all = positive.reduce((a, b) => a + b, 0);
    if (all === 0 || all === positive.length) return [];
    const { roc, precisionRecall } = thresholds(own, positive, all);
    return [{ name: names[k]!, auc: rocAuc(own, positive), roc, precisionRecall }];
  });
}

/** Every threshold from the highest score down; equal scores are passed together. */
function thresholds(scores: readonly number[], positive: readonly number[], all: number) {
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || 0);
  const rest = scores.length - all;
  const roc: XY[] = [[0, 0]];
  const precisionRecall: XY[] = [];
  let [right, wrong] = [0, 0];
  order.forEach((n, at) => {
    if (positive[n]) right++;
    else wrong++;
    if (scores[order[at + 1]!] === scores[n]) return;
    roc.push([wrong / rest, right / all]);
    precisionRecall.push([right / all, right / (right + wrong)]);
  });
  return { roc, precisionRecall: [[0, precisionRecall[0]![1]] as XY, ...precisionRecall] };
}

/** Examples whose highest probability lies in one bin. */
export interface CalibrationBin {
  /** The mean probability of the predicted class. */
  readonly confidence: number;
  /** The fraction of correct predictions. */
  readonly accuracy: number;
  readonly count: number;
}

const bins = 10;

/**
 * How well probabilities are calibrated, and the expected calibration error Σ (n/N) |accuracy −
 * confidence|.
 *
 * @see Guo et al. 2017, "On calibration of modern neural networks", §2
 */
export function calibrationOf(
  { probabilities, chosen }: LearnerOutputs,
  { targets: { data: actual } }: Split,
): { bins: CalibrationBin[]; error: number } | undefined {
  if (!probabilities || !chosen) return undefined;
  const sums = Array.from({ length: bins }, () => ({ confidence: 0, right: 0, count: 0 }));
  probabilities.forEach((row, n) => {
    const p = row[chosen[n]!]!;
    const bin = sums[Math.min(bins - 1, Math.floor(p * bins))]!;
    bin.confidence += p;
    bin.right += Number(chosen[n] === actual[n]);
    bin.count++;
  });
  const filled = sums.flatMap(({ confidence, right, count }) =>
    count === 0 ? [] : [{ confidence: confidence / count, accuracy: right / count, count }],
  );
  const error = filled.reduce(
    (sum, { confidence, accuracy, count }) =>
      sum + (count / probabilities.length) * Math.abs(accuracy - confidence),
    0,
  );
  return { bins: filled, error };
}

/** The performance of a learner after a number of training examples. */
export interface LearningPoint {
  readonly examples: number;
  readonly train: number;
  readonly validation: number;
}

const shares = [0.1, 0.2, 0.4, 0.6, 0.8];
/**
 * Milliseconds after which no further point is started, and the number of training examples that
 * are evaluated.
 */
const [mostTime, mostMeasured] = [5000, 1000];

/** The metric of a learning curve, accuracy or R². */
export const curveMeasure = (config: LearnerRunConfig): "accuracy" | "r2" =>
  config.data.preparation.target.task === "regression" ? "r2" : "accuracy";

/**
 * The metric after parts of the training examples, and after all of them. It starts with few; if
 * fits are so slow that it stops before most of them, there is no curve.
 */
export async function learningCurve(
  learner: AnyLearner,
  config: LearnerRunConfig,
  { train, validation }: Source,
): Promise<LearningPoint[]> {
  const began = performance.now();
  const name = curveMeasure(config);
  const held = inOwnUnits(validation, config);
  const at = (fitted: AnyLearner, part: Split): LearningPoint => ({
    examples: part.size,
    train: measureOn(fitted, inOwnUnits(some(part, mostMeasured), config), config)[name]!,
    validation: measureOn(fitted, held, config)[name]!,
  });
  const points: LearningPoint[] = [];
  for (const share of shares) {
    const part = some(train, Math.ceil(share * train.size));
    if (part.size < 2 || part.size === points.at(-1)?.examples) continue;
    if (performance.now() - began > mostTime) break;
    const fresh = freshLearner(config);
    try {
      await fitSplit(fresh, part, config);
      points.push(at(fresh, part));
    } catch {} // too few examples of a class, fewer than k, …: the curve starts where it can
  }
  return [...points, at(learner, train)];
}

/** How often a cluster contains a class. */
export function groupsOf({ chosen }: LearnerOutputs, { targets }: Split, preparation: Preparation) {
  const classes = classesOf(preparation);
  const groups = 1 + Math.max(...chosen!, 0);
  if (classes.length === 0)
    return Array.from({ length: groups }, (_, g) => [chosen!.filter((k) => k === g).length]);
  const square = confusionMatrix(chosen!, targets.data, Math.max(groups, classes.length));
  return square.slice(0, groups).map((row) => row.slice(0, classes.length));
}

/** The data of a learner's report. */
export interface LearnerResults {
  readonly test: Split;
  readonly measured: Logs;
  readonly outputs: LearnerOutputs;
}

export function measureLearner(
  learner: AnyLearner,
  config: LearnerRunConfig,
  test: Split,
): LearnerResults {
  const outputs = outputsOf(learner, test.inputs, config.data.preparation);
  const measured = learner.name === "KMeans" ? {} : measureOn(learner, test, config);
  return { test, outputs, measured };
}

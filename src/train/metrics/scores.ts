/** Scores of predictions, from counts and from ranks; plain arithmetic in float64. */
import {
  ConfigError,
  DataError,
  type HostArray,
  ShapeError,
  show,
  sizeOf,
  warnOnce,
} from "../../base/index.ts";

/** Precision, recall and F1, of a class or averaged, and the number of examples behind them. */
export interface ClassScore {
  /** TP / (TP + FP), the fraction of predictions that are true; 0 if there are none. */
  readonly precision: number;
  /** TP / (TP + FN), the fraction of actual examples that are predicted; 0 if there are none. */
  readonly recall: number;
  /** 2 TP / (2 TP + FP + FN), their harmonic mean; 0 if there is neither. */
  readonly f1: number;
  /** The number of examples that are truly of the class. */
  readonly support: number;
}

/** How classes are averaged. */
export type Average = "macro" | "micro" | "weighted";

/** Counts of one class. */
export interface Counts {
  readonly truePositives: number;
  readonly predicted: number;
  readonly actual: number;
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

export const scoreOf = ({ truePositives, predicted, actual }: Counts): ClassScore => ({
  precision: ratio(truePositives, predicted),
  recall: ratio(truePositives, actual),
  f1: ratio(2 * truePositives, predicted + actual),
  support: actual,
});

/**
 * The mean over classes (macro), weighted by support (weighted), or of all counts together (micro).
 * Without any true example the weighted mean is 0, with a warning, as in scikit-learn.
 */
export function averageScore(counts: readonly Counts[], average: Average): ClassScore {
  const sum = (name: keyof Counts) => total(counts.map((c) => c[name]));
  const [truePositives, predicted, actual] = [
    sum("truePositives"),
    sum("predicted"),
    sum("actual"),
  ];
  if (average === "micro") return scoreOf({ truePositives, predicted, actual });
  if (average === "weighted" && actual === 0) warnOnce(noneTrue);
  const weights = counts.map((c) =>
    average === "macro" ? 1 / counts.length : ratio(c.actual, actual),
  );
  const scores = counts.map(scoreOf);
  const mean = (name: keyof ClassScore) => total(scores.map((s, c) => weights[c]! * s[name]));
  const [precision, recall, f1] = [mean("precision"), mean("recall"), mean("f1")];
  return { precision, recall, f1, support: actual };
}

const noneTrue = {
  subject: "weighted average",
  problem:
    "no example is truly of any class, so precision, recall and F1 are undefined; they are given as 0.",
  fix: "measure on data that has examples of the classes.",
};

/** The scores of a confusion matrix. */
export interface ClassificationReport {
  readonly accuracy: number;
  readonly classes: readonly ClassScore[];
  readonly macro: ClassScore;
  readonly micro: ClassScore;
  readonly weighted: ClassScore;
}

/**
 * Accuracy, and precision, recall and F1 per class and averaged, of a confusion matrix.
 *
 * @param matrix `[C][C]`, rows of the true classes, as `confusionMatrix` gives it.
 * @throws {ShapeError} if it is not square. @throws {DataError} if an entry is not a count.
 * @see van Rijsbergen 1979, "Information retrieval", chapter 7
 * @example
 * const report = classificationReport(confusionMatrix([0, 0, 1, 1], [0, 1, 1, 1]));
 * report.accuracy; // 0.75
 * report.classes[1].recall; // 1
 * report.macro.precision; // 0.8333…
 */
export function classificationReport(matrix: readonly (readonly number[])[]): ClassificationReport {
  checkMatrix(matrix);
  const counts = matrix.map((row, c) => ({
    truePositives: row[c]!,
    predicted: total(matrix.map((other) => other[c]!)),
    actual: total(row),
  }));
  const micro = averageScore(counts, "micro");
  return {
    accuracy: micro.recall,
    classes: counts.map(scoreOf),
    macro: averageScore(counts, "macro"),
    micro,
    weighted: averageScore(counts, "weighted"),
  };
}

function checkMatrix(matrix: readonly (readonly number[])[]): void {
  const { length } = matrix;
  matrix.forEach((row, i) => {
    if (row.length !== length)
      throw new ShapeError({
        subject: "classificationReport",
        problem: `row ${i} has ${row.length} entries for ${length} classes.`,
        fix: "give a square matrix, as confusionMatrix does.",
      });
    const j = row.findIndex((n) => !(Number.isSafeInteger(n) && n >= 0));
    if (j >= 0)
      throw new DataError({
        subject: "classificationReport",
        problem: `entry [${i}, ${j}] is ${row[j]}, not a count.`,
        fix: "give whole numbers of 0 or more, as confusionMatrix does.",
      });
  });
}

/**
 * The area under the receiver operating characteristic: the probability that a positive example
 * scores higher than a negative one, with ties counting half.
 *
 *   AUC = (Σ ranks of positives − n₊(n₊ + 1)/2) / (n₊ n₋),   where equal scores share their mean rank
 *
 * Exact: no thresholds are drawn. NaN if all examples are of one kind, or a score is NaN.
 *
 * @param scores larger for "yes": probabilities or logits. @param positive truthy for "yes".
 * @throws {ShapeError} if the lengths differ.
 * @see Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve"
 * @example
 * rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]); // 0.75
 */
export function rocAuc(scores: ArrayLike<number>, positive: ArrayLike<number>): number {
  const size = scores.length;
  if (size !== positive.length)
    throw new ShapeError({
      subject: "rocAuc",
      problem: `${size} scores for ${positive.length} answers.`,
      fix: "give one score for each example.",
    });
  const order = Array.from({ length: size }, (_, n) => n);
  if (order.some((n) => Number.isNaN(scores[n]))) return Number.NaN;
  order.sort((a, b) => scores[a]! - scores[b]! || 0); // ∞ − ∞ is NaN: equal
  let [positives, ranks] = [0, 0];
  for (let first = 0; first < size; ) {
    let end = first;
    let among = 0;
    for (; end < size && scores[order[end]!] === scores[order[first]!]; end++)
      if (positive[order[end]!]) among++;
    positives += among;
    ranks += (among * (first + 1 + end)) / 2; // ranks first+1 … end have this mean
    first = end;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (size - positives));
}

/** Column `c` of rows. */
export function columnOf({ data, shape }: HostArray, c: number): Float64Array {
  const columns = sizeOf(shape.slice(1));
  return Float64Array.from({ length: shape[0]! }, (_, n) => data[n * columns + c]!);
}

/**
 * The fraction of the targets' variance explained by the predictions; the mean over columns.
 *
 *   R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)²
 *
 * 1 is perfect, 0 is the score of the mean, and there is no lower bound. If the targets do not
 * vary, it is 1 for exact predictions, else 0.
 *
 * @param predicted `[N, …]` @param actual of as many values.
 * @throws {ShapeError} if the sizes differ. @throws {ConfigError} for fewer than two examples.
 * @example
 * rSquared(hostArray([3], Float32Array.of(1, 2, 4)), hostArray([3], Float32Array.of(1, 2, 3))); // 0.5
 */
export function rSquared(predicted: HostArray, actual: HostArray): number {
  if (predicted.data.length !== actual.data.length || predicted.shape[0] !== actual.shape[0])
    throw new ShapeError({
      subject: "rSquared",
      problem: `predictions ${show(predicted.shape)} for targets ${show(actual.shape)}.`,
      fix: "give as many predictions as targets.",
    });
  if (!(actual.shape[0]! > 1))
    throw new ConfigError({
      subject: "rSquared",
      problem: `${actual.shape[0]} example has no variance to explain.`,
      fix: "give two examples or more.",
    });
  const columns = sizeOf(actual.shape.slice(1));
  const each = Array.from({ length: columns }, (_, c) =>
    explained(columnOf(predicted, c), columnOf(actual, c)),
  );
  return total(each) / columns;
}

function explained(predicted: Float64Array, actual: Float64Array): number {
  const mean = actual.reduce((a, b) => a + b, 0) / actual.length;
  let [rest, all] = [0, 0];
  actual.forEach((y, n) => {
    rest += (y - predicted[n]!) ** 2;
    all += (y - mean) ** 2;
  });
  if (all === 0) return rest === 0 ? 1 : 0;
  return 1 - rest / all;
}

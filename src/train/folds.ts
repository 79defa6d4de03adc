/** Splits for validation: stratified splits, and k-fold cross-validation. */
import {
  ConfigError,
  checkOptions,
  describe,
  type OptionNames,
  RandomStream,
} from "../base/index.ts";
import { checkSplit } from "../data/dataset.ts";
import { type Split, subset } from "../data/index.ts";
import type { Module } from "../nn/index.ts";
import { type EvaluateOptions, evaluate } from "./evaluate.ts";
import { fit } from "./fit.ts";
import { type FitOptions, fitNames } from "./fit-options.ts";
import type { Logs } from "./history.ts";

/** The random streams of folds and stratified splits, separate from all others. */
const foldStream = 0x52;

/** The training and validation data of one fold of a cross-validation. */
export interface Fold {
  readonly train: Split;
  readonly validation: Split;
}

/** How {@link kFold} distributes the examples. */
export interface FoldOptions {
  /** The seed for the assignment of examples to folds. Default 0. */
  readonly seed?: number | undefined;
  /** Stratify: every fold has each class in proportion, as far as possible. Default false. */
  readonly stratified?: boolean | undefined;
}

/** The rows of each class, in random order; all rows as one class if not stratified. */
function shuffledGroups({ targets, size }: Split, seed: number, byClass: boolean): number[][] {
  const order = new RandomStream(seed, foldStream).permutation(size);
  if (!byClass) return [[...order]];
  const groups = new Map<number, number[]>();
  const columns = targets.data.length / size;
  for (const row of order) {
    const values = targets.data.subarray(row * columns, (row + 1) * columns);
    const label = columns === 1 ? values[0]! : values.indexOf(Math.max(...values));
    const group = groups.get(label);
    if (group) group.push(row);
    else groups.set(label, [row]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, rows]) => rows);
}

function checkClasses(subject: string, { targets }: Split): void {
  const isClasses = targets.dtype === "int32" || targets.dtype === "bool";
  if (isClasses || targets.shape.length === 2) return;
  throw new ConfigError({
    subject,
    problem: `the targets are ${targets.dtype} numbers, which have no classes to keep in proportion.`,
    fix: "leave out `stratified`, or give class indices or one-hot rows.",
  });
}

const inOrder = (rows: readonly number[]): Int32Array => Int32Array.from(rows).sort();

/**
 * Cuts a split into k folds of nearly equal size, each of which is the validation data once while
 * the others are the training data. Every example is validated exactly once.
 *
 * @param k 2 … N. @returns k folds; their rows keep the order of the split.
 * @throws {ConfigError} if k is not from 2 to N, or `stratified` is set without classes.
 * @see Stone 1974, "Cross-validatory choice and assessment of statistical predictions"; Kohavi 1995
 * @example
 * const folds = kFold(moons({ size: 10 }), 5, { stratified: true });
 * folds.map(({ train, validation }) => [train.size, validation.size])[0]; // [8, 2]
 */
export function kFold(split: Split, k: number, options: FoldOptions = {}): Fold[] {
  checkSplit("kFold", split, "the data");
  checkOptions("kFold", options, { seed: "number", stratified: "boolean" });
  const { seed = 0, stratified = false } = options;
  if (!Number.isSafeInteger(k) || k < 2 || k > split.size)
    throw new ConfigError({
      subject: "kFold",
      problem: `k is ${k} for ${split.size} examples.`,
      fix: `give a whole number of folds from 2 to ${split.size}.`,
    });
  if (stratified) checkClasses("kFold", split);
  const parts = Array.from({ length: k }, (): number[] => []);
  let next = 0; // dealing continues from class to class, so that sizes differ by at most one
  for (const row of shuffledGroups(split, seed, stratified).flat()) parts[next++ % k]!.push(row);
  return parts.map((part, own) => ({
    train: subset(split, inOrder(parts.filter((_, other) => other !== own).flat())),
    validation: subset(split, inOrder(part)),
  }));
}

/**
 * A random stratified split with each class in proportion: `[rest, part]`. Like `splitDataset`,
 * which ignores classes; a class of n examples gives ⌊fraction·n + ½⌋.
 *
 * @throws {ConfigError} if a part is empty, or the targets are not classes.
 * @example
 * const [train, validation] = stratifiedSplit(moons({ size: 200 }), 0.2); // 160 and 40 rows, half and half
 */
export function stratifiedSplit(
  split: Split,
  fraction: number,
  options: { readonly seed?: number | undefined } = {},
): [Split, Split] {
  checkSplit("stratifiedSplit", split, "the data");
  checkOptions("stratifiedSplit", options, { seed: "number" });
  const { seed = 0 } = options;
  checkClasses("stratifiedSplit", split);
  const groups = shuffledGroups(split, seed, true);
  const cuts = groups.map((rows) => Math.round(fraction * rows.length));
  const part = groups.flatMap((rows, g) => rows.slice(0, cuts[g]));
  const rest = groups.flatMap((rows, g) => rows.slice(cuts[g]));
  if (!(fraction > 0 && fraction < 1) || part.length === 0 || rest.length === 0)
    throw new ConfigError({
      subject: "stratifiedSplit",
      problem: `a fraction of ${fraction} of ${split.size} examples leaves one side empty.`,
      fix: "use a fraction between 0 and 1 that leaves at least one example on each side.",
    });
  return [subset(split, inOrder(rest)), subset(split, inOrder(part))];
}

/** The options of {@link crossValidate}, for its trainings and folds. */
export interface CrossValidateOptions
  extends Omit<FitOptions, "validation" | "resume" | "sampleWeight">,
    FoldOptions {
  /** Default 5. */
  readonly folds?: number | undefined;
}

const names: OptionNames<CrossValidateOptions> = (() => {
  const { validation, resume, sampleWeight, ...rest } = fitNames;
  return { ...rest, folds: "number", stratified: "boolean" };
})();

/** The results of the folds. */
export interface CrossValidation {
  /** The metrics of each fold's model on the fold's validation data. */
  readonly folds: readonly Logs[];
  /** Their means by name. */
  readonly mean: Logs;
  /** Their standard deviations over k − 1: how much a single split may mislead. */
  readonly deviation: Logs;
}

/**
 * Trains a new model on each of k folds and evaluates it on the examples that it has not seen.
 *
 * @param makeModel returns a new model; called once per fold, with its number.
 * @param given options: those of `fit`, which validates on the fold after each epoch, and those of
 * `kFold`.
 * @throws {ConfigError} as `kFold`, and if two folds get the same model.
 * @example
 * const options = { folds: 3, epochs: 2, stratified: true };
 * const { folds } = await crossValidate(() => new Linear(2, 2), moons({ size: 30 }), options);
 * folds.map((logs) => Object.keys(logs)); // [["loss", "accuracy"], ["loss", "accuracy"], ["loss", "accuracy"]]
 */
export async function crossValidate(
  makeModel: (fold: number) => Module,
  data: Split,
  given: CrossValidateOptions = {},
): Promise<CrossValidation> {
  checkSplit("crossValidate", data, "the data");
  if (typeof makeModel !== "function") throw noMaker(makeModel);
  checkOptions("crossValidate", given, names);
  const { folds: k = 5, stratified, ...options } = given;
  const folds: Logs[] = [];
  const seen = new Set<Module>();
  for (const { train, validation } of kFold(data, k, { seed: options.seed, stratified })) {
    const model = makeModel(folds.length);
    if (seen.has(model))
      throw new ConfigError({
        subject: "crossValidate",
        problem: `folds ${folds.length} and ${folds.length + 1} get the same model, which has seen what it is judged by.`,
        fix: "let makeModel build a new model at each call.",
      });
    seen.add(model);
    await fit(model, train, { ...options, validation });
    const { objective, loss, metrics }: EvaluateOptions = options;
    folds.push(await evaluate(model, validation, { objective, loss, metrics }));
  }
  return { folds, ...spread(folds) };
}

const noMaker = (given: unknown): ConfigError =>
  new ConfigError({
    subject: "crossValidate",
    problem: `makeModel is ${describe(given)}, not a function.`,
    fix: "give a function that builds a new model, such as () => new Linear(2, 2).",
  });

/** Mean and standard deviation by name. */
export function spread(logs: readonly Logs[]): { mean: Logs; deviation: Logs } {
  const mean: Record<string, number> = {};
  const deviation: Record<string, number> = {};
  for (const name of Object.keys(logs[0]!)) {
    const values = logs.map((fold) => fold[name]!);
    const average = values.reduce((a, b) => a + b, 0) / values.length;
    const squares = values.reduce((sum, x) => sum + (x - average) ** 2, 0);
    mean[name] = average;
    deviation[name] = Math.sqrt(squares / (values.length - 1));
  }
  return { mean, deviation };
}

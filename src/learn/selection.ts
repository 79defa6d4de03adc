/** Evaluating learners on rows that they have not seen, and choosing among them. */
import {
  ConfigError,
  checkOptions,
  DataError,
  describe,
  type HostArray,
  type OptionNames,
} from "../base/index.ts";
import { makeSplit } from "../data/index.ts";
import { Module } from "../nn/index.ts";
import { fromHost, Tensor } from "../tensor/index.ts";
import { spread } from "../train/folds.ts";
import {
  type CrossValidation,
  choice,
  type Dimension,
  evaluate,
  kFold,
  type Logs,
  type Metrics,
  type Point,
  type SearchResult,
  search,
} from "../train/index.ts";
import { Classifier, type Estimator, type LearnOptions } from "./estimator.ts";
import { classesOf, type Features, type Label, numbersOf, type Targets } from "./input.ts";
import type { Cells } from "./preprocessing/transformer.ts";

/** A learner that can be evaluated: a classifier, a regressor, or a pipeline that ends in one. */
export interface Judged extends Estimator {
  /** Learns from rows and targets. */
  fit(x: never, y?: Targets, options?: LearnOptions): Promise<unknown>;
  /** Its predictions. */
  predict(x: never): Label[] | Tensor;
  /** The score of its predictions. */
  score(x: never, y: Targets, options?: LearnOptions): number;
}

/** How learners are evaluated. */
export interface JudgeOptions {
  /** Number of folds. Default 5. */
  readonly folds?: number | undefined;
  /** Stratify: whether every fold has each class in proportion. Default: true for classes. */
  readonly stratified?: boolean | undefined;
  /** The seed of the folds. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Metrics of `gradus/train` in addition to the learner's score: `["f1", "auc"]`. Default: none.
   */
  readonly metrics?: Metrics | undefined;
  /** Weights of the rows, for fitting and the score; metrics are unweighted. */
  readonly sampleWeight?: ArrayLike<number> | undefined;
}

const optionNames: OptionNames<JudgeOptions> = {
  ...{ folds: "number", stratified: "boolean", seed: "number", metrics: true, sampleWeight: true },
};

/**
 * Fits a fresh learner on each k − 1 of k folds and evaluates it on the rest. In a pipeline every
 * step learns from the training rows alone.
 *
 * @param model is not changed.
 * @returns for each fold `score` (accuracy or R²) and the requested metrics, with means and
 * deviations.
 * @throws {ConfigError} unless there are 2 to N folds, or for a metric that the learner has no
 * outputs for.
 * @see Stone 1974; Kohavi 1995
 * @example
 * const x = Array.from({ length: 40 }, (_, i) => [i, i % 3]);
 * const y = x.map(([a]) => (a < 20 ? "low" : "high"));
 * const model = pipeline(standardScaler(), new LogisticRegression());
 * const { mean, folds } = await crossValidate(model, x, y, { metrics: ["f1"] });
 * mean.score > 0.9; // true
 * folds.length; // 5
 */
export async function crossValidate(
  model: Judged,
  x: Features | Cells,
  y: Targets,
  options: JudgeOptions = {},
): Promise<CrossValidation> {
  checkOptions("crossValidate", options, optionNames);
  checkJudged("crossValidate", model);
  const folds: Logs[] = [];
  for (const fold of foldsOf(model, x, y, options))
    folds.push(await judge(model.fresh(), fold, options.metrics));
  return { folds, ...spread(folds) };
}

/** Options by name, each with its candidates: a list, or a `choice` of `gradus/train`. */
export type Grid = Readonly<Record<string, readonly (string | number | boolean)[] | Dimension>>;

/** A point of a grid. */
export type GridPoint<G extends Grid> = {
  readonly [Name in keyof G]: G[Name] extends readonly (infer T)[]
    ? T
    : G[Name] extends Dimension<infer T>
      ? T
      : never;
};

/** The result of {@link gridSearch}. */
export interface GridResult<G extends Grid, L extends Judged> {
  /** The options with the best mean. */
  readonly parameters: GridPoint<G>;
  /** The mean of the deciding score over the folds. */
  readonly value: number;
  /** A learner with these options, fitted on all rows. */
  readonly model: L;
  /** All points in order, each with its value. */
  readonly trials: SearchResult<Record<string, Dimension>>["trials"];
}

/**
 * Evaluates a learner for every combination of candidates on the same folds, and fits the best on
 * all rows. Ties go to the first.
 *
 * @param make returns a learner for a combination.
 * @param options those of {@link crossValidate}, and `by`, the metric that decides (larger is
 * better), by default "score".
 * @throws {ConfigError} if there is nothing to choose from, or for an unknown metric.
 * @example
 * const x = Array.from({ length: 40 }, (_, i) => [Math.cos(i), Math.sin(i)]);
 * const y = x.map(([a, b]) => (a * b > 0 ? 1 : 0));
 * const grid = { C: [0.1, 10], gamma: [0.01, 2] };
 * const best = await gridSearch(({ C, gamma }) => new SVC({ C, gamma }), grid, x, y);
 * best.parameters.gamma; // 2
 * best.trials.length; // 4
 * best.model.predict([[0.7, 0.7]]); // [1]
 */
export async function gridSearch<const G extends Grid, L extends Judged>(
  make: (parameters: GridPoint<G>) => L,
  grid: G,
  x: Features | Cells,
  y: Targets,
  options: JudgeOptions & { readonly by?: string | undefined } = {},
): Promise<GridResult<G, L>> {
  checkOptions("gridSearch", options, { ...optionNames, by: "text" });
  if (typeof make !== "function")
    throw new ConfigError({
      subject: "gridSearch",
      problem: `make is ${describe(make)}, not a function.`,
      fix: "give a function of the candidates, such as ({ alpha }) => new Ridge({ alpha }).",
    });
  const { by = "score" } = options;
  const space = Object.fromEntries(
    Object.entries(grid).map(([name, each]) => [name, Array.isArray(each) ? choice(each) : each]),
  ) as Record<string, Dimension>;
  const objective = async (parameters: Point<Record<string, Dimension>>) => {
    const model = checkJudged("gridSearch", make(parameters as GridPoint<G>));
    const logs: Logs[] = [];
    for (const fold of foldsOf(model, x, y, options))
      logs.push(await judge(model.fresh(), fold, options.metrics));
    const value = spread(logs).mean[by];
    if (value !== undefined) return value;
    throw new ConfigError({
      subject: "gridSearch",
      problem: `there is no measure "${by}".`,
      fix: `the measures are ${Object.keys(logs[0]!).join(", ")}; name others as metrics.`,
    });
  };
  const { trials, best } = await search(space, objective, { method: "grid", mode: "max" });
  if (!best)
    throw new DataError({
      subject: "gridSearch",
      problem: `none of the ${trials.length} combinations gives a finite ${by}.`,
      fix: "look at one of them alone, by crossValidate.",
    });
  const parameters = best.parameters as GridPoint<G>;
  const model = make(parameters);
  const { sampleWeight } = options;
  await model.fit(x as never, y, sampleWeight && { sampleWeight });
  return { parameters, value: best.value!, model, trials };
}

function checkJudged<L extends Judged>(subject: string, model: L): L {
  const wanted = ["fit", "predict", "score", "fresh"] as const;
  const missing = wanted.find((name) => typeof model?.[name] !== "function");
  if (!missing) return model;
  throw new ConfigError({
    subject,
    problem: `${describe(model)} has no ${missing}.`,
    fix: "give a classifier, a regressor, or a pipeline that ends in one.",
  });
}

/** Training and test rows. */
interface Part {
  readonly x: never;
  readonly y: Targets;
  readonly weights: { readonly sampleWeight?: Float64Array };
}

interface Turn {
  readonly train: Part;
  readonly validation: Part;
}

/** The folds of rows of any kind: `kFold` splits their numbers. */
function* foldsOf(
  model: Judged,
  x: Features | Cells,
  y: Targets,
  { folds = 5, stratified, seed, sampleWeight }: JudgeOptions,
): Generator<Turn> {
  const rows = countOf(model.name, x);
  const areClasses = lastOf(model) instanceof Classifier;
  const targets: HostArray = areClasses
    ? { dtype: "int32", shape: [rows], data: classesOf(model.name, y, rows).indices }
    : { dtype: "float64", shape: [rows], data: numbersOf(model.name, y, rows) };
  const values = y instanceof Tensor ? y.dataSync() : "data" in y ? y.data : y;
  const numbers = Float64Array.from({ length: rows }, (_, i) => i);
  const split = makeSplit({ dtype: "float64", shape: [rows, 1], data: numbers }, targets);
  const options = { seed, stratified: stratified ?? areClasses };
  for (const { train, validation } of kFold(split, folds, options)) {
    const part = ({ inputs }: { inputs: HostArray }): Part => {
      const own = Array.from(inputs.data);
      return {
        x: taken(x, own) as never,
        y: own.map((i) => values[i]!) as Targets,
        weights: sampleWeight
          ? { sampleWeight: Float64Array.from(own, (i) => sampleWeight[i]!) }
          : {},
      };
    };
    yield { train: part(train), validation: part(validation) };
  }
}

/** The learner that predicts: in a pipeline the last step. */
const lastOf = (model: Judged): Estimator =>
  "last" in model ? lastOf(model.last as Judged) : model;

function countOf(subject: string, x: Features | Cells): number {
  const rows = x instanceof Tensor || "shape" in x ? x.shape[0] : x?.length;
  if (typeof rows === "number") return rows;
  throw new DataError({
    subject,
    problem: `features are ${describe(x)}.`,
    fix: "give rows of numbers, a host array or a tensor.",
  });
}

/** Some rows of any kind. */
function taken(x: Features | Cells, rows: readonly number[]): Features | Cells {
  if (!(x instanceof Tensor) && !("shape" in x)) return rows.map((i) => x[i]!) as Features;
  const { dtype, shape, data } = x instanceof Tensor ? x.toHost() : x;
  const size = data.length / shape[0]!;
  const own = data.slice(0, rows.length * size);
  for (const [at, i] of rows.entries()) own.set(data.subarray(i * size, (i + 1) * size), at * size);
  return { dtype, shape: [rows.length, ...shape.slice(1)], data: own };
}

/** Fits, and returns the score and the metrics on the other rows. */
async function judge(
  model: Judged,
  { train, validation }: Turn,
  metrics: Metrics | undefined,
): Promise<Logs> {
  await model.fit(train.x, train.y, train.weights);
  const score = model.score(validation.x, validation.y, validation.weights);
  if (metrics === undefined) return { score };
  return { score, ...(await measuredBy(metrics, model, validation)) };
}

/** A model whose outputs are already computed. */
class Outputs extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/**
 * Metrics of `train/` on a learner's predictions: on log P(class), used as logits, or on numbers.
 */
async function measuredBy(metrics: Metrics, model: Judged, { x, y }: Part): Promise<Logs> {
  const predicted = model.predict(x);
  const rows = (y as ArrayLike<unknown>).length;
  if (predicted instanceof Tensor) {
    const targets: HostArray = {
      dtype: "float64",
      shape: [rows, 1],
      data: numbersOf(model.name, y, rows),
    };
    const outputs = predicted.reshape([rows, 1]).toHost();
    const options = { objective: "regression", metrics } as const;
    return withoutLoss(await evaluate(new Outputs(), makeSplit(outputs, targets), options));
  }
  const learner = lastOf(model) as Classifier & { predictProba?: (x: never) => Tensor };
  if (typeof learner.predictProba !== "function")
    throw new ConfigError({
      subject: "metrics",
      problem: `${learner.name} gives no probabilities, of which metrics are taken.`,
      fix: "leave out metrics, and use the score; or take a learner with predictProba.",
    });
  const proba = (model as unknown as { predictProba(x: never): Tensor }).predictProba(x);
  const index = new Map(learner.classes.map((label, k) => [label, k]));
  const labels = Int32Array.from(y as ArrayLike<Label>, (label) => index.get(label) ?? -1);
  const outputs = fromHost(proba.toHost()).maximum(Number.MIN_VALUE).log().toHost();
  const targets: HostArray = { dtype: "int32", shape: [rows], data: labels };
  const options = { objective: "classification", metrics } as const;
  return withoutLoss(await evaluate(new Outputs(), makeSplit(outputs, targets), options));
}

const withoutLoss = ({ loss: _, ...logs }: Logs): Logs => logs;

/** Metrics by name. */
import {
  ConfigError,
  checkOptions,
  describe,
  type HostArray,
  nearest,
  sizeOf,
} from "../../base/index.ts";
import { arange, fromHost, stack, type Tensor } from "../../tensor/index.ts";
import type { Objective } from "../objective.ts";
import type { CountMetric, EpochMetric, Metric } from "./metric.ts";
import {
  type Average,
  averageScore,
  type Counts,
  columnOf,
  rocAuc,
  rSquared,
  scoreOf,
} from "./scores.ts";

/** A metric by the name that logs show, for any objective that supports it. */
export interface NamedMetric {
  readonly name: string;
  /** @throws {ConfigError} if the objective does not support the metric. */
  of(objective: Objective): Metric;
}

function unfit(name: string, objective: Objective, fix: string): ConfigError {
  return new ConfigError({ subject: name, problem: `the objective is ${objective.name}.`, fix });
}
const needsClasses = "use it with the objectives binary, classification or multiLabel.";

/**
 * The fraction of correct answers: of examples, or with multiLabel of labels.
 * @example
 * const { accuracy } = metricsByName;
 * Object.keys(await evaluate(new Linear(2, 2), xor(), { metrics: [accuracy] })); // ["loss", "accuracy"]
 */
export const accuracy = (): NamedMetric => ({
  name: "accuracy",
  of(objective) {
    const metric = objective.metrics.accuracy;
    if (!metric) throw unfit("accuracy", objective, needsClasses);
    return metric;
  },
});

/**
 * The fraction of examples whose true class is among the k with the highest outputs; on ties the
 * first classes count.
 *
 * @example
 * (await evaluate(new Linear(2, 2), xor(), { metrics: [topKAccuracy(2)] })).top2Accuracy; // 1
 */
export const topKAccuracy = (k: number): NamedMetric => ({
  name: `top${checkK(k)}Accuracy`,
  of(objective) {
    if (objective.activation !== "softmax")
      throw unfit(`top${k}Accuracy`, objective, "use it with the objective classification.");
    return (logits, targets) => {
      const labels = targets.rank === 1 ? targets.cast("int32") : targets.argmax({ axis: -1 });
      const label = labels.unsqueeze(-1);
      const own = logits.takeAlong(label);
      const later = arange(logits.shape[1]!).greaterEqual(label).logicalAnd(logits.equal(own));
      const behind = logits.less(own).logicalOr(later); // comparisons with NaN are false
      const before = behind.logicalNot().cast("int32").sum({ axis: 1 });
      return before.less(k).cast("int32").sum();
    };
  },
});

function checkK(k: number): number {
  if (Number.isSafeInteger(k) && k >= 1) return k;
  throw new ConfigError({
    subject: "topKAccuracy",
    problem: `k is ${describe(k)}, not a whole number of 1 or more.`,
    fix: "give the number of classes that may be the true one, such as 5.",
  });
}

/**
 * The fraction of examples of which every label is right.
 * @example
 * exactMatch().name; // "exactMatch"
 */
export const exactMatch = (): NamedMetric => ({
  name: "exactMatch",
  of(objective) {
    const { decide } = objective;
    if (!decide) throw unfit("exactMatch", objective, needsClasses);
    return (outputs, targets) => {
      const { predicted, actual } = decide(outputs, targets);
      return predicted.equal(actual).all({ axis: 1 }).cast("int32").sum();
    };
  },
});

/** How a score is averaged over the classes. */
export interface ScoreOptions {
  /**
   * How classes are averaged; default "macro", and for the objective binary the score of class 1
   * alone, as in scikit-learn. Averages are over all classes, for a binary objective over both.
   */
  readonly average?: Average | undefined;
  /** The score of this class alone. */
  readonly ofClass?: number | undefined;
}

const averages: readonly Average[] = ["macro", "micro", "weighted"];

function checkScore(measure: string, options: ScoreOptions): void {
  checkOptions(measure, options, { average: true, ofClass: true });
  const { average, ofClass } = options;
  if (average !== undefined && !averages.includes(average))
    throw new ConfigError({
      subject: measure,
      problem: `average is ${describe(average)}.`,
      fix: `give one of ${averages.join(", ")}, or leave it out.`,
    });
  if (ofClass === undefined) return;
  if (!Number.isSafeInteger(ofClass) || ofClass < 0 || average !== undefined)
    throw new ConfigError({
      subject: measure,
      problem:
        average === undefined
          ? `ofClass is ${describe(ofClass)}, not a whole number of 0 or more.`
          : `ofClass ${describe(ofClass)} is given together with the average ${average}.`,
      fix: "give the index of one class, or an average over all.",
    });
}

/** A score computed from counts per class. */
const score =
  (measure: "precision" | "recall" | "f1") =>
  (options: ScoreOptions = {}): NamedMetric => {
    checkScore(measure, options);
    const { average, ofClass } = options;
    const suffix = average === "micro" ? "Micro" : average === "weighted" ? "Weighted" : "";
    const name = ofClass === undefined ? `${measure}${suffix}` : `${measure}OfClass${ofClass}`;
    return {
      name,
      of(objective) {
        const { decide, positive } = objective;
        if (!decide) throw unfit(name, objective, needsClasses);
        const only = ofClass ?? (average === undefined ? positive : undefined);
        return {
          sums(outputs, targets) {
            const { predicted, actual } = decide(outputs, targets);
            if (only !== undefined) checkClass(name, only, predicted.shape[1]!);
            return stack([predicted.mul(actual), predicted, actual])
              .cast("int32")
              .sum({ axis: 1 });
          },
          result(sums) {
            const counts = countsOf(sums);
            const own =
              only === undefined
                ? averageScore(counts, average ?? "macro")
                : scoreOf(counts[only]!);
            return own[measure];
          },
        };
      },
    };
  };

function checkClass(name: string, ofClass: number, classes: number): void {
  if (ofClass < classes) return;
  throw new ConfigError({
    subject: name,
    problem: `there is no class ${ofClass} among ${classes}.`,
    fix: `name a class from 0 to ${classes - 1}.`,
  });
}

/** `[3, C]` sums: true positives, predicted, actual. */
function countsOf(sums: readonly number[]): Counts[] {
  const classes = sums.length / 3;
  return Array.from({ length: classes }, (_, c) => ({
    truePositives: sums[c]!,
    predicted: sums[classes + c]!,
    actual: sums[2 * classes + c]!,
  }));
}

/**
 * TP / (TP + FP): the fraction of examples predicted as a class that belong to it. All classes of
 * the model count.
 *
 * @example
 * const metrics = [precision(), precision({ average: "weighted" }), precision({ ofClass: 1 })];
 * metrics.map(({ name }) => name); // ["precision", "precisionWeighted", "precisionOfClass1"]
 */
export const precision = score("precision");
/**
 * TP / (TP + FN): the fraction of examples of a class that are predicted as it. All classes of the
 * model count.
 *
 * @example
 * recall({ ofClass: 0 }).name; // "recallOfClass0"
 */
export const recall = score("recall");
/**
 * 2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall, per class.
 *
 * @example
 * f1({ average: "micro" }).name; // "f1Micro"
 */
export const f1 = score("f1");

/**
 * Area under the ROC curve, {@link rocAuc}; for several classes the mean of one-vs-rest. It needs
 * all outputs, and so is in the logs of validation and evaluation, not of training. Classes are
 * ranked by their probabilities in float64, where rows with the same logits in another order may
 * differ by rounding instead of tying. NaN where a class of the model does not occur.
 *
 * @example
 * auc().name; // "auc"
 */
export const auc = (): NamedMetric => ({
  name: "auc",
  of(objective) {
    const { decide, activation, positive = 0 } = objective;
    if (!decide) throw unfit("auc", objective, needsClasses);
    return {
      compute(outputs, targets) {
        const scores = activation === "softmax" ? probabilities(outputs) : outputs;
        const actual = decide(fromHost(outputs), fromHost(targets)).actual.toHost();
        const columns = sizeOf(outputs.shape.slice(1)); // 1 for "yes" of binary
        let sum = 0;
        for (let c = 0; c < columns; c++)
          sum += rocAuc(columnOf(scores, c), columnOf(actual, c + positive));
        return sum / columns;
      },
    };
  },
});

/** Softmax in float64, to avoid ties that float32 would create. */
const probabilities = (logits: HostArray): HostArray =>
  fromHost(logits).cast("float64").softmax().toHost();

/** A mean of an error over all values, in the units of the targets. */
const ofErrors = (name: string, f: (error: Tensor) => Tensor): NamedMetric => ({
  name,
  of(objective) {
    if (objective.decide) throw unfit(name, objective, "use it with regression or unitRegression.");
    return (outputs, targets) => {
      const y = targets.cast(outputs.dtype).reshape(outputs.shape);
      const errors = f(objective.read(outputs).sub(y));
      return errors.rank < 2 ? errors.sum() : errors.sum().div(errors.size / errors.shape[0]!);
    };
  },
});

/**
 * Mean |ŷ − y|, of values as the objective reads them.
 * @example
 * meanAbsolute().name; // "meanAbsoluteError"
 */
export const meanAbsolute = (): NamedMetric => ofErrors("meanAbsoluteError", (e) => e.abs());
/**
 * Mean (ŷ − y)², of values as the objective reads them.
 *
 * @example
 * meanSquared().name; // "meanSquaredError"
 */
export const meanSquared = (): NamedMetric => ofErrors("meanSquaredError", (e) => e.square());

/**
 * The fraction of the targets' variance that is explained, {@link rSquared}; in validation and
 * evaluation.
 *
 * @example
 * r2().name; // "r2"
 */
export const r2 = (): NamedMetric => ({
  name: "r2",
  of(objective) {
    if (objective.decide) throw unfit("r2", objective, "use it with regression or unitRegression.");
    return {
      compute: (outputs, targets) => rSquared(objective.read(fromHost(outputs)).toHost(), targets),
    };
  },
});

/** All metrics that a name alone selects. */
export const metricsByName = {
  accuracy: accuracy(),
  top5Accuracy: topKAccuracy(5),
  exactMatch: exactMatch(),
  precision: precision(),
  recall: recall(),
  f1: f1(),
  auc: auc(),
  meanAbsoluteError: meanAbsolute(),
  meanSquaredError: meanSquared(),
  r2: r2(),
} as const satisfies Record<string, NamedMetric>;
/** The name of one of {@link metricsByName}. */
export type MetricName = keyof typeof metricsByName;

/**
 * A metric by name, an object, or a function that makes it with its default options: `"f1"`,
 * `f1()`, `f1`.
 */
export type MetricLike = MetricName | NamedMetric | (() => NamedMetric);

/** Metrics as an option: one or several, or your own functions by name. */
export type Metrics = MetricLike | readonly MetricLike[] | Readonly<Record<string, Metric>>;

const isNamed = (x: unknown): x is NamedMetric =>
  typeof x === "object" &&
  x !== null &&
  typeof (x as NamedMetric).name === "string" &&
  typeof (x as NamedMetric).of === "function";

/** The metrics of a list, or of a single metric; undefined for a record of functions. */
function listed(metrics: Metrics): readonly MetricLike[] | undefined {
  if (Array.isArray(metrics)) return metrics as readonly MetricLike[];
  const isOne = typeof metrics !== "object" || metrics === null || isNamed(metrics);
  return isOne ? [metrics as MetricLike] : undefined;
}

function metricOf(given: MetricLike): NamedMetric {
  if (typeof given === "string") return metricNamed(given);
  const makers: readonly unknown[] = [accuracy, exactMatch, precision, recall, f1, auc];
  const more: readonly unknown[] = [meanAbsolute, meanSquared, r2];
  const made = [...makers, ...more].includes(given) ? (given as () => NamedMetric)() : given;
  if (isNamed(made)) return made;
  throw new ConfigError({
    subject: "metrics",
    problem: `${describe(given)} is no metric.`,
    fix: 'give a name such as "accuracy", a metric such as f1(), or functions by name: { name: f }.',
  });
}

function checkOwn(metrics: Readonly<Record<string, Metric>>): Readonly<Record<string, Metric>> {
  for (const [name, metric] of Object.entries(metrics)) {
    const { sums, result, compute } = (metric ?? {}) as Partial<CountMetric & EpochMetric>;
    const isCount = typeof sums === "function" && typeof result === "function";
    if (typeof metric === "function" || isCount || typeof compute === "function") continue;
    throw new ConfigError({
      subject: "metrics",
      problem: `"${name}" is ${describe(metric)}, not a function of outputs and targets.`,
      fix: "give a function to a scalar sum, { sums, result } or { compute }; names of metrics go into a list.",
    });
  }
  return metrics;
}

/** Metrics for an objective. @throws {ConfigError} for an unknown name, or one that does not fit the objective. */
export function resolveMetrics(
  metrics: Metrics,
  objective: Objective,
): Readonly<Record<string, Metric>> {
  const list = listed(metrics);
  if (!list) return checkOwn(metrics as Readonly<Record<string, Metric>>);
  const resolved: Record<string, Metric> = {};
  for (const metric of list) {
    const named = metricOf(metric);
    if (resolved[named.name])
      throw new ConfigError({
        subject: "metrics",
        problem: `two metrics are named "${named.name}".`,
        fix: "leave one out, or give it another name: { ...metric, name }.",
      });
    resolved[named.name] = named.of(objective);
  }
  return resolved;
}

function metricNamed(name: string): NamedMetric {
  if (Object.hasOwn(metricsByName, name)) return metricsByName[name as MetricName];
  const names = Object.keys(metricsByName);
  const near = nearest(name, names);
  throw new ConfigError({
    subject: "metrics",
    problem: `there is no "${name}" among ${names.join(", ")}.`,
    fix: near ? `did you mean "${near}"?` : "name one of these, or give a function of your own.",
  });
}

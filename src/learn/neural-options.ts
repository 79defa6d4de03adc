/** The options of nets as learners. */
import { ConfigError, checkOptions, describe } from "../base/index.ts";
import { Optimizer } from "../optim/index.ts";
import type { FitOptions } from "../train/index.ts";
import type { LabelWeights } from "./estimator.ts";
import type { Label } from "./input.ts";

/**
 * Options of {@link neuralClassifier} and {@link neuralRegressor}: those of `fit` that the learner
 * does not set itself.
 */
export type NeuralOptions = Omit<
  FitOptions,
  "objective" | "resume" | "sampleWeight" | "classWeight"
> & {
  /** Weights of the classes by their labels, or "balanced". Default: all 1. */
  readonly classWeight?: LabelWeights;
};

/** Throws for unknown options, and for an optimizer that is not a rule. */
export function checkNeural(subject: string, options: NeuralOptions): void {
  checkOptions(subject, options, {
    ...{ epochs: true, batchSize: true, accumulate: true, optimizer: true, lr: true },
    ...{ average: true, validation: true, callbacks: true, augment: true, seed: true },
    ...{ signal: true, stopOnSignals: true, onNaN: true, config: true, loss: true },
    ...{ metrics: true, classWeight: true, progress: "boolean" },
  });
  if (!(options.optimizer instanceof Optimizer)) return;
  throw new ConfigError({
    subject,
    problem: "the optimizer keeps its state from one fit to the next.",
    fix: "give an update rule, such as optimizer: adam(), which has no state yet.",
  });
}

/** Weights by the labels of classes as weights by their indices. @throws {ConfigError} for a label that no class has. */
export function byIndex(
  subject: string,
  classWeight: NeuralOptions["classWeight"],
  classes: readonly Label[],
): FitOptions["classWeight"] {
  if (typeof classWeight !== "object") return classWeight;
  const indexed = Object.entries(classWeight).map(([label, weight]) => {
    const index = classes.findIndex((each) => String(each) === label);
    if (index >= 0) return [index, weight];
    throw new ConfigError({
      subject,
      problem: `classWeight gives class "${label}" the weight ${weight}; the classes are ${classes.join(", ")}.`,
      fix: 'give existing classes weights of 0 or more, or "balanced".',
    });
  });
  return Object.fromEntries(indexed);
}

/** Options of one training, which a stored learner has no use for. */
const ofOneTraining = new Set(["callbacks", "signal", "stopOnSignals", "validation"]);

/**
 * Options as plain data, for a file. What belongs to one training (callbacks, signals, validation data) is left out.
 *
 * @throws {ConfigError} naming an option that is not plain data: fitted anew, the stored learner would be another one.
 */
export function plain(subject: string, options: NeuralOptions): object {
  const kept = Object.entries(options).filter(([name]) => !ofOneTraining.has(name));
  for (const [name, value] of kept)
    if (!isPlain(value))
      throw new ConfigError({
        subject,
        problem: `the option ${name} is ${describe(value)}, which a file cannot hold.`,
        fix: `give ${name} as plain data, such as its name, or store model.state() and build the learner in code.`,
      });
  return Object.fromEntries(kept);
}

/** Whether a value comes back from JSON as it is. */
function isPlain(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object") return typeof value !== "function" && typeof value !== "symbol";
  const kind = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && kind !== Object.prototype && kind !== null) return false;
  return Object.values(value).every(isPlain);
}

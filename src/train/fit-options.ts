/** Checks the options of `fit` before anything is done. */
import {
  ConfigError,
  checkOptions,
  checkSeed,
  describe,
  type HostArray,
  hostArray,
  type OptionNames,
} from "../base/index.ts";
import { checkSplit, type Dataset, makeSplit, type Split, splitDataset } from "../data/dataset.ts";
import type { Augmentation } from "../data/index.ts";
import type { Module } from "../nn/index.ts";
import { Optimizer, type Schedule, type WeightAverageOptions } from "../optim/index.ts";
import { type RuleLike, ruleOf } from "../optim/rules/named.ts";
import { callbacksOf } from "./callbacks/callback-checks.ts";
import { ProgressBar } from "./callbacks/progress-bar.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type ObjectiveOptions, resolveObjective } from "./evaluate.ts";
import { checkModel } from "./model-check.ts";
import type { Objective } from "./objective.ts";
import type { Json } from "./run-folder.ts";
import type { Callback, Settings } from "./training.ts";
import { exampleWeights, type SampleWeightOptions } from "./weights.ts";

/** All options of `fit`. */
export interface FitOptions extends ObjectiveOptions, SampleWeightOptions {
  /** Passes through the training data, including those before a resume. Default 10. */
  readonly epochs?: number | undefined;
  /** Examples per step. Default 32. */
  readonly batchSize?: number | undefined;
  /**
   * Gradient accumulation: batches whose gradients are combined into one update, as one batch with
   * all their examples would give: large batches in little memory. Normalisation layers see the
   * small ones. Default 1.
   */
  readonly accumulate?: number | undefined;
  /**
   * An update rule or its name, or an optimizer for this model. Default `adam()`;
   * `chain(clipByGlobalNorm(1), adam())` clips gradients.
   */
  readonly optimizer?: RuleLike | Optimizer | undefined;
  /**
   * Default: the optimizer's own, 0.001 unless set. A schedule is a function of the step and is not
   * part of a checkpoint: to resume exactly, pass the same one, and let a schedule that depends on
   * the number of steps use those of the entire training from the start.
   */
  readonly lr?: number | Schedule | undefined;
  /**
   * Averages the weights during training, for example `{ decay: 0.999 }`: validation, weights-only
   * files and the model after training use the average. Costs one more copy of the parameters.
   */
  readonly average?: WeightAverageOptions | undefined;
  /** Data to evaluate after each epoch, or the fraction of the training data to hold out for it. */
  readonly validation?: Split | number | undefined;
  /** One callback, or several. */
  readonly callbacks?: Callback | readonly Callback[] | undefined;
  /** Shows how far the training is, on the standard output: {@link ProgressBar}. Default false. */
  readonly progress?: boolean | undefined;
  /**
   * Random augmentation of the training examples, ahead of the engine on other threads: {@link
   * augment}. Uses the same seed, so a resume with the same transforms gives the same examples.
   */
  readonly augment?: Augmentation | undefined;
  /** The seed for the order of the examples in each epoch. Default 0. */
  readonly seed?: number | undefined;
  /** A checkpoint, or its file, to resume from. */
  readonly resume?: Checkpoint | Promise<Checkpoint> | string | undefined;
  /** Ends training after the current step when it fires, as Ctrl-C does. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ends training after the current step at Ctrl-C, SIGTERM and SIGHUP, so that callbacks save; the
   * history records it, and what follows is up to the caller. At the second signal the process
   * ends. Default false.
   */
  readonly stopOnSignals?: boolean | undefined;
  /**
   * What to do when the loss is NaN: "error" ends training with a NumericError that names its
   * source; "continue" goes on with a warning, although no later step can repair the weights.
   * Default "error".
   */
  readonly onNaN?: "error" | "continue" | undefined;
  /** Data for checkpoints to store, such as how the model was built. */
  readonly config?: Json | undefined;
}

export const fitNames: OptionNames<FitOptions> = {
  ...{ epochs: true, batchSize: true, accumulate: true, optimizer: true, lr: true, average: true },
  ...{ validation: true, callbacks: true, augment: true, seed: true, resume: true, signal: true },
  ...{ config: true, objective: true, loss: true, metrics: true, classWeight: true },
  ...{ sampleWeight: true, onNaN: true, stopOnSignals: true, progress: "boolean" },
};

/** Resolved options. */
export interface Resolved {
  readonly train: Split;
  readonly validation: Split | undefined;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly callbacks: readonly Callback[];
  readonly lr: number | Schedule | undefined;
  readonly epochs: number;
  readonly settings: Settings;
  /** Weights of the training examples. */
  readonly weights: HostArray | undefined;
}

/**
 * @throws {ConfigError} for invalid options; as {@link resolveObjective} for data that do not fit.
 */
export function resolveOptions(
  model: Module,
  data: Split | Dataset,
  options: FitOptions,
): Resolved {
  checkModel("fit", model, "fit(model, data, options)");
  checkOptions("fit", options, fitNames);
  const { epochs = 10, batchSize = 32, seed = 0, accumulate = 1, lr } = options;
  checkCount("epochs", epochs, 1, "the number of passes through the data, such as epochs: 10");
  checkCount("batchSize", batchSize, 1, "the number of examples of a step, such as batchSize: 32");
  checkCount("accumulate", accumulate, 1, "the batches of one update, such as accumulate: 4");
  checkSeed("fit", seed);
  checkLr(lr);
  checkChoices(options);
  const [train, validation] = splitsOf(data, options.validation, seed);
  const objective = resolveObjective(model, train, options);
  if (validation) resolveObjective(model, validation, options); // an error now, not after an epoch
  return {
    ...{ train, validation, objective, lr, epochs },
    optimizer: optimizerOf(model, options.optimizer),
    callbacks: [
      ...callbacksOf(options.callbacks),
      ...(options.progress ? [new ProgressBar()] : []), // when files are written
    ],
    settings: { seed, batchSize, examples: train.size, ...(accumulate > 1 && { accumulate }) },
    weights: weightsOf(data, train, objective, options),
  };
}

export function checkCount(name: string, value: number, least: number, fix: string): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError({
    subject: "fit",
    problem: `${name} is ${describe(value)}, not a whole number of ${least} or more.`,
    fix: `give ${fix}.`,
  });
}

function checkLr(lr: unknown): void {
  if (lr === undefined || typeof lr === "function") return;
  if (typeof lr === "number" && lr >= 0 && lr < Number.POSITIVE_INFINITY) return;
  throw new ConfigError({
    subject: "fit",
    problem: `lr is ${describe(lr)}.`,
    fix: "give a finite number of 0 or more, such as lr: 0.01, or a schedule, a function of the step.",
  });
}

function checkChoices({ onNaN = "error", signal, stopOnSignals = false }: FitOptions): void {
  const wrong =
    onNaN !== "error" && onNaN !== "continue"
      ? [`onNaN is ${describe(onNaN)}.`, 'give "error" or "continue".']
      : typeof stopOnSignals !== "boolean"
        ? [`stopOnSignals is ${describe(stopOnSignals)}.`, "give true or false."]
        : signal !== undefined && !(signal instanceof AbortSignal)
          ? [`signal is ${describe(signal)}.`, "give the signal of an AbortController."]
          : undefined;
  if (wrong) throw new ConfigError({ subject: "fit", problem: wrong[0]!, fix: wrong[1]! });
}

/**
 * The optimizer. All of its parameters must belong to the model; others would be updated as well.
 */
function optimizerOf(model: Module, given: FitOptions["optimizer"] = "adam"): Optimizer {
  if (!(given instanceof Optimizer)) return new Optimizer(model, ruleOf("fit", given));
  const own = new Set(Object.values(model.parameters()));
  const foreign = Object.entries(given.parameters).find(([, p]) => !own.has(p));
  if (!foreign) return given;
  throw new ConfigError({
    subject: "fit",
    problem: `the optimizer works on "${foreign[0]}" of another model.`,
    fix: "make it for this one: new Optimizer(model, rule).",
  });
}

/** Training and validation data. The test split is not touched. */
function splitsOf(
  data: Split | Dataset,
  validation: Split | number | undefined,
  seed: number,
): [Split, Split | undefined] {
  const train = trainingPart("fit", data);
  if (typeof validation === "number") return splitDataset(train, validation, seed);
  if (validation !== undefined) checkSplit("fit", validation, "the validation data");
  return [train, validation];
}

/** The training part of the data. @throws {ConfigError} for anything else. */
export function trainingPart(subject: string, data: Split | Dataset): Split {
  const isDataset = typeof data === "object" && data !== null && "train" in data;
  const train = isDataset ? data.train : data;
  checkSplit(subject, train, "the data");
  return train;
}

/** The weights of the training examples, without held-out ones. */
function weightsOf(
  data: Split | Dataset,
  train: Split,
  objective: Objective,
  { sampleWeight, classWeight, validation, seed = 0 }: FitOptions,
): HostArray | undefined {
  const whole = "train" in data ? data.train : data;
  if (!sampleWeight || train === whole || typeof validation !== "number")
    return exampleWeights(train, objective, { sampleWeight, classWeight });
  const { length } = sampleWeight;
  const given = hostArray([length], Float64Array.from(sampleWeight));
  if (length !== whole.size) return exampleWeights(whole, objective, { sampleWeight }); // throws
  const [kept] = splitDataset(makeSplit(given, given), validation, seed);
  return exampleWeights(train, objective, { sampleWeight: kept.targets.data, classWeight });
}

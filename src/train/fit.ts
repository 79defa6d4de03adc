import { ConfigError, checkSeed, type HostArray, hostArray } from "../base/index.ts";
import {
  type Augmentation,
  type Batch,
  batches,
  type Dataset,
  makeSplit,
  type Split,
  splitDataset,
} from "../data/index.ts";
import { type Module, trainable } from "../nn/index.ts";
import {
  adam,
  Optimizer,
  type Rule,
  type Schedule,
  WeightAverage,
  type WeightAverageOptions,
} from "../optim/index.ts";
import { type Checkpoint, loadCheckpoint, restore } from "./checkpoint.ts";
import { addTo, type Evaluator, evaluator, type HeadOptions, resolveHead } from "./evaluate.ts";
import type { Head } from "./head.ts";
import { History, type Logs } from "./history.ts";
import { logsOf } from "./metric.ts";
import { Averages } from "./metrics.ts";
import { overlapped } from "./overlap.ts";
import type { Json } from "./run-folder.ts";
import { type Step, trainStep } from "./step.ts";
import type { Callback, CallbackState, Position, Settings, Training } from "./training.ts";
import { exampleWeights, type WeightOptions, weightsAt } from "./weights.ts";

/** All that {@link fit} takes besides a model and data. */
export interface FitOptions extends HeadOptions, WeightOptions {
  /** Passes through the training data, those before a resumption included. Default 10. */
  readonly epochs?: number | undefined;
  /** Examples of one step. Default 32. */
  readonly batchSize?: number | undefined;
  /**
   * Batches whose gradients are added up to one update, as one batch of so many times the examples would
   * give: large batches in little memory. Normalisation sees the small ones. Default 1.
   */
  readonly accumulate?: number | undefined;
  /**
   * An update rule, or an optimizer that works on this model. Default `adam()`;
   * `chain(clipByGlobalNorm(1), adam())` clips gradients.
   */
  readonly optimizer?: Rule | Optimizer | undefined;
  /**
   * Default: the optimizer's own, which is 0.001 unless it was given another. A schedule is a function of
   * the step and no part of a checkpoint: to go on exactly give the same one, and make one that depends
   * on the number of steps for those of the whole training from the beginning.
   */
  readonly lr?: number | Schedule | undefined;
  /**
   * Averages the weights along the way, `{ decay: 0.999 }` say: validation, files of weights alone and the
   * model after training are of the average. It costs one more copy of the parameters.
   */
  readonly average?: WeightAverageOptions | undefined;
  /** Data to measure after each epoch, or the fraction of the training data to hold out for it. */
  readonly validation?: Split | number | undefined;
  readonly callbacks?: readonly Callback[] | undefined;
  /**
   * Changes the training examples at random, ahead of the engine on other threads: {@link augment}. By
   * the same seed, and so the same after a resumption with the same transforms.
   */
  readonly augment?: Augmentation | undefined;
  /** Decides the order of the examples in each epoch. Default 0. */
  readonly seed?: number | undefined;
  /** A checkpoint, or its file, to go on from. */
  readonly resume?: Checkpoint | string | undefined;
  /** Ends training after the present step when it fires, as Ctrl-C does. */
  readonly signal?: AbortSignal | undefined;
  /** Anything that checkpoints shall carry, such as how the model was built. */
  readonly config?: Json | undefined;
}

/**
 * Trains a model: epochs of shuffled batches, each one compiled step (forward, loss, backward,
 * update and metrics in one program), then validation.
 *
 * The result is a function of model, data, options and seed alone, to the last bit, and whether
 * training was interrupted and resumed does not change it. After training the model keeps the last
 * weights; `ModelCheckpoint` keeps the best.
 *
 * @param data a split, or a data set, of which the training part is used.
 * @returns the averages of each epoch, and why training ended.
 * @throws {ShapeError} if the model does not take the inputs, or targets do not fit its outputs.
 * @throws {ConfigError} if nothing would learn, for options that mean nothing, or differ from those of `resume`.
 * @example
 * const model = new Linear(2, 2);
 * const history = await fit(model, xor(), { epochs: 3, batchSize: 4 });
 * history.get("loss").length; // 3
 * history.stopped; // "all 3 epochs are done"
 */
export async function fit(
  model: Module,
  data: Split | Dataset,
  options: FitOptions = {},
): Promise<History> {
  const { resume } = options;
  const from = typeof resume === "string" ? await loadCheckpoint(resume) : resume;
  return new Trainer(model, data, options, from).run();
}

class Trainer implements Training {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly average: WeightAverage | undefined;
  readonly settings: Settings;
  readonly history: History;
  readonly epochs: number;
  readonly config: Json;
  position: Position;
  readonly #train: Split;
  readonly #validation: Split | undefined;
  readonly #lr: number | Schedule | undefined;
  readonly #head: Head;
  #step: Step | undefined;
  /** The paths that the step moves. */
  #moving = "";
  readonly #weights: HostArray | undefined;
  readonly #evaluate: Evaluator;
  readonly #callbacks: readonly Callback[];
  readonly #augment: Augmentation | undefined;
  readonly #signal: AbortSignal | undefined;
  #why = "";

  constructor(
    model: Module,
    data: Split | Dataset,
    options: FitOptions,
    from: Checkpoint | undefined,
  ) {
    const { epochs = 10, batchSize = 32, seed = 0, accumulate = 1 } = options;
    checkCount("epochs", epochs, 0);
    checkCount("accumulate", accumulate, 1);
    checkSeed("fit", seed);
    [this.#train, this.#validation] = splitsOf(data, options.validation, seed);
    const head = resolveHead(model, this.#train, options);
    if (this.#validation) resolveHead(model, this.#validation, options); // an error now, not after an epoch
    const { optimizer = adam() } = options;
    this.#head = head;
    this.model = model;
    this.optimizer = optimizer instanceof Optimizer ? optimizer : new Optimizer(model, optimizer);
    this.average = options.average && new WeightAverage(model, options.average);
    const examples = this.#train.size;
    this.settings = { seed, batchSize, examples, ...(accumulate > 1 && { accumulate }) };
    this.#weights = weightsOf(data, this.#train, head, options);
    this.epochs = epochs;
    this.config = options.config ?? from?.config ?? null;
    this.#lr = options.lr;
    const callbacks = options.callbacks ?? [];
    const saves = (callback: Callback) => callback.saves === true;
    this.#callbacks = [...callbacks.filter((c) => !saves(c)), ...callbacks.filter(saves)];
    this.#augment = options.augment;
    this.#signal = options.signal;
    if (from) checkSettings(from, this.settings);
    if (from) restore(from, this);
    if (from) this.#takeBack(from);
    this.history = new History(from?.history.epochs);
    this.position = from?.position ?? { epoch: 0, batch: 0, step: 0, sums: nothing };
    this.#evaluate = evaluator(model, head);
  }

  get batches(): number {
    return Math.ceil(this.settings.examples / this.#examplesAtOnce);
  }

  /** Examples of one update. */
  get #examplesAtOnce(): number {
    return this.settings.batchSize * (this.settings.accumulate ?? 1);
  }

  get lr(): number {
    return this.#rate(Math.max(0, this.position.step - 1));
  }
  set lr(lr: number) {
    if (typeof this.#lr === "function")
      throw new ConfigError({
        subject: "fit",
        problem: `a callback sets lr to ${lr}, and lr is a schedule of its own.`,
        fix: "give fit a number as lr, or leave out the callback.",
      });
    this.position = { ...this.position, lr };
  }

  get states(): Record<string, CallbackState> {
    const states: Record<string, CallbackState> = {};
    for (const [name, callback] of this.#remembering()) {
      const state = callback.state?.();
      if (state) states[name] = state;
    }
    return states;
  }

  /** Gives what remembers the state that a checkpoint has of it. */
  #takeBack({ path, states }: Checkpoint): void {
    if (this.average ? !states[averageName] : states[averageName])
      throw new ConfigError({
        subject: "fit",
        problem: `${path} is of a training ${this.average ? "without" : "with"} an average of its weights.`,
        fix: "resume with the option `average` of that training.",
      });
    for (const [name, callback] of this.#remembering())
      if (states[name]) callback.restore?.(states[name]);
  }

  /** Callbacks with the names that checkpoints know them by: that of the class, and a number from 2 on. */
  #remembering(): [string, Callback][] {
    const counts = new Map<string, number>();
    const own: [string, Callback][] = this.average ? [[averageName, this.average]] : [];
    const callbacks = this.#callbacks
      .filter((callback) => callback.state)
      .map((callback): [string, Callback] => {
        const name = callback.constructor.name;
        const count = 1 + (counts.get(name) ?? 0);
        counts.set(name, count);
        return [count === 1 ? name : `${name}${count}`, callback];
      });
    return [...own, ...callbacks];
  }

  #rate(step: number): number {
    const lr = this.position.lr ?? this.#lr ?? this.optimizer.lr;
    const now = typeof lr === "number" ? lr : lr(step);
    if (now >= 0 && now < Number.POSITIVE_INFINITY) return now;
    throw new ConfigError({
      subject: "fit",
      problem: `lr is ${now} in step ${step + 1}.`,
      fix: "give a finite rate of 0 or more, or a schedule that does.",
    });
  }

  stop(why: string): void {
    this.#why ||= why;
  }

  async run(): Promise<History> {
    try {
      await this.#tell((callback) => callback.onTrainBegin?.(this));
      while (this.position.epoch < this.epochs && !this.#stopping()) await this.#epoch();
      const epochs =
        this.epochs === 1 ? "the one epoch is done" : `all ${this.epochs} epochs are done`;
      this.history.stopped = this.#why || epochs;
      await this.#tell((callback) => callback.onTrainEnd?.(this));
      if (!this.#signal?.aborted) await this.#finish();
      return this.history;
    } catch (error) {
      for (const callback of this.#callbacks)
        try {
          await callback.onError?.(error, this);
        } catch {} // the first failure is the one to tell, and the later callbacks save what they can
      throw error;
    }
  }

  /** What changes the model when all files are written. */
  async #finish(): Promise<void> {
    if (this.position.step > 0) this.average?.swap();
    await this.#tell((callback) => callback.afterTrain?.(this));
  }

  /** One epoch, or what is left of it; nothing is concluded when it is broken off. */
  async #epoch(): Promise<void> {
    const { epoch, batch } = this.position;
    await this.#tell((callback) => callback.onEpochBegin?.(epoch, this));
    const averages = new Averages(this.position.sums);
    const { seed } = this.settings;
    const batchSize = this.#examplesAtOnce;
    const order = { batchSize, shuffle: true, seed, epoch, start: batch };
    const items = batches(this.#train, { ...order, augment: this.#augment });
    const step = this.#currentStep();
    const start = ({ inputs, targets, rows }: Batch) => {
      const weights = this.#weights && weightsAt(this.#weights, rows);
      return step({ inputs, targets, weights }, this.#rate(this.position.step));
    };
    for await (const { item, result } of overlapped(items, start)) {
      for (const part of result) addTo(averages, part, part.examples);
      const done = { batch: item.index + 1, step: this.position.step + 1, sums: averages.state };
      this.position = { ...this.position, epoch, ...done };
      const logs = logsOf(this.#head, averages.state);
      await this.#tell((callback) => callback.onBatchEnd?.(item.index, logs, this));
      if (this.#stopping()) return;
    }
    const validation = await this.#validate();
    if (this.#stopping()) return;
    await this.#conclude(epoch, {
      ...logsOf(this.#head, averages.state),
      ...validation,
      lr: this.lr,
    });
  }

  /** The compiled step, made anew when other parameters are frozen than before. */
  #currentStep(): Step {
    const moving = Object.keys(trainable(this.model.parameters())).join("\n");
    if (this.#step && moving === this.#moving) return this.#step;
    this.#moving = moving;
    const { accumulate: parts = 1, batchSize: size } = this.settings;
    this.#step = trainStep(this, this.#head, { parts, size });
    return this.#step;
  }

  async #validate(): Promise<Logs> {
    const split = this.#validation;
    if (!split) return {};
    const evaluate = () => this.#evaluate(split, this.#signal);
    const logs = (await (this.average ? this.average.apply(evaluate) : evaluate())) ?? {};
    return Object.fromEntries(Object.entries(logs).map(([name, x]) => [`val_${name}`, x]));
  }

  async #conclude(epoch: number, logs: Logs): Promise<void> {
    this.history.epochs.push(logs);
    this.position = { ...this.position, epoch: epoch + 1, batch: 0, sums: nothing };
    await this.#tell((callback) => callback.onEpochEnd?.(epoch, logs, this));
  }

  #stopping(): boolean {
    if (this.#signal?.aborted) this.stop("it was interrupted");
    return this.#why !== "";
  }

  async #tell(call: (callback: Callback) => unknown): Promise<void> {
    for (const callback of this.#callbacks) await call(callback);
  }
}

/** Under which checkpoints keep the average of the weights. */
const averageName = "average";

const nothing = { examples: 0, sums: {} };

/** Training and validation data. The test part of a data set is not touched. */
function splitsOf(
  data: Split | Dataset,
  validation: Split | number | undefined,
  seed: number,
): [Split, Split | undefined] {
  const train = "train" in data ? data.train : data;
  return typeof validation === "number"
    ? splitDataset(train, validation, seed)
    : [train, validation];
}

/** The weights of the training examples, those of held-out ones left out. */
function weightsOf(
  data: Split | Dataset,
  train: Split,
  head: Head,
  { sampleWeight, classWeight, validation, seed = 0 }: FitOptions,
): HostArray | undefined {
  const whole = "train" in data ? data.train : data;
  if (!sampleWeight || train === whole || typeof validation !== "number")
    return exampleWeights(train, head, { sampleWeight, classWeight });
  const { length } = sampleWeight;
  const given = hostArray([length], Float64Array.from(sampleWeight));
  if (length !== whole.size) return exampleWeights(whole, head, { sampleWeight }); // throws
  const [kept] = splitDataset(makeSplit(given, given), validation, seed);
  return exampleWeights(train, head, { sampleWeight: kept.targets.data, classWeight });
}

function checkCount(name: "epochs" | "accumulate", value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError({
    subject: "fit",
    problem: `${name} is ${value}, not a whole number of ${least} or more.`,
    fix:
      name === "epochs"
        ? "give the number of passes through the data, such as epochs: 10."
        : "give the number of batches of one update, such as accumulate: 4.",
  });
}

function checkSettings({ path, settings }: Checkpoint, now: Settings): void {
  for (const name of ["seed", "batchSize", "examples", "accumulate"] as const) {
    const [before, after] = [settings[name] ?? 1, now[name] ?? 1];
    if (before !== after)
      throw new ConfigError({
        subject: "fit",
        problem: `${path} is of a training with ${name} ${before}, not ${after}.`,
        fix: "resume with the data, batchSize, accumulate and seed of that training.",
      });
  }
}

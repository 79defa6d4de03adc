/** One training: the epoch loop of {@link fit}. */
import { ConfigError, describe, type HostArray, NumericError, warnOnce } from "../base/index.ts";
import { type Augmentation, type Batch, batches, type Split } from "../data/index.ts";
import { type Module, trainable } from "../nn/index.ts";
import { type Optimizer, type Schedule, WeightAverage } from "../optim/index.ts";
import { type Checkpoint, restore, warnOfPlatform } from "./checkpoint.ts";
import { Claim } from "./claims.ts";
import { diagnosis, type Earlier, earlierOf, lostWeights } from "./diagnosis.ts";
import { addTo, type Evaluator, evaluator } from "./evaluate.ts";
import type { FitOptions, Resolved } from "./fit-options.ts";
import { History, type Logs } from "./history.ts";
import { Averages } from "./metrics/averages.ts";
import { logsOf, namesOf } from "./metrics/metric.ts";
import type { Objective } from "./objective.ts";
import { overlapped } from "./overlap.ts";
import type { Json } from "./run-folder.ts";
import { onSignals } from "./signals.ts";
import { type Step, trainStep } from "./step.ts";
import type { Callback, CallbackState, Position, Settings, Training } from "./training.ts";
import { weightsAt } from "./weights.ts";

export class Trainer implements Training {
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
  readonly #objective: Objective;
  #step: Step | undefined;
  /** The paths of the parameters that the step updates. */
  #moving = "";
  readonly #weights: HostArray | undefined;
  readonly #evaluate: Evaluator;
  #callbacks: Callback[];
  readonly #augment: Augmentation | undefined;
  readonly #signal: AbortSignal | undefined;
  #why = "";
  /** Whether it was interrupted from outside: changes of the model at the end are then skipped. */
  #interrupted = false;
  #claim: Claim | undefined;
  #hasWarned = false;
  /** Earlier weights, to find the cause of a NaN. */
  #earlier: Earlier = new Map();
  /** The magnitude of the latest loss. */
  #loss = 0;

  readonly #onNaN: "error" | "continue";
  readonly #stopOnSignals: boolean;

  constructor(model: Module, options: FitOptions, resolved: Resolved, from?: Checkpoint) {
    this.model = model;
    this.optimizer = resolved.optimizer;
    this.average = options.average && new WeightAverage(model, options.average);
    this.settings = resolved.settings;
    this.epochs = resolved.epochs;
    this.config = options.config ?? from?.config ?? null;
    this.#train = resolved.train;
    this.#validation = resolved.validation;
    this.#objective = resolved.objective;
    this.#weights = resolved.weights;
    this.#lr = resolved.lr;
    this.#callbacks = [...resolved.callbacks];
    this.#augment = options.augment;
    this.#signal = options.signal;
    this.#onNaN = options.onNaN ?? "error";
    this.#stopOnSignals = options.stopOnSignals ?? false;
    if (from) {
      checkSettings(from, this.settings);
      warnOfPlatform(from);
      restore(from, this);
      this.#takeBack(from);
    }
    this.history = new History(from?.history.epochs);
    this.position = from?.position ?? { epoch: 0, batch: 0, step: 0, sums: nothing };
    this.#evaluate = evaluator(model, this.#objective);
  }

  get quantities(): readonly string[] {
    const { trained, measured } = namesOf(this.#objective);
    const held = this.#validation ? measured.map((name) => `val_${name}`) : [];
    const added = this.#callbacks.flatMap((callback) => callback.quantities ?? []);
    return [...new Set([...trained, ...held, "lr", ...added])];
  }

  get batches(): number {
    return Math.ceil(this.settings.examples / this.#examplesAtOnce);
  }

  /** Examples per update. */
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
    for (const [name, callback] of this.#remembering())
      this.#guard(callback, () => {
        const state = callback.state?.();
        if (state) states[name] = state;
      });
    return states;
  }

  /** Restores the states of callbacks from a checkpoint. */
  #takeBack({ path, states }: Checkpoint): void {
    if (this.average ? !states[averageName] : states[averageName])
      throw new ConfigError({
        subject: "fit",
        problem: `${path} is of a training ${this.average ? "without" : "with"} an average of its weights.`,
        fix: "resume with the option `average` of that training.",
      });
    for (const [name, callback] of this.#remembering()) {
      const state = states[name];
      if (state) this.#guard(callback, () => callback.restore?.(state));
    }
  }

  /** Callbacks with the names used in checkpoints: that of the class, and a number from 2 on. */
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
    const now: unknown = typeof lr === "number" ? lr : lr(step);
    if (typeof now === "number" && now >= 0 && now < Number.POSITIVE_INFINITY) return now;
    throw new ConfigError({
      subject: "fit",
      problem: `lr is ${describe(now)} in step ${step + 1}.`,
      fix: "give a finite rate of 0 or more, or a schedule that does.",
    });
  }

  stop(why: string): void {
    this.#why ||= why;
  }

  async run(): Promise<History> {
    const claim = new Claim("fit", this.model);
    const off = this.#stopOnSignals ? onSignals((name) => this.#interrupt(` (${name})`)) : () => {};
    try {
      this.#claim = claim;
      await this.#notify((callback) => callback.check?.(this));
      return await this.#trainAll();
    } finally {
      off();
      claim.release();
    }
  }

  async #trainAll(): Promise<History> {
    try {
      await this.#notify((callback) => callback.onTrainBegin?.(this));
      while (this.position.epoch < this.epochs && !this.#stopping()) await this.#epoch();
      this.#checkWeights();
      const epochs =
        this.epochs === 1 ? "the one epoch is done" : `all ${this.epochs} epochs are done`;
      this.history.stopped = this.#why || epochs;
      await this.#notify((callback) => callback.onTrainEnd?.(this));
      if (!this.#interrupted) await this.#finish();
      return this.history;
    } catch (error) {
      // the first failure is reported; every callback is notified of it, even if another one throws
      for (const callback of this.#callbacks)
        await this.#call(callback, () => callback.onError?.(error, this)).catch(() => {});
      throw error;
    }
  }

  /** Changes of the model after all files are written. */
  async #finish(): Promise<void> {
    if (this.average && this.average.count > 0) this.average.swap();
    await this.#notify((callback) => callback.afterTrain?.(this));
  }

  /** One epoch, or the rest of one; when it is interrupted, its end is not processed. */
  async #epoch(): Promise<void> {
    const { epoch, batch } = this.position;
    await this.#notify((callback) => callback.onEpochBegin?.(epoch, this));
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
    if (Number.isFinite(this.#loss)) this.#earlier = earlierOf(this.model);
    for await (const { item, result } of overlapped(items, start)) {
      this.#loss = Math.max(...result.map(({ loss }) => Math.abs(loss.item()))); // NaN propagates
      if (Number.isNaN(this.#loss)) this.#isNaN(item);
      if (this.#loss > wild && this.#loss < Number.POSITIVE_INFINITY)
        this.#earlier = earlierOf(this.model);
      for (const part of result) addTo(averages, part, part.examples);
      const done = { batch: item.index + 1, step: this.position.step + 1, sums: averages.state };
      this.position = { ...this.position, epoch, ...done };
      const logs = logsOf(this.#objective, averages.state);
      await this.#notify((callback) => callback.onBatchEnd?.(item.index, logs, this));
      if (this.#stopping()) return;
    }
    const validation = await this.#validate();
    if (this.#stopping()) return;
    await this.#conclude(epoch, {
      ...logsOf(this.#objective, averages.state),
      ...validation,
      lr: this.lr,
    });
  }

  /** The loss of a step is NaN, and the weights are already updated by that step. */
  #isNaN(batch: Batch): void {
    if (this.#hasWarned) return;
    const at = `in epoch ${this.position.epoch + 1}, batch ${batch.index + 1} of ${this.batches}`;
    const { what, fix } = diagnosis(this.model, batch, this.#earlier, this.#train);
    this.#complain(`the loss became NaN ${at}: ${what}.`, this.position.step + 1, fix);
  }

  /**
   * The gradients of the last step may be NaN although its loss is not, and no later step would
   * reveal it.
   */
  #checkWeights(): void {
    const lost = this.#hasWarned ? undefined : lostWeights(this.model, this.#train);
    if (lost) this.#complain(`the weights are NaN: ${lost.what}.`, this.position.step, lost.fix);
  }

  #complain(problem: string, step: number, fix: string): void {
    const where = `step ${step}, with lr ${Number(this.lr.toPrecision(3))}`;
    const error = { subject: "fit", problem, where, fix };
    if (this.#onNaN === "error") throw new NumericError(error);
    warnOnce(error);
    this.#hasWarned = true;
  }

  /** The compiled step, rebuilt when the set of frozen parameters changes. */
  #currentStep(): Step {
    const moving = Object.keys(trainable(this.model.parameters())).join("\n");
    if (this.#step && moving === this.#moving) return this.#step;
    this.#moving = moving;
    const { accumulate: parts = 1, batchSize: size } = this.settings;
    this.#step = trainStep(this, this.#objective, { parts, size });
    return this.#step;
  }

  async #validate(): Promise<Logs> {
    const split = this.#validation;
    if (!split) return {};
    const evaluate = () => this.#evaluate(split, this.#signal);
    const logs = (await (this.average ? this.average.apply(evaluate) : evaluate())) ?? {};
    if (Number.isNaN(logs.loss) && this.#onNaN === "error")
      throw new NumericError({
        subject: "fit",
        problem: `the loss of the validation data is NaN after epoch ${this.position.epoch + 1}.`,
        where: `step ${this.position.step}, with lr ${Number(this.lr.toPrecision(3))}`,
        fix: "look for values in the validation data that are not finite, or lower lr.",
      });
    return Object.fromEntries(Object.entries(logs).map(([name, x]) => [`val_${name}`, x]));
  }

  async #conclude(epoch: number, logs: Logs): Promise<void> {
    this.history.epochs.push(logs);
    this.position = { ...this.position, epoch: epoch + 1, batch: 0, sums: nothing };
    await this.#notify((callback) => callback.onEpochEnd?.(epoch, logs, this));
  }

  #stopping(): boolean {
    if (this.#signal?.aborted) this.#interrupt("");
    return this.#why !== "";
  }

  #interrupt(by: string): void {
    this.#interrupted = true;
    this.stop(`it was interrupted${by}`);
  }

  async #notify(call: (callback: Callback) => unknown): Promise<void> {
    for (const callback of this.#callbacks) await this.#call(callback, () => call(callback));
  }

  /**
   * Calls a callback. One that only writes optional files never ends a training: it is dropped if
   * it fails.
   */
  async #call(callback: Callback, call: () => unknown): Promise<void> {
    this.#claim!.resting = true;
    try {
      await call();
    } catch (error) {
      this.#giveUp(callback, error);
    } finally {
      this.#claim!.resting = false;
    }
  }

  /** The synchronous version, for the states of callbacks. */
  #guard(callback: Callback, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#giveUp(callback, error);
    }
  }

  #giveUp(callback: Callback, error: unknown): void {
    if (!callback.optional) throw error;
    this.#callbacks = this.#callbacks.filter((other) => other !== callback);
    warnOnce({
      subject: callback.constructor.name,
      problem: `it failed and is given up; training goes on (${reason(error)}).`,
      fix: "fix its cause, such as the folder or the disk space, for the next training.",
    });
  }
}

/** The name of the weight average in checkpoints. */
const averageName = "average";

/**
 * From this loss on, weights are kept at every step: the next step may leave none that are finite.
 */
const wild = 1e6;

const nothing = { examples: 0, sums: {} };

/** The first line of an error's message. */
const reason = (error: unknown): string =>
  error instanceof Error ? error.message.split("\n")[0]! : String(error);

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

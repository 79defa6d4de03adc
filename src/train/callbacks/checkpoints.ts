import { checkOptions, NumericError, type OptionNames } from "../../base/index.ts";
import { saveCheckpoint } from "../checkpoint.ts";
import { checkFolder, checkPath, dirOf } from "../folders.ts";
import {
  checkMode,
  checkMonitor,
  type History,
  type Logs,
  type Mode,
  type Monitor,
  modeOf,
} from "../history.ts";
import type { Callback, Training } from "../training.ts";

/** Whether the last epoch of a history is its best. */
const isBest = (history: History, monitor: string, mode: Mode): boolean =>
  history.best(monitor, { mode })?.epoch === history.epochs.length - 1;

/** Which epochs {@link ModelCheckpoint} saves, and whether weights only. */
export interface ModelCheckpointOptions extends Monitor {
  /** Only epochs that are the best so far. Default false. */
  readonly saveBestOnly?: boolean | undefined;
  /** Writes the weights only; such a file cannot be resumed. Default false. */
  readonly saveWeightsOnly?: boolean | undefined;
}

const names: OptionNames<ModelCheckpointOptions> = {
  ...{ monitor: true, mode: true, saveBestOnly: true, saveWeightsOnly: true },
};

/**
 * Saves a checkpoint after each epoch, or only after the best so far. The file is replaced
 * atomically.
 * @example
 * const keep = new ModelCheckpoint("best.safetensors", { saveBestOnly: true });
 */
export class ModelCheckpoint implements Callback {
  readonly saves = true;
  readonly #path: string | ((epoch: number, logs: Logs) => string);
  readonly #monitor: string;
  readonly #mode: Mode;
  readonly #bestOnly: boolean;
  readonly #weightsOnly: boolean;

  /** @param path a file, or a function that returns one for each epoch. */
  constructor(
    path: string | ((epoch: number, logs: Logs) => string),
    options: ModelCheckpointOptions = {},
  ) {
    checkOptions("ModelCheckpoint", options, names);
    checkPath("ModelCheckpoint", path);
    const { monitor = "val_loss", mode = modeOf(monitor) } = options;
    checkMode("ModelCheckpoint", mode);
    this.#path = path;
    this.#monitor = monitor;
    this.#mode = mode;
    this.#bestOnly = options.saveBestOnly ?? false;
    this.#weightsOnly = options.saveWeightsOnly ?? false;
  }

  /**
   * @throws {ConfigError} if no epoch will log the monitored quantity. @throws {DataError} if there
   * is no folder.
   */
  async check(training: Training): Promise<void> {
    if (this.#bestOnly) checkMonitor("ModelCheckpoint", this.#monitor, training);
    if (typeof this.#path === "string") await checkFolder("ModelCheckpoint", dirOf(this.#path));
  }

  async onEpochEnd(epoch: number, logs: Logs, training: Training): Promise<void> {
    if (this.#bestOnly && !isBest(training.history, this.#monitor, this.#mode)) return;
    const path = typeof this.#path === "string" ? this.#path : this.#path(epoch, logs);
    await saveCheckpoint(path, training, { weightsOnly: this.#weightsOnly });
  }
}

/**
 * Ends training with an error at the first step whose loss is NaN or infinite: no later step can
 * repair the weights.
 */
export class TerminateOnNaN implements Callback {
  /** @throws {NumericError} naming the step and the learning rate. */
  onBatchEnd(batch: number, { loss }: Logs, training: Training): void {
    if (loss === undefined || Number.isFinite(loss)) return;
    throw unusable(`became ${loss}`, training.position.epoch, batch, training);
  }

  /** @throws {NumericError} if the weights give NaN on the validation data. */
  onEpochEnd(epoch: number, { val_loss: loss }: Logs, training: Training): void {
    if (loss === undefined || Number.isFinite(loss)) return;
    throw unusable(`on validation data became ${loss}`, epoch, training.batches - 1, training);
  }
}

/** How many times its first value the loss may reach before the training counts as diverged. */
const mostGrowth = 1e4;

/**
 * Ends training with an error when the loss is NaN, infinite or has diverged. Rules that scale
 * their steps, such as Adam, may continue for ever with finite but useless weights.
 */
export class TerminateOnDivergence extends TerminateOnNaN {
  #first: number | undefined;

  /** @throws {NumericError} naming the step and the learning rate. */
  override onBatchEnd(batch: number, logs: Logs, training: Training): void {
    super.onBatchEnd(batch, logs, training);
    const { loss } = logs;
    this.#first ??= loss;
    if (loss === undefined || loss <= mostGrowth * Math.max(1, this.#first!)) return;
    const growth = `grew from ${this.#first!.toPrecision(3)} to ${loss.toPrecision(3)}`;
    throw unusable(growth, training.position.epoch, batch, training);
  }
}

const unusable = (
  what: string,
  epoch: number,
  batch: number,
  { position, batches, lr }: Training,
): NumericError =>
  new NumericError({
    subject: "fit",
    problem: `the loss ${what} in epoch ${epoch + 1}, batch ${batch + 1} of ${batches}.`,
    where: `step ${position.step}, with lr ${Number(lr.toPrecision(3))}`,
    fix: "lower lr (ten times is a good try), and look for values in the data that are not finite.",
  });

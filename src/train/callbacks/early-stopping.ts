import {
  ConfigError,
  checkOptions,
  describe,
  type HostArray,
  type OptionNames,
} from "../../base/index.ts";
import { fromHost } from "../../tensor/index.ts";
import { checkMode, checkMonitor, type Logs, type Mode, type Monitor, modeOf } from "../history.ts";
import type { Callback, CallbackState, Training } from "../training.ts";

/** The patience and the criterion of {@link EarlyStopping}. */
export interface EarlyStoppingOptions extends Monitor {
  /** Epochs without improvement that are tolerated. Default 0. */
  readonly patience?: number | undefined;
  /** The smallest change that counts as an improvement. Default 0. */
  readonly minDelta?: number | undefined;
  /** A value that must be exceeded before an improvement counts. */
  readonly baseline?: number | undefined;
  /** Epochs at the beginning that are ignored. Default 0. */
  readonly startFromEpoch?: number | undefined;
  /** Restores the state of the best epoch when training is over. Default false. */
  readonly restoreBestWeights?: boolean | undefined;
}

const names: OptionNames<EarlyStoppingOptions> = {
  ...{ monitor: true, mode: true, patience: true, minDelta: true, baseline: true },
  ...{ startFromEpoch: true, restoreBestWeights: true },
};

/** The state of the monitor. */
interface Look {
  /** The best epoch and its value; NaN is never best. */
  readonly best: { readonly epoch: number; readonly value: number } | undefined;
  /** Epochs since the last improvement that counts. */
  readonly wait: number;
}

/**
 * Ends training when a quantity has not improved by more than `minDelta` for `patience` epochs.
 * Options as in Keras.
 *
 * The decision follows from the history alone, so a resumed training behaves the same; the weights
 * of the best epoch are stored in checkpoints. Files that other callbacks write at the end contain
 * the last weights, from which training can be resumed.
 *
 * @throws {ConfigError} if `patience` or `startFromEpoch` is not an integer ≥ 0.
 * @see Goodfellow, Bengio & Courville 2016, §7.8
 * @example
 * const stopping = new EarlyStopping({ monitor: "val_accuracy", patience: 3, restoreBestWeights: true });
 */
export class EarlyStopping implements Callback {
  readonly #monitor: string;
  readonly #mode: Mode;
  readonly #patience: number;
  readonly #minDelta: number;
  readonly #baseline: number | undefined;
  readonly #startFrom: number;
  readonly #restores: boolean;
  #best: { readonly epoch: number; readonly weights: Record<string, HostArray> } | undefined;

  constructor(options: EarlyStoppingOptions = {}) {
    checkOptions("EarlyStopping", options, names);
    const { monitor = "val_loss", mode = modeOf(monitor), baseline } = options;
    const { patience = 0, minDelta = 0, startFromEpoch = 0, restoreBestWeights = false } = options;
    checkNumber("minDelta", minDelta);
    if (baseline !== undefined) checkNumber("baseline", baseline);
    checkMode("EarlyStopping", mode);
    checkWhole("patience", patience);
    checkWhole("startFromEpoch", startFromEpoch);
    this.#monitor = monitor;
    this.#mode = mode;
    this.#patience = patience;
    this.#minDelta = minDelta;
    this.#baseline = baseline;
    this.#startFrom = startFromEpoch;
    this.#restores = restoreBestWeights;
  }

  /** @throws {ConfigError} if no epoch will log the monitored quantity. */
  check(training: Training): void {
    checkMonitor("EarlyStopping", this.#monitor, training);
  }

  onTrainBegin(training: Training): void {
    if (training.history.epochs.length === 0) this.#best = undefined; // of another training
    this.#look(training); // a training that was stopped does not continue when it is resumed
  }

  onEpochEnd(epoch: number, _logs: Logs, training: Training): void {
    const { best } = this.#look(training);
    // as in Keras, the first epoch counts as the best until there is one
    if (this.#restores && (best?.epoch === epoch || !this.#best))
      this.#best = { epoch, weights: snapshot(training) }; // of the average, which was evaluated
  }

  afterTrain({ model }: Training): void {
    const state = model.state();
    for (const [path, array] of Object.entries(this.#best?.weights ?? {}))
      state[path]!.value = fromHost(array);
  }

  state(): CallbackState | undefined {
    return this.#best && { json: { epoch: this.#best.epoch }, arrays: this.#best.weights };
  }

  restore({ json, arrays = {} }: CallbackState): void {
    if (!this.#restores) return;
    const { epoch } = json as { readonly epoch: number };
    this.#best = { epoch, weights: { ...arrays } };
  }

  #look(training: Training): Look {
    const look = this.#replay(training.history.get(this.#monitor));
    const { wait } = look;
    // as in Keras, patience 0 stops at the first epoch without improvement
    if (wait > 0 && wait >= this.#patience && training.history.epochs.length > 1)
      training.stop(
        `${this.#monitor} has not improved for ${wait} ${wait === 1 ? "epoch" : "epochs"}`,
      );
    return look;
  }

  #replay(values: readonly number[]): Look {
    let look: Look = { best: undefined, wait: 0 };
    values.forEach((value, epoch) => {
      if (epoch < this.#startFrom) return;
      const improved = !Number.isNaN(value) && this.#isBetter(value, look.best?.value);
      const counts = improved && this.#isBetter(value, this.#baseline);
      look = {
        best: improved ? { epoch, value } : look.best,
        wait: counts ? 0 : look.wait + 1,
      };
    });
    return look;
  }

  #isBetter(value: number, than: number | undefined): boolean {
    if (than === undefined) return true;
    return (this.#mode === "min" ? than - value : value - than) > this.#minDelta;
  }
}

/** Copies, because the variables keep changing in place. */
function snapshot({ model, average }: Training): Record<string, HostArray> {
  const copy = () => copyOf(model);
  return average ? average.apply(copy) : copy();
}

const copyOf = (model: Training["model"]): Record<string, HostArray> =>
  Object.fromEntries(
    Object.entries(model.state()).map(([path, { value }]) => {
      const { data, ...array } = value.toHost();
      return [path, { ...array, data: data.slice() }];
    }),
  );

function checkWhole(option: string, value: number): void {
  if (Number.isInteger(value) && value >= 0) return;
  throw new ConfigError({
    subject: "EarlyStopping",
    problem: `${option} is ${describe(value)}, not a whole number of 0 or more.`,
    fix: `give the number of epochs to wait, such as ${option}: 3.`,
  });
}

function checkNumber(option: string, value: number): void {
  if (typeof value === "number" && !Number.isNaN(value)) return;
  throw new ConfigError({
    subject: "EarlyStopping",
    problem: `${option} is ${describe(value)}, not a number.`,
    fix: `give a number in the units of what is monitored, or leave ${option} out.`,
  });
}

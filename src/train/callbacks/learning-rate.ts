/** Callbacks that set the learning rate, epoch by epoch. */
import { ConfigError, checkOptions, describe, type OptionNames } from "../../base/index.ts";
import { checkMode, checkMonitor, type Logs, type Mode, type Monitor, modeOf } from "../history.ts";
import type { Callback, CallbackState, Training } from "../training.ts";

/** When {@link ReduceLROnPlateau} lowers the rate, and by how much. */
export interface ReduceLROnPlateauOptions extends Monitor {
  /** The factor that multiplies the rate, between 0 and 1. Default 0.1. */
  readonly factor?: number | undefined;
  /** The number of epochs without improvement before a reduction. Default 10. */
  readonly patience?: number | undefined;
  /** The smallest change that counts as an improvement. Default 10⁻⁴. */
  readonly minDelta?: number | undefined;
  /** Epochs after a reduction that are ignored. Default 0. */
  readonly cooldown?: number | undefined;
  /** The minimum rate. Default 0. */
  readonly minLr?: number | undefined;
}

const names: OptionNames<ReduceLROnPlateauOptions> = {
  ...{ monitor: true, mode: true, factor: true, patience: true, minDelta: true },
  ...{ cooldown: true, minLr: true },
};

function checkSizes(sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes))
    if (!(typeof size === "number" && size >= 0))
      throw new ConfigError({
        subject: "ReduceLROnPlateau",
        problem: `${name} is ${describe(size)}.`,
        fix: `give ${name} as a number of 0 or more, or leave it out.`,
      });
}

/** State between epochs. */
interface Plateau {
  /** null before the first value. */
  readonly best: number | null;
  readonly wait: number;
  readonly cooling: number;
}

/**
 * Lowers the learning rate when a quantity has not improved for `patience` epochs:
 *
 *   lr ← max(minLr, factor · lr)
 *
 * Options as in Keras; `plateau` in gradus/optim counts as in PyTorch. Its state and the rate are
 * stored in checkpoints.
 *
 * @throws {ConfigError} for a factor outside 0 … 1.
 * @example
 * const slower = new ReduceLROnPlateau({ factor: 0.5, patience: 3, minLr: 1e-5 });
 */
export class ReduceLROnPlateau implements Callback {
  readonly #monitor: string;
  readonly #mode: Mode;
  readonly #options: Required<{
    [K in "factor" | "patience" | "minDelta" | "cooldown" | "minLr"]: number;
  }>;
  #plateau: Plateau = { best: null, wait: 0, cooling: 0 };

  constructor(options: ReduceLROnPlateauOptions = {}) {
    checkOptions("ReduceLROnPlateau", options, names);
    const { monitor = "val_loss", mode = modeOf(monitor), factor = 0.1, patience = 10 } = options;
    const { minDelta = 1e-4, cooldown = 0, minLr = 0 } = options;
    checkMode("ReduceLROnPlateau", mode);
    checkSizes({ patience, minDelta, cooldown, minLr });
    if (!(factor > 0 && factor < 1))
      throw new ConfigError({
        subject: "ReduceLROnPlateau",
        problem: `factor is ${describe(factor)}.`,
        fix: "give a factor between 0 and 1, which lowers the rate.",
      });
    this.#monitor = monitor;
    this.#mode = mode;
    this.#options = { factor, patience, minDelta, cooldown, minLr };
  }

  /** @throws {ConfigError} if no epoch will log the monitored quantity. */
  check(training: Training): void {
    checkMonitor("ReduceLROnPlateau", this.#monitor, training);
  }

  onTrainBegin({ history }: Training): void {
    if (history.epochs.length === 0) this.#plateau = { best: null, wait: 0, cooling: 0 };
  }

  onEpochEnd(epoch: number, _logs: Logs, training: Training): void {
    const { factor, patience, cooldown, minLr } = this.#options;
    const value = training.history.get(this.#monitor)[epoch]!;
    const cooling = Math.max(0, this.#plateau.cooling - 1);
    const waited = this.#plateau.cooling > 0 ? 0 : this.#plateau.wait;
    const improved = this.#isBetter(value);
    const best = improved ? value : this.#plateau.best;
    const wait = improved || cooling > 0 ? 0 : waited + 1;
    this.#plateau = { best, wait, cooling };
    if (wait < patience || wait === 0 || training.lr <= minLr) return;
    training.lr = Math.max(minLr, factor * training.lr);
    this.#plateau = { best, wait: 0, cooling: cooldown };
  }

  state(): CallbackState {
    return { json: { ...this.#plateau } };
  }

  restore({ json }: CallbackState): void {
    this.#plateau = json as unknown as Plateau;
  }

  #isBetter(value: number): boolean {
    const { best } = this.#plateau;
    if (best === null) return !Number.isNaN(value);
    return (this.#mode === "min" ? best - value : value - best) > this.#options.minDelta;
  }
}

/**
 * Sets the learning rate at the beginning of each epoch, from the epoch and the rate so far. If the
 * rate depends on the step alone, a `Schedule` as `lr` of `fit` is simpler.
 *
 * @example
 * const halve = new LearningRateScheduler((epoch, lr) => (epoch > 0 && epoch % 10 === 0 ? lr / 2 : lr));
 * await fit(new Linear(2, 2), xor(), { epochs: 2, callbacks: [halve] });
 */
export class LearningRateScheduler implements Callback {
  readonly #schedule: (epoch: number, lr: number) => number;

  /** @param schedule the rate of epoch 0, 1, 2, …, given the rate of the previous epoch. */
  constructor(schedule: (epoch: number, lr: number) => number) {
    if (typeof schedule !== "function")
      throw new ConfigError({
        subject: "LearningRateScheduler",
        problem: `the schedule is ${describe(schedule)}, not a function.`,
        fix: "give a function of the epoch and the rate so far, such as (epoch, lr) => lr * 0.9.",
      });
    this.#schedule = schedule;
  }

  /** Sets the rate of the epoch. */
  onEpochBegin(epoch: number, training: Training): void {
    if (training.position.batch > 0) return; // resumed in the middle of an epoch: the rate stays
    training.lr = this.#schedule(epoch, training.lr);
  }
}

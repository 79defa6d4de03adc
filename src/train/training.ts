import type { HostArray } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import type { Optimizer, WeightAverage } from "../optim/index.ts";
import type { History, Logs } from "./history.ts";
import type { Sums } from "./metrics/averages.ts";
import type { Json } from "./run-folder.ts";

/**
 * The position of a training. Together with the weights, the optimizer's state, the settings and
 * the history it suffices to resume exactly: the order of the examples follows from (seed, epoch),
 * and random layers keep their counters in the model's state.
 */
export interface Position {
  /** Completed epochs. */
  readonly epoch: number;
  /** Completed batches of the current epoch. */
  readonly batch: number;
  /** Updates since the start. */
  readonly step: number;
  /** Sums over the current epoch so far. */
  readonly sums: Sums;
  /** The learning rate set by a callback, if one has. */
  readonly lr?: number;
}

/** Settings that must not change when a training is resumed. */
export interface Settings {
  readonly seed: number;
  readonly batchSize: number;
  /** Number of training examples. */
  readonly examples: number;
  /** Batches per update (gradient accumulation); 1 if absent. */
  readonly accumulate?: number;
}

/** The state of a callback, stored in checkpoints. */
export interface CallbackState {
  readonly json: Json;
  readonly arrays?: Readonly<Record<string, HostArray>>;
}

/** A running training, as callbacks see it. */
export interface Training {
  readonly model: Module;
  readonly optimizer: Optimizer;
  /** The average of the weights, if `fit` computes one. */
  readonly average?: WeightAverage | undefined;
  readonly history: History;
  readonly settings: Settings;
  readonly position: Position;
  /** The requested number of epochs. */
  readonly epochs: number;
  /** Batches per epoch. */
  readonly batches: number;
  /** The names in each epoch's logs, such as `loss` and, with validation data, `val_loss`. */
  readonly quantities: readonly string[];
  /**
   * The learning rate of the latest step. A callback may set that of later steps, unless `fit` was
   * given a schedule (then it is a ConfigError); checkpoints store it.
   */
  lr: number;
  /** The caller's data for checkpoints. */
  readonly config: Json;
  /** The states of the callbacks, by name. */
  readonly states: Readonly<Record<string, CallbackState>>;
  /**
   * Ends training after the current step. @param why a clause: "val_loss has not improved for 3
   * epochs".
   */
  stop(why: string): void;
}

/**
 * Code that runs during training. Each method is optional and is awaited; the engine is idle
 * meanwhile, so the model and the optimizer may be read.
 *
 * A callback with state returns it from `state` and takes it back in `restore`: with both, a
 * resumed training is the same to the last bit.
 *
 * @example
 * const losses: number[] = [];
 * const watch: Callback = { onEpochEnd: (_, logs) => void losses.push(logs.loss!) };
 */
export interface Callback {
  /** Before anything else: throws if the callback could not work in this training. */
  check?(training: Training): unknown;
  /** Before the first step; `training.history` already contains epochs in a resumed training. */
  onTrainBegin?(training: Training): unknown;
  /** Before the first step of an epoch, or of the rest of one. */
  onEpochBegin?(epoch: number, training: Training): unknown;
  /** After each step. @param logs averages over the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs, training: Training): unknown;
  /** After validation. @param logs the history's entry of this epoch. */
  onEpochEnd?(epoch: number, logs: Logs, training: Training): unknown;
  /** After the last step, whatever the reason; `training.history.stopped` holds it. */
  onTrainEnd?(training: Training): unknown;
  /**
   * When training is over and files are written, but not when it was interrupted: the model may be
   * changed.
   */
  afterTrain?(training: Training): unknown;
  /** When an error ends training. It is thrown again once all callbacks are notified. */
  onError?(error: unknown, training: Training): unknown;
  /** The names that it adds to the logs of each epoch, for others to monitor. */
  readonly quantities?: readonly string[];
  /**
   * Whether it writes checkpoints: it is notified after the others, so that a file contains their
   * state.
   */
  readonly saves?: boolean;
  /**
   * Whether it writes only optional files: it is notified last, and dropped with a warning if it
   * fails.
   */
  readonly optional?: boolean;
  /** Its state; undefined if there is none. */
  state?(): CallbackState | undefined;
  /** Restores what `state` returned, before `onTrainBegin`. */
  restore?(state: CallbackState): void;
}

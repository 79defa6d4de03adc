import type { HostArray } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import type { Optimizer, WeightAverage } from "../optim/index.ts";
import type { History, Logs } from "./history.ts";
import type { Sums } from "./metrics/averages.ts";
import type { Json } from "./run-folder.ts";

/**
 * Where a training stands. Together with the weights, the optimizer's state, the settings and the
 * history it is all that going on exactly takes: the order of the examples follows from
 * (seed, epoch), and random layers keep their counters in the model's state.
 */
export interface Position {
  /** Epochs that are done. */
  readonly epoch: number;
  /** Batches of the present epoch that are done. */
  readonly batch: number;
  /** Updates since the beginning. */
  readonly step: number;
  /** Sums over the present epoch so far. */
  readonly sums: Sums;
  /** The learning rate that a callback has set, if one has. */
  readonly lr?: number;
}

/** What must be the same when a training goes on, or it would be another one. */
export interface Settings {
  readonly seed: number;
  readonly batchSize: number;
  /** Number of training examples. */
  readonly examples: number;
  /** Batches whose gradients are added up to one update; 1 where it is not said. */
  readonly accumulate?: number;
}

/** What a callback remembers, for checkpoints to carry. */
export interface CallbackState {
  readonly json: Json;
  readonly arrays?: Readonly<Record<string, HostArray>>;
}

/** A training while it runs, as callbacks see it. */
export interface Training {
  readonly model: Module;
  readonly optimizer: Optimizer;
  /** The average of the weights along the way, where `fit` was asked for one. */
  readonly average?: WeightAverage | undefined;
  readonly history: History;
  readonly settings: Settings;
  readonly position: Position;
  /** Epochs that were asked for. */
  readonly epochs: number;
  /** Batches of an epoch. */
  readonly batches: number;
  /** The names of what each epoch's logs will hold, such as `loss` and, with validation data, `val_loss`. */
  readonly quantities: readonly string[];
  /**
   * The learning rate of the latest step. A callback may set that of the steps to come, unless `fit` was
   * given a schedule (a ConfigError says so); checkpoints carry it.
   */
  lr: number;
  /** What the caller wants checkpoints to carry. */
  readonly config: Json;
  /** What the callbacks remember, by their names. */
  readonly states: Readonly<Record<string, CallbackState>>;
  /** Ends training after the present step. @param why a clause: "val_loss has not improved for 3 epochs". */
  stop(why: string): void;
}

/**
 * Code that runs along with training. Each method may be absent, and is awaited; the engine idles
 * meanwhile, so the model and the optimizer may be read.
 *
 * One that remembers something says so by `state` and takes it back by `restore`: with both a resumed
 * training is the same to the last bit.
 *
 * @example
 * const losses: number[] = [];
 * const watch: Callback = { onEpochEnd: (_, logs) => void losses.push(logs.loss!) };
 */
export interface Callback {
  /** Before anything else: throws if it could not do its work in this training. */
  check?(training: Training): unknown;
  /** Before the first step; `training.history` has epochs in it when training goes on. */
  onTrainBegin?(training: Training): unknown;
  /** Before the first step of an epoch, or of what is left of it. */
  onEpochBegin?(epoch: number, training: Training): unknown;
  /** After each step. @param logs averages over the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs, training: Training): unknown;
  /** After validation. @param logs what the history now has of this epoch. */
  onEpochEnd?(epoch: number, logs: Logs, training: Training): unknown;
  /** After the last step, whatever the reason; `training.history.stopped` says it. */
  onTrainEnd?(training: Training): unknown;
  /** When training is over and files are written, but not when it was interrupted: the model may change. */
  afterTrain?(training: Training): unknown;
  /** When an error ends training. It is thrown again once all callbacks are notified. */
  onError?(error: unknown, training: Training): unknown;
  /** The names of what it adds to the logs of each epoch, for others to monitor. */
  readonly quantities?: readonly string[];
  /** Whether it writes checkpoints: it is notified after the others, so that a file holds the state they leave. */
  readonly saves?: boolean;
  /** Whether it writes only files that training can do without: it is notified last, and dropped with a warning if it fails. */
  readonly optional?: boolean;
  /** What it remembers; undefined if nothing. */
  state?(): CallbackState | undefined;
  /** Takes back what `state` gave, before `onTrainBegin`. */
  restore?(state: CallbackState): void;
}

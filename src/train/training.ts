import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/index.ts";
import type { History, Logs } from "./history.ts";
import type { Sums } from "./metrics.ts";
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
}

/** What must be the same when a training goes on, or it would be another one. */
export interface Settings {
  readonly seed: number;
  readonly batchSize: number;
  /** Number of training examples. */
  readonly examples: number;
}

/** A training while it runs, as callbacks see it. */
export interface Training {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly history: History;
  readonly settings: Settings;
  readonly position: Position;
  /** Epochs that were asked for. */
  readonly epochs: number;
  /** Batches of an epoch. */
  readonly batches: number;
  /** The learning rate of the latest step. */
  readonly lr: number;
  /** What the caller wants checkpoints to carry. */
  readonly config: Json;
  /** Ends training after the present step. @param why a clause: "val_loss has not improved for 3 epochs". */
  stop(why: string): void;
}

/**
 * Code that runs along with training. Each method may be absent, and is awaited; the engine idles
 * meanwhile, so the model and the optimizer may be read.
 *
 * @example
 * const losses: number[] = [];
 * const watch: Callback = { onEpochEnd: (_, logs) => void losses.push(logs.loss!) };
 */
export interface Callback {
  /** Before the first step; `training.history` has epochs in it when training goes on. */
  onTrainBegin?(training: Training): unknown;
  onEpochBegin?(epoch: number, training: Training): unknown;
  /** After each step. @param logs averages over the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs, training: Training): unknown;
  /** After validation. @param logs what the history now has of this epoch. */
  onEpochEnd?(epoch: number, logs: Logs, training: Training): unknown;
  /** After the last step, whatever the reason; `training.history.stopped` says it. */
  onTrainEnd?(training: Training): unknown;
  /** When an error ends training. It is thrown on when all callbacks have heard of it. */
  onError?(error: unknown, training: Training): unknown;
}

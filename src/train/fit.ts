import { ConfigError } from "../base/index.ts";
import { type Batch, batches, type Dataset, type Split, splitDataset } from "../data/index.ts";
import { type Module, valueAndGrad } from "../nn/index.ts";
import { adam, Optimizer, type Rule, type Schedule } from "../optim/index.ts";
import { type Compiled, compile, fromHost, type Tensor } from "../tensor/index.ts";
import { type Checkpoint, loadCheckpoint, restore } from "./checkpoint.ts";
import {
  addTo,
  type BatchSums,
  type Evaluator,
  evaluator,
  type HeadOptions,
  measure,
  resolveHead,
} from "./evaluate.ts";
import type { Head } from "./head.ts";
import { History, type Logs } from "./history.ts";
import { logsOf } from "./metric.ts";
import { Averages } from "./metrics.ts";
import { overlapped } from "./overlap.ts";
import type { Json } from "./run-folder.ts";
import type { Callback, Position, Settings, Training } from "./training.ts";

export interface FitOptions extends HeadOptions {
  /** Passes through the training data, those before a resumption included. Default 10. */
  readonly epochs?: number | undefined;
  /** Examples of one step. Default 32. */
  readonly batchSize?: number | undefined;
  /** An update rule, or an optimizer that works on this model. Default `adam()`. */
  readonly optimizer?: Rule | Optimizer | undefined;
  /** Default: the optimizer's own, which is 0.001 unless it was given another. */
  readonly lr?: number | Schedule | undefined;
  /** Data to measure after each epoch, or the fraction of the training data to hold out for it. */
  readonly validation?: Split | number | undefined;
  readonly callbacks?: readonly Callback[] | undefined;
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
 * @throws {ConfigError} for options that mean nothing, or differ from those of `resume`.
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

type Step = Compiled<[inputs: Tensor, targets: Tensor, lr: number], BatchSums>;

/** Forward, loss, backward, update and metrics as one program. */
function trainStep(model: Module, optimizer: Optimizer, head: Head): Step {
  return compile((inputs: Tensor, targets: Tensor, lr: number) => {
    model.train();
    let outputs: Tensor | undefined;
    const both = valueAndGrad(model, (x: Tensor, y: Tensor) => {
      outputs = model.forward(x);
      return head.loss(outputs, y);
    });
    const { value, grads } = both(inputs, targets);
    optimizer.update(grads, { lr });
    return measure(head, outputs!, targets, value);
  });
}

class Trainer implements Training {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly settings: Settings;
  readonly history: History;
  readonly epochs: number;
  readonly config: Json;
  position: Position;
  readonly #train: Split;
  readonly #validation: Split | undefined;
  readonly #lr: number | Schedule | undefined;
  readonly #head: Head;
  readonly #step: Step;
  readonly #evaluate: Evaluator;
  readonly #callbacks: readonly Callback[];
  readonly #signal: AbortSignal | undefined;
  #why = "";

  constructor(
    model: Module,
    data: Split | Dataset,
    options: FitOptions,
    from: Checkpoint | undefined,
  ) {
    const { epochs = 10, batchSize = 32, seed = 0 } = options;
    checkEpochs(epochs);
    [this.#train, this.#validation] = splitsOf(data, options.validation, seed);
    const head = resolveHead(model, this.#train, options);
    if (this.#validation) resolveHead(model, this.#validation, options); // an error now, not after an epoch
    const { optimizer = adam() } = options;
    this.#head = head;
    this.model = model;
    this.optimizer = optimizer instanceof Optimizer ? optimizer : new Optimizer(model, optimizer);
    this.settings = { seed, batchSize, examples: this.#train.size };
    this.epochs = epochs;
    this.config = options.config ?? from?.config ?? null;
    this.#lr = options.lr;
    this.#callbacks = options.callbacks ?? [];
    this.#signal = options.signal;
    if (from) checkSettings(from, this.settings);
    if (from) restore(from, this);
    this.history = new History(from?.history.epochs);
    this.position = from?.position ?? { epoch: 0, batch: 0, step: 0, sums: nothing };
    this.#step = trainStep(model, this.optimizer, head);
    this.#evaluate = evaluator(model, head);
  }

  get batches(): number {
    return Math.ceil(this.settings.examples / this.settings.batchSize);
  }

  get lr(): number {
    return this.#rate(Math.max(0, this.position.step - 1));
  }

  #rate(step: number): number {
    const lr = this.#lr ?? this.optimizer.lr;
    return typeof lr === "number" ? lr : lr(step);
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
      return this.history;
    } catch (error) {
      const told = this.#tell((callback) => callback.onError?.(error, this));
      await told.catch(() => {}); // the first failure is the one to tell
      throw error;
    }
  }

  /** One epoch, or what is left of it; nothing is concluded when it is broken off. */
  async #epoch(): Promise<void> {
    const { epoch, batch } = this.position;
    await this.#tell((callback) => callback.onEpochBegin?.(epoch, this));
    const averages = new Averages(this.position.sums);
    const { seed, batchSize } = this.settings;
    const items = batches(this.#train, { batchSize, shuffle: true, seed, epoch, start: batch });
    const start = ({ inputs, targets }: Batch) =>
      this.#step(fromHost(inputs), fromHost(targets), this.#rate(this.position.step));
    for await (const { item, result } of overlapped(items, start)) {
      addTo(averages, result, item.rows.length);
      const step = this.position.step + 1;
      this.position = { epoch, batch: item.index + 1, step, sums: averages.state };
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

  async #validate(): Promise<Logs> {
    if (!this.#validation) return {};
    const logs = (await this.#evaluate(this.#validation, this.#signal)) ?? {};
    return Object.fromEntries(Object.entries(logs).map(([name, x]) => [`val_${name}`, x]));
  }

  async #conclude(epoch: number, logs: Logs): Promise<void> {
    this.history.epochs.push(logs);
    this.position = { epoch: epoch + 1, batch: 0, step: this.position.step, sums: nothing };
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

function checkEpochs(epochs: number): void {
  if (Number.isSafeInteger(epochs) && epochs >= 0) return;
  throw new ConfigError({
    subject: "fit",
    problem: `epochs is ${epochs}, not a whole number of 0 or more.`,
    fix: "give the number of passes through the data, such as epochs: 10.",
  });
}

function checkSettings({ path, settings }: Checkpoint, now: Settings): void {
  for (const name of ["seed", "batchSize", "examples"] as const)
    if (settings[name] !== now[name])
      throw new ConfigError({
        subject: "fit",
        problem: `${path} is of a training with ${name} ${settings[name]}, not ${now[name]}.`,
        fix: "resume with the data, batchSize and seed of that training.",
      });
}

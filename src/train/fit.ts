import type { Augmentation, Dataset, Split } from "../data/index.ts";
import type { Module } from "../nn/index.ts";
import type { Optimizer, Schedule, WeightAverageOptions } from "../optim/index.ts";
import type { RuleLike } from "../optim/rules/named.ts";
import { type Checkpoint, loadCheckpoint } from "./checkpoint.ts";
import type { ObjectiveOptions } from "./evaluate.ts";
import { resolveOptions } from "./fit-options.ts";
import type { History } from "./history.ts";
import type { Json } from "./run-folder.ts";
import { Trainer } from "./trainer.ts";
import type { Callback } from "./training.ts";
import type { SampleWeightOptions } from "./weights.ts";

/** All that {@link fit} takes besides a model and data. */
export interface FitOptions extends ObjectiveOptions, SampleWeightOptions {
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
   * An update rule or its name, or an optimizer that works on this model. Default `adam()`;
   * `chain(clipByGlobalNorm(1), adam())` clips gradients.
   */
  readonly optimizer?: RuleLike | Optimizer | undefined;
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
  /** What runs along: one, or several. */
  readonly callbacks?: Callback | readonly Callback[] | undefined;
  /**
   * Changes the training examples at random, ahead of the engine on other threads: {@link augment}. By
   * the same seed, and so the same after a resumption with the same transforms.
   */
  readonly augment?: Augmentation | undefined;
  /** Decides the order of the examples in each epoch. Default 0. */
  readonly seed?: number | undefined;
  /** A checkpoint, or its file, to go on from. */
  readonly resume?: Checkpoint | Promise<Checkpoint> | string | undefined;
  /** Ends training after the present step when it fires, as Ctrl-C does. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ends training after the present step at Ctrl-C, SIGTERM and SIGHUP, so that callbacks save; the history
   * says so, and what follows is up to the caller. At the second signal the process ends. Default false.
   */
  readonly stopOnSignals?: boolean | undefined;
  /**
   * What a loss that is NaN does: "error" ends training with a NumericError that says where it comes from;
   * "continue" goes on with a warning, though no later step can mend the weights. Default "error".
   */
  readonly onNaN?: "error" | "continue" | undefined;
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
 * @throws {NumericError} if the loss becomes NaN, naming the layer that first gives it and the likely cause.
 * @throws {ConfigError} if nothing would learn, if another call trains the model, for options that mean nothing, or differ from those of `resume`.
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
  const resolved = resolveOptions(model, data, options);
  const { resume } = options;
  const from = await (typeof resume === "string" ? loadCheckpoint(resume) : resume);
  return new Trainer(model, options, resolved, from).run();
}

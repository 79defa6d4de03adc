import type { Dataset, Split } from "../data/index.ts";
import type { Module } from "../nn/index.ts";
import { loadCheckpoint } from "./checkpoint.ts";
import { type FitOptions, resolveOptions } from "./fit-options.ts";
import type { History } from "./history.ts";
import { Trainer } from "./trainer.ts";

/**
 * Trains a model: epochs of shuffled batches, each one compiled step (forward, loss, backward,
 * update and metrics in one program), then validation.
 *
 * The result is a function of model, data, options and seed alone, to the last bit, and
 * interrupting and resuming training does not change it. After training the model keeps the last
 * weights; `ModelCheckpoint` keeps the best.
 *
 * @param data a split, or a data set, of which the training part is used.
 * @returns the averages of each epoch, and why training ended.
 * @throws {ShapeError} if the model does not accept the inputs, or targets do not fit its outputs.
 * @throws {NumericError} if the loss becomes NaN, naming the first layer with NaN and the likely
 * cause.
 * @throws {ConfigError} if nothing would learn, if another call trains the model, for invalid
 * options, or options that differ from those of `resume`.
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

import {
  allocate,
  ConfigError,
  checkOptions,
  type HostArray,
  type OptionNames,
  type Shape,
  sizeOf,
} from "../base/index.ts";
import { checkArray, checkSplit } from "../data/dataset.ts";
import { type Batch, batches, type Split } from "../data/index.ts";
import { evaluating, hasOwnLoss, type Module, Sequential } from "../nn/index.ts";
import { compile, fromHost, isTensor, keepHost, type Tensor, zeros } from "../tensor/index.ts";
import { checkIdle } from "./claims.ts";
import type { Logs } from "./history.ts";
import { Averages } from "./metrics/averages.ts";
import { epochLogs, logsOf, needsEpoch, plainSums, sumsOf } from "./metrics/metric.ts";
import { type Metrics, resolveMetrics } from "./metrics/named.ts";
import { checkModel } from "./model-check.ts";
import { checkLoss, type LossName, lossNamed } from "./named-losses.ts";
import {
  type Loss,
  type Objective,
  type ObjectiveName,
  objectiveFor,
  objectiveNamed,
} from "./objective.ts";
import { overlapped } from "./overlap.ts";
import { checkEnd, checkGuess } from "./targets.ts";

/** What is measured. */
export interface ObjectiveOptions {
  /**
   * The objective, by name; by default it follows from the targets: regression, or classes with one
   * logit or several.
   */
  readonly objective?: Objective | ObjectiveName | undefined;
  /**
   * A loss in place of the objective's: a function, or a name, which also chooses the objective.
   */
  readonly loss?: Loss | LossName | undefined;
  /** Metrics in place of the objective's: names, or functions by name. */
  readonly metrics?: Metrics | undefined;
}

/** The objective, the metrics and the batch size of {@link evaluate}. */
export interface EvaluateOptions extends ObjectiveOptions {
  /** Examples per batch. Affects only speed. Default 256. */
  readonly batchSize?: number | undefined;
}

const defaultBatchSize = 256;

/** The shape of the model's outputs for one example. Nothing is computed. */
function outputShape(model: Module, { shape, dtype }: HostArray): Shape {
  return evaluating(model, () => model.forward(zeros([1, ...shape.slice(1)], { dtype })).shape);
}

/** The last layer, if the model's layers are known to run in order. */
function lastLayer(model: Module): string {
  const last = model instanceof Sequential ? model.layers.at(-1) : undefined;
  return last instanceof Sequential ? lastLayer(last) : (last?.constructor.name ?? "");
}

/**
 * The objective that fits model and data, checked against both.
 *
 * @throws {ShapeError} if the model does not accept the inputs, or targets do not fit its outputs.
 * @throws {DataError} if a target is invalid for the objective: not a class, out of range, not
 * finite.
 * @throws {ConfigError} if the model ends in the activation that the loss already contains.
 */
export function resolveObjective(
  model: Module,
  split: Split,
  options: ObjectiveOptions,
): Objective {
  const outputs = outputShape(model, split.inputs);
  const named = typeof options.loss === "string" ? lossNamed(options.loss, outputs) : undefined;
  if (options.loss !== undefined && !named) checkLoss(options.loss);
  const own = hasOwnLoss(model) ? (model.objective as ObjectiveName) : undefined;
  const chosen = options.objective ?? named?.objective ?? own;
  const isOwnLoss = typeof options.loss === "function";
  if (!chosen && !isOwnLoss) checkGuess(outputs, split.targets);
  const objective = chosen ? objectiveNamed(chosen) : objectiveFor(outputs, split.targets);
  const metrics = options.metrics && resolveMetrics(options.metrics, objective);
  if (isOwnLoss) {
    const { losses: _, ...rest } = objective;
    return { ...rest, loss: options.loss as Loss, metrics: metrics ?? {} };
  }
  objective.check(outputs, split.targets);
  checkEnd(objective.name, objective.activation, lastLayer(model));
  const { loss, losses } = named ?? objective;
  return { ...objective, loss, ...(losses && { losses }), metrics: metrics ?? objective.metrics };
}

/** Loss and metrics of a batch, as sums that add up over batches. */
export interface BatchSums {
  /** The mean loss, float. */
  readonly loss: Tensor;
  readonly sums: Readonly<Record<string, Tensor>>;
}

/** Outputs of a batch and its training loss: the objective's mean loss, or the model's own. */
export function lossOf(
  model: Module,
  objective: Objective,
  inputs: Tensor,
  targets: Tensor,
  weights: Tensor | null = null,
): { readonly outputs: Tensor; readonly loss: Tensor } {
  // fit has checked that an objective has per-example losses when weights are given
  const mean = (losses: Tensor) => (weights ? losses.mul(weights) : losses).mean();
  if (hasOwnLoss(model)) {
    const { outputs, losses } = model.learn(inputs, targets, objective.losses ?? objective.loss);
    return { outputs, loss: mean(losses) };
  }
  const outputs = model.forward(inputs);
  const loss = weights
    ? mean(objective.losses!(outputs, targets))
    : objective.loss(outputs, targets);
  return { outputs, loss };
}

/** The results of a training or evaluation step for outputs and targets. */
export const measure = (
  objective: Objective,
  outputs: Tensor,
  targets: Tensor,
  loss: Tensor,
): BatchSums => ({
  loss,
  sums: sumsOf(objective, outputs, targets),
});

/** Adds a computed batch. The mean loss is weighted by the number of examples. */
export function addTo(averages: Averages, { loss, sums }: BatchSums, examples: number): void {
  averages.add({ loss: loss.item() * examples, ...plainSums(sums) }, examples);
}

/** Evaluates a split; undefined if `signal` fires first. */
export type Evaluator = (split: Split, signal?: AbortSignal) => Promise<Logs | undefined>;

/** A compiled evaluation of a model, for repeated use. @param check is called before each batch. */
export function evaluator(
  model: Module,
  objective: Objective,
  batchSize = defaultBatchSize,
  check: () => void = () => {},
): Evaluator {
  const keep = needsEpoch(objective);
  const step = compile((inputs: Tensor, targets: Tensor) =>
    evaluating(model, () => {
      const { outputs, loss } = lossOf(model, objective, inputs, targets);
      const sums = measure(objective, outputs, targets, loss);
      return { sums, outputs: keep ? outputs : null };
    }),
  );
  const start = async ({ inputs, targets }: Batch) => {
    check();
    return step(keepHost(inputs), keepHost(targets));
  };
  return async (split, signal) => {
    const averages = new Averages();
    const parts: Tensor[] = [];
    for await (const { item, result } of overlapped(batches(split, { batchSize }), start)) {
      if (signal?.aborted) return undefined;
      addTo(averages, result.sums, item.rows.length);
      if (result.outputs) parts.push(result.outputs);
    }
    const logs = logsOf(objective, averages.state);
    if (!keep) return logs;
    return { ...logs, ...epochLogs(objective, joined(parts, split.size).toHost(), split.targets) };
  };
}

/**
 * Loss and metrics of a model on a split, in evaluation mode: averages over examples, independent
 * of the batch size.
 *
 * @returns `loss`, and the objective's metrics (`accuracy` for classes) or the requested ones.
 * @throws {ShapeError} if the model does not accept the inputs, or targets do not fit its outputs.
 * @example
 * const model = new Linear(2, 2);
 * model.weight.value = zeros([2, 2]);
 * await evaluate(model, xor()); // { loss: 0.6931471824645996, accuracy: 0.5 }
 * await evaluate(model, xor(), { metrics: ["recall", "auc"] }); // { loss: 0.6931471824645996, recall: 0.5, auc: 0.5 }
 */
export async function evaluate(
  model: Module,
  split: Split,
  options: EvaluateOptions = {},
): Promise<Logs> {
  checkModel("evaluate", model, "evaluate(model, split)");
  checkSplit("evaluate", split, "the data");
  checkOptions("evaluate", options, evaluateNames);
  const { batchSize } = options;
  checkIdle("evaluate", model);
  const measured = evaluator(model, resolveObjective(model, split, options), batchSize, () =>
    checkIdle("evaluate", model),
  );
  return (await measured(split))!;
}

const evaluateNames: OptionNames<EvaluateOptions> = {
  ...{ objective: true, loss: true, metrics: true, batchSize: true },
};

/**
 * The outputs of a model, in evaluation mode, batch by batch: logits if the model ends in logits
 * (`softmax()` turns them into probabilities).
 *
 * @param inputs `[N, ...]`, N at least 1.
 * @returns `[N, ...]`
 * @throws {ShapeError} if the model does not accept the inputs.
 * @example
 * const outputs = await predict(new Linear(2, 3), xor().inputs);
 * outputs.shape; // [4, 3]
 */
export async function predict(
  model: Module,
  inputs: HostArray | Tensor,
  options: { readonly batchSize?: number | undefined } = {},
): Promise<Tensor> {
  checkModel("predict", model, "predict(model, inputs)");
  checkOptions("predict", options, { batchSize: true });
  const { batchSize = defaultBatchSize } = options;
  const array = isTensor(inputs) ? inputs.toHost() : inputs;
  checkArray("predict", "the inputs", array);
  const size = array.shape[0] ?? 0;
  if (size === 0)
    throw new ConfigError({
      subject: "predict",
      problem: "there is no example.",
      fix: "give inputs with a leading axis of 1 or more.",
    });
  const forward = compile((x: Tensor) => evaluating(model, () => model.forward(x)));
  const none = { dtype: "int32", shape: [size], data: new Int32Array(size) } as const;
  const split: Split = { inputs: array, targets: none, size };
  const parts: Tensor[] = [];
  const start = async (batch: Batch) => {
    checkIdle("predict", model);
    return forward(keepHost(batch.inputs));
  };
  for await (const { result } of overlapped(batches(split, { batchSize }), start))
    parts.push(result);
  return joined(parts, size);
}

/** Concatenates parts along the first axis. Their values are known: this only copies. */
function joined(parts: readonly Tensor[], size: number): Tensor {
  const { shape, dtype } = parts[0]!;
  const whole: Shape = [size, ...shape.slice(1)];
  const data = allocate(dtype, sizeOf(whole));
  let at = 0;
  for (const part of parts) {
    data.set(part.dataSync(), at);
    at += part.size;
  }
  return fromHost({ dtype, shape: whole, data });
}

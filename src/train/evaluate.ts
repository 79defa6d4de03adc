import { allocate, ConfigError, type HostArray, type Shape, sizeOf } from "../base/index.ts";
import { type Batch, batches, type Split } from "../data/index.ts";
import { evaluating, type Module } from "../nn/index.ts";
import { compile, fromHost, isTensor, type Tensor, zeros } from "../tensor/index.ts";
import { type Head, headFor, type Loss, type Metric } from "./head.ts";
import type { Logs } from "./history.ts";
import { Averages } from "./metrics.ts";
import { overlapped } from "./overlap.ts";

/** What is measured. */
export interface HeadOptions {
  /** The task; by default what the targets are: numbers to hit, or classes of one logit or many. */
  readonly head?: Head | undefined;
  /** Another loss than the head's. */
  readonly loss?: Loss | undefined;
  /** Other metrics than the head's. */
  readonly metrics?: Readonly<Record<string, Metric>> | undefined;
}

export interface EvaluateOptions extends HeadOptions {
  /** Examples at once. It changes the speed and nothing else. Default 256. */
  readonly batchSize?: number | undefined;
}

const defaultBatchSize = 256;

/** The shape of the model's outputs for one example. Nothing is computed. */
function outputShape(model: Module, { shape, dtype }: HostArray): Shape {
  return evaluating(model, () => model.forward(zeros([1, ...shape.slice(1)], { dtype })).shape);
}

/**
 * The head that fits model and data, checked against both.
 *
 * @throws {ShapeError} if the model does not take the inputs, or targets do not fit its outputs.
 * @throws {DataError} if a target is no class.
 */
export function resolveHead(model: Module, split: Split, options: HeadOptions): Head {
  const outputs = outputShape(model, split.inputs);
  const head = options.head ?? headFor(outputs, split.targets);
  if (!options.loss) head.check(outputs, split.targets);
  const { loss = head.loss, metrics = options.loss ? {} : head.metrics } = options;
  return { ...head, loss, metrics };
}

/** Loss and metrics of a batch, as sums that add up over batches. */
export interface BatchSums {
  /** The mean loss, float. */
  readonly loss: Tensor;
  readonly sums: Readonly<Record<string, Tensor>>;
}

/** What a training or evaluation step gives for outputs and targets. */
export function measure(head: Head, outputs: Tensor, targets: Tensor, loss: Tensor): BatchSums {
  const entries = Object.entries(head.metrics);
  const sums = entries.map(([name, metric]) => [name, metric(outputs, targets)]);
  return { loss, sums: Object.fromEntries(sums) };
}

/** Adds a batch that has been computed. The mean loss counts as often as it has examples. */
export function addTo(averages: Averages, { loss, sums }: BatchSums, examples: number): void {
  const numbers = Object.entries(sums).map(([name, sum]) => [name, sum.item()]);
  averages.add({ loss: loss.item() * examples, ...Object.fromEntries(numbers) }, examples);
}

/** Measures a split; undefined if `signal` fires first. */
export type Evaluator = (split: Split, signal?: AbortSignal) => Promise<Logs | undefined>;

/** A compiled evaluation of a model, for use more than once. */
export function evaluator(model: Module, head: Head, batchSize = defaultBatchSize): Evaluator {
  const step = compile((inputs: Tensor, targets: Tensor) =>
    evaluating(model, () => {
      const outputs = model.forward(inputs);
      return measure(head, outputs, targets, head.loss(outputs, targets));
    }),
  );
  const start = ({ inputs, targets }: Batch) => step(fromHost(inputs), fromHost(targets));
  return async (split, signal) => {
    const averages = new Averages();
    for await (const { item, result } of overlapped(batches(split, { batchSize }), start)) {
      if (signal?.aborted) return undefined;
      addTo(averages, result, item.rows.length);
    }
    return averages.logs;
  };
}

/**
 * Loss and metrics of a model on a split, in evaluation mode: averages over examples, whatever the
 * size of the batches.
 *
 * @returns `loss`, and the head's metrics: `accuracy` for classes.
 * @throws {ShapeError} if the model does not take the inputs, or targets do not fit its outputs.
 * @example
 * const model = new Linear(2, 2);
 * model.weight.value = zeros([2, 2]);
 * await evaluate(model, xor()); // { loss: 0.6931471824645996, accuracy: 0.5 }
 */
export async function evaluate(
  model: Module,
  split: Split,
  { batchSize, ...options }: EvaluateOptions = {},
): Promise<Logs> {
  const logs = await evaluator(model, resolveHead(model, split, options), batchSize)(split);
  return logs!;
}

/**
 * The outputs of a model, in evaluation mode, batch by batch: logits where the model ends in logits
 * (`softmax()` makes probabilities of them).
 *
 * @param inputs `[N, ...]`, N at least 1.
 * @returns `[N, ...]`
 * @throws {ShapeError} if the model does not take the inputs.
 * @example
 * const outputs = await predict(new Linear(2, 3), xor().inputs);
 * outputs.shape; // [4, 3]
 */
export async function predict(
  model: Module,
  inputs: HostArray | Tensor,
  { batchSize = defaultBatchSize }: { readonly batchSize?: number | undefined } = {},
): Promise<Tensor> {
  const array = isTensor(inputs) ? inputs.toHost() : inputs;
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
  const start = (batch: Batch) => forward(fromHost(batch.inputs));
  for await (const { result } of overlapped(batches(split, { batchSize }), start))
    parts.push(result);
  return joined(parts, size);
}

/** Parts one after another along the first axis. They are values already: this only copies. */
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

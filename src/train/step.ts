import type { HostArray } from "../base/index.ts";
import { training } from "../nn/calls.ts";
import { type AnyModule, type Module, trainable, valueAndGrad } from "../nn/index.ts";
import { ownParameters } from "../nn/module.ts";
import type { Optimizer, WeightAverage } from "../optim/index.ts";
import { checkLearning } from "../optim/optimizer.ts";
import { compile, keepHost, type Tensor, Variable, zerosLike } from "../tensor/index.ts";
import { type BatchSums, lossOf, measure } from "./evaluate.ts";
import type { Objective } from "./objective.ts";

/** The inputs of a step. */
export interface Examples {
  readonly inputs: HostArray;
  readonly targets: HostArray;
  /** `[B]` float32, a weight per example; absent if all weights are equal. */
  readonly weights: HostArray | undefined;
}

/** The loss and gradients of a part of the examples. */
export interface Part extends BatchSums {
  readonly examples: number;
}

/** The parameters and state that a step changes. */
export interface Moved {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly average?: WeightAverage | undefined;
}

/** One update of the parameters; the parts are in the order of the examples. */
export type Step = (examples: Examples, lr: number) => Promise<readonly Part[]>;

/**
 * Sets training mode, except for modules whose own parameters are all frozen: there normalisation
 * uses its running statistics and does not update them.
 */
function setMode(model: AnyModule): void {
  model.train();
  for (const module of Object.values(model.modules())) {
    const own = ownParameters(module);
    if (own.length > 0 && own.every((p) => !p.trainable)) module.training = false;
  }
}

/** The gradients of a batch, with the metrics computed along the way. */
function differentiate(
  model: Module,
  objective: Objective,
  inputs: Tensor,
  targets: Tensor,
  weights: Tensor | null,
): { sums: BatchSums; grads: Record<string, Tensor> } {
  setMode(model);
  let outputs: Tensor | undefined;
  const both = valueAndGrad(model, (x: Tensor, y: Tensor) => {
    const learned = lossOf(model, objective, x, y, weights);
    outputs = learned.outputs;
    return learned.loss;
  });
  const { value, grads } = training(model, () => both(inputs, targets));
  model.train();
  return { sums: measure(objective, outputs!, targets, value), grads };
}

const optional = (array: HostArray | undefined): Tensor | null => (array ? keepHost(array) : null);

/** Forward, loss, backward, update and metrics as one program. */
function wholeStep({ model, optimizer, average }: Moved, objective: Objective): Step {
  const step = compile((x: Tensor, y: Tensor, weights: Tensor | null, lr: number) => {
    const { sums, grads } = differentiate(model, objective, x, y, weights);
    optimizer.update(grads, { lr });
    average?.update();
    return sums;
  });
  return async ({ inputs, targets, weights }, lr) => {
    const sums = await step(keepHost(inputs), keepHost(targets), optional(weights), lr);
    return [{ ...sums, examples: inputs.shape[0]! }];
  };
}

/**
 * Splits a batch into parts that are computed one after another in the memory of one: the gradients
 * of the parts' means, weighted by their sizes, add up to that of the batch.
 *
 *   g = Σ_k (n_k / n) g_k
 */
function accumulatedStep(
  { model, optimizer, average }: Moved,
  objective: Objective,
  size: number,
): Step {
  const added = Object.fromEntries(
    Object.entries(trainable(model.parameters())).map(([path, p]) => [
      path,
      new Variable(zerosLike(p.value)),
    ]),
  );
  const add = compile((x: Tensor, y: Tensor, weights: Tensor | null, share: number) => {
    const { sums, grads } = differentiate(model, objective, x, y, weights);
    for (const [path, sum] of Object.entries(added))
      sum.value = sum.value.add(grads[path]!.mul(share));
    return sums;
  });
  const update = compile((lr: number) => {
    const grads = Object.entries(added).map(([path, sum]) => [path, sum.value]);
    optimizer.update(Object.fromEntries(grads), { lr });
    average?.update();
    for (const sum of Object.values(added)) sum.value = zerosLike(sum.value);
  });
  return async (examples, lr) => {
    const parts: Part[] = [];
    const all = examples.inputs.shape[0]!;
    for (let start = 0; start < all; start += size) {
      const { inputs, targets, weights } = rowsOf(examples, start, Math.min(start + size, all));
      const n = inputs.shape[0]!;
      const sums = await add(keepHost(inputs), keepHost(targets), optional(weights), n / all);
      parts.push({ ...sums, examples: n });
    }
    await update(lr);
    return parts;
  };
}

/** The examples from `start` to before `end`, in the same memory. */
function rowsOf({ inputs, targets, weights }: Examples, start: number, end: number): Examples {
  const rows = (array: HostArray): HostArray => {
    const width = array.data.length / array.shape[0]!;
    const data = array.data.subarray(start * width, end * width);
    return { ...array, shape: [end - start, ...array.shape.slice(1)], data };
  };
  return { inputs: rows(inputs), targets: rows(targets), weights: weights && rows(weights) };
}

/**
 * The step of a training. Parameters that are frozen when it first runs get no gradient; after a
 * change a new step is needed.
 *
 * @throws {ConfigError} if all parameters are frozen.
 * @param parts the number of parts of a batch. @param size examples per part.
 */
export const trainStep = (
  moved: Moved,
  objective: Objective,
  { parts, size }: { readonly parts: number; readonly size: number },
): Step => {
  checkLearning("fit", moved.model.parameters());
  return parts > 1 ? accumulatedStep(moved, objective, size) : wholeStep(moved, objective);
};

import { ConfigError, checkOptions, checkSeed, type OptionNames } from "../../base/index.ts";
import { extent } from "../../base/vectors.ts";
import { type Batch, batches, type Dataset, type Split } from "../../data/index.ts";
import type { AnyModule, Module } from "../../nn/index.ts";
import { decayedAverage, Optimizer, type RuleLike } from "../../optim/index.ts";
import { ruleOf } from "../../optim/rules/named.ts";
import type { Variable } from "../../tensor/index.ts";
import { type ObjectiveOptions, resolveObjective } from "../evaluate.ts";
import { trainingPart } from "../fit-options.ts";
import { checkModel } from "../model-check.ts";
import { trainStep } from "../step.ts";

/** The range of rates of {@link findLr}, and its training options. */
export interface FindLrOptions extends ObjectiveOptions {
  /** The first rate. Default 1e-7. */
  readonly from?: number | undefined;
  /** The last rate. Default 10. */
  readonly to?: number | undefined;
  /** The number of steps; each multiplies the rate by the same factor. Default 100. */
  readonly steps?: number | undefined;
  /** Examples per step, as in the training to come. Default 32. */
  readonly batchSize?: number | undefined;
  /** The rule, or the optimizer of this model, for which a rate is sought. Default `adam()`. */
  readonly optimizer?: RuleLike | Optimizer | undefined;
  /** β of the moving average of the losses, 0 ≤ β < 1. Default 0.9. */
  readonly smoothing?: number | undefined;
  /** The sweep ends when the smoothed loss exceeds this multiple of its best value. Default 4. */
  readonly diverge?: number | undefined;
  /** The seed for the order of the examples. Default 0. */
  readonly seed?: number | undefined;
}

const names: OptionNames<FindLrOptions> = {
  ...{ objective: true, loss: true, metrics: true, optimizer: true, from: "number", to: "number" },
  ...{
    steps: "number",
    batchSize: "count",
    smoothing: "number",
    diverge: "number",
    seed: "number",
  },
};

/** One step of the sweep. */
export interface LrPoint {
  readonly lr: number;
  /** Of the step's batch, before its update. */
  readonly loss: number;
  /** The losses so far, averaged as Adam averages gradients. */
  readonly smoothed: number;
}

/** The result of a sweep, as plain numbers to plot. */
export interface LrSweep {
  readonly points: readonly LrPoint[];
  /** The rate where the smoothed loss falls fastest along log lr; null if it never falls. */
  readonly steepest: number | null;
  /** A tenth of the rate of the smallest smoothed loss; null if that is where the sweep began. */
  readonly tenthOfMinimum: number | null;
  /** Why the sweep ended, as a clause. */
  readonly stopped: string;
}

/**
 * Learning-rate range test: trains for some steps while the rate grows exponentially, and records
 * the loss, which first stays level, then falls and finally explodes.
 *
 *   lrₖ = from · (to / from)^{k / (steps − 1)}
 *
 * Both usual suggestions are returned: the rate of the steepest fall, and a tenth of the rate of
 * the smallest loss. At best they agree in order of magnitude; if they differ, prefer the smaller
 * one and look at the points. Afterwards the states of the model and the optimizer are restored to
 * the last bit.
 *
 * @param data a split, or a data set, of which the training part is used, over and over.
 * @throws {ConfigError} for invalid options.
 * @throws {ShapeError} if the model does not accept the inputs, or targets do not fit its outputs.
 * @see Smith 2017, "Cyclical learning rates for training neural networks", §3.3
 * @example
 * const sweep = await findLr(new Linear(2, 2), moons(), { from: 1e-4, to: 1, steps: 5 });
 * sweep.points.map(({ lr }) => lr); // [0.0001, 0.001, 0.01, 0.1, 1]
 */
export async function findLr(
  model: Module,
  data: Split | Dataset,
  options: FindLrOptions = {},
): Promise<LrSweep> {
  checkModel("findLr", model, "findLr(model, data, options)");
  checkOptions("findLr", options, names);
  const { from = 1e-7, to = 10, steps = 100, smoothing = 0.9, diverge = 4 } = options;
  check({ from, to, steps, smoothing, diverge });
  const split = trainingPart("findLr", data);
  const objective = { ...resolveObjective(model, split, options), metrics: {} };
  const { optimizer: given = "adam", batchSize = 32, seed = 0 } = options;
  checkSeed("findLr", seed);
  const optimizer =
    given instanceof Optimizer ? given : new Optimizer(model, ruleOf("findLr", given));
  const restore = remember(model, optimizer);
  const losses: number[] = [];
  const rates: number[] = [];
  let stopped = `all ${steps} steps are done`;
  try {
    const step = trainStep({ model, optimizer }, objective, { parts: 1, size: batchSize });
    for (const { inputs, targets } of endless(split, { batchSize, seed })) {
      const lr = from * (to / from) ** (losses.length / (steps - 1));
      const [part] = await step({ inputs, targets, weights: undefined }, lr);
      losses.push(part!.loss.item());
      rates.push(lr);
      const smoothed = decayedAverage(losses, smoothing);
      const isWild = !(smoothed.at(-1)! <= diverge * extent(smoothed)[0]);
      if (isWild) stopped = `the loss diverged at lr ${lr.toPrecision(3)}`;
      if (isWild || losses.length === steps) break;
    }
  } finally {
    restore();
  }
  const smoothed = decayedAverage(losses, smoothing);
  const points = rates.map((lr, i) => ({ lr, loss: losses[i]!, smoothed: smoothed[i]! }));
  return { points, ...readings(points), stopped };
}

/**
 * Restores the current states of model and optimizer. Tensors that were read are never overwritten.
 */
function remember(model: AnyModule, optimizer: Optimizer): () => void {
  const variables: Variable[] = [
    ...Object.values(model.state()),
    ...Object.values(optimizer.state()),
  ];
  const values = variables.map((x) => x.value);
  const modules = Object.values(model.modules());
  const modes = modules.map(({ training }) => training);
  return () => {
    variables.forEach((x, i) => {
      x.value = values[i]!;
    });
    modules.forEach((module, i) => {
      module.training = modes[i]!;
    });
  };
}

/** Shuffled batches, epoch after epoch. */
function* endless(
  split: Split,
  { batchSize, seed }: { readonly batchSize: number; readonly seed: number },
): Generator<Batch> {
  for (let epoch = 0; ; epoch++) yield* batches(split, { batchSize, seed, epoch, shuffle: true });
}

/**
 * The suggestions; rates are evenly spaced on the logarithmic axis, so that differences are slopes.
 */
export function readings(points: readonly LrPoint[]): Pick<LrSweep, "steepest" | "tenthOfMinimum"> {
  const finite = points.filter(({ smoothed }) => Number.isFinite(smoothed));
  let least = 0;
  let steepest: number | null = null;
  let slope = 0;
  finite.forEach(({ smoothed, lr }, i) => {
    if (smoothed < finite[least]!.smoothed) least = i;
    const [before, after] = [finite[i - 1], finite[i + 1]];
    if (!before || !after || after.smoothed - before.smoothed >= slope) return;
    slope = after.smoothed - before.smoothed;
    steepest = lr;
  });
  return { steepest, tenthOfMinimum: least > 0 ? finite[least]!.lr / 10 : null };
}

function check({ from, to, steps, smoothing, diverge }: Required<Numbers>): void {
  const say = (problem: string, fix: string) =>
    new ConfigError({ subject: "findLr", problem, fix });
  if (!(from > 0 && to > from && to < Number.POSITIVE_INFINITY))
    throw say(`the rates go from ${from} to ${to}.`, "give 0 < from < to, such as 1e-7 and 10.");
  if (!(Number.isSafeInteger(steps) && steps >= 3))
    throw say(`steps is ${steps}, not a whole number of 3 or more.`, "give about 100.");
  if (!(smoothing >= 0 && smoothing < 1))
    throw say(`smoothing is ${smoothing}.`, "give a share of 0 or more and below 1, such as 0.9.");
  if (!(diverge > 1)) throw say(`diverge is ${diverge}.`, "give a factor above 1, such as 4.");
}

type Numbers = {
  [K in "from" | "to" | "steps" | "smoothing" | "diverge"]: number;
};

import { DataError, FormatError } from "../../base/index.ts";
import type { Scale, Split } from "../../data/index.ts";
import { Contrastive, createModel, isAutoencoder } from "../../models/index.ts";
import { evaluating, hasOwnLoss, Module } from "../../nn/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import {
  type Checkpoint,
  evaluate,
  type Logs,
  loadCheckpoint,
  type MetricName,
  type Objective,
  type ObjectiveName,
  objectiveFor,
  objectiveNamed,
  RunFolder,
  restore,
} from "../../train/index.ts";
import { isNetFile, netName, openForeignNet, openNet } from "./net-file.ts";
import { type RunConfig, readRunConfig } from "./run-config.ts";

/** A run with its trained network. */
export interface StoredRun {
  readonly path: string;
  readonly config: RunConfig;
  readonly model: Module;
}

/**
 * Opens a run and loads its best weights, or the last if there are no best ones.
 *
 * @throws {DataError} if there is no run, or it has no checkpoint yet.
 * @throws {FormatError} if one of its files is damaged.
 */
export async function openRun(path: string): Promise<StoredRun> {
  if (await isNetFile(path)) return openNet(path);
  const run = await RunFolder.open(path);
  const config = await readRunConfig(run);
  const model = await modelOf(config, path);
  restoreModel(await loadCheckpoint(await weightsOf(run)), model, config);
  return { path, config, model };
}

/** The model that a run's weights are of. @param path the folder of the run. */
export async function modelOf({ model, settings }: RunConfig, path: string): Promise<Module> {
  if (model.name === "onnx") {
    const { inputShape, classes = 1, seed = 0 } = model.options;
    return openForeignNet(`${path}/${netName}`, inputShape, classes, seed);
  }
  const made = createModel(model);
  return settings.data.pretext === "contrastive" ? new Contrastive(made) : made;
}

/** The network that takes examples, in what learns by pairs of them. */
export const plainOf = (model: Module): Module =>
  model instanceof Contrastive ? model.encoder : model;

/** A network with standardized targets, as a network with outputs in the data's own units. */
class Rescaled extends Module {
  readonly model: Module;
  readonly #scale: Scale;

  constructor(model: Module, scale: Scale) {
    super();
    this.model = model;
    this.#scale = scale;
  }

  override forward(x: Tensor): Tensor {
    return this.model.forward(x).mul(this.#scale.std).add(this.#scale.mean);
  }
}

/** The network of a run for evaluation: its outputs are in the data's own units. */
export function judgedModel(model: Module, { data, model: { name } }: RunConfig): Module {
  const { target } = data.preparation;
  if (isAutoencoder(name)) return model;
  return target.task === "regression" && target.scale ? new Rescaled(model, target.scale) : model;
}

/** The objective of a network's training. */
export function objectiveOf(model: Module, { inputs, targets }: Split): Objective {
  if (hasOwnLoss(model)) return objectiveNamed(model.objective as ObjectiveName);
  const one = zeros([1, ...inputs.shape.slice(1)], { dtype: inputs.dtype });
  return objectiveFor(evaluating(model, () => model.forward(one)).shape, targets);
}

/**
 * Loss and metrics of a run's network; for an autoencoder the squared error of reconstructions,
 * whatever its loss.
 */
export function judge(
  model: Module,
  config: RunConfig,
  test: Split,
  metrics: readonly MetricName[] | undefined = isAutoencoder(config.model.name)
    ? ["meanSquaredError"]
    : undefined,
): Promise<Logs> {
  return evaluate(judgedModel(model, config), test, metrics ? { metrics } : {});
}

/**
 * Loads a run's weights into its model. @throws {FormatError} if the model differs: another version
 * builds it differently, or config.json was changed.
 */
export function restoreModel(from: Checkpoint, model: Module, { gradus, model: of }: RunConfig) {
  try {
    restore(from, { model });
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    throw new FormatError({
      subject: from.path,
      problem: `its weights do not fit the model "${of.name}" that config.json describes and this version builds: ${thrown.problem.replace(/^.*?optimizer: /, "")}`,
      fix: `restore config.json if it was changed; else use gradus ${gradus}, which trained it, or train again.`,
    });
  }
}

async function weightsOf(run: RunFolder): Promise<string> {
  for (const name of ["best.safetensors", "last.safetensors"] as const)
    if (await run.has(name)) return run.file(name);
  throw new DataError({
    subject: run.path,
    problem: "the run has no checkpoint yet.",
    fix: "wait for the end of its first epoch, or train again.",
  });
}

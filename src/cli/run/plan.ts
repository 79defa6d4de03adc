/** Trainings ready to start: new and resumed ones. */
import path from "node:path";
import { ConfigError, DataError } from "../../base/index.ts";
import type { Module } from "../../nn/index.ts";
import { type Checkpoint, type Json, loadCheckpoint, RunFolder } from "../../train/index.ts";
import type { Given } from "../settings/settings.ts";
import { shownPath } from "../sources/data-file.ts";
import { type Source, some } from "../sources/data-source.ts";
import { describe as dataName } from "../sources/readers/parts.ts";
import { isSameData, loadTrained } from "../sources/stored-data.ts";
import { netName } from "./net-file.ts";
import { type DataConfig, type RunConfig, readRunConfig } from "./run-config.ts";
import { modelAndConfig } from "./start.ts";
import { modelOf, restoreModel } from "./stored-run.ts";

/** The parent of run folders unless --run is given. */
export const runsFolder = "runs";
/** Batches of a dev run: two signatures of the step, because the last batch is smaller. */
const devBatches = 2.5;

/** A training ready to start. */
export interface Plan {
  readonly config: RunConfig;
  readonly source: Source;
  /** With initial weights, or those of another run. */
  readonly model: Module;
  /** The checkpoint to resume from. */
  readonly from?: Checkpoint;
  /** Creates the folder of the run, or returns the existing one; none in a dev run. */
  readonly openFolder: () => Promise<RunFolder | undefined>;
}

/** A training with new weights. */
export async function newPlan(
  given: Given,
  { run, devRun }: { readonly run?: string; readonly devRun?: boolean },
): Promise<Plan> {
  const { config, source, model } = await modelAndConfig(given, devRun ? { devRun } : {});
  if (devRun) {
    const few = shortened(source, config.settings.training.batchSize);
    return { config, model, source: few, openFolder: async () => undefined };
  }
  const openFolder = async () => {
    const folder = run
      ? await RunFolder.at(run)
      : await RunFolder.create(runsFolder, `${source.name}-${config.model.name}`);
    await folder.lock();
    await folder.writeConfig(config as unknown as Json);
    const { transfer } = config.settings;
    if (config.model.name === "onnx" && transfer) await keepNet(transfer.from, folder);
    return folder;
  };
  return { config, model, source, openFolder };
}

/** Copies the file of a net, which alone says how to build it, into the folder of its run. */
async function keepNet(from: string, folder: RunFolder): Promise<void> {
  const { copyFile, stat } = await import("node:fs/promises");
  const isRun = (await stat(from)).isDirectory();
  await copyFile(isRun ? path.join(from, netName) : from, path.join(folder.path, netName));
}

/** A few batches of each part. */
const shortened = (source: Source, batchSize: number): Source => ({
  ...source,
  train: some(source.train, Math.ceil(devBatches * batchSize)),
  validation: some(source.validation, batchSize),
  test: some(source.test, batchSize),
});

/** A resumed training. @param fixed the name of a given setting that cannot change, if any. */
export async function resumedPlan(
  path: string,
  given: Given,
  fixed: string | undefined,
): Promise<Plan> {
  if (fixed) throw unchangeable(fixed);
  const folder = await RunFolder.open(path);
  await folder.lock(); // before reading anything that another process may be about to write
  try {
    return await planOf(folder, given);
  } catch (error) {
    await folder.unlock();
    throw error;
  }
}

async function planOf(folder: RunFolder, given: Given): Promise<Plan> {
  const { path: run } = folder;
  const stored = await readRunConfig(folder);
  if (!(await folder.has("last.safetensors"))) throw nothingToResume(run);
  const from = await loadCheckpoint(folder.file("last.safetensors"));
  const { data, training } = stored.settings;
  await checkSameData(given.data?.source ?? data.source, stored.data, run);
  const source = await loadTrained(stored, given.data?.source);
  const epochs = given.training?.epochs ?? training.epochs;
  if (epochs < from.position.epoch) throw tooFew(run, epochs, from.position.epoch);
  const settings = {
    ...stored.settings,
    data: { ...data, source: source.config.source },
    training: { ...training, epochs },
  };
  const config = { ...stored, settings, data: source.config };
  const openFolder = async () => {
    await folder.removeTorn();
    await folder.writeConfig(config as unknown as Json);
    return folder;
  };
  const model = await modelOf(config, run);
  restoreModel(from, model, stored); // errors are reported before anything is written
  return { config, model, source, from, openFolder };
}

/** Files may have moved, but their content may not have changed. */
async function checkSameData(source: string, then: DataConfig, run: string): Promise<void> {
  if (await isSameData(source, then)) return;
  const isMoved = path.resolve(source) !== then.source;
  throw new DataError({
    subject: shownPath(source),
    problem: isMoved
      ? `these are not the data of ${run}, which were ${shownPath(then.source)}: ${dataName(then.preparation)}.`
      : `the data have changed since ${run} began: the rest of it would be that of another training.`,
    fix: `${isMoved ? "leave out --data" : "restore them"}, or begin a new run with --from ${run}.`,
  });
}

const tooFew = (path: string, epochs: number, done: number): ConfigError =>
  new ConfigError({
    subject: "--epochs",
    problem: `${epochs} ${epochs === 1 ? "epoch" : "epochs"} in all, but ${path} has ${done} behind it.`,
    fix: `give more, such as --epochs ${2 * done}, or start a new run without --resume.`,
  });

const unchangeable = (option: string): ConfigError =>
  new ConfigError({
    subject: option,
    problem: ["--run", "--dev-run"].includes(option)
      ? "a run that goes on stays in its folder."
      : "cannot be changed when a run goes on: the result would be that of no training.",
    fix: "leave it out, or start a new run without --resume.",
  });

const nothingToResume = (path: string): DataError =>
  new DataError({
    subject: path,
    problem: "the run has no last.safetensors to go on from.",
    fix: "start a new run without --resume.",
  });

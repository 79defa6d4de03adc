/** Fits a learner into a run folder, and restores it. */
import { ConfigError, DataError, FormatError } from "../../base/index.ts";
import { classesOf, type Preparation, type Split } from "../../data/index.ts";
import * as learn from "../../learn/index.ts";
import { type Json, type Logs, RunFolder } from "../../train/index.ts";
import { type LearnerName, type LearnerRow, learners } from "../settings/learners.ts";
import { defaultSource, learnerData, learnerOptions, resolveLearner } from "../settings/resolve.ts";
import type { Given, GivenLearner, LearnerSettings } from "../settings/settings.ts";
import { shownPath } from "../sources/data-file.ts";
import { checkLearnable, loadSource, type Source, some } from "../sources/data-source.ts";
import { describe } from "../sources/readers/parts.ts";
import { version } from "../version.ts";
import { flat, measure, outputsOf, targetsOf } from "./learner-outputs.ts";
import { isNetFile } from "./net-file.ts";
import { runsFolder } from "./plan.ts";
import { isLearnerRun, type LearnerRunConfig, readAnyConfig } from "./run-config.ts";

/** Any learner that fits rows with targets. */
export type AnyLearner = learn.Estimator & {
  fit(x: Split["inputs"], y?: learn.Targets): Promise<unknown>;
};

/** A fitted learner with its data. */
export interface LearnerRun {
  readonly config: LearnerRunConfig;
  readonly source: Source;
  readonly learner: AnyLearner;
  readonly seconds: number;
  readonly logs: Logs;
}

/** Examples of a dev run, and training examples that are evaluated. */
const [devExamples, mostMeasured] = [64, 2000];

/**
 * Data and complete settings of a learner, with the unfitted learner.
 *
 * @throws {ConfigError} for a setting that it does not have, or unsuitable data.
 */
export async function learnerPlan(
  given: Given & { readonly model: GivenLearner },
  { devRun = false, load = loadSource }: { devRun?: boolean; load?: typeof loadSource } = {},
): Promise<{ config: LearnerRunConfig; source: Source; learner: AnyLearner }> {
  const { name } = given.model;
  resolveLearner(given, ""); // errors in the settings are reported before the data are read
  const data = learnerData(name, given.data);
  const from = data?.source ?? defaultSource;
  const read = (task = data?.task) =>
    load(from, { ...data, task, seed: given.training?.seed, dtype: "float64" });
  const isScaled = learners[name].task === "regression" && data?.scaleTarget;
  const first = await read(data?.task ?? (isScaled ? "regression" : undefined));
  const isNumbers = data?.task === undefined && areNumbers(name, first.config.preparation);
  const whole = isNumbers ? await read("regression") : first;
  checkLearnable(whole.config);
  checkTask(name, whole.config.preparation, shownPath(whole.config.source));
  const source = devRun ? { ...whole, train: some(whole.train, devExamples) } : whole;
  const settings = resolveLearner({ ...given, ...(data && { data }) }, source.config.source);
  const learner = makeLearner(settings);
  const options = JSON.parse(
    JSON.stringify(learner.options),
  ) as LearnerRunConfig["model"]["options"];
  const config = {
    gradus: await version(),
    settings,
    data: source.config,
    model: { name, options },
  };
  return { config, source, learner };
}

/** Whether a regressor can use classes as numbers: integers in a table are both. */
const areNumbers = (name: LearnerName, { inputs, target }: Preparation): boolean =>
  learners[name].task === "regression" &&
  inputs.kind === "table" &&
  target.task === "classification" &&
  target.classes.every((label) => Number.isFinite(Number(label)));

function checkTask(name: LearnerName, preparation: Preparation, source: string): void {
  if (preparation.inputs.kind === "text")
    throw new ConfigError({
      subject: "--model",
      problem: `${name} takes rows of numbers, images and recordings, and ${source} is a text.`,
      fix: "name a network for texts, such as --model char-mlp.",
    });
  const { task, isBinary } = learners[name] as LearnerRow;
  const { target } = preparation;
  const count = classesOf(preparation).length;
  const what = target.column === null ? "it has" : `its target \`${target.column}\` has`;
  if (task !== target.task && task !== "clustering")
    throw new ConfigError({
      subject: "--model",
      problem:
        task === "regression"
          ? `${name} predicts numbers, and ${source} is no table of numbers: ${what} ${count} classes.`
          : `${name} names classes, and ${source} has numbers to predict: \`${target.column}\`.`,
      fix:
        task === "regression"
          ? "name a classifier, such as --model logistic-regression; `gradus models` lists all."
          : "name a regression learner, such as --model ridge, or pass data.task=classification if whole numbers stand for classes.",
    });
  if (isBinary && count !== 2)
    throw new ConfigError({
      subject: "--model",
      problem: `${name} parts two classes, and ${source} is ${describe(preparation)}.`,
      fix: `pass --model one-vs-rest-classifier model.estimator=${name}, or two classes with --classes.`,
    });
}

/** The class of a learner's name, constructed with the options in the settings. */
function makeLearner(settings: LearnerSettings): AnyLearner {
  const { name, estimator } = settings.model;
  const make = (of: LearnerName, options: unknown): AnyLearner => {
    const Learner = Reflect.get(learn, learners[of].className) as new (
      options: unknown,
    ) => AnyLearner;
    return new Learner(options);
  };
  const options = learnerOptions(settings);
  return estimator === undefined ? make(name, options) : make(name, make(estimator, options));
}

/** An unfitted learner of the same kind with the same options. */
export const freshLearner = ({ settings }: LearnerRunConfig): AnyLearner => makeLearner(settings);

/** Fits a learner, evaluates it, and stores it in a run folder unless it is a dev run. */
export async function fitLearner(
  plan: Awaited<ReturnType<typeof learnerPlan>>,
  { run, devRun }: { readonly run?: string; readonly devRun?: boolean },
): Promise<LearnerRun & { readonly folder: RunFolder | undefined }> {
  const { config, source, learner } = plan;
  const folder = devRun ? undefined : await folderFor(run, `${source.name}-${config.model.name}`);
  try {
    const began = performance.now();
    await fitSplit(learner, source.train, config);
    const seconds = Math.round(performance.now() - began) / 1000;
    const logs = logsOf(learner, source, config);
    if (folder) {
      await folder.writeConfig(config as unknown as Json);
      await learner.save(folder.file("learner.safetensors"));
      await folder.writeMetrics([{ epoch: 1, ...logs, seconds }]);
    }
    return { config, source, learner, seconds, logs, folder };
  } catch (error) {
    await folder?.discard();
    throw error;
  }
}

async function folderFor(run: string | undefined, name: string): Promise<RunFolder> {
  const folder = run ? await RunFolder.at(run) : await RunFolder.create(runsFolder, name);
  await folder.lock();
  return folder;
}

/** Fits on a split. */
export async function fitSplit(
  learner: AnyLearner,
  split: Split,
  { data }: LearnerRunConfig,
): Promise<void> {
  await learner.fit(flat(split.inputs), targetsOf(data.preparation, split));
}

/**
 * Evaluates on training data (a sample of large ones) and on validation data; for clusters, how
 * close the examples are to their centers.
 */
function logsOf(
  learner: AnyLearner,
  { train, validation }: Source,
  config: LearnerRunConfig,
): Logs {
  if (learner instanceof learn.KMeans) return { inertia: learner.inertia };
  const of = (split: Split) => measureOn(learner, split, config);
  const held = Object.entries(of(inOwnUnits(validation, config))).map(([name, x]) => [
    `val_${name}`,
    x,
  ]);
  return { ...of(inOwnUnits(some(train, mostMeasured), config)), ...Object.fromEntries(held) };
}

/** Evaluates on a split whose numbers are in the units of the data. */
export const measureOn = (
  learner: AnyLearner,
  split: Split,
  { data: { preparation } }: LearnerRunConfig,
): Logs => measure(outputsOf(learner, split.inputs, preparation), split, preparation);

/** A training split with its numbers in the units of the data. */
export function inOwnUnits(split: Split, { data }: Pick<LearnerRunConfig, "data">): Split {
  const { target } = data.preparation;
  if (target.task !== "regression" || !target.scale) return split;
  const { mean, std } = target.scale;
  const values = Float64Array.from(split.targets.data, (y) => y * std + mean);
  return { ...split, targets: { dtype: "float64", shape: split.targets.shape, data: values } };
}

/** The run of a learner, as stored in its folder. */
export interface StoredLearner {
  readonly path: string;
  readonly config: LearnerRunConfig;
  readonly learner: AnyLearner;
}

/**
 * The learner of a run; undefined if the run is a network's.
 *
 * @throws {DataError} if there is no run, or no learner in it. @throws {FormatError} if one of its
 * files is damaged.
 */
export async function openLearner(path: string): Promise<StoredLearner | undefined> {
  if (await isNetFile(path)) return undefined;
  const folder = await RunFolder.open(path);
  const config = await readAnyConfig(folder);
  if (!isLearnerRun(config)) return undefined;
  if (!(await folder.has("learner.safetensors")))
    throw new DataError({
      subject: path,
      problem: "the run has no learner.safetensors.",
      fix: "wait for its end, or train again.",
    });
  const learner = (await learn.loadLearner(folder.file("learner.safetensors"))) as AnyLearner;
  const { className } = learners[config.model.name];
  if (learner.name === className) return { path, config, learner };
  throw new FormatError({
    subject: folder.file("learner.safetensors"),
    problem: `it holds a ${learner.name}, and config.json says ${className}.`,
    fix: "restore the files as `gradus train` wrote them, or train again.",
  });
}

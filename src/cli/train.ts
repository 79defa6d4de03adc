import path from "node:path";
import { ConfigError, DataError } from "../base/index.ts";
import { classesOf, type Preparation } from "../data/index.ts";
import { createModel, modelNames } from "../models/index.ts";
import type { Module } from "../nn/index.ts";
import { type Json, loadCheckpoint, RunFolder } from "../train/index.ts";
import { augmentationNames } from "./augmentations.ts";
import { shownPath } from "./data-file.ts";
import {
  builtInNames,
  checkLearnable,
  describe as dataName,
  loadSource,
  type Source,
  some,
} from "./data-source.ts";
import type { Define } from "./program.ts";
import { defaultSource, imageDefaults, otherDefaults, resolve } from "./resolve.ts";
import { optimizerNames, optimizers, scheduleNames } from "./rules.ts";
import { type DataConfig, type RunConfig, readRunConfig } from "./run-config.ts";
import { type Assignment, type Given, readSettings, type Settings } from "./settings.ts";
import { readSettingsFile, scalar, splitWords } from "./settings-file.ts";
import { isSameData, loadTrained } from "./stored-data.ts";
import { restoreModel } from "./stored-run.ts";
import type { Terminal } from "./terminal.ts";
import { jsonReport, textReport } from "./train-report.ts";
import { type Plan, runPlan } from "./train-run.ts";
import { type Start, transferred } from "./transfer.ts";
import { version } from "./version.ts";

/** Where run folders go unless --run says otherwise. */
const runsFolder = "runs";
/** Batches of a dev run: two signatures of the step, as the last one is smaller. */
const devBatches = 2.5;

/** Options that say how to run; all others are settings. */
interface Options {
  readonly run?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly devRun?: boolean;
}

const rates = optimizerNames.map((name) => `${name} ${optimizers[name].lr}`).join(", ");
/** `5 for images, else 50`. */
const either = (name: keyof typeof imageDefaults): string =>
  `default: ${imageDefaults[name]} for images, else ${otherDefaults[name]}`;

/** Flags, the settings that they set, and what they mean. */
const settingFlags: readonly [flags: string, path: string, about: string][] = [
  [
    "--data <source>",
    "data.source",
    `${builtInNames.join(", ")}, a folder of IDX files, a folder or archive of images or WAV recordings by class, or a CSV file (default: ${defaultSource})`,
  ],
  ["--classes <names>", "data.classes", "only these classes, such as 0,1,2 (default: all)"],
  ["--augment <list>", "data.augment", `random changes of training examples: ${augmentationNames}`],
  ["--target <column>", "data.target", "the column of a table to predict (default: the last)"],
  ["--model <name>", "model.name", `${modelNames.join(", ")} (${either("model")})`],
  ["--epochs <n>", "training.epochs", `passes through the data (${either("epochs")})`],
  ["--batch-size <n>", "training.batchSize", `examples of a step (${either("batchSize")})`],
  ["--lr <x>", "training.lr", `first learning rate (default: ${rates})`],
  [
    "--schedule <name>",
    "training.schedule",
    `how the rate goes on: ${scheduleNames.join(", ")} (default: cosine, down to 0)`,
  ],
  ["--optimizer <name>", "training.optimizer", `${optimizerNames.join(", ")} (default: adam)`],
  ["--weight-decay <x>", "training.weightDecay", "pull of weights towards 0"],
  ["--patience <n>", "training.patience", "end after so many epochs without improvement"],
  ["--from <run>", "transfer.from", "begin with the network of a run, with a new last layer"],
  ["--freeze <patterns>", "transfer.freeze", "parameters of it that stay, such as 'features.*'"],
  ["--unfreeze <list>", "transfer.unfreeze", "when they learn again, such as 3:features.*"],
  ["--seed <n>", "training.seed", "decides first weights and the order of examples (default: 0)"],
];

const examples = `
Examples:
  gradus train                                  digits, a small convolutional net
  gradus train --data moons                     two half circles, a multilayer perceptron
  gradus train --data data/mnist --epochs 3     a folder of IDX files
  gradus train config.yaml training.lr=0.01     settings of a file, one of them changed
  gradus train runs/digits-conv/config.json     the same training again, to the last bit
  gradus train --data cifar10.tar.gz --augment crop:4,flip
  gradus train --from runs/digits-conv --freeze 'features.*' --data more-digits
  gradus train --resume runs/digits-conv        go on after Ctrl-C`;

export const define: Define = (command, terminal) => {
  command.argument("[settings...]", "a configuration file, and single settings as key=value");
  for (const [flags, , about] of settingFlags) command.option(flags, about);
  command
    .option("--run <folder>", `folder for the results (default: a new one in ${runsFolder}/)`)
    .option(
      "--resume <run>",
      "go on with a run that was interrupted, or train it for more --epochs",
    )
    .option("--json", "one JSON object per line instead of text")
    .option("--dev-run", "a few batches of everything, to see that all parts work; saves nothing")
    .addHelpText("after", examples)
    .action((words: string[], options: Options) => train(words, options, terminal));
};

async function train(
  words: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const { file, assignments } = splitWords(words);
  const all = [...assignments, ...flagAssignments(options)];
  const given = readSettings(file === undefined ? undefined : await readSettingsFile(file), all);
  const plan = options.resume
    ? await resumedPlan(options.resume, given, file ?? all.find(isFixed)?.name ?? placeOf(options))
    : await newPlan(given, options);
  const report = options.json ? jsonReport(terminal) : textReport(terminal);
  await runPlan(plan, report, terminal);
}

/** The flags that were given, as settings. */
function flagAssignments(options: object): Assignment[] {
  return settingFlags.flatMap(([flags, path]) => {
    const name = flags.split(" ")[0]!;
    const key = name.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const text = Reflect.get(options, key) as string | undefined;
    return text === undefined ? [] : [{ path, value: scalar(text, path), name, text }];
  });
}

/** Settings with what follows from the data, and the data. */
export async function settle(
  given: Given,
  load = loadSource,
): Promise<{ settings: Settings; source: Source }> {
  const from = given.transfer?.from;
  const stored = from === undefined ? undefined : await preparationOf(from);
  const source = await load(
    given.data?.source ?? defaultSource,
    given.data,
    stored && { preparation: stored, inputsOnly: true },
  );
  checkLearnable(source.config, given.data);
  return { settings: resolve(given, source.config), source };
}

/** How a run prepares its data: a network that goes on wants its inputs as it knows them. */
const preparationOf = async (run: string): Promise<Preparation> =>
  (await readRunConfig(await RunFolder.open(run))).data.preparation;

/** A model with its first weights, the data, and all that was decided about them. */
export async function modelAndConfig(
  given: Given,
  { devRun = false, load = loadSource }: { devRun?: boolean; load?: typeof loadSource } = {},
): Promise<{ config: RunConfig; source: Source; model: Module }> {
  const { settings: asked, source } = await settle(given, load);
  const { model, config } = await startOf(asked, source, given.model?.name);
  const settings: Settings = {
    ...asked,
    model: { ...asked.model, name: config.name },
    training: { ...asked.training, ...(devRun && { epochs: 1 }) },
  };
  const whole = { gradus: await version(), settings, data: source.config, model: config };
  return { config: whole, source, model };
}

async function newPlan(given: Given, { run, devRun }: Options): Promise<Plan> {
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
    return folder;
  };
  return { config, model, source, openFolder };
}

/** A new model, or that of the run that settings go on from. */
export async function startOf(
  { model, training, transfer }: Settings,
  { config: data }: Source,
  askedName: string | undefined,
): Promise<Start> {
  const outputs = Math.max(1, classesOf(data.preparation).length); // one number for regression
  const { seed } = training;
  if (!transfer) {
    const { name, ...rest } = model;
    const config = {
      name,
      options: { inputShape: data.preparation.inputShape, classes: outputs, seed, ...rest },
    };
    return { model: createModel(config), config };
  }
  const start = await transferred(transfer, data, outputs, seed);
  if (askedName === undefined || askedName === start.config.name) return start;
  throw new ConfigError({
    subject: "--model",
    problem: `${transfer.from} holds the model "${start.config.name}", not "${askedName}".`,
    fix: "leave out --model, or --from.",
  });
}

/** A few batches of each part. */
const shortened = (source: Source, batchSize: number): Source => ({
  ...source,
  train: some(source.train, Math.ceil(devBatches * batchSize)),
  validation: some(source.validation, batchSize),
  test: some(source.test, batchSize),
});

/** What may change when a run goes on: how long, and where its data lie now. */
const isFixed = ({ path }: Assignment) => path !== "training.epochs" && path !== "data.source";

/** A flag that says where a run goes, which a run that goes on has said. */
const placeOf = ({ run, devRun }: Options): string | undefined =>
  run !== undefined ? "--run" : devRun ? "--dev-run" : undefined;

async function resumedPlan(path: string, given: Given, fixed: string | undefined): Promise<Plan> {
  if (fixed) throw unchangeable(fixed);
  const folder = await RunFolder.open(path);
  await folder.lock(); // before anything is read that another process may be about to write
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
  const model = createModel(config.model);
  restoreModel(from, model, stored); // what does not fit is told before anything is written
  return { config, model, source, from, openFolder };
}

/** Files may have moved; what is in them may not have changed. */
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

import { ConfigError, DataError } from "../base/index.ts";
import { type Split, subset } from "../data/index.ts";
import { type ModelName, modelNames } from "../models/index.ts";
import { type Json, loadCheckpoint, RunFolder } from "../train/index.ts";
import { builtInNames, loadSource, type Source } from "./data-source.ts";
import { oneOf, positiveNumber, wholeNumber } from "./options.ts";
import type { Define } from "./program.ts";
import { type RunConfig, readRunConfig } from "./run-config.ts";
import type { Terminal } from "./terminal.ts";
import { jsonReport, textReport } from "./train-report.ts";
import { type OptimizerName, optimizers, type Plan, runPlan } from "./train-run.ts";
import { version } from "./version.ts";

const defaults = { data: "digits", optimizer: "adam", seed: 0 } as const;
/** A set of images is large, a table or a toy set small: more passes, in smaller steps. */
const imageDefaults = { model: "conv", epochs: 5, batchSize: 64 } as const;
const otherDefaults = { model: "mlp", epochs: 50, batchSize: 16 } as const;
/** Where run folders go unless --run says otherwise. */
const runsFolder = "runs";
/** Batches of a dev run: two signatures of the step, as the last one is smaller. */
const devBatches = 2.5;

interface Options {
  readonly data?: string;
  readonly model?: ModelName;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly lr?: number;
  readonly optimizer?: OptimizerName;
  readonly seed?: number;
  readonly run?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly devRun?: boolean;
}

const optimizerNames = Object.keys(optimizers) as OptimizerName[];
const rates = optimizerNames.map((name) => `${name} ${optimizers[name].lr}`).join(", ");
/** `5 for images, else 50`. */
const either = (name: keyof typeof imageDefaults): string =>
  `default: ${imageDefaults[name]} for images, else ${otherDefaults[name]}`;

/** Flags, what they mean, and how their values are read. */
const options: [flags: string, about: string, read?: (text: string) => unknown][] = [
  [
    "--data <source>",
    `${builtInNames.join(", ")}, a folder of IDX files or a CSV file (default: ${defaults.data})`,
  ],
  ["--model <name>", `${modelNames.join(", ")} (${either("model")})`, oneOf("--model", modelNames)],
  [
    "--epochs <n>",
    `passes through the data (${either("epochs")})`,
    wholeNumber("--epochs", 1, imageDefaults.epochs),
  ],
  [
    "--batch-size <n>",
    `examples of a step (${either("batchSize")})`,
    wholeNumber("--batch-size", 1, imageDefaults.batchSize),
  ],
  [
    "--lr <x>",
    `first learning rate; it falls to 0 like a cosine (default: ${rates})`,
    positiveNumber("--lr", optimizers[defaults.optimizer].lr),
  ],
  [
    "--optimizer <name>",
    `${optimizerNames.join(", ")} (default: ${defaults.optimizer})`,
    oneOf("--optimizer", optimizerNames),
  ],
  [
    "--seed <n>",
    `decides first weights and the order of examples (default: ${defaults.seed})`,
    wholeNumber("--seed", 0, 1),
  ],
  ["--run <folder>", `folder for the results (default: a new one in ${runsFolder}/)`],
  ["--resume <run>", "go on with a run that was interrupted, or train it for more --epochs"],
  ["--json", "one JSON object per line instead of text"],
  ["--dev-run", "a few batches of everything, to see that all parts work; saves nothing"],
];

const examples = `
Examples:
  gradus train                                  digits, a small convolutional net
  gradus train --data moons                     two half circles, a multilayer perceptron
  gradus train --data data/mnist --epochs 3     a folder of IDX files
  gradus train --resume runs/digits-conv        go on after Ctrl-C`;

export const define: Define = (command, terminal) => {
  for (const [flags, about, read] of options)
    if (read) command.option(flags, about, read);
    else command.option(flags, about);
  command.addHelpText("after", examples).action((given: Options) => train(given, terminal));
};

async function train(given: Options, terminal: Terminal): Promise<void> {
  const plan = given.resume ? await resumedPlan(given.resume, given) : await newPlan(given);
  const report = given.json ? jsonReport(terminal) : textReport(terminal);
  await runPlan(plan, report, terminal);
}

async function newPlan(given: Options): Promise<Plan> {
  const loaded = await loadSource(given.data ?? defaults.data);
  const { inputShape, classes } = loaded.config;
  const forShape = inputShape.length === 3 ? imageDefaults : otherDefaults;
  const { model, epochs, batchSize, optimizer, seed } = { ...defaults, ...forShape, ...given };
  const outputs = Math.max(1, classes.length); // one number for regression
  const config: RunConfig = {
    gradus: await version(),
    data: loaded.config,
    model: { name: model, options: { inputShape, classes: outputs, seed } },
    training: {
      epochs: given.devRun ? 1 : epochs,
      batchSize,
      lr: given.lr ?? optimizers[optimizer].lr,
      optimizer,
      seed,
    },
  };
  if (given.devRun)
    return { config, source: shortened(loaded, batchSize), openFolder: async () => undefined };
  const name = `${loaded.name}-${model}`;
  const openFolder = async () => {
    const { run } = given;
    const folder = run ? await RunFolder.at(run) : await RunFolder.create(runsFolder, name);
    await folder.writeConfig(config as unknown as Json);
    return folder;
  };
  return { config, source: loaded, openFolder };
}

/** The first few batches of each part. */
function shortened(source: Source, batchSize: number): Source {
  const first = (split: Split, count: number): Split =>
    subset(
      split,
      Array.from({ length: Math.min(split.size, Math.ceil(count)) }, (_, n) => n),
    );
  return {
    ...source,
    train: first(source.train, devBatches * batchSize),
    validation: first(source.validation, batchSize),
    test: first(source.test, batchSize),
  };
}

/** What may change when a run goes on: how long, how it speaks, and where its data lie now. */
const mayChange = ["resume", "epochs", "json", "data"];

async function resumedPlan(path: string, given: Options): Promise<Plan> {
  const fixed = Object.keys(given).find((name) => !mayChange.includes(name));
  if (fixed) throw unchangeable(fixed);
  const folder = await RunFolder.open(path);
  const stored = await readRunConfig(folder);
  if (!(await folder.has("last.safetensors"))) throw nothingToResume(path);
  const from = await loadCheckpoint(folder.file("last.safetensors"));
  const source = await loadSource(given.data ?? stored.data.source);
  const epochs = given.epochs ?? stored.training.epochs;
  const config = { ...stored, training: { ...stored.training, epochs } };
  const openFolder = async () => {
    await folder.writeConfig(config as unknown as Json);
    return folder;
  };
  return { config, source, from, openFolder };
}

const unchangeable = (option: string): ConfigError =>
  new ConfigError({
    subject: `--${option.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`,
    problem: "cannot be changed when a run goes on: the result would be that of no training.",
    fix: "leave it out, or start a new run without --resume.",
  });

const nothingToResume = (path: string): DataError =>
  new DataError({
    subject: path,
    problem: "the run has no last.safetensors to go on from.",
    fix: "start a new run without --resume.",
  });

import type { Command } from "commander";
import { ConfigError, DataError } from "../base/index.ts";
import { type Split, subset } from "../data/index.ts";
import { createModel, type ModelName, modelNames } from "../models/index.ts";
import { type Module, summary } from "../nn/index.ts";
import { adam, cosine, momentum, type Rule, sgd } from "../optim/index.ts";
import {
  type Callback,
  type Checkpoint,
  evaluate,
  fit,
  type History,
  type Json,
  loadCheckpoint,
  type Position,
  RunFolder,
  RunRecorder,
  restore,
  TerminateOnNaN,
} from "../train/index.ts";
import { builtInNames, loadSource, type Source } from "./data-source.ts";
import { Exit, interrupted } from "./errors.ts";
import { interruptible } from "./interrupt.ts";
import { invocation, word } from "./invocation.ts";
import { oneOf, positiveNumber, wholeNumber } from "./options.ts";
import type { Define } from "./program.ts";
import { type RunConfig, readRunConfig } from "./run-config.ts";
import type { Terminal } from "./terminal.ts";
import { jsonReport, secondsSince, textReport } from "./train-report.ts";
import { version } from "./version.ts";

const defaults = { data: "digits", epochs: 5, batchSize: 64, optimizer: "adam", seed: 0 } as const;
/** Update rules by name, with the learning rate that each starts from if none is given. */
const optimizers = {
  adam: { rule: adam, lr: 1e-3 },
  momentum: { rule: momentum, lr: 0.02 },
  sgd: { rule: sgd, lr: 0.1 },
} satisfies Record<string, { rule: () => Rule; lr: number }>;
type OptimizerName = keyof typeof optimizers;
const optimizerNames = Object.keys(optimizers) as OptimizerName[];
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

export const define: Define = (command, terminal) => {
  const models = `${modelNames.join(", ")} (default: conv for images, mlp for the rest)`;
  const rates = optimizerNames.map((name) => `${optimizers[name].lr} for ${name}`).join(", ");
  command
    .option(
      "--data <source>",
      `${builtInNames.join(", ")}, a folder of IDX files or a CSV file (default: ${defaults.data})`,
    )
    .option("--model <name>", models, oneOf("--model", modelNames))
    .option(
      "--epochs <n>",
      `passes through the data (default: ${defaults.epochs})`,
      wholeNumber("--epochs", 1, 5),
    )
    .option(
      "--batch-size <n>",
      `examples of a step (default: ${defaults.batchSize})`,
      wholeNumber("--batch-size", 1, 64),
    )
    .option(
      "--lr <x>",
      `learning rate at the beginning; it falls to 0 like a cosine (default: ${rates})`,
      positiveNumber("--lr", 0.001),
    )
    .option(
      "--optimizer <name>",
      `${optimizerNames.join(", ")} (default: ${defaults.optimizer})`,
      oneOf("--optimizer", optimizerNames),
    )
    .option(
      "--seed <n>",
      `decides first weights and the order of examples (default: ${defaults.seed})`,
      wholeNumber("--seed", 0, 1),
    )
    .option("--run <folder>", `folder for the results (default: a new one in ${runsFolder}/)`)
    .option(
      "--resume <run>",
      "go on with a run that was interrupted, or train it for more --epochs",
    )
    .option("--json", "one JSON object per line instead of text")
    .option("--dev-run", "a few batches of everything, to see that all parts work; saves nothing")
    .action((options: Options) => train(options, terminal));
  addExamples(command);
};

const addExamples = (command: Command) =>
  command.addHelpText(
    "after",
    `
Examples:
  gradus train                                  digits, a small convolutional net
  gradus train --data moons                     two half circles, a multilayer perceptron
  gradus train --data data/mnist --epochs 3     a folder of IDX files
  gradus train --resume runs/digits-conv        go on after Ctrl-C`,
  );

/** A training, ready to begin. */
interface Plan {
  readonly config: RunConfig;
  readonly source: Source;
  readonly from?: Checkpoint;
  /** Makes the folder of the run, or gives the one that there is; none in a dev run. */
  readonly openFolder: () => Promise<RunFolder | undefined>;
}

async function train(options: Options, terminal: Terminal): Promise<void> {
  const plan = options.resume ? await resumedPlan(options.resume, options) : await newPlan(options);
  const report = options.json ? jsonReport(terminal) : textReport(terminal);
  const { config, source, from } = plan;
  const model = createModel(config.model);
  const { parameters } = summary(model, config.data.inputShape).totals;
  const began = performance.now();
  let position: Position | undefined;
  const keepPosition: Callback = {
    onTrainEnd(training) {
      position = training.position;
    },
  };
  const [folder, history] = await interruptible(terminal, async (signal) => {
    const folder = await plan.openFolder();
    report.begin({
      config,
      source,
      parameters,
      run: folder?.path,
      done: from?.position.epoch ?? 0,
    });
    const history = await fit(model, source.train, {
      ...fitOptions(config, source),
      ...(from && { resume: from }),
      callbacks: [
        keepPosition,
        new TerminateOnNaN(),
        ...(folder ? [new RunRecorder(folder)] : []),
        report.callback,
      ],
      signal,
    }).catch((error) => leave(folder, terminal, error));
    if (signal.aborted && position && position.epoch < config.training.epochs) {
      report.interrupted({ run: folder?.path, epoch: position.epoch + 1, batch: position.batch });
      throw new Exit(interrupted);
    }
    return [folder, history] as const;
  });
  const best = folder && (await restoreBest(model, folder, history));
  const test = await evaluate(model, source.test);
  const seconds = secondsSince(began);
  report.end({ run: folder?.path, test, seconds, stopped: history.stopped, best });
}

function fitOptions({ training, ...config }: RunConfig, { train, validation }: Source) {
  const { epochs, batchSize, lr, optimizer, seed } = training;
  const steps = epochs * Math.ceil(train.size / batchSize);
  return {
    epochs,
    batchSize,
    seed,
    validation,
    optimizer: optimizers[optimizer as OptimizerName].rule(),
    lr: cosine(lr, { steps }),
    config: { ...config, training } as unknown as Json,
  };
}

/** The best epoch, from 1, whose weights the model has afterwards. */
async function restoreBest(model: Module, folder: RunFolder, history: History): Promise<number> {
  restore(await loadCheckpoint(folder.file("best.safetensors")), { model });
  return 1 + history.best("val_loss")!.epoch;
}

/** After an error: what is left, told on standard error; the error itself goes on. */
async function leave(
  folder: RunFolder | undefined,
  terminal: Terminal,
  error: unknown,
): Promise<never> {
  if (folder && !(await folder.discard()))
    terminal.error(
      `training broke off; ${folder.path} holds its last good state: ${invocation()} train --resume ${word(folder.path)}`,
    );
  throw error;
}

async function newPlan(options: Options): Promise<Plan> {
  const { data, epochs, batchSize, optimizer, seed } = { ...defaults, ...options };
  const loaded = await loadSource(data);
  const source = options.devRun ? shortened(loaded, batchSize) : loaded;
  const { inputShape, classes } = source.config;
  const name = options.model ?? (inputShape.length === 3 ? "conv" : "mlp");
  const outputs = Math.max(1, classes.length); // one number for regression
  const config: RunConfig = {
    gradus: await version(),
    data: source.config,
    model: { name, options: { inputShape, classes: outputs, seed } },
    training: {
      epochs: options.devRun ? 1 : epochs,
      batchSize,
      lr: options.lr ?? optimizers[optimizer].lr,
      optimizer,
      seed,
    },
  };
  const openFolder = async () => {
    if (options.devRun) return undefined;
    const folder = options.run
      ? await RunFolder.at(options.run)
      : await RunFolder.create(runsFolder, `${source.name}-${name}`);
    await folder.writeConfig(config as unknown as Json);
    return folder;
  };
  return { config, source, openFolder };
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

async function resumedPlan(path: string, options: Options): Promise<Plan> {
  const given = Object.keys(options).find((name) => !mayChange.includes(name));
  if (given) throw unchangeable(given);
  const folder = await RunFolder.open(path);
  const stored = await readRunConfig(folder);
  if (!(await folder.has("last.safetensors"))) throw nothingToResume(path);
  const from = await loadCheckpoint(folder.file("last.safetensors"));
  const source = await loadSource(options.data ?? stored.data.source);
  const epochs = options.epochs ?? stored.training.epochs;
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

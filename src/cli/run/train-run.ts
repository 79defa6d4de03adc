import { augment, classesOf } from "../../data/index.ts";
import { type Module, summary } from "../../nn/index.ts";
import { Optimizer } from "../../optim/index.ts";
import {
  type Callback,
  EarlyStopping,
  type FitOptions,
  fit,
  type History,
  type Json,
  layerwiseLr,
  loadCheckpoint,
  type Position,
  type RunFolder,
  RunRecorder,
  restore,
  TensorBoard,
  TerminateOnDivergence,
  TrajectoryRecorder,
} from "../../train/index.ts";
import { writeReport } from "../pages/report/report.ts";
import { readAugmentations } from "../settings/augmentations.ts";
import { ruleOf, scheduleOf } from "../settings/rules.ts";
import type { Settings } from "../settings/settings.ts";
import type { Source } from "../sources/data-source.ts";
import { viewsOf } from "../sources/pretext.ts";
import { Exit } from "../terminal/errors.ts";
import { type Interruption, interruptible } from "../terminal/interrupt.ts";
import { invocation, word } from "../terminal/invocation.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type Report, secondsSince } from "../terminal/train-report.ts";
import type { Plan } from "./plan.ts";
import type { RunConfig } from "./run-config.ts";
import { judge, plainOf } from "./stored-run.ts";
import { freezeAsSet, unfreezing } from "./transfer.ts";

/** Trains, then evaluates the best weights on the test data, notifying `report` throughout. */
export async function runPlan(plan: Plan, report: Report, terminal: Terminal): Promise<void> {
  const began = performance.now();
  const { config, source, model } = plan;
  freezeAsSet(model, config.settings.transfer);
  const options = fitOptions(config, source, model); // fails before the folder is made
  const callbacks = callbacksOf(config.settings);
  const folder = await plan.openFolder();
  try {
    const history = await interruptible(terminal, (interruption) =>
      fitInFolder(plan, { ...options, callbacks }, folder, report, terminal, interruption),
    );
    const best = folder && (await restoreBest(model, folder, history));
    const test = await judge(model, config, source.test);
    const page = folder && (await writeReport(folder, config, model, source));
    const { stopped } = history;
    report.end({ run: folder?.path, test, seconds: secondsSince(began), stopped, best, page });
  } finally {
    await folder?.unlock();
  }
}

async function fitInFolder(
  { config, source, model, from }: Plan,
  { callbacks = [], ...options }: FitOptions,
  folder: RunFolder | undefined,
  report: Report,
  terminal: Terminal,
  { signal, exitCode }: Interruption,
): Promise<History> {
  const { parameters } = summary(plainOf(model), config.data.preparation.inputShape).totals;
  const run = folder?.path;
  report.begin({ config, source, parameters, run, from: from?.position });
  let position: Position | undefined;
  const keepPosition: Callback = {
    onTrainEnd(training) {
      position = training.position;
    },
  };
  const recorder = folder
    ? [
        new RunRecorder(folder),
        new TrajectoryRecorder(`${folder.path}/trajectory.safetensors`),
        new TensorBoard(folder.path),
      ]
    : [];
  const history = await fit(model, source.train, {
    ...options,
    ...(from && { resume: from }),
    callbacks: [
      ...[new TerminateOnDivergence(), ...[callbacks].flat(), ...recorder],
      ...[report.callback, keepPosition],
    ],
    signal,
  }).catch((error) => leave(folder, terminal, error));
  if (signal.aborted && position && position.epoch < config.settings.training.epochs) {
    report.interrupted({ run, epoch: position.epoch + 1, batch: position.batch });
    throw new Exit(exitCode());
  }
  return history;
}

/** The options of `fit`. */
export function fitOptions(
  config: RunConfig,
  { train, validation }: Source,
  model: Module,
): FitOptions {
  const { training, transfer, data } = config.settings;
  const { epochs, batchSize, seed, accumulate = 1, average, classWeight } = training;
  const rule = ruleOf(training);
  const classes = classesOf(config.data.preparation).length;
  const changes = data.augment
    ? readAugmentations(data.augment, { train, classes })
    : data.pretext === "contrastive" && viewsOf(train);
  return {
    epochs,
    batchSize,
    seed,
    validation,
    accumulate,
    optimizer: transfer?.layerDecay
      ? new Optimizer(model, rule, { groups: layerwiseLr(model, transfer.layerDecay) })
      : rule,
    lr: scheduleOf(training, Math.ceil(train.size / (batchSize * accumulate))),
    ...(average !== undefined && { average: { decay: average } }),
    ...(classWeight && { classWeight }),
    ...(changes && { augment: augment(changes) }),
    config: config as unknown as Json,
  };
}

/** The callbacks that the settings request. */
export const callbacksOf = ({
  training: { patience },
  transfer = { from: "" },
}: Settings): Callback[] => [
  ...(patience === undefined ? [] : [new EarlyStopping({ patience })]),
  ...unfreezing(transfer),
];

/** The epoch, from 1, whose weights the model has at the end. */
async function restoreBest(model: Module, folder: RunFolder, history: History): Promise<number> {
  restore(await loadCheckpoint(folder.file("best.safetensors")), { model });
  return 1 + history.best("val_loss")!.epoch;
}

/** After an error: prints on standard error what is left; then the error is thrown again. */
async function leave(
  folder: RunFolder | undefined,
  terminal: Terminal,
  error: unknown,
): Promise<never> {
  if (folder && !(await folder.discard()))
    terminal.error(
      `training broke off; its last good state is kept, to go on with:\n  ${invocation()} train --resume ${word(folder.path)}`,
    );
  throw error;
}

import { modelNames } from "../../models/index.ts";
import { newPlan, resumedPlan, runsFolder } from "../run/plan.ts";
import { runPlan } from "../run/train-run.ts";
import { augmentationNames } from "../settings/augmentations.ts";
import { learnerNames } from "../settings/learners.ts";
import { pretextNames } from "../settings/pretexts.ts";
import { defaultSource, imageDefaults, otherDefaults, textDefaults } from "../settings/resolve.ts";
import { optimizerNames, optimizers, scheduleNames } from "../settings/rules.ts";
import { type Assignment, isLearnerGiven, readSettings } from "../settings/settings.ts";
import { readSettingsFile, scalar, splitWords } from "../settings/settings-file.ts";
import { readers } from "../sources/readers/index.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { jsonReport, textReport } from "../terminal/train-report.ts";
import type { Define } from "./define.ts";

/** Options of how to run; all others are settings. */
interface Options {
  readonly run?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly devRun?: boolean;
}

const rates = optimizerNames.map((name) => `${name} ${optimizers[name].lr}`).join(", ");
/** `default: 5 for images, 5 for text, else 50`. */
const either = (name: keyof typeof imageDefaults): string =>
  `default: ${imageDefaults[name]} for images, ${textDefaults[name]} for text, else ${otherDefaults[name]}`;

/** Flags, the settings that they set, and their descriptions. */
const settingFlags: readonly [flags: string, path: string, about: string][] = [
  [
    "--data <source>",
    "data.source",
    `${readers.map(({ reads }) => reads).join("; ")} (default: ${defaultSource})`,
  ],
  ["--classes <names>", "data.classes", "only these classes, such as 0,1,2 (default: all)"],
  ["--augment <list>", "data.augment", `random changes of training examples: ${augmentationNames}`],
  ["--target <column>", "data.target", "the column of a table to predict (default: the last)"],
  [
    "--model <name>",
    "model.name",
    `${modelNames.join(", ")} (${either("model")}), or a learner: ${learnerNames.join(", ")}`,
  ],
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
  [
    "--from <run>",
    "transfer.from",
    "begin with the network of a run, or any ONNX file, with a new last layer",
  ],
  ["--freeze <patterns>", "transfer.freeze", "parameters of it that stay, such as 'features.*'"],
  ["--unfreeze <list>", "transfer.unfreeze", "when they learn again, such as 3:features.*"],
  [
    "--pretext <task>",
    "data.pretext",
    `learn from images without labels: ${pretextNames.join(", ")}`,
  ],
  ["--labels <n>", "data.labels", "learn from so many training examples, as many of each class"],
  ["--seed <n>", "training.seed", "decides first weights and the order of examples (default: 0)"],
];

const examples = `
Examples:
  gradus train                                  digits, a small convolutional net
  gradus train --data moons                     two half circles, a multilayer perceptron
  gradus train --data data/mnist --epochs 3     a folder of IDX files
  gradus train --data iris.csv --model svc C=10 a learner, and an option of it
  gradus train config.yaml training.lr=0.01     settings of a file, one of them changed
  gradus train runs/digits-conv/config.json     the same training again, to the last bit
  gradus train --data cifar10.tar.gz --augment crop:4,flip
  gradus train --from runs/digits-conv --freeze 'features.*' --data more-digits
  gradus train --pretext rotation --run runs/turns
  gradus train --from runs/turns --labels 100   what that taught, with few labels
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
  if (isLearnerGiven(given)) {
    const { trainLearner } = await import("../run/learner-train.ts");
    return trainLearner(given, options, terminal);
  }
  const plan = options.resume
    ? await resumedPlan(
        options.resume,
        given,
        file ?? all.find(isFixed)?.name ?? folderOption(options),
      )
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

/** Settings that may change when a run is resumed: how long, and where its data are now. */
const isFixed = ({ path }: Assignment) => path !== "training.epochs" && path !== "data.source";

/** A flag for the run's folder, which a resumed run already has. */
const folderOption = ({ run, devRun }: Options): string | undefined =>
  run !== undefined ? "--run" : devRun ? "--dev-run" : undefined;

import { ConfigError, nearest } from "../../base/index.ts";
import { createModel, isAutoencoder, type ModelName, modelNames } from "../../models/index.ts";
import { formatSummary, type Module, type Summary, summary } from "../../nn/index.ts";
import type { Json } from "../../train/index.ts";
import { openLearner, type StoredLearner } from "../run/learner-run.ts";

import { isNetFile } from "../run/net-file.ts";
import { openRun, plainOf } from "../run/stored-run.ts";

import { isLearner, learners } from "../settings/learners.ts";
import { shape, wholeNumber } from "../settings/options.ts";
import type { Define } from "./define.ts";

/** The input shape for a model without data: the digits, or the images of its paper. */
const digits = { inputShape: [1, 28, 28], classes: 10 };
const shown: Readonly<Partial<Record<ModelName, typeof digits>>> = {
  alexnet: { inputShape: [3, 227, 227], classes: 1000 },
};

interface Options {
  readonly input?: readonly number[];
  readonly depth?: number;
  readonly wide?: true;
  readonly json?: true;
}

export const define: Define = (command, terminal) => {
  command
    .argument(
      "<run|model>",
      `the folder of a run, an ONNX file, or a model: ${modelNames.join(", ")}`,
    )
    .option("--input <shape>", "of one example, such as 3,32,32", shape("--input", "3,32,32"))
    .option(
      "--depth <n>",
      "modules this deep are one row each, with all in them",
      wholeNumber("--depth", 1, 1),
    )
    .option("--wide", "show weights, the cost of training, memory and the fields' jump, too")
    .option("--json", "write everything as JSON")
    .addHelpText(
      "after",
      "\n“sees” is the receptive field: the part of the input that one unit depends on.",
    )
    .action(async (name: string, { input, depth, wide, json }: Options) => {
      const learned = await learnerRun(name);
      if (learned) return terminal.out(json ? learnerJson(learned) : learnerText(learned));
      const [model, inputShape] = await find(name, input);
      const sizes = summary(model, inputShape, { depth });
      if (json) return terminal.out(JSON.stringify(sizes, null, 2));
      terminal.out(formatSummary(sizes, { wide }));
      terminal.out(`\n${sentence(sizes)}`);
    });
};

function sentence({ inputShape, totals }: Summary): string {
  const { trainable, parameterBytes, activationBytes } = totals;
  return (
    `input [${inputShape.join(", ")}], ${trainable} trainable parameters; ` +
    `${memory(parameterBytes)} of parameters, ${memory(activationBytes)} of outputs per example`
  );
}

async function find(
  name: string,
  input: readonly number[] | undefined,
): Promise<[model: Module, shape: readonly number[]]> {
  if (isModel(name)) {
    const { inputShape, classes } = shown[name] ?? digits;
    const options = {
      inputShape: input ?? inputShape,
      ...(!isAutoencoder(name) && { classes }),
    };
    return [createModel({ name, options }), options.inputShape];
  }
  const { existsSync } = await import("node:fs");
  if (!existsSync(name)) throw unknown(name);
  if (await isNetFile(name)) return foreign(name, input);
  const { model, config } = await openRun(name);
  return [plainOf(model), input ?? config.data.preparation.inputShape];
}

/** A net of an ONNX file, whoever wrote it, and the shape of one example of its input. */
async function foreign(
  path: string,
  input: readonly number[] | undefined,
): Promise<[model: Module, shape: readonly number[]]> {
  const { loadOnnx } = await import("../../onnx/index.ts");
  const net = await loadOnnx(path);
  const sizes = input ?? net.inputs[0]?.shape?.slice(1);
  if (net.inputs.length === 1 && sizes?.every((d) => typeof d === "number"))
    return [net as unknown as Module, sizes as number[]];
  throw new ConfigError({
    subject: path,
    problem:
      net.inputs.length === 1
        ? `the shape of its input is open: [${net.inputs[0]!.shape?.join(", ") ?? ""}].`
        : `it takes ${net.inputs.length} inputs.`,
    fix:
      net.inputs.length === 1
        ? "give that of one example with --input."
        : "take it apart with gradus/onnx.",
  });
}

/** The learner of a run; undefined for the name of a network, or a network's run. */
async function learnerRun(name: string): Promise<StoredLearner | undefined> {
  if (isModel(name)) return undefined;
  const { existsSync } = await import("node:fs");
  if (existsSync(name)) return openLearner(name);
  if (!isLearner(name)) return undefined;
  throw new ConfigError({
    subject: "summary",
    problem: `${name} is a learner, and what it holds depends on its data.`,
    fix: "train it, and give the folder of the run; `gradus models` describes it.",
  });
}

/** The fitted state of a learner, by name, with the size of each part. */
const learnedParts = ({ learner }: StoredLearner): [part: string, size: string][] =>
  Object.entries(learner.toJSON().state).flatMap(([part, value]) => {
    const size = sizeText(value);
    return size === undefined ? [] : [[part, size]];
  });

function learnerJson(run: StoredLearner): string {
  const { model, data } = run.config;
  const learned = Object.fromEntries(learnedParts(run));
  return JSON.stringify({ ...model, inputShape: data.preparation.inputShape, learned }, null, 2);
}

function learnerText(run: StoredLearner): string {
  const { model, data } = run.config;
  const rows = [
    ...Object.entries(model.options).map(([option, x]) => ["option", option, JSON.stringify(x)]),
    ...learnedParts(run).map((part) => ["learned", ...part]),
  ];
  const width = Math.max(...rows.map((row) => row[1]!.length));
  return [
    `${model.name}: ${learners[model.name].about}; input [${data.preparation.inputShape.join(", ")}]\n`,
    ...rows.map(([kind, part, text]) => `${kind!.padEnd(7)}  ${part!.padEnd(width)}  ${text}`),
  ].join("\n");
}

/** `[3, 4] float64`, `0.5`, `50 values`: the size of a part of the fitted state. */
function sizeText(value: Json): string | undefined {
  if (Array.isArray(value)) {
    const isShort = value.length <= 10 && value.every((each) => typeof each !== "object");
    return isShort ? value.join(", ") : `${value.length} values`;
  }
  if (typeof value !== "object" || value === null) return String(value);
  const { $array, shape, $learner } = value as Record<string, Json>;
  if ($array !== undefined) return `[${(shape as number[]).join(", ")}] ${$array}`;
  if ($learner !== undefined) return String(($learner as Record<string, Json>).name);
  return undefined;
}

const isModel = (name: string): name is ModelName =>
  (modelNames as readonly string[]).includes(name);

const memory = (bytes: number): string =>
  bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function unknown(name: string): ConfigError {
  const near = nearest(name, modelNames);
  return new ConfigError({
    subject: "summary",
    problem: `"${name}" is neither a run folder nor a model (${modelNames.join(", ")}).`,
    fix: near ? `did you mean ${near}?` : "give the folder of a run, or the name of a model.",
  });
}

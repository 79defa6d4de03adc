import { FormatError, type Shape } from "../base/index.ts";
import type { ModelConfig } from "../models/index.ts";
import type { RunFolder } from "../train/index.ts";

/** What a run was asked to do: the content of config.json, and of each checkpoint's `config`. */
export interface RunConfig {
  /** The version of gradus that made it. */
  readonly gradus: string;
  readonly data: DataConfig;
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
}

/** Where the data came from, and how raw inputs become those of the model. */
export interface DataConfig {
  /** A set's name, a folder or a CSV file, as it was given. */
  readonly source: string;
  readonly task: "classification" | "regression";
  /** One example, without the batch axis. */
  readonly inputShape: Shape;
  readonly classes: readonly string[];
  /** Images whose background is dark: others are inverted before the model sees them. */
  readonly lightOnDark: boolean;
  /** For tables: the columns, and the scale of each input. */
  readonly table?: TableConfig;
}

export interface TableConfig {
  readonly features: readonly string[];
  readonly categories: readonly (readonly string[] | null)[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface TrainingConfig {
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly optimizer: "adam" | "momentum" | "sgd";
  readonly seed: number;
}

/** Reads a run's config.json. @throws {FormatError} naming the first field that is missing. */
export async function readRunConfig(run: RunFolder): Promise<RunConfig> {
  const config = await run.readConfig();
  for (const [path, isRight] of Object.entries(fields))
    if (!isRight(valueAt(config, path)))
      throw new FormatError({
        subject: run.file("config.json"),
        problem: `"${path}" is ${JSON.stringify(valueAt(config, path)) ?? "missing"}.`,
        fix: "restore the file as `gradus train` wrote it, or train again.",
      });
  return config as unknown as RunConfig;
}

const isText = (x: unknown) => typeof x === "string";
const isCount = (x: unknown) => Number.isSafeInteger(x);
const isRate = (x: unknown) => typeof x === "number" && x > 0;
const isList = (each: (x: unknown) => boolean) => (x: unknown) => Array.isArray(x) && x.every(each);
const maybe = (is: (x: unknown) => boolean) => (x: unknown) => x === undefined || is(x);

const fields: Record<string, (x: unknown) => boolean> = {
  "data.source": isText,
  "data.task": (x) => x === "classification" || x === "regression",
  "data.inputShape": isList(isCount),
  "data.classes": isList(isText),
  "data.lightOnDark": (x) => typeof x === "boolean",
  "data.table.features": maybe(isList(isText)),
  "data.table.categories": maybe(isList((x) => x === null || isList(isText)(x))),
  "data.table.mean": maybe(isList(Number.isFinite)),
  "data.table.std": maybe(isList(isRate)),
  "model.name": isText,
  "model.options.inputShape": isList(isCount),
  "model.options.classes": isCount,
  "training.epochs": isCount,
  "training.batchSize": isCount,
  "training.lr": isRate,
  "training.optimizer": (x) => x === "adam" || x === "momentum" || x === "sgd",
  "training.seed": isCount,
};

/** The value at a dotted path, or undefined. */
function valueAt(config: unknown, path: string): unknown {
  let value = config;
  for (const key of path.split("."))
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

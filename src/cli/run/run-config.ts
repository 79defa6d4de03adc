import { z } from "zod";
import { ConfigError, FormatError } from "../../base/index.ts";
import { type Preparation, readPreparation } from "../../data/index.ts";
import { type ModelConfig, type ModelName, modelNames } from "../../models/index.ts";
import type { Json, RunFolder } from "../../train/index.ts";
import { isLearner, type LearnerName, learnerNames } from "../settings/learners.ts";
import {
  givenSchema,
  type LearnerSettings,
  type Settings,
  settingsSchema,
  valueAt,
} from "../settings/settings.ts";

const shape = z.array(z.int()).readonly();

/** The source of the data, and how raw data become inputs and targets. */
export interface DataConfig {
  /** A set's name, or the absolute path of a file or folder. */
  readonly source: string;
  /**
   * SHA-256 of the content, which identifies data that have moved or changed; null for a built-in
   * set.
   */
  readonly sha256: string | null;
  readonly preparation: Preparation;
}

/** Common to the runs of networks and learners. */
export interface AnyRunConfig {
  /** The version of gradus that created it. */
  readonly gradus: string;
  readonly settings: {
    readonly data: Settings["data"];
    readonly training: { readonly seed?: number | undefined };
  };
  readonly data: DataConfig;
  readonly model: { readonly name: string };
}

/**
 * The settings of a run and what was resolved from them: the content of config.json, and of each
 * checkpoint's `config`.
 */
export interface RunConfig extends AnyRunConfig {
  readonly settings: Settings;
  readonly model: ModelConfig;
}

/** The same for a learner. */
export interface LearnerRunConfig extends AnyRunConfig {
  readonly settings: LearnerSettings;
  readonly model: {
    readonly name: LearnerName;
    /** The options of its class, with defaults. */
    readonly options: { readonly [name: string]: Json };
  };
}

export const isLearnerRun = (config: RunConfig | LearnerRunConfig): config is LearnerRunConfig =>
  isLearner(config.model.name);

const dataSchema = z.object({
  source: z.string(),
  sha256: z.string().nullable(),
  preparation: z.unknown(),
});
const schema = z.object({
  gradus: z.string(),
  settings: settingsSchema,
  data: dataSchema,
  model: z.object({
    name: z.enum([...modelNames, "onnx"] as unknown as readonly [ModelName, ...ModelName[]]),
    options: z.looseObject({ inputShape: shape, classes: z.int().optional() }),
  }),
});
const learnerSchema = z.object({
  gradus: z.string(),
  settings: z.strictObject({
    data: settingsSchema.shape.data,
    model: givenSchema.shape.model.unwrap().required({ name: true }),
    training: givenSchema.shape.training.unwrap(),
  }),
  data: dataSchema,
  model: z.object({
    name: z.enum(learnerNames as readonly [LearnerName, ...LearnerName[]]),
    options: z.looseObject({}),
  }),
});

/**
 * Reads the config.json of a network's run.
 *
 * @throws {FormatError} naming the first invalid field. @throws {ConfigError} if the run is a
 * learner's.
 */
export async function readRunConfig(run: RunFolder): Promise<RunConfig> {
  const config = await readAnyConfig(run);
  if (!isLearnerRun(config)) return config;
  throw new ConfigError({
    subject: run.path,
    problem: `it holds a learner, ${config.model.name}, and this needs a network.`,
    fix: "give the run of a network; evaluate, predict, summary and report take learners too.",
  });
}

/** Reads the config.json of any run. @throws {FormatError} naming the first invalid field. */
export async function readAnyConfig(run: RunFolder): Promise<RunConfig | LearnerRunConfig> {
  return checkedConfig(await run.readConfig(), run.file("config.json"));
}

/** @throws {FormatError} naming the first invalid field of what a file holds as a configuration. */
export function checkedConfig(config: unknown, file: string): RunConfig | LearnerRunConfig {
  const name = valueAt(config, "model.name");
  const result = (isLearner(name) ? learnerSchema : schema).safeParse(config);
  if (result.success) {
    readPreparation(result.data.data.preparation, `${file}: data.preparation`);
    return config as unknown as RunConfig | LearnerRunConfig;
  }
  const issue = result.error.issues[0]!;
  const path = issue.path.join(".");
  throw new FormatError({
    subject: file,
    problem:
      issue.code === "unrecognized_keys"
        ? `"${path}" holds "${issue.keys[0]}", which this version does not know.`
        : `"${path}" is ${JSON.stringify(valueAt(config, path)) ?? "missing"}.`,
    fix: "restore the file as `gradus train` wrote it, or train again.",
  });
}

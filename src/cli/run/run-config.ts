import { z } from "zod";
import { FormatError } from "../../base/index.ts";
import { type Preparation, readPreparation } from "../../data/index.ts";
import { type ModelConfig, type ModelName, modelNames } from "../../models/index.ts";
import type { RunFolder } from "../../train/index.ts";
import { type Settings, settingsSchema, valueAt } from "../settings/settings.ts";

const shape = z.array(z.int()).readonly();

/** Where the data came from, and how raw data become inputs and targets. */
export interface DataConfig {
  /** A set's name, or the absolute path of a file or folder. */
  readonly source: string;
  /** SHA-256 of the content, by which data are known that have moved or changed; null for a set. */
  readonly sha256: string | null;
  readonly preparation: Preparation;
}

/** What a run was asked to do and what that came to: the content of config.json, and of each checkpoint's `config`. */
export interface RunConfig {
  /** The version of gradus that made it. */
  readonly gradus: string;
  readonly settings: Settings;
  readonly data: DataConfig;
  readonly model: ModelConfig;
}

const schema = z.object({
  gradus: z.string(),
  settings: settingsSchema,
  data: z.object({ source: z.string(), sha256: z.string().nullable(), preparation: z.unknown() }),
  model: z.object({
    name: z.enum(modelNames as readonly [ModelName, ...ModelName[]]),
    options: z.looseObject({ inputShape: shape, classes: z.int() }),
  }),
});

/** Reads a run's config.json. @throws {FormatError} naming the first field that is not right. */
export async function readRunConfig(run: RunFolder): Promise<RunConfig> {
  const config = await run.readConfig();
  const result = schema.safeParse(config);
  if (result.success) {
    readPreparation(result.data.data.preparation, `${run.file("config.json")}: data.preparation`);
    return config as unknown as RunConfig;
  }
  const issue = result.error.issues[0]!;
  const path = issue.path.join(".");
  throw new FormatError({
    subject: run.file("config.json"),
    problem:
      issue.code === "unrecognized_keys"
        ? `"${path}" holds "${issue.keys[0]}", which this version does not know.`
        : `"${path}" is ${JSON.stringify(valueAt(config, path)) ?? "missing"}.`,
    fix: "restore the file as `gradus train` wrote it, or train again.",
  });
}

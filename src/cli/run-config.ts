import { z } from "zod";
import { FormatError } from "../base/index.ts";
import { type ModelConfig, type ModelName, modelNames } from "../models/index.ts";
import type { RunFolder } from "../train/index.ts";
import { type Settings, settingsSchema, valueAt } from "./settings.ts";

const shape = z.array(z.int()).readonly();

/** Where the data came from, and how raw inputs become those of the model. */
const dataSchema = z.object({
  /** A set's name, a folder or a CSV file, as it was given. */
  source: z.string(),
  task: z.enum(["classification", "regression"]),
  /** One example, without the batch axis. */
  inputShape: shape,
  classes: z.array(z.string()).readonly(),
  /** Images whose background is dark: others are inverted before the model sees them. */
  lightOnDark: z.boolean(),
  /** For tables: the columns, and the scale of each input. */
  table: z
    .object({
      features: z.array(z.string()).readonly(),
      categories: z.array(z.array(z.string()).readonly().nullable()).readonly(),
      /** What missing cells are filled with, a column each. */
      fills: z.array(z.string()).readonly().optional(),
      mean: z.array(z.number()).readonly(),
      std: z.array(z.number().positive()).readonly(),
    })
    .optional(),
});
export type DataConfig = z.infer<typeof dataSchema>;
export type TableConfig = NonNullable<DataConfig["table"]>;

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
  data: dataSchema,
  model: z.object({
    name: z.enum(modelNames as readonly [ModelName, ...ModelName[]]),
    options: z.looseObject({ inputShape: shape, classes: z.int() }),
  }),
});

/** Reads a run's config.json. @throws {FormatError} naming the first field that is not right. */
export async function readRunConfig(run: RunFolder): Promise<RunConfig> {
  const config = await run.readConfig();
  const result = schema.safeParse(config);
  if (result.success) return config as unknown as RunConfig;
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

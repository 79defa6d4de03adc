/** One schema behind flags, `key=value` words, configuration files and the config.json of runs. */
import { z } from "zod";
import { ConfigError, nearest } from "../../base/index.ts";
import { type ModelName, modelNames } from "../../models/index.ts";
import { binaryLearners, isLearner, type LearnerName, learnerNames } from "./learners.ts";
import { pretextNames } from "./pretexts.ts";
import { type OptimizerName, optimizerNames, type ScheduleName, scheduleNames } from "./rules.ts";

/** The requirement on a value, for its error, with an example. */
const said = <T extends z.ZodType>(schema: T, must: string, example: unknown, more = {}): T =>
  schema.meta({ must, example, ...more }) as T;

const whole = (least: number, example: number) => {
  const must = `a whole number of ${least} or more`;
  return said(z.int({ error: must }).min(least, { error: must }), must, example);
};
const above0 = (example: number) => {
  const must = "a number above 0";
  return said(z.number({ error: must }).positive({ error: must }), must, example);
};
const from0 = (example: number) => {
  const must = "a number of 0 or more";
  return said(z.number({ error: must }).nonnegative({ error: must }), must, example);
};
const fraction = (example: number) => {
  const must = "a number from 0 to below 1";
  const number = z.number({ error: must }).min(0, { error: must }).lt(1, { error: must });
  return said(number, must, example);
};
const share = (example: number) => {
  const must = "a number above 0 and below 1";
  const number = z.number({ error: must }).gt(0, { error: must }).lt(1, { error: must });
  return said(number, must, example);
};
const text = (example: string) => said(z.string({ error: "a text" }).min(1), "a text", example);
/** A single value counts as a list of one. */
const listOf = <T extends z.ZodType>(each: T, must: string, example: unknown, more = {}) =>
  said(
    z.preprocess((x) => (x === undefined || Array.isArray(x) ? x : [x]), z.array(each)),
    must,
    example,
    more,
  );
const oneOf = <T extends string>(words: readonly T[]) =>
  said(z.enum(words as readonly [T, ...T[]]), `one of ${words.join(", ")}`, words[0]);
/** A column: its name, or its index from 0. */
const column = z.union([z.string().min(1), z.int()]);
const columns = { isColumn: true } as const;

const words = z.array(z.union([z.string(), z.number()]).transform(String));
/** `["zip:text"]` as `{ zip: "text" }`. */
function typesByName(x: unknown): unknown {
  const list = typeof x === "string" ? [x] : x;
  if (!Array.isArray(list)) return list;
  return Object.fromEntries(
    list.map((word) => /^(.*):(.*)$/.exec(String(word))?.slice(1) ?? [String(word), word]),
  );
}

export const settingsSchema = z.strictObject({
  data: z.strictObject({
    source: text("digits"),
    format: text("table").optional(),
    context: whole(1, 16).optional(),
    target: said(column, "a column's name or index", "species", columns).optional(),
    task: oneOf(["classification", "regression"]).optional(),
    drop: listOf(column, "a list of columns", ["id"], columns).optional(),
    classes: listOf(
      z.union([z.string(), z.number(), z.boolean()]).transform(String),
      "a list of classes",
      ["0", "1"],
    ).optional(),
    examples: whole(1, 1000).optional(),
    labels: whole(1, 100).optional(),
    pretext: oneOf(pretextNames).optional(),
    size: whole(1, 32).optional(),
    missing: oneOf(["drop", "refuse", "mean", "median", "mode"]).optional(),
    other: z
      .boolean({ error: "true or false" })
      .meta({ must: "true or false", example: true })
      .optional(),
    maxFileBytes: whole(1, 2 ** 30).optional(),
    maxArchiveBytes: whole(1, 2 ** 30).optional(),
    maxEntries: whole(1, 1_000_000).optional(),
    maxPixels: whole(1, 2 ** 26).optional(),
    maxDecodedBytes: whole(1, 2 ** 34).optional(),
    header: said(
      z.union([z.boolean(), z.literal("auto")], { error: "true, false or auto" }),
      "true, false or auto",
      true,
    ).optional(),
    delimiter: text(";").optional(),
    encoding: text("latin1").optional(),
    decimal: oneOf([".", ","]).optional(),
    na: said(
      z.preprocess(
        (x) => (x === undefined || (typeof x === "object" && x !== null) ? x : [x]),
        z.union([words, z.record(z.string(), words)]),
      ),
      "a list of words, or such a list by column",
      ["NA", "-99"],
    ).optional(),
    types: said(
      z.preprocess(typesByName, z.record(z.string(), z.enum(["number", "text"]))),
      "a list of column:type, where a type is number or text",
      ["zip:text"],
    ).optional(),
    standardize: z
      .boolean({ error: "true or false" })
      .meta({ must: "true or false", example: true })
      .optional(),
    scaleTarget: z
      .boolean({ error: "true or false" })
      .meta({ must: "true or false", example: true })
      .optional(),
    augment: listOf(z.string(), "a list of transforms", ["crop:4", "flip"]).optional(),
  }),
  model: z.strictObject({
    name: oneOf<ModelName>([...modelNames, "onnx"]),
    hidden: listOf(whole(1, 64), "a list of numbers of units", [64, 64]).optional(),
    code: whole(1, 16).optional(),
    likelihood: oneOf(["gaussian", "bernoulli"]).optional(),
    noise: from0(0.5).optional(),
    sparsity: oneOf(["kl", "l1"]).optional(),
    weight: from0(0.1).optional(),
    rho: share(0.05).optional(),
    beta: from0(4).optional(),
    patch: whole(1, 4).optional(),
    withheld: share(0.75).optional(),
  }),
  training: z.strictObject({
    epochs: whole(1, 5),
    batchSize: whole(1, 64),
    optimizer: oneOf(optimizerNames as readonly [OptimizerName, ...OptimizerName[]]),
    lr: above0(1e-3),
    schedule: oneOf(scheduleNames as readonly [ScheduleName, ...ScheduleName[]]),
    warmup: whole(0, 100),
    weightDecay: from0(1e-4),
    clipNorm: above0(1).optional(),
    patience: whole(1, 5).optional(),
    accumulate: whole(1, 4).optional(),
    average: fraction(0.999).optional(),
    classWeight: oneOf(["balanced"]).optional(),
    seed: whole(0, 1),
  }),
  transfer: z
    .strictObject({
      from: text("runs/digits-conv"),
      freeze: listOf(z.string(), "a list of patterns", ["features.*"]).optional(),
      unfreeze: listOf(z.string(), "a list of epoch:pattern", ["2:features.*"]).optional(),
      layerDecay: above0(0.4).optional(),
    })
    .optional(),
});

const yesOrNo = () =>
  z.boolean({ error: "true or false" }).meta({ must: "true or false", example: true }).optional();
const number = (example: number) =>
  said(z.number({ error: "a number" }), "a number", example).optional();

/** A single number counts as all {@link listed} numbers. */
const numberOrList = (x: unknown) => (Array.isArray(x) && x.length === 1 ? x[0] : x);

/**
 * The options of learners that a command line can express; their ranges are checked by the learner.
 */
const learnerOptions = z.strictObject({
  C: above0(1).optional(),
  alpha: said(
    z.preprocess(numberOrList, z.union([z.number(), z.array(z.number())])),
    "a number or a list of numbers",
    [0.1, 1, 10],
  ).optional(),
  averaged: yesOrNo(),
  binarize: number(0),
  coef0: number(1),
  degree: whole(0, 3).optional(),
  estimator: oneOf(binaryLearners).optional(),
  fitIntercept: yesOrNo(),
  gamma: said(
    z.union([z.number(), z.enum(["scale", "auto"])], { error: "a number, scale or auto" }),
    "a number, scale or auto",
    0.1,
  ).optional(),
  init: oneOf(["k-means++", "random"]).optional(),
  kernel: oneOf(["linear", "polynomial", "rbf", "laplacian", "arc-cosine"]).optional(),
  l1Ratio: number(0.5),
  labels: oneOf(["signed", "zero-one"]).optional(),
  layers: whole(1, 2).optional(),
  loss: oneOf(["hinge", "squared-hinge"]).optional(),
  maxIterations: whole(1, 1000).optional(),
  metric: oneOf(["euclidean", "manhattan", "chebyshev", "cosine"]).optional(),
  nClusters: whole(1, 8).optional(),
  nInit: whole(1, 5).optional(),
  nNeighbors: whole(1, 5).optional(),
  penalty: oneOf(["l2", "l1", "none"]).optional(),
  rule: oneOf(["original", "unit-norm"]).optional(),
  shuffle: yesOrNo(),
  solver: oneOf(["newton", "lbfgs", "proximal", "steps", "dual", "subgradient"]).optional(),
  tolerance: from0(1e-6).optional(),
  varSmoothing: from0(1e-9).optional(),
  weights: oneOf(["uniform", "distance"]).optional(),
});

/** All settings of a training: with the data, they determine the result to the last bit. */
export type Settings = z.infer<typeof settingsSchema>;

/** Settings as given by the user: missing ones follow from the data. */
export const givenSchema = z.strictObject({
  data: settingsSchema.shape.data.partial().optional(),
  model: settingsSchema.shape.model
    .extend({ name: oneOf<ModelName | LearnerName>([...modelNames, ...learnerNames]) })
    .extend(learnerOptions.shape)
    .partial()
    .optional(),
  training: settingsSchema.shape.training.partial().optional(),
  transfer: settingsSchema.shape.transfer.unwrap().partial().optional(),
});
export type Given = z.infer<typeof givenSchema>;

/** The model of settings that name a learner. */
export type GivenLearner = Omit<NonNullable<Given["model"]>, keyof Settings["model"]> & {
  readonly name: LearnerName;
};

export const isLearnerGiven = (given: Given): given is Given & { readonly model: GivenLearner } =>
  isLearner(given.model?.name);

/** All settings of a learner. */
export interface LearnerSettings {
  readonly data: Settings["data"];
  readonly model: GivenLearner;
  /** The training settings that apply to a learner: `lr`, `epochs`, `seed`, `classWeight`. */
  readonly training: NonNullable<Given["training"]>;
}

/** The paths of all settings: `training.lr`, … */
export const settingPaths: readonly string[] = Object.entries(givenSchema.shape).flatMap(
  ([section, schema]) => Object.keys(schema.unwrap().shape).map((name) => `${section}.${name}`),
);

/** One setting written by the user: its place, and its name there. */
export interface Assignment {
  readonly path: string;
  readonly value: unknown;
  /** `--lr`, or `training.lr` of a key=value word. */
  readonly name: string;
  /** As it was written. */
  readonly text: string;
}

/**
 * Settings of a file, if there is one, with single values overriding them. @throws {ConfigError}
 * naming the first invalid value, where it was given, and a fix.
 */
export function readSettings(
  file: { readonly path: string; readonly content: unknown } | undefined,
  assignments: readonly Assignment[],
): Given {
  const whole = structuredClone(file?.content ?? {});
  if (typeof whole !== "object" || whole === null || Array.isArray(whole))
    throw new ConfigError({
      subject: file?.path ?? "configuration",
      problem: "it holds no settings by name.",
      fix: "write sections such as `training:` with settings such as `lr: 0.001` in them.",
    });
  for (const { path, value } of assignments) assign(whole as Record<string, unknown>, path, value);
  const result = givenSchema.safeParse(whole);
  if (result.success) return result.data;
  throw asConfigError(result.error.issues[0]!, whole, file?.path ?? "configuration", assignments);
}

function assign(whole: Record<string, unknown>, path: string, value: unknown): void {
  const [section, name] = path.split(".") as [string, string];
  const inner = whole[section];
  if (typeof inner === "object" && inner !== null) Reflect.set(inner, name, value);
  else whole[section] = { [name]: value };
}

/** A schema error in our words. */
function asConfigError(
  issue: z.core.$ZodIssue,
  whole: object,
  file: string,
  assignments: readonly Assignment[],
): ConfigError {
  if (issue.code === "unrecognized_keys") return unknownKey(issue, file);
  const path = issue.path.slice(0, 2).join(".");
  if (issue.path.length < 2)
    return new ConfigError({
      subject: `${file}: ${path}`,
      problem: `"${shown(valueAt(whole, path))}" is no section of settings.`,
      fix: `write settings below it, such as ${exampleOf(path)}.`,
    });
  const { must = "another kind of value", example } = describe(path);
  const given = assignments.findLast((each) => each.path === path);
  const value = given?.text ?? shown(valueAt(whole, path));
  const near =
    issue.code === "invalid_value" ? nearest(value, issue.values.map(String)) : undefined;
  const call = (x: unknown) =>
    given?.name.startsWith("--") ? `${given.name} ${x}` : `${path.split(".").at(-1)}: ${flat(x)}`;
  return new ConfigError({
    subject: given?.name ?? `${file}: ${path}`,
    problem: `"${value}" is not ${must}.`,
    fix: near ? `did you mean ${call(near)}?` : `give one, such as ${call(example)}.`,
  });
}

/** `training: { epochs: 5 }`: the first setting of a section. */
function exampleOf(section: string): string {
  const path = settingPaths.find((known) => known.startsWith(`${section}.`))!;
  return `${section}: { ${path.split(".")[1]}: ${flat(describe(path).example)} }`;
}

const flat = (x: unknown): string =>
  typeof x === "string" ? x : typeof x === "object" ? JSON.stringify(x) : String(x);
const shown = (x: unknown): string => (x === undefined ? "nothing" : flat(x));

function unknownKey(issue: z.core.$ZodIssueUnrecognizedKeys, file: string): ConfigError {
  const [key = ""] = issue.keys;
  const section = issue.path.join(".");
  const known = section
    ? settingPaths
        .filter((path) => path.startsWith(`${section}.`))
        .map((path) => path.slice(section.length + 1))
    : Object.keys(givenSchema.shape);
  const elsewhere = settingPaths.find((path) => path.endsWith(`.${key}`));
  const near = elsewhere ? `${elsewhere.replace(".", ": { ")}: … }` : nearest(key, known);
  return new ConfigError({
    subject: section ? `${file}: ${section}` : file,
    problem: `there is no setting "${key}" among ${known.join(", ")}.`,
    fix: near ? `did you mean ${near}?` : "remove it; `gradus config print` shows all settings.",
  });
}

interface Meaning {
  readonly must?: string;
  readonly example?: unknown;
  /** Whether an integer names a column as well. */
  readonly isColumn?: boolean;
}

/** The schema's description of a setting. */
export function describe(path: string): Meaning {
  const [section, name] = path.split(".");
  const schema = givenSchema.shape[section as keyof Given]?.unwrap() as z.ZodObject | undefined;
  let leaf = schema?.shape[name ?? ""] as z.ZodType | undefined;
  while (leaf && !leaf.meta() && leaf instanceof z.ZodOptional) leaf = leaf.unwrap() as z.ZodType;
  return (leaf?.meta() ?? {}) as Meaning;
}

/** The value at a dotted path, or undefined. */
export function valueAt(whole: unknown, path: string): unknown {
  let value = whole;
  for (const key of path.split("."))
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

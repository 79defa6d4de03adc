import { ConfigError, DataError, nearest, sameShape, show } from "../base/index.ts";
import {
  blobs,
  type CsvSplit,
  circles,
  type Dataset,
  digits,
  fitStandardization,
  lightOnDark,
  moons,
  numericFeatures,
  readCsv,
  readDataFolder,
  type Split,
  soundImages,
  spirals,
  splitDataset,
  standardize,
  subset,
  type Task,
  xor,
} from "../data/index.ts";
import { isMissing, unreadable } from "../formats/files.ts";
import type { DataConfig, RunConfig, TableConfig } from "./run-config.ts";
import type { Given } from "./settings.ts";

/** Data cut into the part to learn from, to choose by and to judge by. */
export interface Source {
  /** A short name, for the folder of the run. */
  readonly name: string;
  readonly train: Split;
  readonly validation: Split;
  readonly test: Split;
  readonly config: DataConfig;
  /** What the reader passed over or decided. */
  readonly notes: readonly string[];
}

/** Shares that are held out where the data bring no such part. The cut does not depend on --seed. */
const testShare = 0.2;
const validationShare = 0.1;
const splitSeed = 0;
/** Fewer cannot be cut in three by these shares. */
const leastExamples = 6;

/** A table whose last column has more different whole numbers than this is of quantities. */
const mostClasses = 20;

/** Sets that need no file. The noise leaves something to learn. */
const builtIn: Record<string, () => Dataset | Split> = {
  digits: () => digits(),
  xor: () => xor({ size: 1000, noise: 0.15 }),
  moons: () => moons({ size: 1000, noise: 0.1 }),
  circles: () => circles({ size: 1000, noise: 0.05 }),
  spirals: () => spirals({ size: 1000, noise: 0.01 }),
  blobs: () => blobs({ size: 1000 }),
};
export const builtInNames: readonly string[] = Object.keys(builtIn);

/** What of the data is used, and how: see the settings. */
export type SourceOptions = Omit<NonNullable<Given["data"]>, "source">;

/**
 * Loads what `--data` names: a built-in set, a folder or archive of images, recordings or IDX files, or a CSV file.
 *
 * @throws {ConfigError} if it names nothing. @throws {DataError} if the files are not right.
 */
export async function loadSource(source: string, options: SourceOptions = {}): Promise<Source> {
  const whole = await load(source, options);
  const chosen = options.classes ? onlyClasses(whole, options.classes) : whole;
  return options.examples === undefined ? chosen : fewer(chosen, options.examples);
}

async function load(source: string, options: SourceOptions): Promise<Source> {
  if (Object.hasOwn(builtIn, source)) {
    const made = builtIn[source]!();
    return cut(source, source, "train" in made ? made : toDataset(source, made));
  }
  const { basename, extname } = await import("node:path");
  if ((await kindOf(source)) === "folder" || isArchive(source))
    return folderSource(source, nameOf(basename(source)), options);
  return tableSource(source, basename(source, extname(source)), options);
}

const isArchive = (source: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(source);
const nameOf = (file: string): string => file.replace(/\.(tar|tar\.gz|tgz)$/i, "");

/** Images, recordings or IDX files of a folder or an archive. */
async function folderSource(source: string, name: string, options: SourceOptions): Promise<Source> {
  const { kind, data } = await readDataFolder(source, options);
  if (kind !== "sound") return cut(source, name, data);
  const seen = ({ inputs, ...rest }: Split): Split => ({
    ...rest,
    inputs: soundImages(inputs, { sampleRate: data.sampleRate }),
  });
  const { train, validation, test } = data;
  const images: Dataset = {
    ...data,
    train: seen(train),
    ...(validation && { validation: seen(validation) }),
    ...(test && { test: seen(test) }),
  };
  const made = cut(source, name, images);
  return { ...made, config: { ...made.config, lightOnDark: false } };
}

/** The examples of some classes, which are numbered anew in the order given. */
function onlyClasses(source: Source, names: readonly string[]): Source {
  const { config } = source;
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined)
    throw new ConfigError({
      subject: "data.classes",
      problem: `"${twice}" is named twice in ${names.join(", ")}.`,
      fix: "name each class once.",
    });
  const kept = names.map((name) => {
    const index = config.classes.indexOf(name);
    if (index >= 0) return index;
    const near = nearest(name, config.classes);
    throw new ConfigError({
      subject: "data.classes",
      problem: `there is no class "${name}" in ${config.source}, which has ${config.classes.join(", ") || "none"}.`,
      fix: near ? `did you mean ${near}?` : "name classes that the data have.",
    });
  });
  const only = (split: Split): Split => {
    const rows = [...split.targets.data.keys()].filter((n) =>
      kept.includes(split.targets.data[n]!),
    );
    const some = subset(split, rows);
    const data = Int32Array.from(some.targets.data, (label) => kept.indexOf(label));
    return { ...some, targets: { dtype: "int32", shape: some.targets.shape, data } };
  };
  return {
    ...source,
    train: only(source.train),
    validation: only(source.validation),
    test: only(source.test),
    config: { ...config, classes: [...names] },
  };
}

/** So many training examples. */
const fewer = (source: Source, examples: number): Source => ({
  ...source,
  train: some(source.train, examples),
});

/** So many examples at random, always the same: in their own order they may be sorted by class. */
export const some = (split: Split, count: number): Split =>
  count < split.size ? splitDataset(split, count / split.size, splitSeed)[1] : split;

async function kindOf(source: string): Promise<"folder" | "file"> {
  const { stat } = await import("node:fs/promises");
  const found = await stat(source).catch((thrown) => {
    if (!isMissing(thrown)) throw unreadable(source, thrown);
  });
  if (found) return found.isDirectory() ? "folder" : "file";
  const near = nearest(source, builtInNames);
  throw new ConfigError({
    subject: "--data",
    problem: `"${source}" is no set (${builtInNames.join(", ")}), no folder and no file.`,
    fix: near ? `did you mean --data ${near}?` : "give a set's name, or the path of data.",
  });
}

const toDataset = (name: string, split: Split): Dataset => ({
  name,
  task: "classification",
  train: split,
  classes: Array.from({ length: 1 + Math.max(...split.targets.data) }, (_, k) => String(k)),
});

function cut(source: string, name: string, data: Dataset): Source {
  if (data.train.size < leastExamples)
    throw new DataError({
      subject: source,
      problem: `${data.train.size} ${data.train.size === 1 ? "example" : "examples"}, too few to hold some out for validation and test.`,
      fix: `give ${leastExamples} or more.`,
    });
  const [rest, test] = data.test
    ? [data.train, data.test]
    : splitDataset(data.train, testShare, splitSeed);
  const [train, validation] = data.validation
    ? [rest, data.validation]
    : splitDataset(rest, validationShare, splitSeed);
  const inputShape = train.inputs.shape.slice(1);
  const config: DataConfig = {
    source,
    task: data.task,
    inputShape,
    classes: data.classes ?? [],
    lightOnDark: isLightOnDark(train),
  };
  return { name, train, validation, test, config, notes: data.notes ?? [] };
}

/** Whether most of the first images have a dark border, as MNIST's have. */
function isLightOnDark({ inputs, size }: Split): boolean {
  if (inputs.shape.length !== 4) return false;
  const few = Math.min(size, 100);
  const first = subset(
    { inputs, targets: inputs, size },
    Array.from({ length: few }, (_, n) => n),
  );
  const turned = lightOnDark(first.inputs).data;
  const pixels = turned.length / few;
  let same = 0;
  for (let n = 0; n < few; n++) if (turned[n * pixels] === first.inputs.data[n * pixels]) same++;
  return 2 * same > few;
}

async function tableSource(source: string, name: string, options: SourceOptions): Promise<Source> {
  const { split, task } = await readTable(source, options);
  const data: Dataset = { name, task, train: split, classes: split.classes ?? [] };
  const raw = cut(source, name, data);
  const scale = fitStandardization(raw.train.inputs, numericFeatures(split));
  const table: TableConfig = {
    features: split.features,
    categories: split.categories,
    ...(split.fills && { fills: split.fills }),
    mean: [...scale.mean],
    std: [...scale.std],
  };
  return {
    ...raw,
    train: standardize(raw.train, scale),
    validation: standardize(raw.validation, scale),
    test: standardize(raw.test, scale),
    config: { ...raw.config, table },
  };
}

/** Classes if the target holds words or few whole numbers, else numbers to predict. */
async function readTable(
  path: string,
  asked: SourceOptions,
): Promise<{ split: CsvSplit; task: Task }> {
  const { task } = asked;
  const options = columnsOf(asked);
  if (task) return { split: await readCsv(path, { ...options, task }), task };
  try {
    const split = await readCsv(path, options);
    const words = split.classes!.some((name) => !Number.isFinite(Number(name)));
    if (words || split.classes!.length <= mostClasses) return { split, task: "classification" };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error; // a fraction is no class
  }
  return {
    split: await readCsv(path, { ...options, task: "regression" }),
    task: "regression",
  };
}

/** Which columns of a table are used, and what becomes of cells that are missing or unknown. */
const columnsOf = ({ target, drop, missing = "drop", other }: SourceOptions) => ({
  ...(target !== undefined && { target }),
  ...(drop !== undefined && { drop }),
  ...(other !== undefined && { other }),
  ...(missing === "drop" ? { dropMissing: true } : missing !== "refuse" && { fill: missing }),
});

const ofFolders = [
  "size",
  "maxFileBytes",
  "maxArchiveBytes",
  "maxEntries",
  "maxPixels",
  "maxDecodedBytes",
] as const;
const ofTables = ["target", "task", "drop", "missing", "other"] as const;

/**
 * Whether a network can learn from the data, as they were asked for.
 *
 * @throws {ConfigError} for an option that these data do not have, which would be passed over in silence.
 * @throws {DataError} if there is one class: every answer would be right, and nothing learned.
 */
export function checkLearnable(
  { source, task, classes, table }: DataConfig,
  options: SourceOptions = {},
): void {
  const isGiven = (name: keyof SourceOptions) => options[name] !== undefined;
  const tableOption = table ? undefined : ofTables.find(isGiven);
  if (tableOption)
    throw new ConfigError({
      subject: `data.${tableOption}`,
      problem: `it is for tables, and ${source} is none.`,
      fix: "leave it out, or give a CSV file.",
    });
  const folderOption = ofFolders.find(isGiven);
  if (folderOption && (table || builtInNames.includes(source)))
    throw new ConfigError({
      subject: `data.${folderOption}`,
      problem: `it ${folderOption === "size" ? "scales the images of" : "limits"} a folder or archive, and ${source} is none.`,
      fix: "leave it out, or give images by class.",
    });
  if (task === "regression" || classes.length > 1) return;
  throw new DataError({
    subject: source,
    problem: `all its examples are of one class, "${classes[0]}".`,
    fix: "give examples of two classes or more; for a table, check which column is the target.",
  });
}

/**
 * Data to judge a trained network by: the test part of what `source` names, or all of a table that
 * is not the one the network was trained on.
 *
 * @throws {DataError} if its examples are not like those of the training.
 */
export async function loadTest(source: string, run: RunConfig): Promise<Split> {
  const { data: trained, settings } = run;
  if (trained.table && source !== trained.source) return loadTable(source, run, trained.table);
  const { test, config } = await loadSource(source, settings.data);
  const isKnown = config.classes.every((name) => trained.classes.includes(name));
  if (sameShape(config.inputShape, trained.inputShape) && config.task === trained.task && isKnown)
    return renumbered(test, config.classes, trained.classes);
  const named = (data: DataConfig) =>
    describe(data) + (isKnown ? "" : ` (${firstOf(data.classes)})`);
  throw new DataError({
    subject: source,
    problem: `its examples are ${named(config)}, the network was trained on ${named(trained)}.`,
    fix: "give data of the same shape and classes.",
  });
}

const firstOf = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");

/** The same examples, their classes numbered as in training: a folder may lack some. */
function renumbered(split: Split, from: readonly string[], to: readonly string[]): Split {
  const index = from.map((name) => to.indexOf(name));
  if (index.every((to, from) => to === from)) return split;
  const { shape, data } = split.targets;
  const labels = Int32Array.from(data, (label) => index[label]!);
  return { ...split, targets: { dtype: "int32", shape, data: labels } };
}

async function loadTable(
  source: string,
  { data, settings }: RunConfig,
  table: TableConfig,
): Promise<Split> {
  if (builtInNames.includes(source) || (await kindOf(source)) === "folder")
    throw new DataError({
      subject: source,
      problem: `the network was trained on a table, ${data.source}, and this is none.`,
      fix: `give a CSV file with the same columns, ${firstOf(table.features)}.`,
    });
  const { task, classes } = data;
  const { features, categories, fills, mean, std } = table;
  const none = { dtype: "float32", shape: [0], data: new Float32Array() } as const;
  const like = {
    ...{ inputs: none, targets: none, size: 0, features, categories, classes },
    ...(fills && { fills }),
  };
  const options = { ...columnsOf(settings.data), task, like };
  const split = await readCsv(source, options);
  return standardize(split, { mean: Float64Array.from(mean), std: Float64Array.from(std) });
}

/** `[1, 28, 28] in 10 classes`. */
export const describe = ({ inputShape, classes, task }: DataConfig): string =>
  `${show(inputShape)} ${task === "regression" ? "with a number to predict" : `in ${classes.length} classes`}`;

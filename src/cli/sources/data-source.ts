import { ConfigError, DataError, nearest, sameShape, show } from "../../base/index.ts";
import { extent } from "../../base/vectors.ts";
import {
  blobs,
  circles,
  classesOf,
  type Dataset,
  digits,
  fitImages,
  moons,
  type Preparation,
  preparationVersion,
  readDataFolder,
  type SoundInputs,
  type Split,
  soundImages,
  spirals,
  splitDataset,
  subset,
  type WavDataset,
  xor,
} from "../../data/index.ts";
import { isMissing, unreadable } from "../../formats/files.ts";
import type { DataConfig } from "../run/run-config.ts";
import type { Given } from "../settings/settings.ts";
import { waitFor } from "../terminal/waiting.ts";
import { contentHash, shownPath } from "./data-file.ts";
import { checkClasses, readTableParts } from "./table-source.ts";

/** Data cut into the part to learn from, to choose by and to judge by. */
export interface Source {
  /** A short name, for the folder of the run. */
  readonly name: string;
  readonly train: Split;
  readonly validation: Split;
  readonly test: Split;
  readonly config: DataConfig;
  /** What was decided about the data, in sentences, and what should make a person think again. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Shares that are held out where the data bring no such part. The cut does not depend on --seed. */
const testShare = 0.2;
const validationShare = 0.1;
const splitSeed = 0;
/** Fewer cannot be cut in three by these shares. */
const leastExamples = 6;

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
export const isBuiltIn = (source: string): boolean => Object.hasOwn(builtIn, source);

/** What of the data is used, and how: see the settings. */
export type SourceOptions = Omit<NonNullable<Given["data"]>, "source">;

/** How data are prepared that are not the first of their network. */
export interface Stored {
  readonly preparation: Preparation;
  /** The network goes on with another target: classes are those of the data. */
  readonly inputsOnly: boolean;
}

/**
 * Loads what `--data` names: a built-in set, a folder of IDX files, images by class or a table.
 *
 * @param stored prepares the data as a training before; else a preparation is fitted on the training part.
 * @throws {ConfigError} if it names nothing. @throws {DataError} if the files are not right.
 */
export async function loadSource(
  source: string,
  options: SourceOptions = {},
  stored?: Stored,
): Promise<Source> {
  const whole = await waitFor(`the data ${source}`, () => load(source, options, stored));
  return options.examples === undefined ? whole : fewer(whole, options.examples);
}

async function load(
  source: string,
  options: SourceOptions,
  stored: Stored | undefined,
): Promise<Source> {
  if (isBuiltIn(source)) {
    const made = builtIn[source]!();
    const data = "train" in made ? made : toDataset(source, made);
    return ofDataset({ source, sha256: null }, source, data, "contain", options, stored);
  }
  const { basename, extname, resolve } = await import("node:path");
  const kind = await kindOf(source);
  const at = { source: resolve(source), sha256: await contentHash(source) };
  if (kind === "file" && !isArchive(source)) {
    const name = basename(source, extname(source)).replace(/\.(csv|tsv|txt)$/, "");
    const { preparation, ...parts } = await readTableParts(source, options, stored, (rows) =>
      cutRows(source, rows),
    );
    return { name, ...parts, config: { ...at, preparation } };
  }
  const name = basename(resolve(source)).replace(/\.(tar|tar\.gz|tgz)$/i, "");
  const { kind: holds, data } = await readDataFolder(source, folderOptions(options, stored));
  if (holds !== "sound")
    return ofDataset(at, name, data, holds === "idx" ? "contain" : "cover", options, stored);
  const [, length] = data.train.inputs.shape as [number, number];
  const inputs = { kind: "sound", sampleRate: data.sampleRate, length, mels } as const;
  return ofDataset(at, name, asImages(data), inputs, options, stored);
}

/** Mels of recordings: the height of their images. */
const mels = 40;

/** Recordings as the images that networks take. */
function asImages({ sampleRate, ...data }: WavDataset): Dataset {
  const seen = ({ inputs, ...rest }: Split): Split => ({
    ...rest,
    inputs: soundImages(inputs, { sampleRate, mels }),
  });
  const { train, validation, test } = data;
  return {
    ...data,
    train: seen(train),
    ...(validation && { validation: seen(validation) }),
    ...(test && { test: seen(test) }),
  };
}

export const isArchive = (source: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(source);

/** Limits, and the size and colors of pictures or the length of recordings that training had. */
function folderOptions(
  { size, maxFileBytes, maxArchiveBytes, maxEntries, maxPixels, maxDecodedBytes }: SourceOptions,
  stored: Stored | undefined,
) {
  const limits = { maxFileBytes, maxArchiveBytes, maxEntries, maxPixels, maxDecodedBytes };
  const { inputs, inputShape } = stored?.preparation ?? {};
  if (inputs?.kind === "sound") return { ...limits, length: inputs.length };
  const [channels, height, width] = inputShape ?? [];
  if (inputs?.kind === "images" && inputs.fit === "cover" && (channels === 1 || channels === 3))
    return { ...limits, size: [height!, width!] as const, channels: channels as 1 | 3 };
  return { ...limits, ...(size !== undefined && { size }) };
}

/** Whole examples, cut in three, with the preparation that is fitted on them or was stored. */
function ofDataset(
  at: Omit<DataConfig, "preparation">,
  name: string,
  data: Dataset,
  kind: "cover" | "contain" | SoundInputs,
  { classes }: SourceOptions,
  stored: Stored | undefined,
): Source {
  const shown = shownPath(at.source);
  const parts = cut(shown, data);
  const inputShape = parts.train.inputs.shape.slice(1);
  const isImage = inputShape.length === 3;
  const fitted: Preparation = {
    version: preparationVersion,
    inputs:
      typeof kind === "object" ? kind : isImage ? fitImages(parts.train, kind) : { kind: "arrays" },
    inputShape,
    target: { task: "classification", column: null, classes: data.classes ?? [] },
  };
  const source: Source = {
    ...{ name, ...parts, notes: data.notes ?? [], warnings: [] },
    config: { ...at, preparation: fitted },
  };
  const chosen = classes ? onlyClasses(source, classes) : source;
  return stored ? adopted(chosen, stored) : chosen;
}

/** The same data as a training before prepared them. @throws {DataError} if they are of another kind. */
function adopted(source: Source, { preparation, inputsOnly }: Stored): Source {
  const { preparation: own } = source.config;
  if (inputsOnly) {
    const inputs = own.inputs.kind === preparation.inputs.kind ? preparation.inputs : own.inputs;
    return { ...source, config: { ...source.config, preparation: { ...own, inputs } } };
  }
  const [names, known] = [classesOf(own), classesOf(preparation)];
  const isKnown = names.every((name) => known.includes(name));
  if (!sameShape(own.inputShape, preparation.inputShape) || !isKnown)
    throw otherExamples(shownPath(source.config.source), own, preparation, isKnown);
  const renumber = (split: Split) => renumbered(split, names, known);
  return {
    ...source,
    train: renumber(source.train),
    validation: renumber(source.validation),
    test: renumber(source.test),
    config: { ...source.config, preparation },
  };
}

function otherExamples(
  source: string,
  own: Preparation,
  trained: Preparation,
  isKnown: boolean,
): DataError {
  const named = (preparation: Preparation) =>
    describe(preparation) + (isKnown ? "" : ` (${firstOf(classesOf(preparation))})`);
  return new DataError({
    subject: source,
    problem: `its examples are ${named(own)}, the network was trained on ${named(trained)}.`,
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

/** The examples of some classes, which are numbered anew in the order given. */
function onlyClasses(source: Source, names: readonly string[]): Source {
  const { preparation } = source.config;
  const known = classesOf(preparation);
  checkClasses(names, known, shownPath(source.config.source));
  const kept = names.map((name) => known.indexOf(name));
  const only = (split: Split): Split => {
    const rows = [...split.targets.data.keys()].filter((n) =>
      kept.includes(split.targets.data[n]!),
    );
    const some = subset(split, rows);
    const data = Int32Array.from(some.targets.data, (label) => kept.indexOf(label));
    return { ...some, targets: { dtype: "int32", shape: some.targets.shape, data } };
  };
  const target = { task: "classification", column: null, classes: [...names] } as const;
  return {
    ...source,
    train: only(source.train),
    validation: only(source.validation),
    test: only(source.test),
    config: { ...source.config, preparation: { ...preparation, target } },
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

export async function kindOf(source: string): Promise<"folder" | "file"> {
  const { stat } = await import("node:fs/promises");
  const found = await stat(source).catch((thrown) => {
    if (!isMissing(thrown)) throw unreadable(source, thrown);
  });
  if (found?.isDirectory()) return "folder";
  if (found?.isFile()) return "file";
  if (found)
    throw new DataError({
      subject: source,
      problem: "this is a pipe or a device, and a training reads its data more than once.",
      fix: "write the data to a file.",
    });
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
  classes: Array.from({ length: 1 + extent(split.targets.data)[1] }, (_, k) => String(k)),
});

/** The parts that data bring, and those that are held out of the rest. */
function cut(source: string, data: Dataset): Pick<Source, "train" | "validation" | "test"> {
  checkCount(source, data.train.size);
  const [rest, test] = data.test
    ? [data.train, data.test]
    : splitDataset(data.train, testShare, splitSeed);
  const [train, validation] = data.validation
    ? [rest, data.validation]
    : splitDataset(rest, validationShare, splitSeed);
  return { train, validation, test };
}

/** The same cut of the rows of a table. */
function cutRows(source: string, rows: Int32Array) {
  checkCount(source, rows.length);
  const all = { dtype: "int32", shape: [rows.length], data: rows } as const;
  const { train, validation, test } = cut(source, {
    name: source,
    task: "classification",
    train: { inputs: all, targets: all, size: rows.length },
  });
  const rowsOf = ({ inputs }: Split) => inputs.data as Int32Array;
  return { train: rowsOf(train), validation: rowsOf(validation), test: rowsOf(test) };
}

function checkCount(source: string, size: number): void {
  if (size >= leastExamples) return;
  throw new DataError({
    subject: source,
    problem: `${size} ${size === 1 ? "example" : "examples"}, too few to hold some out for validation and test.`,
    fix: `give ${leastExamples} or more.`,
  });
}

const ofTables = [
  ...["target", "task", "drop", "missing", "other", "header", "delimiter", "encoding"],
  ...["decimal", "na", "types", "scaleTarget"],
] as const satisfies readonly string[];

const ofFolders = [
  "size",
  "maxFileBytes",
  "maxArchiveBytes",
  "maxEntries",
  "maxPixels",
  "maxDecodedBytes",
] as const;

/**
 * Whether a network can learn from the data, as they were asked for.
 *
 * @throws {ConfigError} for an option that these data do not have, which would be passed over in silence.
 * @throws {DataError} if there is one class: every answer would be right, and nothing learned.
 */
export function checkLearnable(
  { source, preparation }: DataConfig,
  options: SourceOptions = {},
): void {
  const shown = shownPath(source);
  const isTable = preparation.inputs.kind === "table";
  const isGiven = (name: string) => Reflect.get(options, name) !== undefined;
  const tableOption = isTable ? undefined : ofTables.find(isGiven);
  if (tableOption)
    throw new ConfigError({
      subject: `data.${tableOption}`,
      problem: `it is for tables, and ${shown} is none.`,
      fix: "leave it out, or give a CSV file.",
    });
  const folderOption = ofFolders.find(isGiven);
  if (folderOption && (isTable || builtInNames.includes(source)))
    throw new ConfigError({
      subject: `data.${folderOption}`,
      problem: `it ${folderOption === "size" ? "scales the images of" : "limits"} a folder or archive, and ${shown} is none.`,
      fix: "leave it out, or give images by class.",
    });
  const classes = classesOf(preparation);
  if (preparation.target.task === "regression" || classes.length > 1) return;
  throw new DataError({
    subject: shown,
    problem: `all its examples are of one class, "${classes[0]}".`,
    fix: "give examples of two classes or more; for a table, check which column is the target.",
  });
}

/** `[1, 28, 28] in 10 classes`. */
export const describe = (preparation: Preparation): string =>
  `${show(preparation.inputShape)} ${preparation.target.task === "regression" ? "with a number to predict" : `in ${classesOf(preparation).length} classes`}`;

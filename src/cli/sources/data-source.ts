import { ConfigError, DataError, nearest } from "../../base/index.ts";
import { fileTree, treeNotes } from "../../data/folders/file-tree.ts";
import { limitsOf } from "../../data/folders/limits.ts";
import { classesOf, dataNames, downloadData, type Split, splitDataset } from "../../data/index.ts";
import { isMissing, unreadable } from "../../formats/files.ts";
import type { DataConfig } from "../run/run-config.ts";
import { waitFor } from "../terminal/waiting.ts";
import { contentHash, shownPath } from "./data-file.ts";
import { labelled } from "./labelled.ts";
import { withPretext } from "./pretext.ts";
import { limitsIn } from "./readers/folders.ts";
import { readers } from "./readers/index.ts";
import { splitSeed } from "./readers/parts.ts";
import type { Found, Parts, Reader, SourceOptions, Stored } from "./readers/reader.ts";
import { isSet, setNames } from "./readers/set.ts";

/** Data split into train, validation and test. */
export interface Source extends Parts {
  /** A short name, for the folder of the run. */
  readonly name: string;
  readonly config: DataConfig;
  /** What was decided about the data, in sentences, and warnings. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Loads the data of `--data`, by the reader that recognizes it or that `data.format` names.
 *
 * @param stored prepares the data as an earlier training did; otherwise a preparation is fitted on
 * the training split.
 * @throws {ConfigError} if it names nothing, or an option is for other data. @throws {DataError} if
 * the files are invalid.
 */
export async function loadSource(
  source: string,
  options: SourceOptions = {},
  stored?: Stored,
): Promise<Source> {
  const { examples, labels, pretext, seed = 0 } = options;
  const prepared = pretext && stored ? { ...stored, inputsOnly: true } : stored; // whatever its labels
  const whole = await waitFor(`the data ${source}`, () => load(source, options, prepared));
  const train = examples === undefined ? whole.train : some(whole.train, examples);
  if (pretext)
    return withPretext(
      pretext,
      { ...whole, train },
      stored?.inputsOnly ? undefined : stored?.preparation,
    );
  if (labels === undefined) return { ...whole, train };
  const note = `${labels} of ${train.size} training examples keep their labels`;
  return { ...whole, train: labelled(train, labels, seed), notes: [...whole.notes, note] };
}

async function load(
  given: string,
  options: SourceOptions,
  stored: Stored | undefined,
): Promise<Source> {
  const { resolve } = await import("node:path");
  const source = await downloaded(given);
  const found = await find(source, options);
  const reader = await readerOf(found, options, stored);
  if (!stored || stored.inputsOnly) checkOptionsOf(reader, found, options);
  const at =
    found.kind === "set"
      ? { source, sha256: null }
      : { source: resolve(source), sha256: await contentHash(source) };
  const { preparation, ...rest } = await reader.read(found, options, stored);
  return { name: await shortName(found), ...rest, config: { ...at, preparation } };
}

/** The path of a set that is downloaded by its name; a file or folder of that name goes first. */
async function downloaded(source: string): Promise<string> {
  if (isSet(source) || !dataNames.includes(source)) return source;
  const { stat } = await import("node:fs/promises");
  const isThere = await stat(source).then(
    () => true,
    () => false,
  );
  return isThere ? source : downloadData(source);
}

async function find(source: string, options: SourceOptions): Promise<Found> {
  if (isSet(source)) return { kind: "set", source };
  const kind = await kindOf(source);
  if (kind === "file" && !isArchive(source)) return { kind, source };
  const isKnown = (path: string) => readers.some(({ isOwn }) => isOwn?.(path));
  const limits = limitsOf({ ...limitsIn(options), maxPixels: options.maxPixels }, "data");
  return { kind: "folder", source, tree: await fileTree(source, isKnown, limits) };
}

/**
 * The requested reader, that of the earlier training, or the one that recognizes most of the files.
 */
async function readerOf(
  found: Found,
  { format }: SourceOptions,
  stored: Stored | undefined,
): Promise<Reader> {
  const able = readers.filter(({ kind }) => kind === found.kind);
  if (format !== undefined) return formatNamed(format, able, found);
  const trained = able.find(({ name }) => name === stored?.preparation.inputs.kind);
  if (trained && found.kind === "file") return trained;
  const counts = await Promise.all(able.map((reader) => reader.recognizes(found)));
  const most = Math.max(...counts);
  if (most > 0) return able[counts.indexOf(most)]!;
  const notes = found.kind === "folder" ? treeNotes(found.tree) : [];
  throw new DataError({
    subject: found.source,
    problem: ["holds no image, no WAV and no IDX file.", ...notes].join(" "),
    fix: `give ${able.map(({ reads }) => reads).join(", or ")}.`,
  });
}

function formatNamed(format: string, able: readonly Reader[], { source }: Found): Reader {
  const named = able.find(({ name }) => name === format);
  if (named) return named;
  const near = nearest(
    format,
    able.map(({ name }) => name),
  );
  const other = readers.find(({ name }) => name === format);
  throw new ConfigError({
    subject: "data.format",
    problem: other
      ? `"${format}" is ${other.reads}, and ${shownPath(source)} is none.`
      : `there is no format "${format}" among ${readers.map(({ name }) => name).join(", ")}.`,
    fix: near
      ? `did you mean ${near}?`
      : `leave it out, or name one of ${able.map(({ name }) => name).join(", ")}.`,
  });
}

/**
 * @throws {ConfigError} for an option that these data do not have, which would be ignored silently.
 */
function checkOptionsOf(reader: Reader, { source }: Found, options: SourceOptions): void {
  const special = new Set(readers.flatMap((each) => each.options));
  const given = [...special].find((name) => options[name] !== undefined);
  const strange = [...special].find(
    (name) => options[name] !== undefined && !reader.options.includes(name),
  );
  if (given === undefined || strange === undefined) return;
  const owners = readers.filter((each) => each.options.includes(strange));
  throw new ConfigError({
    subject: `data.${strange}`,
    problem:
      owners.length < 4
        ? `it is for ${owners.map(({ reads }) => reads).join(", or ")}; ${shownPath(source)} is ${reader.reads}.`
        : `${shownPath(source)} is ${reader.reads}, which it is not for.`,
    fix: "leave it out, or give other data.",
  });
}

/** `flowers` of `sets/flowers.tar.gz`. */
async function shortName({ kind, source }: Found): Promise<string> {
  const { basename, extname, resolve } = await import("node:path");
  if (kind === "set") return source;
  if (kind === "file") return basename(source, extname(source)).replace(/\.(csv|tsv|txt)$/, "");
  return basename(resolve(source)).replace(/\.(tar|tar\.gz|tgz)$/i, "");
}

export const isArchive = (source: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(source);

/** A fixed random sample of examples: in their own order they may be sorted by class. */
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
  const names = [...setNames, ...dataNames];
  const near = nearest(source, names);
  throw new ConfigError({
    subject: "--data",
    problem: `"${source}" is no set (${names.join(", ")}), no folder and no file.`,
    fix: near ? `did you mean --data ${near}?` : "give a set's name, or the path of data.",
  });
}

/**
 * @throws {DataError} if there is one class: every prediction would be right, and nothing learned.
 */
export function checkLearnable({ source, preparation }: DataConfig): void {
  const classes = classesOf(preparation);
  if (preparation.target.task === "regression" || classes.length > 1) return;
  throw new DataError({
    subject: shownPath(source),
    problem: `all its examples are of one class, "${classes[0]}".`,
    fix: "give examples of two classes or more; for a table, check which column is the target.",
  });
}

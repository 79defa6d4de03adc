import { ConfigError, checkOptions, DataError, type OptionNames } from "../../base/index.ts";
import { decodeWav } from "../../formats/index.ts";
import { type Dataset, makeSplit, type Split, splitDataset } from "../dataset.ts";
import { locate, type Part } from "../folders/class-folders.ts";
import { type FileEntry, type FileTree, fileTree, treeNotes } from "../folders/file-tree.ts";
import { beyond, limitNames, limitsOf, type ReadLimits } from "../folders/limits.ts";

/** Options of {@link readWavFolder}. */
export interface WavFolderOptions extends Omit<ReadLimits, "maxPixels"> {
  /**
   * Samples per recording: longer ones are cut, shorter ones padded with silence. Default: the
   * longest.
   */
  readonly length?: number;
  /**
   * What is held out. For recordings named by index, those whose index is below this; default 5.
   * For class folders without a test set, this fraction; default 0.2. 0 holds out none.
   */
  readonly test?: number;
  /** The seed of the split of class folders. Default 0. */
  readonly seed?: number;
}

const { maxPixels, ...soundLimits } = limitNames;
const wavNames: OptionNames<WavFolderOptions> = {
  ...{ ...soundLimits, length: true, test: "number", seed: "number" },
};

/** Recordings as a data set. */
export interface WavDataset extends Dataset {
  /** Samples per second of all recordings. */
  readonly sampleRate: number;
}

/** A recording's file with the information from its path. */
interface Labeled {
  readonly file: FileEntry;
  readonly className: string;
  readonly part: Part | undefined;
}

interface Recording extends Labeled {
  readonly samples: Float32Array;
  readonly sampleRate: number;
}

/**
 * Reads recordings from a folder, a `.tar` or a `.tar.gz`. Channels are averaged. {@link logMel} of
 * the inputs makes images of them.
 *
 * In folders by class, `<class>/*.wav` or `train/<class>/*.wav`, …, the folder is the class. The
 * lists `validation_list.txt` and `testing_list.txt` of Speech Commands are followed; without them
 * and without such folders a random part is held out. Folders whose names begin with `_`, such as
 * `_background_noise_`, are not classes.
 *
 * In a random split, recordings of one speaker fall on both sides, so the test set measures known
 * voices. To measure new voices, put them into `train/` and `test/` yourself.
 *
 * In a single folder the names give the class: `<class>_<speaker>_<index>.wav`, as in the free
 * spoken digits. The first few recordings of each speaker and class are held out: known voices, new
 * recordings.
 *
 * @returns inputs `[N, T]` float32 in [−1, 1); targets `[N]` int32, classes by name.
 * @throws {DataError} if there is no recording, a name has another form, sample rates differ, a
 * class is in the test set only, or a limit is exceeded. @throws {FormatError} naming a file that
 * is not WAV.
 * @see Jackson et al. 2018, "Free spoken digit dataset"; Warden 2018, "Speech Commands",
 * arXiv:1804.03209
 * @example
 * const { train, sampleRate } = await readWavFolder("spoken", { length: 800 });
 * logMel(train.inputs, { sampleRate, count: 20 }).shape; // [4, 20, 5]
 */
export async function readWavFolder(
  path: string,
  options: WavFolderOptions = {},
): Promise<WavDataset> {
  checkOptions("readWavFolder", options, wavNames);
  const limits = limitsOf(options, "readWavFolder");
  return soundDataset(path, await fileTree(path, isSoundName, limits), options);
}

/** Whether a file is a recording or a list of recordings, by its name. */
export const isSoundName = (path: string): boolean => isSound.test(path) || isList.test(path);

/** {@link readWavFolder} for a tree that has been read. */
export async function soundDataset(
  path: string,
  tree: FileTree,
  options: WavFolderOptions,
): Promise<WavDataset> {
  const limits = limitsOf(options, "readWavFolder");
  const sounds = tree.files.filter((file) => isSound.test(file.path));
  if (sounds.length === 0) throw noRecording(path, treeNotes(tree));
  const folders = new Set(sounds.map((file) => file.path.split("/").slice(0, -1).join("/")));
  const isByFolder = folders.size > 1;
  const { test = isByFolder ? 0.2 : 5, seed = 0 } = options;
  if (isByFolder) checkShare(test);
  else checkWhole("test", test, 0);
  const { labeled, notes } = isByFolder
    ? await byFolder(path, { ...tree, files: sounds }, tree.files)
    : { labeled: sounds.map((file) => byName(file, test)), notes: [] };
  const recordings = await decodeAll(labeled);
  const [first] = recordings as [Recording];
  const { length = recordings.reduce((most, { samples }) => Math.max(most, samples.length), 1) } =
    options;
  checkWhole("length", length, 1);
  const bytes = 4 * length * recordings.length;
  if (bytes > limits.maxDecodedBytes)
    throw beyond(
      path,
      `bytes of ${recordings.length} recordings of ${length} samples`,
      bytes,
      limits.maxDecodedBytes,
      "maxDecodedBytes",
    );
  const part = (name: Part) => recordings.filter((each) => (each.part ?? "train") === name);
  const classes = [...new Set(part("train").map(({ className }) => className))].sort();
  const strange = recordings.find(({ className }) => !classes.includes(className));
  if (strange && isByFolder) throw strangeClass(path, strange);
  if (classes.length === 0 || strange) throw nothingLeft(path, test, strange?.className);
  const split = (name: Part) => toSplit(part(name), classes, length);
  const hasParts = recordings.some((each) => each.part !== undefined);
  const [train, held] =
    hasParts || test === 0
      ? [split("train"), split("test")]
      : splitDataset(split("train"), test, seed);
  const validation = split("validation");
  const allNotes = [...treeNotes(tree), ...notes];
  const { basename, resolve } = await import("node:path");
  return {
    name: basename(resolve(path)).replace(/(\.tar)?(\.gz|\.tar|\.tgz)?$/, ""),
    task: "classification",
    classes,
    sampleRate: first.sampleRate,
    train,
    ...(validation.size > 0 && { validation }),
    ...(held.size > 0 && { test: held }),
    ...(allNotes.length > 0 && { notes: allNotes }),
  };
}

const isSound = /\.wave?$/i;
const isList = /(^|\/)(testing|validation)_list\.txt$/;
const namePattern = /^([^_]+)_.+_(\d+)\.wave?$/i;

function byName(file: FileEntry, test: number): Labeled {
  const [, className, index] = namePattern.exec(file.path.split("/").at(-1)!) ?? [];
  if (className === undefined) throw badName(file.path);
  return { file, className, part: Number(index) < test ? "test" : "train" };
}

async function byFolder(
  path: string,
  tree: FileTree,
  all: readonly FileEntry[],
): Promise<{ labeled: Labeled[]; notes: string[] }> {
  const { files, notes } = locate(path, tree);
  const noise = files.filter(({ className }) => className.startsWith("_"));
  if (noise.length > 0)
    notes.push(`${noise.length} recordings in ${noise[0]!.className} left out: it is no class.`);
  const listed = await readLists(all);
  const labeled = files
    .filter((each) => !noise.includes(each))
    .map((each) => ({ ...each, part: listed(each.file.path) ?? each.part }));
  return { labeled, notes };
}

/** The split in which the lists beside the class folders put a file; `train` if it is in none. */
async function readLists(files: readonly FileEntry[]): Promise<(path: string) => Part | undefined> {
  const parts = new Map<string, Part>();
  for (const file of files.filter(({ path }) => isList.test(path))) {
    const folder = file.path.slice(0, file.path.lastIndexOf("/") + 1);
    const part = file.path.endsWith("testing_list.txt") ? "test" : "validation";
    for (const line of new TextDecoder().decode(await file.read()).split(/\r?\n/))
      if (line.trim() !== "") parts.set(folder + line.trim(), part);
  }
  return (path) => (parts.size === 0 ? undefined : (parts.get(path) ?? "train"));
}

async function decodeAll(labeled: readonly Labeled[]): Promise<Recording[]> {
  const recordings: Recording[] = [];
  for (const each of labeled) {
    const { samples, channels, sampleRate } = decodeWav(await each.file.read(), each.file.path);
    const recording = { ...each, samples: toMono(samples, channels), sampleRate };
    recordings.push(recording);
    if (sampleRate !== recordings[0]!.sampleRate) throw otherRate(recording, recordings[0]!);
  }
  return recordings;
}

/** The mean of the channels. */
export function toMono(samples: Float32Array, channels: number): Float32Array {
  if (channels === 1) return samples;
  const count = samples.length / channels;
  const mono = new Float32Array(count);
  samples.forEach((x, i) => {
    mono[i % count] = mono[i % count]! + x / channels;
  });
  return mono;
}

function toSplit(recordings: Recording[], classes: readonly string[], length: number): Split {
  const data = new Float32Array(recordings.length * length);
  recordings.forEach(({ samples }, n) => {
    data.set(samples.subarray(0, length), n * length);
  });
  const labels = Int32Array.from(recordings, ({ className }) => classes.indexOf(className));
  return makeSplit(
    { dtype: "float32", shape: [recordings.length, length], data },
    { dtype: "int32", shape: [recordings.length], data: labels },
  );
}

function checkShare(test: number): void {
  if (test >= 0 && test < 1) return;
  throw new ConfigError({
    subject: "readWavFolder",
    problem: `test is ${test}, but of recordings in folders by class a share is held out.`,
    fix: "give test from 0 to below 1.",
  });
}

function checkWhole(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError({
    subject: "readWavFolder",
    problem: `${option} is ${value}, not a whole number of ${least} or more.`,
    fix: `give ${option} as a whole number.`,
  });
}

const badName = (path: string): DataError =>
  new DataError({
    subject: path,
    problem: "its name does not contain class, speaker and index.",
    fix: "name recordings <class>_<speaker>_<index>.wav, as in 7_anna_0.wav.",
  });

const noRecording = (path: string, notes: readonly string[]): DataError =>
  new DataError({
    subject: path,
    problem: ["holds no WAV file.", ...notes].join(" "),
    fix: "give a folder or archive with recordings as <class>/*.wav, or named <class>_<speaker>_<index>.wav.",
  });

const otherRate = (other: Recording, first: Recording): DataError =>
  new DataError({
    subject: other.file.path,
    problem: `${other.sampleRate} samples per second, but ${first.file.path} has ${first.sampleRate}.`,
    fix: "resample the recordings to one rate.",
  });

const strangeClass = (path: string, { className, file, part }: Recording): DataError =>
  new DataError({
    subject: path,
    problem: `${part} has the class "${className}" (${file.path}), which train has not.`,
    fix: "name the folders of all parts alike.",
  });

const nothingLeft = (path: string, test: number, name: string | undefined): DataError =>
  new DataError({
    subject: path,
    problem: `${name === undefined ? "no recording" : `no recording of class "${name}"`} has an index of ${test} or more, so none is left to learn from.`,
    fix: "lower the option test, or number the recordings of each class from 0.",
  });

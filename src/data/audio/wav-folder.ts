import { ConfigError, DataError } from "../../base/index.ts";
import { decodeWav } from "../../formats/index.ts";
import { type Dataset, makeSplit, type Split } from "../dataset.ts";
import { fileTree } from "../file-tree.ts";

/** What {@link readWavFolder} makes of its recordings. */
export interface WavFolderOptions {
  /** Samples per recording: longer ones are cut, shorter ones end in silence. Default: the longest. */
  readonly length?: number;
  /** Recordings whose index is below this are the test set; 0 for none. Default 5. */
  readonly test?: number;
}

/** Recordings as a data set. */
export interface WavDataset extends Dataset {
  /** Samples per second of all recordings. */
  readonly sampleRate: number;
}

/** A recording with what its name says. */
interface Recording {
  readonly path: string;
  readonly className: string;
  readonly index: number;
  readonly samples: Float32Array;
  readonly sampleRate: number;
}

/**
 * Reads recordings named `<class>_<speaker>_<index>.wav` from a folder, a `.tar` or a `.tar.gz`, such
 * as the free spoken digits. The first few of each speaker and class are held out: known voices,
 * unheard recordings. Channels are averaged. {@link logMel} of the inputs makes images of them.
 *
 * @returns inputs `[N, T]` float32 in [−1, 1); targets `[N]` int32, classes by name.
 * @throws {DataError} if there is no recording, a name is of another form, rates differ or a class
 *   is in the test set alone. @throws {FormatError} if a file is not WAV; it is named.
 * @see Jackson et al. 2018, "Free spoken digit dataset"
 * @example
 * const { train, sampleRate } = await readWavFolder("spoken", { length: 800 });
 * logMel(train.inputs, { sampleRate, count: 20 }).shape; // [4, 20, 5]
 */
export async function readWavFolder(
  path: string,
  options: WavFolderOptions = {},
): Promise<WavDataset> {
  const { test = 5 } = options;
  const { files } = await fileTree(path, (name) => /\.wav$/i.test(name));
  const recordings: Recording[] = [];
  for (const file of files) {
    const [, className, index] = namePattern.exec(file.path.split("/").at(-1)!) ?? [];
    if (className === undefined) throw badName(file.path);
    const { samples, channels, sampleRate } = decodeWav(await file.read(), file.path);
    const mono = toMono(samples, channels);
    recordings.push({
      path: file.path,
      className,
      index: Number(index),
      samples: mono,
      sampleRate,
    });
  }
  const [first] = recordings;
  if (!first) throw noRecording(path);
  const other = recordings.find(({ sampleRate }) => sampleRate !== first.sampleRate);
  if (other) throw otherRate(other, first);
  const { length = recordings.reduce((most, { samples }) => Math.max(most, samples.length), 1) } =
    options;
  checkWhole("length", length, 1);
  checkWhole("test", test, 0);
  const kept = recordings.filter(({ index }) => index >= test);
  const held = recordings.filter(({ index }) => index < test);
  const classes = [...new Set(kept.map(({ className }) => className))].sort();
  const strange = held.find(({ className }) => !classes.includes(className));
  if (kept.length === 0 || strange) throw nothingLeft(path, test, strange?.className);
  const { basename, resolve } = await import("node:path");
  return {
    name: basename(resolve(path)).replace(/(\.tar)?(\.gz|\.tar|\.tgz)?$/, ""),
    task: "classification",
    classes,
    sampleRate: first.sampleRate,
    train: toSplit(kept, classes, length),
    ...(held.length > 0 && { test: toSplit(held, classes, length) }),
  };
}

const namePattern = /^([^_]+)_.+_(\d+)\.wav$/i;

/** The mean of the channels. */
function toMono(samples: Float32Array, channels: number): Float32Array {
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
    problem: "its name does not say class, speaker and index.",
    fix: "name recordings <class>_<speaker>_<index>.wav, as in 7_anna_0.wav.",
  });

const noRecording = (path: string): DataError =>
  new DataError({
    subject: path,
    problem: "holds no WAV file.",
    fix: "give a folder or archive with recordings named <class>_<speaker>_<index>.wav.",
  });

const otherRate = (other: Recording, first: Recording): DataError =>
  new DataError({
    subject: other.path,
    problem: `${other.sampleRate} samples per second, but ${first.path} has ${first.sampleRate}.`,
    fix: "resample the recordings to one rate.",
  });

const nothingLeft = (path: string, test: number, name: string | undefined): DataError =>
  new DataError({
    subject: path,
    problem: `${name === undefined ? "no recording" : `no recording of class "${name}"`} has an index of ${test} or more, so none is left to learn from.`,
    fix: "lower the option test, or number the recordings of each class from 0.",
  });

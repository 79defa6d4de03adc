import {
  checkOptions,
  DataError,
  type HostArray,
  sameShape,
  show,
  sizeOf,
} from "../../base/index.ts";
import { decodeIdxFile, type IdxArray, idxTypes } from "../../formats/index.ts";
import { type Dataset, makeSplit, type Split } from "../dataset.ts";
import { type FileEntry, type FileTree, fileTree, treeNotes } from "../folders/file-tree.ts";
import {
  archiveLimit,
  beyond,
  type Limits,
  limitNames,
  limitsOf,
  type ReadLimits,
} from "../folders/limits.ts";

/**
 * Reads a set of four IDX files, as in MNIST, Fashion-MNIST, KMNIST and EMNIST, from a folder or an
 * archive.
 *
 * The files are found by their names, gzip or not, with `-`, `_` or `.` between the words:
 * `train-images`, `train-labels`, and `t10k-` or `test-` for the test set, which may be absent;
 * with the set's name before them, as EMNIST has it; in the folder or below it, as in torchvision's
 * `MNIST/raw` and Kaggle's folders of one file each.
 *
 * @returns inputs `[N, C, H, W]` float32, bytes scaled from 0…255 to [0, 1], other numbers
 *   unchanged; images in the files are `[N, H, W]` or `[N, H, W, C]`. Targets `[N]` int32; the
 *   largest label of the training set gives the number of classes.
 * @throws {DataError} if the folder or a file is missing, there are several sets, or labels and
 *   images do not fit together. @throws {FormatError} if a file is not IDX.
 * @example
 * const { train, test } = await readIdxFolder("data/mnist"); // 60 000 and 10 000 images
 */
export async function readIdxFolder(
  path: string,
  options: Omit<ReadLimits, "maxPixels"> = {},
): Promise<Dataset> {
  checkOptions<ReadLimits>("readIdxFolder", options, limitNames);
  const limits = limitsOf(options, "readIdxFolder");
  return idxDataset(path, await fileTree(path, isIdxName, limits), limits);
}

const namePattern =
  /^(?:(.+)[-_.])?(train|t10k|test)[-_.](images|labels)(?:[-_.].*(?:idx\d|ubyte).*|[-_.]idx\d?)?(?:\.gz)?$/i;

/** Whether a file belongs to a set, by its name. */
export const isIdxName = (path: string): boolean => namePattern.test(baseOf(path));

const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The four files of a set, by `train-images`, …; each may occur twice. */
type Group = Map<string, FileEntry>;

/** {@link readIdxFolder} for a tree that has been read. */
export async function idxDataset(path: string, tree: FileTree, limits: Limits): Promise<Dataset> {
  const { basename, resolve } = await import("node:path");
  const files = chooseSet(path, tree);
  const notes = treeNotes(tree);
  const read = async (part: "train" | "test"): Promise<Split | undefined> => {
    const [images, labels] = [files.get(`${part}-images`), files.get(`${part}-labels`)];
    if (!images && !labels && part === "test") return undefined;
    if (!images || !labels)
      throw missingFile(
        path,
        `${part === "test" ? "t10k" : part}-${images ? "labels" : "images"}`,
        tree,
      );
    return readPair(path, images, labels, limits);
  };
  const train = (await read("train"))!;
  const test = await read("test");
  const classes = 1 + largest(train.targets);
  if (test) checkTest(path, train, test, classes);
  return {
    name: basename(resolve(path)).replace(/(\.tar)?(\.gz|\.tar|\.tgz)?$/, ""),
    task: "classification",
    train,
    ...(test && { test }),
    classes: Array.from({ length: classes }, (_, k) => String(k)),
    ...(notes.length > 0 && { notes }),
  };
}

/**
 * The one set in the tree: its files lie in one folder, or each in a folder of its own within one.
 */
function chooseSet(path: string, tree: FileTree): Group {
  const groups = new Map<string, Group>();
  for (const file of tree.files) {
    const [, set = "", part = "", kind = ""] = namePattern.exec(baseOf(file.path))!;
    const folders = file.path.split("/").slice(0, -1);
    if (isIdxName(folders.at(-1) ?? "")) folders.pop(); // Kaggle's train-images-idx3-ubyte/train-images-idx3-ubyte
    const key = [...folders, set].join("/");
    const name = `${/train/i.test(part) ? "train" : "test"}-${kind.toLowerCase()}`;
    const group = groups.get(key) ?? new Map<string, FileEntry>();
    const known = group.get(name);
    // Of a file that occurs twice, the one higher up, then the one that is not compressed.
    const rank = ({ path }: FileEntry) =>
      2 * path.split("/").length + (/\.gz$/i.test(path) ? 1 : 0);
    if (!known || rank(file) < rank(known)) group.set(name, file);
    groups.set(key, group);
  }
  const [first = new Map(), second] = [...groups.values()];
  if (!second) return first;
  const found = [...groups.values()].map((group) => [...group.values()][0]!.path).sort();
  throw new DataError({
    subject: path,
    problem: `there are ${groups.size} sets of IDX files (${found.slice(0, 4).join(", ")}${found.length > 4 ? ", …" : ""}).`,
    fix: "give the folder of one, or put its four files into a folder of their own.",
  });
}

function missingFile(path: string, wanted: string, tree: FileTree): DataError {
  const notes = treeNotes(tree);
  const names = tree.files.map((file) => file.path);
  const found = names.slice(0, 10).join(", ") + (names.length > 10 ? ", …" : "");
  const nothing = tree.folders.length === 0 && notes.length === 0 ? "nothing" : "no other IDX file";
  return new DataError({
    subject: path,
    problem: [
      `no file ${wanted}* in the folder, which holds ${found || nothing}.`,
      ...(found ? [] : notes),
    ].join(" "),
    fix: "put the images and the labels, gzip or not, into the same folder under their usual names.",
  });
}

async function readPair(
  path: string,
  imagesFile: FileEntry,
  labelsFile: FileEntry,
  limits: Limits,
): Promise<Split> {
  const read = async (file: FileEntry) => {
    const bytes = await file.read();
    return decodeIdxFile(bytes, `${path}/${file.path}`, archiveLimit(limits, bytes.length));
  };
  const labels = readLabels(await read(labelsFile), `${path}/${labelsFile.path}`);
  const inputs = readImages(await read(imagesFile), `${path}/${imagesFile.path}`, limits);
  if (labels.shape[0] !== inputs.shape[0])
    throw new DataError({
      subject: `${path}/${labelsFile.path}`,
      problem: `${labels.shape[0]} labels for ${inputs.shape[0]} images of ${path}/${imagesFile.path}.`,
      fix: "give the labels that belong to the images.",
    });
  return makeSplit(inputs, labels);
}

/** This many classes are plausible, however few examples there are. */
const fewClasses = 1000;
/**
 * More classes have no use here, and tables of all pairs would not fit in memory. ImageNet has 21
 * 841.
 */
const mostClasses = 2 ** 16;

/** Labels, checked before anything of their size is allocated. */
function readLabels({ shape, data }: IdxArray, path: string): HostArray {
  const isWhole = !(data instanceof Float32Array || data instanceof Float64Array);
  if (shape.length !== 1 || data.length === 0 || !isWhole)
    throw new DataError({
      subject: path,
      problem: `labels must be a list of at least one whole number, found shape ${show(shape)} of ${data.constructor.name}.`,
      fix: "give a file such as train-labels-idx1-ubyte.",
    });
  const negative = data.findIndex((label) => label < 0);
  if (negative >= 0)
    throw new DataError({
      subject: path,
      problem: `label ${negative} is ${data[negative]}, but classes count from 0.`,
      fix: "number the classes 0, 1, 2, …",
    });
  const limit = Math.min(mostClasses, Math.max(fewClasses, data.length));
  const huge = data.findIndex((label) => label >= limit);
  if (huge >= 0)
    throw new DataError({
      subject: path,
      problem: `label ${huge} is ${data[huge]}: ${data[huge]! + 1} classes, of which ${data.length} labels can have at most ${limit}.`,
      fix: "number the classes 0, 1, 2, … without gaps.",
    });
  return { dtype: "int32", shape, data: Int32Array.from(data) };
}

function readImages({ dtypeCode, shape, data }: IdxArray, path: string, limits: Limits): HostArray {
  const [count, height, width, channels = 1] = shape;
  if ((shape.length !== 3 && shape.length !== 4) || sizeOf(shape) === 0)
    throw new DataError({
      subject: path,
      problem: `images must have shape [N, H, W] or [N, H, W, C] and not be empty, found ${show(shape)}.`,
      fix: "give a file such as train-images-idx3-ubyte.",
    });
  const { maxDecodedBytes } = limits;
  if (4 * data.length > maxDecodedBytes)
    throw beyond(path, "bytes as float32", 4 * data.length, maxDecodedBytes, "maxDecodedBytes");
  const scale = dtypeCode === idxTypes.ubyte ? 255 : 1;
  return {
    dtype: "float32",
    shape: [count!, channels, height!, width!],
    data: channelsFirst(data, count!, height! * width!, channels, scale),
  };
}

/** `[N, P, C]` → `[N, C, P]`, divided by `scale` and rounded to float32 once. */
function channelsFirst(
  data: ArrayLike<number>,
  count: number,
  pixels: number,
  channels: number,
  scale: number,
): Float32Array {
  const result = new Float32Array(data.length);
  let to = 0;
  for (let n = 0; n < count; n++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < pixels; p++)
        result[to++] = data[(n * pixels + p) * channels + c]! / scale;
  return result;
}

const largest = ({ data }: HostArray): number => {
  let most = 0;
  for (const label of data) most = Math.max(most, label);
  return most;
};

function checkTest(path: string, train: Split, test: Split, classes: number): void {
  const [like, found] = [train, test].map(({ inputs }) => inputs.shape.slice(1)) as [
    number[],
    number[],
  ];
  if (!sameShape(like, found))
    throw new DataError({
      subject: path,
      problem: `test images are ${show(found)} (channels, height, width), those to train ${show(like)}.`,
      fix: "use a test set of the same images.",
    });
  const { data } = test.targets;
  const at = data.findIndex((label) => label >= classes);
  if (at < 0) return;
  throw new DataError({
    subject: path,
    problem: `test label ${at} is ${data[at]}, but the training labels end at ${classes - 1}.`,
    fix: "use a test set of the same classes.",
  });
}

import { DataError, type HostArray, show, sizeOf } from "../base/index.ts";
import { type IdxArray, idxTypes, readIdx } from "../formats/index.ts";
import { type Dataset, makeSplit, type Split } from "./dataset.ts";

/**
 * Reads a folder of four IDX files, as MNIST, Fashion-MNIST, KMNIST and EMNIST come.
 *
 * The files are found by how their names begin, gzip or not, with `-` or `.` between the words:
 * `train-images`, `train-labels`, and `t10k-` or `test-` for the test set, which may be absent.
 *
 * @returns inputs `[N, C, H, W]` float32, bytes scaled from 0…255 to [0, 1]; images in the files
 *   are `[N, H, W]` or `[N, H, W, C]`. Targets `[N]` int32; as many classes as the largest label of
 *   the training set says.
 * @throws {DataError} if the folder or a file is missing, or labels and images do not fit together.
 * @throws {FormatError} if a file is not IDX.
 * @example
 * const { train, test } = await readIdxFolder("data/mnist"); // 60 000 and 10 000 images
 */
export async function readIdxFolder(path: string): Promise<Dataset> {
  const { basename, join, resolve } = await import("node:path");
  const names = await listFolder(path);
  const read = async (part: string, prefixes: string[]): Promise<Split | undefined> => {
    const images = findFile(names, prefixes, "images");
    const labels = findFile(names, prefixes, "labels");
    if (!images && !labels && part === "test") return undefined;
    if (!images || !labels)
      throw missingFile(path, `${prefixes[0]}-${images ? "labels" : "images"}`, names);
    return readPair(join(path, images), join(path, labels));
  };
  const train = (await read("train", ["train"]))!;
  const test = await read("test", ["t10k", "test"]);
  const classes = 1 + largest(train.targets);
  if (test) checkLabels(test.targets, classes, path);
  return {
    name: basename(resolve(path)),
    task: "classification",
    train,
    ...(test && { test }),
    classes: Array.from({ length: classes }, (_, k) => String(k)),
  };
}

async function listFolder(path: string): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  try {
    return (await readdir(path)).sort();
  } catch (thrown) {
    throw new DataError({
      subject: path,
      problem: `the folder cannot be read (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "give the folder that holds train-images-idx3-ubyte and its companions.",
    });
  }
}

const findFile = (names: string[], prefixes: string[], kind: string): string | undefined =>
  names.find((name) => prefixes.some((p) => new RegExp(`^${p}[-_.]${kind}`, "i").test(name)));

function missingFile(path: string, wanted: string, names: string[]): DataError {
  const found = names.slice(0, 10).join(", ") + (names.length > 10 ? ", …" : "");
  return new DataError({
    subject: path,
    problem: `no file ${wanted}* in the folder, which holds ${found || "nothing"}.`,
    fix: "put the images and the labels, gzip or not, into the same folder under their usual names.",
  });
}

async function readPair(imagesPath: string, labelsPath: string): Promise<Split> {
  const labels = readLabels(await readIdx(labelsPath), labelsPath);
  const inputs = readImages(await readIdx(imagesPath), imagesPath);
  if (labels.shape[0] !== inputs.shape[0])
    throw new DataError({
      subject: labelsPath,
      problem: `${labels.shape[0]} labels for ${inputs.shape[0]} images of ${imagesPath}.`,
      fix: "give the labels that belong to the images.",
    });
  return makeSplit(inputs, labels);
}

function readLabels({ shape, data }: IdxArray, path: string): HostArray {
  const integers = data instanceof Uint8Array || data instanceof Int32Array;
  if (shape.length !== 1 || data.length === 0 || !integers)
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
  return { dtype: "int32", shape, data: Int32Array.from(data) };
}

function readImages({ dtypeCode, shape, data }: IdxArray, path: string): HostArray {
  const [count, height, width, channels = 1] = shape;
  if ((shape.length !== 3 && shape.length !== 4) || sizeOf(shape) === 0)
    throw new DataError({
      subject: path,
      problem: `images must have shape [N, H, W] or [N, H, W, C] and not be empty, found ${show(shape)}.`,
      fix: "give a file such as train-images-idx3-ubyte.",
    });
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

function checkLabels({ data }: HostArray, classes: number, path: string): void {
  const at = data.findIndex((label) => label >= classes);
  if (at < 0) return;
  throw new DataError({
    subject: path,
    problem: `test label ${at} is ${data[at]}, but the training labels end at ${classes - 1}.`,
    fix: "use a test set of the same classes.",
  });
}

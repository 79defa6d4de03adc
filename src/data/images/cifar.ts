/** CIFAR-10 in its binary version: files of records, a label and 3072 bytes of an image. */
import { DataError, type HostArray } from "../../base/index.ts";
import { type Dataset, makeSplit, type Split } from "../dataset.ts";
import type { FileEntry, FileTree } from "../folders/file-tree.ts";

const [pixels, record] = [3072, 3073];
/** The order of the labels, from the set's `batches.meta.txt`. */
const classes = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");

/** Whether a file belongs to the set, by its name. */
export const isCifarName = (path: string): boolean =>
  /(^|\/)(data_batch_\d|test_batch)\.bin$/.test(path);

/**
 * The set of a folder or archive, images `[N, 3, 32, 32]` from 0 to 1.
 *
 * @throws {DataError} if a file is truncated, has a label above 9, or the training files are missing.
 * @see https://www.cs.toronto.edu/~kriz/cifar.html
 */
export async function cifarDataset(path: string, tree: FileTree): Promise<Dataset> {
  const isTest = (file: FileEntry) => file.path.endsWith("test_batch.bin");
  const read = async (files: readonly FileEntry[]): Promise<Split> => {
    const parts: Uint8Array[] = [];
    for (const file of files) parts.push(checked(await file.read(), `${path}/${file.path}`));
    return splitOf(parts);
  };
  const [test, train] = [tree.files.filter(isTest), tree.files.filter((file) => !isTest(file))];
  if (train.length === 0)
    throw new DataError({
      subject: path,
      problem: "there is test_batch.bin, and no data_batch_1.bin.",
      fix: "give the whole set.",
    });
  return {
    ...{ name: "cifar10", task: "classification", classes },
    train: await read(train),
    ...(test.length > 0 && { test: await read(test) }),
  };
}

function checked(bytes: Uint8Array, subject: string): Uint8Array {
  if (bytes.length === 0 || bytes.length % record !== 0)
    throw new DataError({
      subject,
      problem: `${bytes.length} bytes are no whole records of ${record}.`,
      fix: "download or copy the file again.",
    });
  for (let at = 0; at < bytes.length; at += record)
    if (bytes[at]! >= classes.length)
      throw new DataError({
        subject,
        problem: `record ${at / record} has the label ${bytes[at]}, above 9.`,
        fix: "give CIFAR-10 in its binary version.",
      });
  return bytes;
}

function splitOf(parts: readonly Uint8Array[]): Split {
  const size = parts.reduce((sum, { length }) => sum + length / record, 0);
  const data = new Float32Array(size * pixels);
  const labels = new Int32Array(size);
  let n = 0;
  for (const part of parts)
    for (let at = 0; at < part.length; at += record, n++) {
      labels[n] = part[at]!;
      for (let i = 0; i < pixels; i++) data[n * pixels + i] = part[at + 1 + i]! / 255;
    }
  const inputs: HostArray = { dtype: "float32", shape: [size, 3, 32, 32], data };
  return makeSplit(inputs, { dtype: "int32", shape: [size], data: labels });
}

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { readIdxFolder } from "gradus/data";
import { type IdxArray, idxTypes, writeIdx } from "gradus/formats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DataError, FormatError, hostArray } from "../../../src/base/index.ts";
import { type Files, tarOf } from "../files.ts";
import { testOnRealData } from "../real-data.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gradus-folder-"));
});
afterAll(() => rm(root, { recursive: true }));

const bytes = (shape: number[], ...values: number[]): IdxArray => ({
  dtypeCode: idxTypes.ubyte,
  shape,
  data: Uint8Array.from(values),
});

let made = 0;
/** A folder with these IDX files. */
async function folderOf(files: Record<string, IdxArray>): Promise<string> {
  const path = join(root, `set${made++}`);
  await mkdir(path);
  for (const [name, array] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeIdx(join(path, name), array);
  }
  return path;
}

const twoImages = bytes([2, 1, 2], 0, 255, 51, 102);
const pair = { "train-images-idx3-ubyte": twoImages, "train-labels-idx1-ubyte": bytes([2], 3, 0) };

test("bytes become [N, 1, H, W] in [0, 1], labels int32 with as many classes as they need", async () => {
  const path = await folderOf(pair);
  const set = await readIdxFolder(`${path}/`);
  expect(set).toEqual({
    name: path.slice(root.length + 1),
    task: "classification",
    classes: ["0", "1", "2", "3"],
    train: {
      inputs: hostArray([2, 1, 1, 2], Float32Array.of(0, 1, 0.2, 0.4)),
      targets: hostArray([2], Int32Array.of(3, 0)),
      size: 2,
    },
  });
});

test("compressed files and the names test-* and .idx are found too", async () => {
  const path = await folderOf({
    "train-images.idx3-ubyte.gz": twoImages,
    "train-labels.idx1-ubyte.gz": bytes([2], 1, 0),
    "test-images-idx3-ubyte": bytes([1, 1, 2], 7, 8),
    "test-labels-idx1-ubyte.gz": bytes([1], 1),
  });
  expect((await readIdxFolder(path)).test!.targets.data).toEqual(Int32Array.of(1));
});

const held = {
  "t10k-images-idx3-ubyte": bytes([1, 1, 2], 7, 8),
  "t10k-labels-idx1-ubyte": bytes([1], 1),
};
const layouts: [what: string, name: (file: string) => string][] = [
  ["torchvision's MNIST/raw", (file) => `MNIST/raw/${file}`],
  ["EMNIST", (file) => `gzip/emnist-letters-${file.replace("t10k", "test")}.gz`],
  ["Kaggle's folders of one file", (file) => `${file}/${file}`],
  ["Kaggle's names", (file) => file.replace("-idx", ".idx")],
];
for (const [what, name] of layouts)
  test(`${what} is found`, async () => {
    const files = Object.entries({ ...pair, ...held });
    const path = await folderOf(Object.fromEntries(files.map(([f, x]) => [name(f), x])));
    const { train, test: test_ } = await readIdxFolder(path);
    expect([[...train.targets.data], [...test_!.targets.data]]).toEqual([[3, 0], [1]]);
  });

test("a file that comes twice counts once; two sets are told apart", async () => {
  const dotted = Object.fromEntries(
    Object.entries(pair).map(([name, x]) => [name.replace("-idx", ".idx"), x]),
  );
  const inner = { "train-images-idx3-ubyte/train-images-idx3-ubyte": bytes([1, 1, 1], 9) };
  expect((await readIdxFolder(await folderOf({ ...dotted, ...inner }))).train.size).toBe(2);
  const two = Object.entries(pair).flatMap(([name, x]) => [
    [`MNIST/raw/${name}`, x],
    [`KMNIST/raw/${name}`, x],
  ]);
  await expect(readIdxFolder(await folderOf(Object.fromEntries(two)))).rejects.toThrow(
    "there are 2 sets of IDX files (KMNIST/raw/train-images-idx3-ubyte, MNIST/raw/train-images",
  );
});

test("an archive of a set", async () => {
  const path = await folderOf(pair);
  const files: Files = {};
  for (const name of Object.keys(pair)) files[`mnist/${name}`] = await readFile(join(path, name));
  await writeFile(join(path, "x.tgz"), gzipSync(await tarOf(files)));
  expect((await readIdxFolder(join(path, "x.tgz"))).train.size).toBe(2);
});

test("labels of int8 and int16", async () => {
  const labels = { dtypeCode: idxTypes.int16, shape: [2], data: Int16Array.of(3, 0) };
  const path = await folderOf({ ...pair, "train-labels-idx1-ubyte": labels });
  expect((await readIdxFolder(path)).classes).toHaveLength(4);
  const int8 = { dtypeCode: idxTypes.int8, shape: [2], data: Int8Array.of(3, -1) };
  const negative = await folderOf({ ...pair, "train-labels-idx1-ubyte": int8 });
  await expect(readIdxFolder(negative)).rejects.toThrow("label 1 is -1");
});

test("color images [N, H, W, C] become [N, C, H, W]; floats stay as they are", async () => {
  const data = Float32Array.of(1, 10, 100, 2, 20, 200);
  const path = await folderOf({
    ...pair,
    "train-images-idx3-ubyte": { dtypeCode: idxTypes.float32, shape: [1, 1, 2, 3], data },
    "train-labels-idx1-ubyte": bytes([1], 0),
  });
  const { inputs } = (await readIdxFolder(path)).train;
  expect(inputs).toEqual(hostArray([1, 3, 1, 2], Float32Array.of(1, 2, 10, 20, 100, 200)));
});

test("a missing folder, an empty one and a missing file say what was there", async () => {
  await expect(readIdxFolder(join(root, "absent"))).rejects.toThrow(
    /absent: cannot be read .*ENOENT/,
  );
  await expect(readIdxFolder(await folderOf({}))).rejects.toThrow(
    "no file train-images* in the folder, which holds nothing",
  );
  const { "train-images-idx3-ubyte": images } = pair;
  await expect(readIdxFolder(await folderOf({ "train-images": images }))).rejects.toThrow(
    "no file train-labels* in the folder, which holds train-images",
  );
  await expect(readIdxFolder(await folderOf({ ...pair, "t10k-images": images }))).rejects.toThrow(
    "no file t10k-labels*",
  );
});

const wrong: [what: string, files: Record<string, IdxArray>, message: string][] = [
  [
    "counts that differ",
    { ...pair, "train-labels-idx1-ubyte": bytes([3], 0, 1, 2) },
    "3 labels for 2 images",
  ],
  [
    "labels that are images",
    { ...pair, "train-labels-idx1-ubyte": twoImages },
    "labels must be a list of at least one whole number, found shape [2, 1, 2]",
  ],
  ["no labels at all", { ...pair, "train-labels-idx1-ubyte": bytes([0]) }, "found shape [0]"],
  [
    "a negative label",
    {
      ...pair,
      "train-labels-idx1-ubyte": {
        dtypeCode: idxTypes.int32,
        shape: [2],
        data: Int32Array.of(0, -4),
      },
    },
    "label 1 is -4",
  ],
  [
    "images without height",
    { ...pair, "train-images-idx3-ubyte": bytes([2, 2], 1, 2, 3, 4) },
    "[N, H, W] or [N, H, W, C] and not be empty, found [2, 2]",
  ],
  [
    "a label of two thousand million",
    {
      ...pair,
      "train-labels-idx1-ubyte": {
        dtypeCode: idxTypes.int32,
        shape: [2],
        data: Int32Array.of(0, 2_000_000_000),
      },
    },
    "label 1 is 2000000000: 2000000001 classes, of which 2 labels can have at most 1000",
  ],
  [
    "test images of another size",
    { ...pair, "t10k-images": bytes([1, 2, 2], 1, 2, 3, 4), "t10k-labels": bytes([1], 0) },
    "test images are [1, 2, 2] (channels, height, width), those to train [1, 1, 2]",
  ],
  [
    "a test label beyond the classes",
    { ...pair, "t10k-images": twoImages, "t10k-labels": bytes([2], 3, 4) },
    "test label 1 is 4, but the training labels end at 3",
  ],
];
for (const [what, files, message] of wrong)
  test(`${what}: DataError`, async () => {
    const attempt = readIdxFolder(await folderOf(files));
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow(message);
  });

test("a file of another format is named", async () => {
  const path = await folderOf(pair);
  await writeFile(join(path, "train-images-idx3-ubyte"), "<html>404 Not Found</html>");
  await expect(readIdxFolder(path)).rejects.toThrow(FormatError);
  await expect(readIdxFolder(path)).rejects.toThrow(/train-images-idx3-ubyte: not an IDX file/);
});

testOnRealData("MNIST: counts, first labels, published mean 0.1307", "mnist", async (path) => {
  const { train, test: held, classes } = await readIdxFolder(path);
  expect(train.inputs.shape).toEqual([60000, 1, 28, 28]);
  expect(held!.inputs.shape).toEqual([10000, 1, 28, 28]);
  expect(classes).toHaveLength(10);
  expect([...train.targets.data.slice(0, 8)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3]);
  let sum = 0;
  for (const x of train.inputs.data) sum += x;
  expect(sum / train.inputs.data.length).toBeCloseTo(0.1307, 4);
});

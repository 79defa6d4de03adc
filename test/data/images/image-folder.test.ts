import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readImageFolder } from "gradus/data";
import sharp from "sharp";
import { expect, test } from "vitest";
import { ConfigError, DataError, FormatError } from "../../../src/base/index.ts";
import { type Files, png, tarOf, workFolder } from "../files.ts";
import { testOnRealData } from "../real-data.ts";

const { root, folderOf } = workFolder();

async function withEmpty(files: Files, folder: string): Promise<string> {
  const path = await folderOf(files);
  await mkdir(join(path, folder));
  return path;
}

const small = async (): Promise<Files> => ({
  "train/b/2.png": await png([51]),
  "train/b/1.png": await png([255]),
  "train/a/1.png": await png([0]),
  "test/b/1.png": await png([102]),
  "train/a/notes.txt": Buffer.from("no image"),
  "train/a/._1.png": Buffer.from("what a Mac leaves"),
});

test("train/ and test/: values, classes by name, order by file name", async () => {
  const path = await folderOf(await small());
  const { name, task, classes, train, test: held } = await readImageFolder(path);
  expect([name, task, classes]).toEqual([
    path.slice(root().length + 1),
    "classification",
    ["a", "b"],
  ]);
  expect(train.inputs.shape).toEqual([3, 1, 2, 2]);
  expect([...train.inputs.data]).toEqual([
    0,
    0,
    0,
    0,
    1,
    1,
    1,
    1,
    ...Array(4).fill(Math.fround(0.2)),
  ]);
  expect([...train.targets.data]).toEqual([0, 1, 1]);
  expect([...held!.targets.data]).toEqual([1]);
  expect(held!.inputs.data[0]).toBe(Math.fround(0.4));
});

test("an archive reads as its folder does, compressed or not, whatever the order and the top folder", async () => {
  const files = await small();
  const expected = { ...(await readImageFolder(await folderOf(files))), name: "x" };
  const tar = await tarOf(files);
  const reversed = Object.fromEntries(
    Object.entries(files)
      .map(([name, bytes]) => [`./set/${name}`, bytes] as const)
      .reverse(),
  );
  const archives = {
    "x.tar": tar,
    "x.tar.gz": gzipSync(await tarOf(reversed)),
    "x.tgz": gzipSync(tar),
  };
  const path = await folderOf(archives);
  for (const name of Object.keys(archives))
    expect(await readImageFolder(join(path, name))).toEqual(expected);
});

test("color is [N, 3, H, W]; gray and color become color, or what channels says", async () => {
  const path = await folderOf({
    "x/1.png": await png([255, 0, 51], 2, 1),
    "y/1.png": await png([102], 2, 1),
  });
  const { train } = await readImageFolder(path, { test: 0 });
  expect(train.inputs.shape).toEqual([2, 3, 1, 2]);
  const fifths = [...train.inputs.data].map((x) => Math.round(5 * x));
  expect(fifths).toEqual([5, 5, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2]);
  const gray = (await readImageFolder(path, { test: 0, channels: 1 })).train.inputs;
  expect(gray.shape).toEqual([2, 1, 1, 2]);
  expect(gray.data[2]).toBe(Math.fround(0.4));
});

test("size covers the image and cuts its middle", async () => {
  // three columns of black, white, black: the middle one is left
  const bars = sharp(Uint8Array.of(0, 255, 0), { raw: { width: 3, height: 1, channels: 1 } });
  const path = await folderOf({ "x/1.png": await bars.toColorspace("b-w").png().toBuffer() });
  const { train } = await readImageFolder(path, { test: 0, size: 1 });
  expect(train.inputs.shape).toEqual([1, 1, 1, 1]);
  expect(train.inputs.data[0]).toBe(1);
});

test("without test/, a random part is held out, by the seed alone", async () => {
  const files: Files = {};
  for (let n = 0; n < 20; n++) files[`${n % 2 ? "odd" : "even"}/${n}.png`] = await png([n * 10]);
  const path = await folderOf(files);
  const split = async (seed: number) => {
    const { train, test: held } = await readImageFolder(path, { seed, test: 0.25 });
    expect([train.size, held!.size]).toEqual([15, 5]);
    return [...held!.inputs.data].filter((_, i) => i % 4 === 0).map((x) => Math.round(x * 25.5));
  };
  expect(await split(1)).toEqual(await split(1));
  expect(await split(1)).not.toEqual(await split(2));
});

test("classes chooses and orders", async () => {
  const path = await withEmpty(await small(), "train/empty");
  const { classes, train } = await readImageFolder(path, { classes: ["b"] });
  expect([classes, [...train.targets.data]]).toEqual([["b"], [0, 0]]);
  const both = await readImageFolder(path, { classes: ["b", "a"] });
  expect([...both.train.targets.data]).toEqual([0, 0, 1]);
  await expect(readImageFolder(path, { classes: ["c"] })).rejects.toThrow(
    'no images of class "c"; there are a, b',
  );
});

test("every name of parts: validation is a part of its own, whatever it is called", async () => {
  for (const [train, validation, held] of [
    ["train", "val", "test"],
    ["Training", "valid", "Test"],
    ["x/seg_train/seg_train", "x/seg_val/seg_val", "x/seg_test/seg_test"],
    ["training_set/training_set", "validation", "test_set/test_set"],
  ]) {
    const path = await folderOf({
      [`${train}/a/1.png`]: await png([0]),
      [`${train}/b/1.png`]: await png([51]),
      [`${validation}/b/2.png`]: await png([102]),
      [`${held}/a/3.png`]: await png([153]),
    });
    const set = await readImageFolder(path);
    expect(set.classes).toEqual(["a", "b"]);
    expect([set.train.size, set.validation!.size, set.test!.size]).toEqual([2, 1, 1]);
    expect([...set.validation!.targets.data, ...set.test!.targets.data]).toEqual([1, 0]);
    expect(set.validation!.inputs.data[0]).toBe(Math.fround(0.4));
    expect(set.test!.inputs.data[0]).toBe(Math.fround(0.6));
  }
});

test("folders below that of a class belong to it; around everything they do not matter", async () => {
  const path = await folderOf({
    "set/cat/1.png": await png([0]),
    "set/cat/old/2.png": await png([51]),
    "set/dog/x/y/3.png": await png([102]),
  });
  const { classes, train, notes } = await readImageFolder(path, { test: 0 });
  expect([classes, [...train.targets.data]]).toEqual([
    ["cat", "dog"],
    [0, 0, 1],
  ]);
  expect(notes).toEqual([
    "2 files in folders below that of the class, to which they count (set/cat/old/2.png).",
  ]);
});

test("a set that holds itself once more is read once; pictures to predict are left out", async () => {
  const files = { "train/a/1.png": await png([0]), "test/a/2.png": await png([51]) };
  const copies = Object.entries(files).map(([name, bytes]) => [`again/${name}`, bytes]);
  const path = await folderOf({
    ...files,
    ...Object.fromEntries(copies),
    "test/3.png": await png([102]),
  });
  const { train, test: held, notes } = await readImageFolder(path);
  expect([train.size, held!.size]).toEqual([1, 1]);
  expect(notes).toEqual([
    "2 files are left out as copies (again/test/a/2.png, …).",
    "1 file without a class left out (test/3.png).",
  ]);
});

test("color in one part makes all parts color, so that one network sees both", async () => {
  const color = await png([255, 0, 0]);
  for (const files of [
    { "train/a/1.png": color, "test/a/1.png": await png([51]) },
    { "train/a/1.png": await png([51]), "test/a/1.png": color },
  ]) {
    const { train, test: held } = await readImageFolder(await folderOf(files));
    expect([train.inputs.shape, held!.inputs.shape]).toEqual([
      [1, 3, 2, 2],
      [1, 3, 2, 2],
    ]);
  }
});

const gone: [what: string, files: () => Promise<Files>, message: RegExp][] = [
  ["no image", async () => ({ "a/x.txt": Buffer.from("") }), /holds no PNG, JPEG/],
  [
    "sizes that differ",
    async () => ({ "a/1.png": await png([1]), "a/2.png": await png([1], 3, 2) }),
    /a\/2.png: 2×3 pixels \(height × width\), but a\/1.png has 2×2/,
  ],
  [
    "a test set of another size",
    async () => ({ "train/a/1.png": await png([1]), "test/a/2.png": await png([1], 3, 2) }),
    /test\/a\/2.png: 2×3 pixels/,
  ],
  [
    "pictures to train without a class",
    async () => ({ "train/1.png": await png([1]), "test/2.png": await png([1]) }),
    /train\/1.png is not in a folder that names its class/,
  ],
  [
    "parts below classes",
    async () => ({ "cat/train/1.png": await png([1]), "dog/train/2.png": await png([1]) }),
    /do not have one layout/,
  ],
  [
    "more values than the limit",
    async () => ({ "a/1.png": await png([1]), "b/2.png": await png([1]) }),
    /bytes of 2: 32 is above the limit, 31/,
  ],
  [
    "a corrupt file",
    async () => ({ "a/1.png": await png([1]), "a/2.png": Buffer.from("\x89PNG torn") }),
    /a\/2.png: not an image that can be read/,
  ],
  [
    "two layouts",
    async () => ({ "train/a/1.png": await png([1]), "b/1.png": await png([1]) }),
    /train\/a\/1.png and b\/1.png do not have one layout/,
  ],
  [
    "images without a class",
    async () => ({ "1.png": await png([1]) }),
    /: 1\.png is not in a folder that names its class/,
  ],
  [
    "a class that only the test set has",
    async () => ({ "train/a/1.png": await png([1]), "test/c/1.png": await png([1]) }),
    /test has the class "c" \(test\/c\/1.png\)/,
  ],
];
for (const [what, files, message] of gone)
  test(`${what}: DataError`, async () => {
    const attempt = readImageFolder(await folderOf(await files()), {
      test: 0,
      ...(what.startsWith("more values") && { maxDecodedBytes: 31 }),
    });
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow(message);
  });

test("too few to hold some out: DataError", async () => {
  const path = await folderOf({ "a/1.png": await png([1]), "b/1.png": await png([2]) });
  await expect(readImageFolder(path)).rejects.toThrow(/2 images, of which a share of 0.2 to hold/);
});

test("an empty class folder, a torn archive, a file of another kind, nothing at all", async () => {
  const path = await withEmpty(await small(), "train/empty");
  await expect(readImageFolder(path)).rejects.toThrow('"train/empty" holds no image');
  const whole = gzipSync(await tarOf(await small()));
  await writeFile(join(path, "torn.tar.gz"), whole.subarray(0, whole.length / 2));
  await expect(readImageFolder(join(path, "torn.tar.gz"))).rejects.toThrow(/archive is torn/);
  await writeFile(join(path, "page.tar"), "<html>".repeat(200));
  await expect(readImageFolder(join(path, "page.tar"))).rejects.toThrow(FormatError);
  await expect(readImageFolder(join(path, "absent"))).rejects.toThrow(/absent: cannot be read/);
});

test("options that mean nothing: ConfigError", async () => {
  for (const options of [
    { size: 0 },
    { size: 1.5 },
    { test: 1 },
    { channels: 2 as 3 },
    { classes: [] },
  ])
    await expect(readImageFolder(await folderOf(await small()), options)).rejects.toThrow(
      ConfigError,
    );
});

testOnRealData(
  "CIFAR-10 as JPEG: counts, classes, pixels as sharp has them",
  "cifar10/cifar10-jpg.tar.gz",
  async (path) => {
    const {
      name,
      train,
      test: held,
      classes,
    } = await readImageFolder(path, { classes: ["cat", "dog"] });
    expect([name, classes]).toEqual(["cifar10-jpg", ["cat", "dog"]]);
    expect([train.inputs.shape, held!.inputs.shape]).toEqual([
      [10000, 3, 32, 32],
      [2000, 3, 32, 32],
    ]);
    let sum = 0;
    for (const x of train.inputs.data) sum += x;
    expect(sum / train.inputs.data.length).toBeGreaterThan(0.4); // published mean of all classes: 0.473
    expect(sum / train.inputs.data.length).toBeLessThan(0.55);
    expect(train.targets.data.filter((k) => k === 1)).toHaveLength(5000);
  },
);

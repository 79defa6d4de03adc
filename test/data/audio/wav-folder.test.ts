import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { logMel, readWavFolder, soundImages } from "gradus/data";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataError, FormatError, hostArray } from "../../../src/base/index.ts";
import { testOnRealData } from "../real-data.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "gradus-wav-"));
});
afterEach(() => rm(root, { recursive: true }));

/** A recording of 16 bits, whose samples are multiples of 2⁻¹⁵. */
function wav(samples: number[], { rate = 8000, channels = 1 } = {}): Buffer {
  const file = Buffer.alloc(44 + 2 * samples.length);
  file.write("RIFF....WAVEfmt ");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(channels, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(2 * samples.length, 40);
  samples.forEach((x, i) => {
    file.writeInt16LE(x, 44 + 2 * i);
  });
  return file;
}

const write = async (files: Record<string, Buffer>) => {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), bytes);
  }
};

test("classes by name, the first indices held out, silence at the end, channels averaged", async () => {
  await write({
    "no_anna_0.wav": wav([8192]),
    "no_anna_5.wav": wav([16384, -16384]),
    "no_mary_ann_10.wav": wav([16384, 0, 8192, 8192], { channels: 2 }),
    "yes_anna_7.wav": wav([1, 2, 3]),
    "README.md": Buffer.from("not sound"),
  });
  const { train, test: held, classes, sampleRate } = await readWavFolder(root);
  expect([classes, sampleRate]).toEqual([["no", "yes"], 8000]);
  expect(train.inputs.shape).toEqual([3, 3]);
  expect([...train.inputs.data]).toEqual([
    0.5,
    -0.5,
    0,
    0.25,
    0.25,
    0,
    ...[1, 2, 3].map((x) => x / 32768),
  ]);
  expect([...train.targets.data]).toEqual([0, 0, 1]);
  expect([[...held!.inputs.data], [...held!.targets.data]]).toEqual([[0.25, 0, 0], [0]]);
  const cut = await readWavFolder(root, { length: 1, test: 0 });
  expect([cut.train.inputs.shape, cut.test]).toEqual([[4, 1], undefined]);
});

test("Speech Commands: the folder is the class, the lists say what is held out", async () => {
  await write({
    "set/yes/0a7c2a8d_nohash_0.wav": wav([1]),
    "set/yes/0a7c2a8d_nohash_1.wav": wav([2]),
    "set/yes/1b4c9b89_nohash_0.wav": wav([3]),
    "set/no/0a7c2a8d_nohash_0.wav": wav([4]),
    "set/no/1b4c9b89_nohash_0.wav": wav([5]),
    "set/_background_noise_/running_tap.wav": wav(Array(100).fill(9)),
    "set/testing_list.txt": Buffer.from("yes/1b4c9b89_nohash_0.wav\nno/1b4c9b89_nohash_0.wav\n"),
    "set/validation_list.txt": Buffer.from("yes/0a7c2a8d_nohash_1.wav\r\n"),
    "set/LICENSE": Buffer.from("CC BY"),
  });
  const { classes, train, validation, test: held, notes } = await readWavFolder(root);
  expect(classes).toEqual(["no", "yes"]);
  const shown = [train, validation!, held!].map(({ inputs, targets }) => [
    [...inputs.data].map((x) => 32768 * x),
    [...targets.data],
  ]);
  expect(shown).toEqual([
    [
      [4, 1],
      [0, 1],
    ],
    [[2], [1]],
    [
      [5, 3],
      [0, 1],
    ],
  ]);
  expect(notes).toEqual([
    "1 file is left out: 1 without extension (LICENSE).",
    "1 recordings in _background_noise_ left out: it is no class.",
  ]);
});

test("class folders without lists: folders of parts, or a share by the seed", async () => {
  const files: Record<string, Buffer> = {};
  for (let n = 0; n < 10; n++) files[`${n % 2 ? "odd" : "even"}/x_y_${n}.wav`] = wav([n]);
  await write(files);
  const set = await readWavFolder(root);
  expect([set.classes, set.train.size, set.test!.size]).toEqual([["even", "odd"], 8, 2]);
  for (const [n, label] of [...set.train.targets.data].entries())
    expect((set.train.inputs.data[n]! * 32768) % 2).toBe(label);
  expect((await readWavFolder(root, { seed: 5 })).test!.inputs.data).not.toEqual(
    set.test!.inputs.data,
  );
  expect((await readWavFolder(root, { test: 0 })).test).toBeUndefined();
  await expect(readWavFolder(root, { test: 5 })).rejects.toThrow(/a share is held out/);
  const parts = join(root, "parts");
  await mkdir(parts);
  await write({
    "parts/train/a/1.wav": wav([1]),
    "parts/train/b/1.wav": wav([2]),
    "parts/val/b/2.wav": wav([3]),
    "parts/test/a/3.wav": wav([4]),
  });
  const { train, validation, test: held } = await readWavFolder(parts);
  expect([train.size, validation!.size, held!.size]).toEqual([2, 1, 1]);
});

test("one long recording among many cannot take all memory", async () => {
  await write({ "a/1.wav": wav([1]), "b/1.wav": wav(Array(1000).fill(1)) });
  await expect(readWavFolder(root, { test: 0, maxDecodedBytes: 7999 })).rejects.toThrow(
    /2 recordings of 1000 samples: 8000 is above the limit, 7999/,
  );
  expect((await readWavFolder(root, { test: 0, length: 10 })).train.inputs.shape).toEqual([2, 10]);
});

test("soundImages: mean 0 and deviation 1 each, silence stays silent, short ones count", async () => {
  const wave = Float32Array.from({ length: 1600 }, (_, t) => (t < 800 ? Math.sin(t / 3) : 0));
  const { shape, data } = soundImages(hostArray([2, 800], wave), { sampleRate: 8000, mels: 20 });
  expect(shape).toEqual([2, 1, 20, 5]); // 256 samples every 128
  const first = [...data.subarray(0, 100)];
  const mean = first.reduce((a, b) => a + b, 0) / 100;
  const variance = first.reduce((a, b) => a + (b - mean) ** 2, 0) / 100;
  expect(Math.abs(mean)).toBeLessThan(1e-6);
  expect(Math.abs(Math.sqrt(variance) - 1)).toBeLessThan(2e-3);
  expect(data.subarray(100).every((x) => Math.abs(x) < 1e-3)).toBe(true);
  expect(soundImages(hostArray([1, 3], wave.slice(0, 3)), { sampleRate: 8000 }).shape).toEqual([
    1, 1, 40, 1,
  ]);
});

const wrong: [what: string, files: Record<string, Buffer>, message: RegExp][] = [
  ["nothing", {}, /holds no WAV file/],
  ["a name of another form", { "seven.wav": wav([1]) }, /seven.wav: its name does not contain/],
  [
    "two rates",
    { "a_x_5.wav": wav([1]), "b_x_5.wav": wav([1], { rate: 16000 }) },
    /b_x_5.wav: 16000 samples per second, but a_x_5.wav has 8000/,
  ],
  [
    "a class in the test set alone",
    { "a_x_5.wav": wav([1]), "b_x_1.wav": wav([1]) },
    /no recording of class "b" has an index of 5/,
  ],
  [
    "all held out",
    { "a_x_0.wav": wav([1]) },
    /no recording has an index of 5 or more|of class "a"/,
  ],
];
for (const [what, files, message] of wrong)
  test(`${what}: DataError`, async () => {
    await write(files);
    await expect(readWavFolder(root)).rejects.toThrow(DataError);
    await expect(readWavFolder(root)).rejects.toThrow(message);
  });

test("a file that is not WAV is named", async () => {
  await write({ "a_x_5.wav": Buffer.from("an mp3") });
  await expect(readWavFolder(root)).rejects.toThrow(FormatError);
  await expect(readWavFolder(root)).rejects.toThrow(/a_x_5.wav: not a WAV file/);
});

testOnRealData(
  "free spoken digits: 2700 and 300 recordings of 10 digits",
  "fsdd/fsdd.tar.gz",
  async (path) => {
    const {
      name,
      train,
      test: held,
      classes,
      sampleRate,
    } = await readWavFolder(path, { length: 8000 });
    expect([name, sampleRate]).toEqual(["fsdd", 8000]);
    expect(classes).toEqual([..."0123456789"]);
    expect([train.size, held!.size]).toEqual([2700, 300]);
    for (let k = 0; k < 10; k++)
      expect(held!.targets.data.filter((label) => label === k)).toHaveLength(30); // 6 speakers, 5 each
    const heard = logMel(held!.inputs, { sampleRate, count: 32 });
    expect(heard.shape).toEqual([300, 32, 61]);
    expect(heard.data.every(Number.isFinite)).toBe(true);
  },
);

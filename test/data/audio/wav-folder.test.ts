import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logMel, readWavFolder } from "gradus/data";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataError, FormatError } from "../../../src/base/index.ts";
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
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(root, name), bytes);
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

const wrong: [what: string, files: Record<string, Buffer>, message: RegExp][] = [
  ["nothing", {}, /holds no WAV file/],
  ["a name of another form", { "seven.wav": wav([1]) }, /seven.wav: its name does not say/],
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

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { png } from "../data/files.ts";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

const folder = workIn();

async function write(set: string, files: Record<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, set, name)), { recursive: true });
    await writeFile(join(folder, set, name), bytes);
  }
}

/** A tone of 0.2 s, 16 bits at 8000 Hz, whose size the stream did not know. */
function tone(hertz: number, phase: number): Buffer {
  const file = Buffer.alloc(44 + 3200);
  file.write("RIFF....WAVEfmt ");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(0xffffffff, 40);
  for (let t = 0; t < 1600; t++)
    file.writeInt16LE(
      Math.round(8000 * Math.sin((2 * Math.PI * hertz * t) / 8000 + phase)),
      44 + 2 * t,
    );
  return file;
}

test.skipIf(!isFast)(
  "recordings by class folder, whatever their names say, are learned",
  async () => {
    const files: Record<string, Uint8Array> = { "_noise_/hum.wav": tone(50, 0) };
    for (let n = 0; n < 20; n++)
      for (const [word, hertz] of [
        ["low", 400],
        ["high", 1600],
      ] as const)
        files[`${word}/speaker${n % 4}_nohash_${n}.wav`] = tone(hertz + 5 * n, n);
    await write("speech", files);
    const { code, out, error } = await gradus(
      "train --data speech --epochs 4 --run r/speech --seed 1",
    );
    expect([code, error]).toEqual([0, ""]);
    expect(out).toMatch(
      /speech: 29 to train, 3 to validate, 8 to test; \[1, 40, 11\] in 2 classes/,
    );
    expect(out).toContain("1 recordings in _noise_ left out: it is no class.");
    expect(out).toMatch(/accuracy 100.00 %/);
    await writeFile(join(folder, "new.wav"), tone(1620, 0.5));
    const predicted = await gradus("predict r/speech new.wav");
    expect(predicted.out).toMatch(/^high +\d+\.\d\d %/);
    expect((await gradus("evaluate r/speech")).out).toMatch(/accuracy: 1.0000 - examples: 8/);
    expect((await gradus("report r/speech")).out).toBe("r/speech/report.html\n");
  },
);

test("what is left out, and that color is read, is said before training", async () => {
  const files: Record<string, Uint8Array> = { "a/notes.txt": new Uint8Array(1) };
  for (let n = 0; n < 12; n++) {
    files[`train/a/${n}.png`] = await png([n], 12, 12);
    files[`train/b/${n}.png`] = await png([200, n, 0], 12, 12);
  }
  files["val/a/1.png"] = await png([7], 12, 12);
  files["test/b/1.png"] = await png([7], 12, 12);
  await write("mixed", files);
  const { code, out, error } = await gradus("train --data mixed --dev-run");
  expect([code, error]).toEqual([0, ""]);
  expect(out).toMatch(/24 to train, 1 to validate, 1 to test; \[3, 12, 12\] in 2 classes/);
  expect(out).toContain("1 file is left out: 1 .txt (a/notes.txt).");
  expect(out).toContain("12 of 26 images are in color, so all are read as color.");
  const json = await gradus("train --data mixed --dev-run --json");
  expect(JSON.parse(json.out.split("\n")[0]!).notes).toHaveLength(2);
});

test("a test set of another size ends before the first step; data.size mends it", async () => {
  const files: Record<string, Uint8Array> = { "test/b/1.png": await png([7], 16, 12) };
  for (let n = 0; n < 10; n++) {
    files[`train/a/${n}.png`] = await png([n], 12, 12);
    files[`train/b/${n}.png`] = await png([n], 12, 12);
  }
  await write("sizes", files);
  const { code, out, error } = await gradus("train --data sizes");
  expect([code, out]).toEqual([1, ""]);
  expect(error).toMatch(/test\/b\/1.png: 12×16 pixels.*\n.*give size/);
  expect((await gradus("train --data sizes data.size=12 --dev-run")).code).toBe(0);
});

test("data.size is for images, limits are for files: for others they are refused", async () => {
  await writeImages(join(folder, "idx"), 20);
  expect((await gradus("train --data idx data.size=8")).error).toMatch(
    /data.size: it is for a folder or archive of images by class; idx is .* IDX files/,
  );
  await write("sounds", { "a/1.wav": tone(400, 0), "b/2.wav": tone(800, 0) });
  expect((await gradus("train --data sounds data.size=8")).error).toMatch(
    /sounds is a folder or archive of WAV recordings/,
  );
  expect((await gradus("train --data moons data.maxPixels=8")).error).toMatch(
    /data.maxPixels: it is for .* IDX files, or .* images by class; moons is a set/,
  );
  await write("few", { "a/1.png": await png([1]), "b/2.png": await png([2]) });
  expect((await gradus("train --data few data.maxPixels=3")).error).toMatch(
    /pixels of 2 × 2: 4 is above the limit, 3/,
  );
});

test("an archive longer than its file says so", async () => {
  const head = Buffer.alloc(512);
  head.write("train/a/0.png");
  head.write("0000644\0", 100);
  head.write("00000303240\0", 124);
  head.write("ustar\x0000", 257);
  head.fill(32, 148, 156);
  const sum = head.reduce((a, b) => a + b, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  await writeFile(join(folder, "torn.tar"), Buffer.concat([head, Buffer.alloc(1024, 7)]));
  const { code, error } = await gradus("train --data torn.tar");
  expect([code, error]).toEqual([1, expect.stringMatching(/torn.tar: the archive is torn/)]);
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lightOnDark, readImage } from "gradus/data";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, DataError, hostArray } from "../../../src/base/index.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradus-images-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes raw pixels as an image file. */
async function image(name: string, width: number, channels: 1 | 3 | 4, ...values: number[]) {
  const height = values.length / width / channels;
  const path = join(folder, name);
  await sharp(Buffer.from(values), { raw: { width, height, channels } }).toFile(path);
  return path;
}

describe("readImage", () => {
  test("gray pixels of the right size come unchanged", async () => {
    const path = await image("gray.png", 2, 1, 0, 51, 102, 255);
    const x = await readImage(path, { height: 2, width: 2, channels: 1 });
    expect(x).toEqual(hostArray([1, 1, 2, 2], Float32Array.of(0, 0.2, 0.4, 1)));
  });
  test("colors are planes, red first", async () => {
    const path = await image("color.png", 2, 3, 255, 0, 51, 0, 255, 102);
    const x = await readImage(path, { height: 1, width: 2, channels: 3 });
    expect(x).toEqual(hostArray([1, 3, 1, 2], Float32Array.of(1, 0, 0, 1, 0.2, 0.4)));
  });
  test("gray files fill three channels, color files one", async () => {
    const gray = await image("gray2.png", 1, 1, 51);
    const x = await readImage(gray, { height: 1, width: 1, channels: 3 });
    expect([...x.data]).toEqual([0.2, 0.2, 0.2].map(Math.fround));
    const white = await image("white.png", 1, 3, 255, 255, 255);
    expect((await readImage(white, { height: 1, width: 1, channels: 1 })).data[0]).toBe(1);
  });
  test("a wide image is centered, not stretched, on the color of its border", async () => {
    const path = await image("wide.png", 3, 1, 51, 51, 51);
    const x = await readImage(path, { height: 3, width: 3, channels: 1 });
    expect([...x.data]).toEqual(new Array(9).fill(Math.fround(0.2)));
    const half = await image("half.png", 4, 1, ...[0, 0, 255, 255], ...[0, 0, 255, 255]);
    const y = await readImage(half, { height: 4, width: 4, channels: 1 });
    expect([...y.data.slice(4, 8)]).toEqual([0, 0, 1, 1]);
    expect([...y.data.slice(0, 4)]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });
  test("transparent parts are white", async () => {
    const path = await image("clear.png", 2, 4, 0, 0, 0, 0, 0, 0, 0, 255);
    const x = await readImage(path, { height: 1, width: 2, channels: 1 });
    expect([...x.data]).toEqual([1, 0]);
  });
  test("no image, no file and no size are told apart", async () => {
    const path = join(folder, "text.png");
    await writeFile(path, "not pixels");
    const size = { height: 2, width: 2, channels: 1 } as const;
    await expect(readImage(path, size)).rejects.toThrow(/text\.png: not an image/);
    await expect(readImage(join(folder, "absent.png"), size)).rejects.toThrow(/no such file/);
    await expect(readImage(path, { ...size, height: 0 })).rejects.toThrow(ConfigError);
    const whole = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: "red",
        noise: { type: "gaussian", mean: 99, sigma: 40 },
      },
    })
      .png()
      .toBuffer();
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await expect(readImage(path, size)).rejects.toThrow(DataError);
  });
});

describe("lightOnDark", () => {
  const ink = (paper: number, stroke: number) =>
    hostArray(
      [1, 1, 3, 3],
      Float32Array.from({ length: 9 }, (_, i) => (i === 4 ? stroke : paper)),
    );

  test("dark ink on light paper is inverted, light on dark is left", () => {
    expect(lightOnDark(ink(0.75, 0.25))).toEqual(ink(0.25, 0.75));
    expect(lightOnDark(ink(0.25, 0.75))).toEqual(ink(0.25, 0.75));
  });
  test("the border decides, however much ink is inside, and each image for itself", () => {
    const data = Float32Array.from({ length: 50 }, (_, i) => {
      const [x, y] = [i % 5, Math.floor((i % 25) / 5)];
      const inside = x > 0 && x < 4 && y > 0 && y < 4;
      return i < 25 === inside ? 0 : 1; // first image: black ink on white; second: reversed
    });
    const result = lightOnDark(hostArray([2, 1, 5, 5], data)).data;
    expect([...result.slice(0, 25)]).toEqual([...result.slice(25)]);
    expect([result[0], result[12]]).toEqual([0, 1]);
  });
  test("one row of pixels is all border", () => {
    const row = hostArray([1, 1, 1, 3], Float32Array.of(1, 0, 1));
    expect([...lightOnDark(row).data]).toEqual([0, 1, 0]);
  });
  test("what is no batch of images is refused", () => {
    expect(() => lightOnDark(hostArray([2], Float32Array.of(1, 2)))).toThrow("found [2]");
  });
});

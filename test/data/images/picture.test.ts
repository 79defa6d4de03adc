import { readImageFolder } from "gradus/data";
import sharp from "sharp";
import { expect, test } from "vitest";
import { DataError } from "../../../src/base/index.ts";
import { decodePicture } from "../../../src/data/images/picture.ts";
import { png, workFolder } from "../files.ts";

const { folderOf } = workFolder();
const limits = { maxPixels: 2 ** 20 };
const ascii = (text: string) => new TextEncoder().encode(text);
const bytesOf = (...parts: (string | readonly number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...ascii(part)] : part)));

/** A picture's numbers, in what stands for 1. */
async function values(bytes: Uint8Array, form = {}) {
  const { data, scale, ...rest } = await decodePicture(bytes, "x", form, limits);
  return { ...rest, values: Array.from(data, (x) => x / scale) };
}

/** A TIFF of one strip, little-endian, as the specification lays it out. Formats: 1 unsigned, 2 signed, 3 float. */
function tiff(numbers: number[], width: number, bits: 16 | 32, format: 1 | 2 | 3, channels = 1) {
  const [tags, height] = [10, numbers.length / width / channels];
  const dataAt = 8 + 2 + 12 * tags + 4 + 8;
  const file = Buffer.alloc(dataAt + (numbers.length * bits) / 8);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(tags, 8);
  const bitsAt = channels === 1 ? bits : dataAt - 8;
  const entries = [
    [256, 3, 1, width],
    [257, 3, 1, height],
    [258, 3, channels, bitsAt],
    [259, 3, 1, 1],
    [262, 3, 1, channels === 1 ? 1 : 2],
    [273, 4, 1, dataAt],
    [277, 3, 1, channels],
    [278, 3, 1, height],
    [279, 4, 1, (numbers.length * bits) / 8],
    [339, 3, 1, format],
  ];
  entries.forEach(([tag, type, count, value], i) => {
    file.writeUInt16LE(tag!, 10 + 12 * i);
    file.writeUInt16LE(type!, 12 + 12 * i);
    file.writeUInt32LE(count!, 14 + 12 * i);
    file.writeUInt32LE(value!, 18 + 12 * i);
  });
  for (let c = 0; channels > 1 && c < channels; c++) file.writeUInt16LE(bits, dataAt - 8 + 2 * c);
  numbers.forEach((x, i) => {
    const at = dataAt + (i * bits) / 8;
    if (format === 3) file.writeFloatLE(x, at);
    else if (bits === 32) file.writeUInt32LE(x, at);
    else if (format === 2) file.writeInt16LE(x, at);
    else file.writeUInt16LE(x, at);
  });
  return file;
}

test("12 bits in a PNG of 16 keep all their levels", async () => {
  const levels = Uint16Array.from({ length: 4096 }, (_, i) => i);
  const raw = { width: 64, height: 64, channels: 1 } as const;
  const file = await sharp(levels, { raw }).toColorspace("grey16").png().toBuffer();
  const { channels, values: got } = await values(file);
  expect(channels).toBe(1);
  expect(got).toEqual(Array.from(levels, (x) => x / 65535));
});

test("16 bits in color keep theirs; gray of them where it is asked for", async () => {
  const numbers = Uint16Array.from({ length: 12 }, (_, i) => 5461 * i);
  const raw = { width: 2, height: 2, channels: 3 } as const;
  const file = await sharp(numbers, { raw }).toColorspace("rgb16").png().toBuffer();
  expect(await values(file)).toMatchObject({
    channels: 3,
    values: Array.from(numbers, (x) => x / 65535),
  });
  expect(await values(file, { channels: 1 })).toMatchObject({ channels: 1 });
});

test("16 bits with transparency: white shows through in full", async () => {
  const raw = { width: 2, height: 1, channels: 2 } as const;
  const numbers = Uint16Array.of(1000, 0, 1000, 65535);
  const file = await sharp(numbers, { raw }).toColorspace("grey16").png().toBuffer();
  expect((await values(file)).values).toEqual([1, 1000 / 65535]);
});

test("floats of a TIFF are what they are, below 0 and above 1, gray or color", async () => {
  const numbers = [-1.5, 0.25, 0.5, 300];
  expect(await values(tiff(numbers, 2, 32, 3))).toMatchObject({ channels: 1, values: numbers });
  const color = [0.5, 0.25, -1, 2, 0, 0];
  expect(await values(tiff(color, 2, 32, 3, 3))).toMatchObject({ channels: 3, values: color });
  const gray = await values(tiff(color, 2, 32, 3, 3), { channels: 1 });
  // Y = 0.2126 R + 0.7152 G + 0.0722 B
  expect(gray.values.map((x) => x.toFixed(6))).toEqual(["0.212900", "0.425200"]);
});

test("whole numbers of 32 bits are scaled; signed ones are refused by name", async () => {
  const top = 2 ** 32 - 1;
  const { values: got } = await values(tiff([0, 2 ** 31, top, 0], 2, 32, 1));
  expect(got.map((x) => Math.fround(x))).toEqual([0, 0.5, 1, 0]);
  await expect(values(tiff([-1, 1, 2, 3], 2, 16, 2))).rejects.toThrow(/x: .*of type short/);
});

const pnm: [what: string, file: Uint8Array, expected: object][] = [
  ["P1, digits together", bytesOf("P1\n# by hand\n3 1\n1 01"), { channels: 1, values: [0, 1, 0] }],
  ["P2", bytesOf("P2 2 1 100\n50 100"), { values: [32768 / 65535, 1] }],
  ["P3", bytesOf("P3\n1 1\n255\n255 0 51\n"), { channels: 3, values: [1, 0, 0.2] }],
  [
    "P4, rows of whole bytes",
    bytesOf("P4\n9 2\n", [0b10101010, 0x80, 0xff, 0x80]),
    { height: 2, width: 9, values: [0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
  ],
  ["P5", bytesOf("P5 2 1 255\n", [51, 255]), { channels: 1, values: [0.2, 1] }],
  ["P5 of 16 bits", bytesOf("P5 1 1 65535\n", [0x0f, 0xff]), { values: [4095 / 65535] }],
  ["P6", bytesOf("P6\n1 2\n255\n", [255, 0, 51, 0, 0, 0]), { values: [1, 0, 0.2, 0, 0, 0] }],
];
for (const [what, file, expected] of pnm)
  test(`PNM ${what}`, async () => expect(await values(file)).toMatchObject(expected));

/** A BMP: header of 40 bytes, palette, rows from the bottom up. */
function bmp(
  width: number,
  height: number,
  bits: number,
  pixels: number[],
  { palette = [] as number[], compression = 0, masks = [] as number[] } = {},
) {
  const u16 = (x: number) => [x & 255, (x >> 8) & 255];
  const u32 = (x: number) => [...u16(x & 0xffff), ...u16(x >>> 16)];
  const at = 54 + palette.length + 4 * masks.length;
  return Uint8Array.from([
    ...[0x42, 0x4d, ...u32(at + pixels.length), 0, 0, 0, 0, ...u32(at)],
    ...[...u32(40), ...u32(width), ...u32(height), 1, 0, ...u16(bits), ...u32(compression)],
    ...[...u32(pixels.length), ...u32(0), ...u32(0), ...u32(palette.length / 4), ...u32(0)],
    ...masks.flatMap(u32),
    ...palette,
    ...pixels,
  ]);
}
const grays = [0, 0, 0, 0, 51, 51, 51, 0, 255, 255, 255, 0];
const bitmaps: [what: string, file: Uint8Array, expected: object][] = [
  [
    "24 bits, from the bottom up",
    bmp(1, 2, 24, [0, 0, 255, 0, 255, 0, 0, 0]), // blue, green, red, filling
    { channels: 3, height: 2, values: [0, 0, 1, 1, 0, 0] },
  ],
  [
    "24 bits, from the top",
    bmp(1, -2, 24, [0, 0, 255, 0, 255, 0, 0, 0]),
    { values: [1, 0, 0, 0, 0, 1] },
  ],
  ["32 bits", bmp(1, 1, 32, [51, 0, 255, 0]), { values: [1, 0, 0.2] }],
  ["16 bits, 5 each", bmp(1, 1, 16, [0x1f, 0x7c, 0, 0]), { values: [1, 0, 1] }],
  [
    "16 bits by masks",
    bmp(1, 1, 16, [0xe0, 0x07, 0, 0], { compression: 3, masks: [0xf800, 0x7e0, 0x1f] }),
    { values: [0, 1, 0] },
  ],
  [
    "8 bits, gray palette",
    bmp(2, 1, 8, [1, 2, 0, 0], { palette: grays }),
    { channels: 1, values: [0.2, 1] },
  ],
  ["4 bits", bmp(3, 1, 4, [0x12, 0x00, 0, 0], { palette: grays }), { values: [0.2, 1, 0] }],
  [
    "1 bit, palette of colors",
    bmp(2, 1, 1, [0b01000000, 0, 0, 0], { palette: [255, 0, 0, 0, 0, 0, 255, 0] }),
    { channels: 3, values: [0, 0, 1, 1, 0, 0] },
  ],
  [
    "run lengths: three times 2, end of line, two plain, filling, end",
    bmp(3, 2, 8, [3, 2, 0, 0, 0, 3, 1, 0, 2, 0, 0, 1], { palette: grays, compression: 1 }),
    { values: [0.2, 0, 1, 1, 1, 1] },
  ],
  [
    "run lengths of 4 bits",
    bmp(3, 1, 4, [3, 0x12, 0, 1], { palette: grays, compression: 2 }),
    { values: [0.2, 1, 0.2] },
  ],
];
for (const [what, file, expected] of bitmaps)
  test(`BMP ${what}`, async () => expect(await values(file)).toMatchObject(expected));

const bad: [what: string, file: Uint8Array, message: RegExp][] = [
  ["P5 with a pixel too few", bytesOf("P5 2 2 255\n", [1, 2, 3]), /truncated: 3 of 4 bytes/],
  ["P2 with a word for a number", bytesOf("P2 2 1 9\n1 x"), /no number at byte/],
  ["P2 above its largest value", bytesOf("P2 2 1 9\n1 10"), /value 1 is 10, above 9/],
  [
    "P6 of 1000 × 2000 in 20 bytes",
    bytesOf("P6 1000 2000 255\n"),
    /pixels of 1000 × 2000: 2000000 is above the limit, 1048576/,
  ],
  ["BMP cut short", bmp(2, 2, 24, [0, 0, 0]), /truncated/],
  ["BMP with JPEG inside", bmp(2, 2, 0, [], { compression: 4 }), /0 bits with compression 4/],
  [
    "BMP whose color is not in the palette",
    bmp(1, 1, 8, [9, 0, 0, 0], { palette: grays }),
    /color 9 of 3/,
  ],
  ["text", ascii("hello"), /not an image that can be read/],
];
for (const [what, file, message] of bad)
  test(`${what}: DataError`, async () => {
    await expect(values(file)).rejects.toThrow(DataError);
    await expect(values(file)).rejects.toThrow(message);
  });

test("a small PNG of many pixels is refused before it is decoded", async () => {
  const background = { r: 0, g: 0, b: 0 };
  const huge = await sharp({ create: { width: 2000, height: 2000, channels: 3, background } })
    .png()
    .toBuffer();
  expect(huge.length).toBeLessThan(40_000);
  await expect(values(huge)).rejects.toThrow(
    /pixels of 2000 × 2000: 4000000 is above the limit, 1048576\.\n.*\n? *fix: .*raise maxPixels/,
  );
});

test("all kinds in one set: color if any is, gray repeated, extensions of any case", async () => {
  const path = await folderOf({
    "a/1.PGM": bytesOf("P5 1 1 255\n", [51]),
    "a/2.bmp": bmp(1, 1, 24, [0, 255, 255, 0]),
    "b/3.jfif": await sharp(await png([0], 1, 1))
      .jpeg()
      .toBuffer(),
    "b/4.tif": tiff([0.25], 1, 32, 3),
    "b/5.heic": ascii("not read"),
  });
  const { train, notes } = await readImageFolder(path, { test: 0 });
  expect(train.inputs.shape).toEqual([4, 3, 1, 1]);
  const expected = [0.2, 0.2, 0.2, 1, 1, 0, 0, 0, 0, 0.25, 0.25, 0.25];
  expect(train.inputs.data).toEqual(Float32Array.from(expected));
  expect(notes).toEqual([
    "1 file is left out: 1 .heic (b/5.heic).",
    "2 of 4 images are in color, so all are read as color.",
    "1 of 4 images hold floats, which stay as they are.",
  ]);
});

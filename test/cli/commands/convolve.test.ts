import { readdir, writeFile } from "node:fs/promises";
import { imageKernels } from "gradus/data";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { run } from "../../../src/cli/program.ts";
import { gradus, workIn } from "../support.ts";

workIn();
/** A PNG of gray levels, or of red, green and blue, row by row. */
const draw = (name: string, width: number, channels: 1 | 3, values: number[]) =>
  sharp(Uint8Array.from(values), {
    raw: { width, height: values.length / width / channels, channels },
  })
    .toColorspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toFile(name);
beforeAll(async () => {
  await draw("step.png", 4, 1, [0, 0, 200, 200, 0, 0, 200, 200, 0, 0, 200, 200]);
  await draw("color.png", 2, 3, [10, 20, 30, 40, 50, 60]);
});

async function pixels(name: string) {
  const { data, info } = await sharp(name).raw().toBuffer({ resolveWithObject: true });
  const { space } = await sharp(name).metadata();
  const { width, height, channels } = info;
  const first = space === "b-w" ? [...data].filter((_, i) => i % channels === 0) : [...data];
  return { width, height, space, data: first };
}

test("sobel: no answer is mid-gray, the strongest one white; true convolution answers + to a rise", async () => {
  const { code, out } = await gradus("convolve step.png --kernel sobel --mode valid");
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/^0 is mid-gray, −3.137 black, \+3.137 white/),
  ]);
  expect(out).toContain("2×1 pixels written to step-sobel.png");
  expect(await pixels("step-sobel.png")).toEqual({
    width: 2,
    height: 1,
    space: "b-w",
    data: [255, 255],
  });
  await gradus("convolve step.png --kernel sobel --mode valid --correlate --out turned.png");
  expect((await pixels("turned.png")).data).toEqual([0, 0]);
  await gradus("convolve step.png --kernel sobel-horizontal --mode valid --out none.png");
  expect((await pixels("none.png")).data).toEqual([128, 128]);
});

test("blur keeps the size, and is exact; outside the image all is black", async () => {
  await gradus("convolve step.png --kernel box --out box.png");
  const { width, height, data } = await pixels("box.png");
  expect([width, height]).toEqual([4, 3]);
  // sixths and ninths of the 200s under the window
  expect(data).toEqual([0, 44, 89, 89, 0, 67, 133, 133, 0, 44, 89, 89]);
});

test("color stays color, channel by channel; --gray makes one", async () => {
  const { out } = await gradus("convolve color.png --kernel twice-identity");
  expect(out).toMatch(/0.0 % of the values lie outside/);
  expect(out).toMatch(/only doubles the brightness; --kernel unsharp works/);
  expect(await pixels("color-twice-identity.png")).toMatchObject({
    space: "srgb",
    data: [20, 40, 60, 80, 100, 120],
  });
  await gradus("convolve color.png --kernel identity --gray --out gray.png");
  expect((await pixels("gray.png")).space).toBe("b-w");
  expect((await gradus("convolve step.png --kernel blur-unscaled")).out).toMatch(
    /[4-9]\d.\d % of the values/,
  );
});

test("a kernel of one's own, with fractions; full is larger", async () => {
  const lines: string[] = [];
  const terminal = {
    out: (x: string) => void lines.push(x),
    error: (x: string) => void lines.push(x),
    colors: false,
  };
  const args = ["convolve", "step.png", "--kernel", "1/2 0; 0 1/2", "--mode", "full"];
  expect(await run(args, terminal)).toBe(0);
  expect(lines.at(-1)).toBe("5×4 pixels written to step-custom.png");
  expect((await pixels("step-custom.png")).data.slice(0, 10)).toEqual([
    0, 0, 100, 100, 0, 0, 0, 100, 200, 100,
  ]);
});

test("--list shows every kernel with its rows", async () => {
  const { code, out } = await gradus("convolve --list");
  expect(code).toBe(0);
  for (const { name } of imageKernels) expect(out).toContain(`${name}: `);
  expect(out).toContain(
    "  1 0 -1\n  2 0 -2\n".replaceAll("  1 0", "   1  0").replaceAll("  2 0", "   2  0"),
  );
  expect(out).toMatch(/blur: .*\n {4}0 1\/8 +0\n {2}1\/8 1\/2 1\/8/);
});

test("what goes wrong is said, and nothing is written", async () => {
  await writeFile("text.png", "no image");
  const before = await readdir(".");
  const wrong: [line: string, message: RegExp][] = [
    ["convolve", /<image> is missing/],
    ["convolve step.png", /--kernel is missing/],
    ["convolve step.png --kernel sobol", /did you mean sobel/],
    ["convolve step.png --kernel 1,2;3", /no table of numbers/],
    ["convolve step.png --kernel 1/2/3", /no table of numbers/],
    ["convolve step.png --kernel 1/0", /no table of numbers/],
    ["convolve step.png --kernel edge --mode half", /--mode/],
    ["convolve step.png --kernel 1;1;1;1 --mode valid", /does not lie inside/],
    ["convolve text.png --kernel edge", /text.png: not an image/],
    ["convolve absent.png --kernel edge", /absent.png: there is no such file/],
    ["convolve step.png --kernel edge --out x.jpg", /x.jpg is not the name of a PNG file/],
    ["convolve step.png --kernel edge --out no/where.png", /where.png: the file cannot be written/],
  ];
  for (const [line, message] of wrong) {
    const { code, error } = await gradus(line);
    expect([line, code, error]).toEqual([line, 1, expect.stringMatching(message)]);
  }
  expect(await readdir(".")).toEqual(before);
});

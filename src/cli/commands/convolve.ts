import { ConfigError } from "../../base/index.ts";
import { limitsOf } from "../../data/folders/limits.ts";
import { decodeImages } from "../../data/images/image-decoder.ts";
import {
  type ConvolutionMode,
  convolve,
  correlate,
  findKernel,
  type ImageKernel,
  imageKernels,
} from "../../data/index.ts";
import { readBytes, writeFileAtomic } from "../../formats/index.ts";
import { fromHost, tensor } from "../../tensor/index.ts";
import { oneOf } from "../settings/options.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

interface Options {
  readonly kernel?: string;
  readonly mode: ConvolutionMode;
  readonly correlate?: boolean;
  readonly gray?: boolean;
  readonly out?: string;
  readonly list?: boolean;
}

const modes = ["same", "full", "valid"] as const;

export const define: Define = (command, terminal) => {
  command
    .argument("[image]", "an image file: PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG")
    .option("--kernel <name|rows>", 'a kernel of --list, or rows such as "0 -1 0; -1 5 -1; 0 -1 0"')
    .option(
      "--mode <mode>",
      `how much to keep: ${modes.join(", ")}`,
      oneOf("--mode", modes),
      "same",
    )
    .option("--correlate", "do not turn the kernel about, as networks do not")
    .option("--gray", "make a gray image of it first")
    .option("--out <file>", "the PNG file to write (default: image and kernel, in this folder)")
    .option("--list", "list the kernels with their rows")
    .addHelpText(
      "after",
      "\nOutside the image all is black. Kernels whose weights sum to 0 answer with both signs: 0 is shown" +
        "\nas mid-gray, the strongest answer of all channels as black or white. Of other kernels, what is" +
        "\nbelow black or beyond white is cut off.",
    )
    .action(async (image: string | undefined, options: Options) => {
      if (options.list) list(terminal);
      else await filter(required("<image>", image), options, terminal);
    });
};

function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new ConfigError({
    subject: "convolve",
    problem: `${name} is missing.`,
    fix: "gradus convolve photo.png --kernel sobel; --list lists the kernels.",
  });
}

function list(terminal: Terminal): void {
  for (const { name, about, rows, instead } of imageKernels) {
    terminal.out(
      `${styled(terminal, "bold", name)}: ${about}${instead ? `; take ${instead}` : ""}`,
    );
    const cells = rows.map((row) => row.map(fraction));
    const width = Math.max(...cells.flat().map((cell) => cell.length));
    for (const row of cells) terminal.out(`  ${row.map((cell) => cell.padStart(width)).join(" ")}`);
  }
}

/** 0.125 as 1/8: the kernels' weights are integers over 1, 8 or 9. */
function fraction(x: number): string {
  const under = [1, 8, 9].find((n) => Math.abs(n * x - Math.round(n * x)) < 1e-9);
  if (under === undefined || under === 1 || x === 0.5) return x === 0.5 ? "1/2" : String(x);
  return `${Math.round(under * x)}/${under}`;
}

async function filter(path: string, options: Options, terminal: Terminal): Promise<void> {
  const { basename, extname } = await import("node:path");
  const kernel = parseKernel(required("--kernel", options.kernel));
  const out = options.out ?? `${basename(path, extname(path))}-${kernel.name}.png`;
  if (extname(out).toLowerCase() !== ".png")
    throw new ConfigError({
      subject: "--out",
      problem: `${out} is not the name of a PNG file, which is what is written.`,
      fix: `give one, such as --out ${basename(out, extname(out))}.png.`,
    });
  const asItIs = { height: undefined, width: undefined };
  const file = { path, read: () => readBytes(path) };
  const format = { ...asItIs, channels: options.gray ? (1 as const) : undefined };
  const { images } = await decodeImages([file], format, limitsOf({}, "convolve"));
  const apply = options.correlate ? correlate : convolve;
  const weights = tensor(kernel.rows.map((row) => [...row]));
  const y = apply(fromHost(images), weights, options.mode);
  const [, channels, rows, columns] = y.shape as [number, 1 | 3, number, number];
  const shown = toBytes(y.dataSync() as Float32Array, channels, kernel);
  const { default: sharp } = await import("sharp");
  const raw = { width: columns, height: rows, channels } as const;
  const png = await sharp(shown.bytes, { raw })
    .toColorspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toBuffer();
  await writeFileAtomic(out, png);
  terminal.out(shown.mapping);
  if (kernel.instead)
    terminal.out(`${kernel.name}: ${kernel.about}; --kernel ${kernel.instead} works`);
  terminal.out(`${columns}×${rows} pixels written to ${out}`);
}

/**
 * A named kernel, or one that is written out: rows separated by `;`, weights by spaces or commas.
 */
function parseKernel(text: string): ImageKernel {
  if (!/\d/.test(text)) return findKernel(text.trim());
  const rows = text.split(";").map((row) =>
    row
      .trim()
      .split(/[\s,]+/)
      .map(weight),
  );
  const width = rows[0]!.length;
  const isWhole = rows.every((row) => row.length === width && row.every(Number.isFinite));
  if (!isWhole || Math.max(rows.length, width) > 63)
    throw new ConfigError({
      subject: "--kernel",
      problem: `${JSON.stringify(text)} is no table of numbers with rows of one length, at most 63×63.`,
      fix: 'write rows such as "0 -1 0; -1 5 -1; 0 -1 0"; weights may be fractions, such as 1/9.',
    });
  return { name: "custom", about: "", rows };
}

/** A number or a fraction, else NaN. */
function weight(text: string): number {
  const [above, below = "1", ...more] = text.split("/");
  return more.length > 0 || !above || !below ? Number.NaN : Number(above) / Number(below);
}

/** `[C, P]` as bytes `[P, C]`, and the mapping from values to gray levels in words. */
function toBytes(
  values: Float32Array,
  channels: number,
  { rows }: ImageKernel,
): { bytes: Uint8Array; mapping: string } {
  const weights = rows.flat();
  const size = weights.reduce((sum, w) => sum + Math.abs(w), 0);
  const isSigned = Math.abs(weights.reduce((a, b) => a + b, 0)) < 1e-6 * size;
  // rounding errors, far below the image's own gray levels, are not shown
  const strongest = values.reduce((most, y) => Math.max(most, Math.abs(y)), 1 / 255);
  const level = (y: number) => (isSigned ? 128 + ((y < 0 ? 128 : 127) * y) / strongest : 255 * y);
  const pixels = values.length / channels;
  const bytes = new Uint8Array(values.length);
  let cut = 0;
  values.forEach((y, i) => {
    const found = Math.round(level(y));
    if (found < 0 || found > 255) cut++;
    bytes[(i % pixels) * channels + Math.floor(i / pixels)] = Math.min(255, Math.max(0, found));
  });
  const mapping = isSigned
    ? `0 is mid-gray, −${strongest.toFixed(3)} black, +${strongest.toFixed(3)} white (the image has 0 to 1)`
    : `0 is black, 1 is white; ${((100 * cut) / values.length).toFixed(1)} % of the values lie outside and are cut off`;
  return { bytes, mapping };
}

/** `predict` with an autoencoder: the reconstruction error of each example, and its code. */
import { ConfigError, formatJson, type HostArray, sizeOf } from "../../base/index.ts";
import { pictureToPng } from "../../draw/index.ts";
import { writeFileAtomic } from "../../formats/index.ts";
import type { Autoencoder } from "../../models/index.ts";
import { csvText } from "../pages/csv-text.ts";
import { type Example, readExamples } from "../sources/examples.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { codesOf, errorsOf, reconstructionsOf } from "./reconstructions.ts";
import type { StoredRun } from "./stored-run.ts";

/** The output format. */
interface Options {
  readonly json?: boolean;
  readonly csv?: boolean;
  /** A PNG file for inputs and reconstructions. */
  readonly picture?: string;
}

/** An example with its error and code; null for a row with a missing value that is not filled. */
interface Coded extends Example {
  readonly error: number | null;
  readonly code: readonly number[] | null;
}

export async function predictCodes(
  { path, config, model }: StoredRun & { readonly model: Autoencoder },
  inputs: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const { preparation } = config.data;
  const coded: Coded[] = [];
  const seen: HostArray[] = [];
  for (const input of inputs) {
    const read = await readExamples(preparation, input);
    for (const note of read.notes) terminal.error(`note: ${note}`);
    coded.push(...(await codedOf(model, read)));
    if (read.complete.length > 0) seen.push(read.inputs);
  }
  if (options.picture !== undefined) await writePicture(options.picture, path, model, seen);
  if (options.json) terminal.out(formatJson({ event: "predict", run: path, predictions: coded }));
  else if (options.csv || !terminal.live) terminal.out(asCsv(coded));
  else print(coded, terminal);
}

async function codedOf(
  model: Autoencoder,
  { examples, inputs, complete }: Awaited<ReturnType<typeof readExamples>>,
): Promise<Coded[]> {
  const coded = examples.map((example): Coded => ({ ...example, error: null, code: null }));
  if (complete.length === 0) return coded;
  const errors = (await errorsOf(model, inputs)).dataSync();
  const codes = (await codesOf(model, inputs)).toHost();
  const width = sizeOf(codes.shape.slice(1));
  complete.forEach((n, k) => {
    const code = Array.from(codes.data.subarray(k * width, (k + 1) * width));
    coded[n] = { ...examples[n]!, error: errors[k]!, code };
  });
  return coded;
}

/** A line per example: its source, its error, and the numbers of its code. */
function asCsv(coded: readonly Coded[]): string {
  const width = coded.find(({ code }) => code)?.code?.length ?? 0;
  const hasRows = coded.some(({ row }) => row !== undefined);
  const header = ["source", ...(hasRows ? ["row"] : []), "error"];
  const places = Array.from({ length: width }, (_, k) => k);
  return csvText(
    [...header, ...places.map((k) => `z${k}`)],
    coded.map(({ source, row, error, code }) => [
      ...[source, ...(hasRows ? [row ?? ""] : []), error ?? ""],
      ...places.map((k) => code?.[k] ?? ""),
    ]),
  );
}

function print(coded: readonly Coded[], terminal: Terminal): void {
  const labels = coded.map(({ source, row }) =>
    row === undefined ? source : `${source} row ${row}`,
  );
  const width = Math.max(...labels.map((label) => label.length));
  coded.forEach(({ error }, n) => {
    const text = error === null ? "–" : `error ${Number(error.toPrecision(4))}`;
    terminal.out(`${labels[n]!.padEnd(width)}  ${text}`);
  });
}

/** The most examples side by side; the rest goes below. */
const mostAcross = 16;

/** Every example above its reconstruction, with a line between rows. */
async function writePicture(
  file: string,
  run: string,
  model: Autoencoder,
  parts: readonly HostArray[],
): Promise<void> {
  const [, channels, height, width] = (parts[0]?.shape ?? []) as readonly number[];
  if (parts[0]?.shape.length !== 4 || (channels !== 1 && channels !== 3))
    throw new ConfigError({
      subject: "--picture",
      problem: `${run} was not trained on pictures of 1 or 3 channels.`,
      fix: "leave it out.",
    });
  const size = channels * height! * width!;
  const count = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const across = Math.min(count, mostAcross);
  const [wide, high] = [across * width!, Math.ceil(count / across) * (2 * height! + 2)];
  const values = new Float32Array(channels * wide * high).fill(0.5);
  let at = 0;
  for (const part of parts) {
    const back = (await reconstructionsOf(model, part)).dataSync();
    for (let n = 0; n < part.shape[0]!; n++, at++) {
      const [left, top] = [(at % across) * width!, Math.floor(at / across) * (2 * height! + 2)];
      for (const [data, below] of [
        [part.data, 0],
        [back, height!],
      ] as const)
        for (let c = 0; c < channels; c++)
          for (let y = 0; y < height!; y++) {
            const from = n * size + (c * height! + y) * width!;
            const line = Float32Array.from(data.subarray(from, from + width!));
            values.set(line, (c * high + top + below + y) * wide + left);
          }
    }
  }
  await writeFileAtomic(file, await pictureToPng({ channels, height: high, width: wide, values }));
}

import {
  DataError,
  formatJson,
  type HostArray,
  hostArray,
  show,
  sizeOf,
} from "../../base/index.ts";
import type { Preparation } from "../../data/index.ts";
import { writeFileAtomic } from "../../formats/index.ts";
import { diagnose } from "../../lab/index.ts";
import { makeFolder } from "../pages/folder.ts";
import { answerOf, type Given, type Inspection, inspectRun } from "../pages/inspect/measure.ts";
import { inspectPage } from "../pages/inspect/page.ts";
import { pagesOf } from "../run/net-file.ts";
import { openRun } from "../run/stored-run.ts";
import { wholeNumber } from "../settings/options.ts";
import { readExamples } from "../sources/examples.ts";
import { loadTest } from "../sources/stored-data.ts";
import { Stages } from "../terminal/landscape-progress.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import { secondsSince } from "../terminal/train-report.ts";
import type { Define } from "./define.ts";

const defaults = { images: 8, units: 16, examples: 512 } as const;

interface Options {
  readonly images: number;
  readonly units: number;
  readonly examples: number;
  readonly data?: string;
  readonly out?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  gradus inspect runs/digits-conv                          a few test images, right and wrong
  gradus inspect runs/digits-conv seven.png photos/        images of one's own
  gradus inspect runs/penguins rows.csv --units 64         rows of a table`;

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .argument(
      "[inputs...]",
      "what to look at: pictures, recordings, texts, folders of them, or tables (default: test examples)",
    )
    .option(
      "--images <n>",
      "examples to choose among on the page",
      wholeNumber("--images", 1, defaults.images),
      defaults.images,
    )
    .option(
      "--units <n>",
      "units that are shown of each layer",
      wholeNumber("--units", 1, defaults.units),
      defaults.units,
    )
    .option(
      "--examples <n>",
      "test examples in which units find what they answer to",
      wholeNumber("--examples", 1, defaults.examples),
      defaults.examples,
    )
    .option("--data <source>", "other data to test on: a set, a folder or a CSV file")
    .option("--out <file>", "where the page goes (default: inspect.html in the folder of the run)")
    .option("--json", "one JSON object instead of text")
    .addHelpText("after", examples)
    .action((run: string, inputs: string[], options: Options) =>
      inspect(run, inputs, options, terminal),
    );
};

async function inspect(
  path: string,
  inputs: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const began = performance.now();
  const run = await openRun(path);
  const { test, notes } = await loadTest(options.data, run.config);
  for (const note of notes) terminal.error(`note: ${note}`);
  const given = await readGiven(run.config.data.preparation, inputs, options.images, terminal);
  const stages = await Stages.on(terminal, options.json === true);
  const inspection = await inspectRun(path, run, test, given, options, stages.stage).finally(() =>
    stages.end(),
  );
  const folder = await pagesOf(path);
  if (options.out === undefined) await makeFolder(folder);
  const file = options.out ?? `${folder}/inspect.html`;
  await writeFileAtomic(file, await inspectPage(inspection));
  const seconds = secondsSince(began);
  if (options.json) terminal.out(formatJson(asJson(path, inspection, file, seconds)));
  else print(inspection, file, seconds, terminal);
}

/** The user's examples, as many as fit. @throws {DataError} if there are none. */
async function readGiven(
  preparation: Preparation,
  paths: readonly string[],
  most: number,
  terminal: Terminal,
): Promise<Given | undefined> {
  if (paths.length === 0) return undefined;
  const names: string[] = [];
  const parts: HostArray[] = [];
  for (const path of paths) {
    const { examples, complete, inputs, notes } = await readExamples(preparation, path);
    for (const note of notes) terminal.error(`note: ${note}`);
    for (const n of complete) {
      const { source, row } = examples[n]!;
      names.push(row === undefined ? source : `${source} row ${row}`);
    }
    parts.push(inputs);
  }
  if (names.length === 0)
    throw new DataError({
      subject: paths.join(", "),
      problem: "there is no example that the network could be given.",
      fix: "give files without gaps.",
    });
  if (names.length > most)
    terminal.error(
      `note: the first ${most} of ${names.length} examples are shown; --images ${names.length} shows all`,
    );
  const count = Math.min(most, names.length);
  return { names: names.slice(0, count), inputs: firstRows(parts, count) };
}

/** Concatenates the first rows of arrays. */
function firstRows(parts: readonly HostArray[], count: number): HostArray {
  const shape = parts[0]!.shape.slice(1);
  const size = sizeOf(shape);
  const data =
    parts[0]!.dtype === "int32" ? new Int32Array(count * size) : new Float32Array(count * size);
  let at = 0;
  for (const part of parts) {
    const rest = part.data.subarray(0, data.length - at);
    data.set(rest, at);
    at += rest.length;
  }
  return hostArray([count, ...shape], data);
}

const asJson = (run: string, inspection: Inspection, page: string, seconds: number) => ({
  event: "inspect",
  run,
  examples: inspection.chosen.map((one) => {
    const { preparation } = inspection.config.data;
    const isClass = preparation.target.task === "classification";
    const word = (value: number) => (isClass ? answerOf(preparation, value) : value);
    const { actual, predicted, ...rest } = one;
    return {
      ...rest,
      ...(predicted !== undefined && { predicted: word(predicted) }),
      ...(actual !== undefined && { actual: word(actual) }),
    };
  }),
  layers: inspection.layers.map(({ path, kind, outputShape, parameters, units }) => ({
    ...{ path, kind, outputShape, parameters },
    ...(units?.audit && { dead: units.audit.dead, saturated: units.audit.saturated }),
  })),
  findings: diagnose(inspection.results.audit),
  ...(inspection.probes && { probes: inspection.probes }),
  page,
  seconds,
});

function print(
  { layers, chosen, results, inputs }: Inspection,
  file: string,
  seconds: number,
  terminal: Terminal,
): void {
  const line = (name: string, text: string) =>
    terminal.out(`${styled(terminal, "bold", name.padEnd(9))} ${text}`);
  const found = diagnose(results.audit);
  line("examples", `${chosen.length} of ${show(inputs.shape.slice(1))}`);
  line("layers", `${layers.filter(({ units }) => units).length}`);
  for (const { what, path } of found) line("audit", `${path ? `${path}: ` : ""}${what}`);
  line("page", `${file} (${seconds.toFixed(0)} s)`);
}

import { ConfigError, DataError, formatJson, sizeOf } from "../../base/index.ts";
import { svgToPng } from "../../draw/index.ts";
import { writeFileAtomic } from "../../formats/index.ts";
import { PCA, TSNE, UMAP } from "../../learn/index.ts";
import { duration } from "../../train/progress.ts";
import { csvText } from "../pages/csv-text.ts";
import { mapChart } from "../pages/map/chart.ts";
import { mapPage } from "../pages/map/page.ts";
import { flat } from "../run/learner-outputs.ts";
import { isRun, loadRunMap } from "../run/run-map.ts";
import { oneOf, positiveNumber, wholeNumber } from "../settings/options.ts";
import { readSettings } from "../settings/settings.ts";
import { scalar, splitWords } from "../settings/settings-file.ts";
import { loadMapSource, type MapSource } from "../sources/map-source.ts";
import { readers } from "../sources/readers/index.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

const methods = ["pca", "tsne", "umap"] as const;
type Method = (typeof methods)[number];

interface Options {
  readonly method: Method;
  readonly target?: string | false;
  readonly examples?: number;
  readonly perplexity?: number;
  readonly neighbors?: number;
  readonly minDist?: number;
  readonly seed?: number;
  readonly out?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  gradus embed iris.csv                                by its principal components
  gradus embed data/mnist --method tsne --examples 5000
  gradus embed wine.csv --method umap --target quality data.drop=id
  gradus embed measurements.csv --no-target            all columns, none as a label
  gradus embed runs/digits-conv-autoencoder            the codes of its test data`;

export const define: Define = (command, terminal) => {
  command
    .argument(
      "<data>",
      readers
        .filter(({ name }) => name !== "text")
        .map(({ reads }) => reads)
        .join(", ")
        .concat(", or the run of an autoencoder, for its codes"),
    )
    .argument("[settings...]", "how data are read, as key=value: data.drop, data.missing, …")
    .option("--method <name>", `${methods.join(", ")}`, oneOf("--method", methods), "pca")
    .option("--target <column>", "the column that colors the points (default: the last)")
    .option("--no-target", "take all columns of a table as inputs")
    .option("--examples <n>", "only so many examples", wholeNumber("--examples", 3, 1000))
    .option(
      "--perplexity <x>",
      "of tsne: about how many neighbors count (default: 30, or a third of the examples)",
      positiveNumber("--perplexity", 30),
    )
    .option(
      "--neighbors <n>",
      "of umap: small for detail, large for the whole (default: 15)",
      wholeNumber("--neighbors", 2, 15),
    )
    .option(
      "--min-dist <x>",
      "of umap: how near points may lie (default: 0.1)",
      positiveNumber("--min-dist", 0.1),
    )
    .option("--seed <n>", "decides what is random (default: 0)", wholeNumber("--seed", 0, 1))
    .option("--out <name>", "NAME.csv, NAME.png and NAME.html (default: DATA-METHOD)")
    .option("--json", "one JSON object instead of text")
    .addHelpText("after", examples)
    .action((data: string, words: string[], options: Options) =>
      embed(data, words, options, terminal),
    );
};

async function embed(
  data: string,
  words: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const { method, out, json } = options;
  checkOf(options);
  const began = performance.now();
  const source = await sourceOf(data, words, options);
  const points = await coordinates(source, options);
  const seconds = (performance.now() - began) / 1000;
  const name = (out ?? `${nameOf(data)}-${method}`).replace(/\.(csv|png|html)$/, "");
  const title = `${source.name} by ${titles[method]}`;
  await writeFileAtomic(`${name}.csv`, asCsv(source, points));
  await writeFileAtomic(`${name}.png`, await svgToPng(await mapChart(source, points, title)));
  await writeFileAtomic(`${name}.html`, await mapPage(source, points, title));
  const examples = source.ids.length;
  if (json) {
    const files = { csv: `${name}.csv`, png: `${name}.png`, page: `${name}.html` };
    const event = { event: "embed", method, examples, seconds, ...files, notes: source.notes };
    terminal.out(formatJson(event));
    return;
  }
  for (const note of source.notes) terminal.error(`note: ${note}`);
  terminal.out(`${examples} examples in ${duration(seconds)}`);
  terminal.out(`${styled(terminal, "bold", "page")}     ${name}.html`);
  terminal.out(`${styled(terminal, "bold", "picture")}  ${name}.png`);
  terminal.out(`${styled(terminal, "bold", "table")}    ${name}.csv`);
}

/**
 * Data, or the codes of a run's test data. @throws {ConfigError} for data settings that the run has
 * already.
 */
function sourceOf(data: string, words: readonly string[], options: Options): Promise<MapSource> {
  if (!isRun(data))
    return loadMapSource(data, sourceOptions(words, options), options.target !== false);
  const strange = words[0] ?? (options.target === undefined ? undefined : "--target");
  if (strange === undefined) return loadRunMap(data, options.examples);
  throw new ConfigError({
    subject: strange,
    problem: `${data} is a run, which knows its data and how they are read.`,
    fix: "leave it out, or give data in place of the run.",
  });
}

const titles: Readonly<Record<Method, string>> = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" };

/** `runs/iris.csv` → `iris`. */
const nameOf = (data: string): string =>
  (data.split(/[\\/]/).filter(Boolean).at(-1) ?? "map").replace(
    /(\.(csv|tsv|txt|gz|tar|tgz|data))+$/i,
    "",
  );

/** Options for one method only. @throws {ConfigError} for one that would have no effect. */
function checkOf({ method, perplexity, neighbors, minDist }: Options): void {
  const wrong = [
    [perplexity, "--perplexity", "tsne"],
    [neighbors, "--neighbors", "umap"],
    [minDist, "--min-dist", "umap"],
  ].find(([value, , of]) => value !== undefined && of !== method);
  if (!wrong) return;
  throw new ConfigError({
    subject: String(wrong[1]),
    problem: `it is for ${wrong[2]}, and the method is ${method}.`,
    fix: `leave it out, or pass --method ${wrong[2]}.`,
  });
}

function sourceOptions(words: readonly string[], { target, examples }: Options) {
  const { file, assignments } = splitWords(words);
  const other = assignments.find(({ path }) => !path.startsWith("data."));
  if (file !== undefined || other)
    throw new ConfigError({
      subject: file ?? other!.path,
      problem: "a map takes settings of data alone.",
      fix: "give settings such as data.drop=id; the method has options of its own.",
    });
  const asked =
    typeof target === "string"
      ? [
          {
            path: "data.target",
            value: scalar(target, "data.target"),
            name: "--target",
            text: target,
          },
        ]
      : [];
  const { data = {} } = readSettings(undefined, [...assignments, ...asked]);
  const { source: _, ...rest } = data;
  return { ...rest, ...(examples !== undefined && { examples }) };
}

/** Two numbers for each example. */
async function coordinates(
  source: MapSource,
  { method, perplexity, neighbors, minDist, seed = 0 }: Options,
): Promise<Float64Array> {
  const x = flat(source.codes ?? source.inputs);
  const size = x.shape[0]!;
  if (size < 3 || sizeOf(x.shape.slice(1)) < 2)
    throw new DataError({
      subject: source.name,
      problem: `there are ${size} examples of ${x.shape[1]} features, of which no map can be drawn.`,
      fix: "give 3 examples or more, of 2 features or more.",
    });
  const third = Math.max(1, Math.floor((size - 1) / 3));
  const learner = {
    pca: () => new PCA({ nComponents: 2, seed }),
    tsne: () => new TSNE({ perplexity: perplexity ?? Math.min(30, third), seed }),
    umap: () => new UMAP({ nNeighbors: neighbors ?? Math.min(15, size - 1), minDist, seed }),
  }[method]();
  return (await learner.fitTransform(x)).dataSync() as Float64Array;
}

/** The position of each example. */
function asCsv({ ids, idName, labels, labelName }: MapSource, points: Float64Array): string {
  const header = [idName, ...(labels ? [labelName] : []), "x", "y"];
  const rows = ids.map((id, n) => [
    id,
    ...(labels ? [labels[n]!] : []),
    points[2 * n]!,
    points[2 * n + 1]!,
  ]);
  return `${csvText(header, rows)}\n`;
}

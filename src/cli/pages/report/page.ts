/** A run as one HTML file. */
import { show } from "../../../base/index.ts";
import { classesOf } from "../../../data/index.ts";
import {
  escapeXml,
  figure,
  grid,
  image,
  page,
  paragraph,
  pictureToPng,
  section,
  table,
  tiles,
} from "../../../draw/index.ts";
import type { Module } from "../../../nn/index.ts";
import type { RunConfig } from "../../run/run-config.ts";
import { shownPath } from "../../sources/data-file.ts";
import { strip } from "../autoencoder/charts.ts";
import type { Shown } from "../autoencoder/data.ts";
import { autoencoderSections } from "../autoencoder/page.ts";
import { shownClass } from "../class-names.ts";
import { findingsHead, findingsList } from "../findings.ts";
import { confusionChart, curve, curveNames, type EpochLine, scatter } from "./charts.ts";
import { type ClassResults, type Filter, firstFilters, type RunResults } from "./data.ts";

/** Everything on the page. */
export interface ReportInput {
  readonly name: string;
  readonly config: RunConfig;
  readonly lines: readonly EpochLine[];
  readonly model: Module;
  readonly results: RunResults;
}

/** Styles of rows of images. */
export const pictureHead = `<style>
.pictures { display: flex; flex-wrap: wrap; gap: .6rem; } .pictures figure { margin: 0; width: 84px; }
.pictures img { width: 72px; height: auto; image-rendering: pixelated; border: 1px solid var(--line); border-radius: 4px; }
.pictures.row { gap: 2px; margin: .5rem 0; } .pictures.row img { width: 64px; border: 0; border-radius: 0; }
.units svg { border: 1px solid var(--line); }
.pictures figcaption { font-size: .78rem; line-height: 1.25; }
</style>
`;

export async function reportPage(input: ReportInput): Promise<string> {
  const { name, config, results } = input;
  const { data, model, settings } = config;
  const { training } = settings;
  const pretext = settings.data.pretext ? `the pretext task ${settings.data.pretext} of ` : "";
  const body = [
    paragraph(
      `${model.name} on ${pretext}${shownPath(data.source)}: ${training.optimizer}, lr ${training.lr}, batches of ${training.batchSize}, seed ${training.seed}. Measured on ${results.test.size} test examples.`,
      { soft: true },
    ),
    tiles(firstNumbers(input)),
    await curves(input.lines),
    ...(results.classes ? await classSections(results.classes, input) : []),
    ...(results.numbers ? [section("Predictions", figure(await scatter(results.numbers)))] : []),
    ...(results.pictures ? [await picturesSection(results.pictures)] : []),
    ...(results.autoencoder ? await autoencoderSections(results.autoencoder, config) : []),
    await filters(input),
    sizes(results),
    units(results),
    section("Configuration", `<pre>${escapeXml(JSON.stringify(settings, null, 2))}</pre>`),
  ];
  return page({ title: name, body, head: pictureHead + findingsHead });
}

function firstNumbers({ results, lines }: ReportInput): Record<string, string | number> {
  const { classes, numbers, autoencoder, views, sizes } = results;
  const seconds = lines.reduce((sum, { seconds: s }) => sum + (typeof s === "number" ? s : 0), 0);
  return {
    ...(classes && {
      "test accuracy": `${(100 * classes.scores.accuracy).toFixed(2)} %`,
      "macro F1": classes.scores.macro.f1.toFixed(4),
    }),
    ...(numbers && {
      "R²": numbers.rSquared.toFixed(4),
      "mean absolute error": short(numbers.meanAbsoluteError),
    }),
    ...(autoencoder && {
      "test error": short(mean(autoencoder.errors)),
      ...(autoencoder.baseline && { "error of PCA": short(autoencoder.baseline.error) }),
    }),
    ...(views && {
      "similarity of two views": short(views.same),
      "of different images": short(views.other),
    }),
    epochs: lines.length,
    "training time": `${seconds.toFixed(1)} s`,
    parameters: sizes.totals.parameters.toLocaleString("en-US"),
  };
}

/** What a pretext task asks for, and the answers. */
const picturesSection = async (pictures: Shown): Promise<string> =>
  section(
    "Answers",
    paragraph(
      "Above the image that is asked for, in the middle what the net is given, below its answer.",
      { soft: true },
    ),
    await strip(pictures, (row) => `test example ${row}`),
  );

const mean = (x: Float64Array): number => x.reduce((sum, y) => sum + y, 0) / x.length;

const short = (x: number): string =>
  Math.abs(x) >= 1e4 || (x !== 0 && Math.abs(x) < 1e-3)
    ? x.toExponential(2)
    : String(Number(x.toPrecision(4)));

async function curves(lines: readonly EpochLine[]): Promise<string> {
  if (lines.length === 0) return section("Training", paragraph("No epoch has been recorded."));
  const charts = await Promise.all(curveNames(lines).map((name) => curve(name, lines)));
  return section("Training", grid(...charts.map((svg) => figure(svg))));
}

async function classSections(
  { matrix, scores, mistakes }: ClassResults,
  { config, results }: ReportInput,
): Promise<string[]> {
  const classes = classesOf(config.data.preparation);
  const name = (k: number) => shownClass(classes[k] ?? String(k));
  const names = classes.map(shownClass);
  const counted = figure(await confusionChart(matrix, names, { normalized: false }));
  const shares = figure(await confusionChart(matrix, names, { normalized: true }));
  const sections = [
    section("Confusion matrix", grid(counted, shares)),
    section("Scores per class", scoreTable(scores, names)),
  ];
  if (mistakes.length === 0)
    return [...sections, section("Worst mistakes", paragraph("There is none."))];
  const caption = (m: (typeof mistakes)[number]) =>
    `${name(m.actual)} taken for ${name(m.predicted)}, ${(100 * m.probability).toFixed(1)} %`;
  const { inputs } = results.test;
  const channels = inputs.shape[1]!;
  const arePictures = inputs.shape.length === 4 && (channels === 1 || channels === 3);
  const shown = arePictures
    ? await Promise.all(mistakes.map((m) => thumbnail(inputs, m.row, caption(m))))
    : [];
  const list = arePictures
    ? `<div class="pictures">${shown.join("\n")}</div>`
    : table(
        ["test example", "what happened"],
        mistakes.map((m) => [exampleOf(config, inputs, m.row), caption(m)]),
      );
  const about = paragraph("The wrong answers that the network was surest of.", { soft: true });
  return [...sections, section("Worst mistakes", about, list)];
}

/** A row of the test data by its number, or by its characters for a text. */
function exampleOf(
  { data: { preparation } }: RunConfig,
  { shape, data }: RunResults["test"]["inputs"],
  row: number,
): string | number {
  const { inputs } = preparation;
  if (inputs.kind !== "text") return row;
  const [, length] = shape as [number, number];
  const codes = Array.from(data.subarray(row * length, (row + 1) * length));
  return `${row}: ${JSON.stringify(codes.map((k) => inputs.characters[k]).join(""))}`;
}

/** Precision, recall and F1 of each class. */
export function scoreTable(scores: ClassResults["scores"], classes: readonly string[]): string {
  const score = (x: number) => x.toFixed(3);
  const row = (label: string, s: (typeof scores)["macro"]) => [
    label,
    score(s.precision),
    score(s.recall),
    score(s.f1),
    s.support,
  ];
  return table(
    ["class", "precision", "recall", "F1", "examples"],
    [
      ...scores.classes.map((s, k) => row(classes[k] ?? String(k), s)),
      row("mean of classes", scores.macro),
    ],
  );
}

async function thumbnail(
  { shape, data }: RunResults["test"]["inputs"],
  row: number,
  caption: string,
): Promise<string> {
  const [, channels, height, width] = shape as readonly [number, 1 | 3, number, number];
  const size = channels * height * width;
  const values = data.subarray(row * size, (row + 1) * size);
  const png = await pictureToPng({ channels, height, width, values });
  return figure(image(png, caption), caption);
}

/** Filters that are shown. */
const mostFilters = 32;

async function filters({ model, config }: ReportInput): Promise<string> {
  const all = firstFilters(model, config.data.preparation.inputShape);
  if (all.length === 0) return "";
  const pictures = await Promise.all(
    all.slice(0, mostFilters).map(async (filter, k) => {
      const png = await pictureToPng(asPicture(filter));
      return figure(image(png, `filter ${k}`), String(k));
    }),
  );
  const [channels] = all[0]!.shape;
  const how =
    channels === 3
      ? "Red, green and blue as the three channels; grey is no weight."
      : "Grey is no weight, white the largest and black the most negative of the filter.";
  const count = all.length > mostFilters ? `The first ${mostFilters} of ${all.length}. ` : "";
  return section(
    "Filters of the first layer",
    paragraph(`${count}${how}`, { soft: true }),
    `<div class="pictures">${pictures.join("\n")}</div>`,
  );
}

/**
 * Weights around gray; the largest magnitude is black or white. Unless there are 3 channels, the
 * first is shown.
 */
function asPicture({ shape: [channels, height, width], values }: Filter) {
  const most = Math.max(1e-12, ...values.map(Math.abs));
  const shownChannels = channels === 3 ? 3 : 1;
  return {
    channels: shownChannels as 1 | 3,
    height,
    width,
    values: values.subarray(0, shownChannels * height * width).map((w) => 0.5 + (0.5 * w) / most),
  };
}

function sizes({ sizes: { rows, totals } }: RunResults): string {
  const number = (n: number) => n.toLocaleString("en-US");
  const body = rows.map((row) => [
    row.path || "(model)",
    row.kind,
    show(row.outputShape),
    number(row.units),
    number(row.parameters),
    number(row.connections),
  ]);
  const sum = [
    "total",
    "",
    "",
    number(totals.units),
    number(totals.parameters),
    number(totals.connections),
  ];
  const header = ["layer", "kind", "output", "units", "parameters", "multiply-adds"];
  return section("Sizes", table(header, [...body, sum]));
}

function units({ audit }: RunResults): string {
  const layers = table(
    ["layer", "norm of weights", "norm of gradient", "gradient / weights"],
    audit.layers.map(({ path, weightNorm, gradientNorm }) => [
      path,
      short(weightNorm),
      short(gradientNorm),
      short(gradientNorm / weightNorm),
    ]),
  );
  const activations = table(
    ["activation", "kind", "units", "dead", "saturated", "mean slope"],
    audit.activations.map((a) => [
      a.path,
      a.kind,
      a.units,
      a.dead.length,
      a.saturated.length,
      a.meanSlope.toFixed(3),
    ]),
  );
  return section(
    "Gradients and units",
    paragraph(
      "A dead unit has slope 0 on every example that was looked at, a saturated one next to none on nearly all: nothing behind it learns through it.",
      { soft: true },
    ),
    layers,
    ...(audit.activations.length > 0 ? [activations] : []),
    findingsList(audit),
  );
}

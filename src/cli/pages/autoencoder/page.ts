/** The page of an autoencoder's report. */
import { show } from "../../../base/index.ts";
import { classesOf, featuresOf, type Preparation } from "../../../data/index.ts";
import { figure, grid, paragraph, section, table } from "../../../draw/index.ts";
import type { RunConfig } from "../../run/run-config.ts";
import type { MapSource } from "../../sources/map-source.ts";
import { shownClass } from "../class-names.ts";
import { mapChart } from "../map/chart.ts";
import {
  arePictures,
  errorChart,
  plain,
  planeChart,
  row,
  strip,
  unitFigure,
  widthOf,
} from "./charts.ts";
import type { AutoencoderResults, Baseline, Shown } from "./data.ts";

/** Units with a figure, and values of an example that are listed. */
const [mostUnits, mostValues] = [64, 4];

export async function autoencoderSections(
  results: AutoencoderResults,
  config: RunConfig,
): Promise<string[]> {
  const { preparation } = config.data;
  return [
    await reconstructions(results, config),
    await extremes(results, preparation),
    await errorsSection(results, preparation),
    baselineSection(results),
    await codeSection(results, preparation),
    ...(await drawnSections(results)),
  ];
}

const soft = (text: string): string => paragraph(text, { soft: true });

/** The input that the model saw, by the kind of autoencoder. */
function howGiven(name: string, { given }: Shown): string {
  if (!given)
    return "Above a test example, below what comes back through the code, and its mean squared error.";
  return name === "masked-autoencoder"
    ? "Above a test example, in the middle what is left of it, below what the model makes of that: what it sees, and its guess of the rest. The number is the error of all patches, each guessed from others."
    : "Above a test example, in the middle with noise as in training, below what comes back of that. The number is the error of the example without noise.";
}

async function reconstructions(
  { examples, errors }: AutoencoderResults,
  { model, data }: RunConfig,
): Promise<string> {
  const names = namesOf(data.preparation);
  const about = soft(howGiven(model.name, examples));
  if (arePictures(examples.inputs))
    return section("Reconstructions", about, await strip(examples, (n) => plain(errors[n]!)));
  const list = valuesTable(examples, errors, names);
  if (widthOf(examples.inputs) !== 2) return section("Reconstructions", list);
  return section("Reconstructions", figure(await planeChart(examples, names)), list);
}

async function extremes(
  { best, worst, errors }: AutoencoderResults,
  preparation: Preparation,
): Promise<string> {
  const names = namesOf(preparation);
  const draw = (shown: Shown) =>
    arePictures(shown.inputs)
      ? strip(shown, (n) => plain(errors[n]!))
      : valuesTable(shown, errors, names);
  return section(
    "Worst and best",
    soft("The test examples with the largest error, which are least like what the model learned:"),
    await draw(worst),
    soft("And those with the least:"),
    await draw(best),
  );
}

/** What each number of an example is called. */
const namesOf = ({ inputs }: Preparation): readonly string[] =>
  inputs.kind === "table" ? featuresOf(inputs) : [];

/** Rows of examples with their worst reconstructed values. */
function valuesTable(
  { rows, inputs, outputs }: Shown,
  errors: Float64Array,
  names: readonly string[],
): string {
  const width = widthOf(inputs);
  const cells = rows.map((row, n) => {
    const apart = Array.from({ length: width }, (_, k) => {
      const [x, y] = [inputs.data[n * width + k]!, outputs.data[n * width + k]!];
      return { text: `${names[k] ?? `x${k}`}: ${plain(x)} → ${plain(y)}`, by: Math.abs(x - y) };
    });
    const most = apart.sort((a, b) => b.by - a.by).slice(0, mostValues);
    return [row, plain(errors[row]!), most.map(({ text }) => text).join(", ")];
  });
  return table(["test example", "error", "values that differ most, as the model sees them"], cells);
}

async function errorsSection(
  { errors, labels }: AutoencoderResults,
  preparation: Preparation,
): Promise<string> {
  const sorted = errors.toSorted();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const shares = table(
    ["share of the test examples below", "error"],
    [0.5, 0.9, 0.95, 0.99].map((share) => [`${100 * share} %`, plain(at(share))]),
  );
  const byClass = classTable(errors, labels, classesOf(preparation));
  return section(
    "Errors",
    soft(
      "What is unlike the training data comes back badly: an error above a threshold such as one of these marks an anomaly. predict gives the error of new examples.",
    ),
    grid(figure(await errorChart(errors, at(0.95))), `<div>${shares}${byClass}</div>`),
  );
}

function classTable(
  errors: Float64Array,
  labels: AutoencoderResults["labels"],
  classes: readonly string[],
): string {
  if (!labels || classes.length < 2) return "";
  const rows = classes.map((name, k) => {
    const own = errors.filter((_, n) => labels.data[n] === k);
    const mean = own.reduce((sum, x) => sum + x, 0) / own.length;
    return [shownClass(name), own.length, own.length > 0 ? plain(mean) : "–"];
  });
  return table(["class", "examples", "mean error"], rows);
}

function baselineSection({ baseline, examples, codeShape }: AutoencoderResults): string {
  if (!baseline)
    return section(
      "Beside PCA",
      paragraph(
        `The code is ${show(codeShape)} numbers for an example of ${widthOf(examples.inputs)}: PCA of a width that could be compared needs a narrower code, and the training data.`,
      ),
    );
  const { width, own, error, fitted, measured } = baseline;
  return section(
    "Beside PCA",
    soft(
      `The first ${width} principal components of ${fitted} training examples, as wide as the code, on the same ${measured} test examples.`,
    ),
    table(
      ["", "mean squared error"],
      [
        ["this autoencoder", plain(own)],
        [`PCA, ${width} ${width === 1 ? "component" : "components"}`, plain(error)],
      ],
    ),
    paragraph(
      own < error
        ? `The autoencoder leaves ${Math.round((100 * own) / error)} % of the error of PCA.`
        : "PCA is better: train longer, or with another rate; where that does not help, the data lie near a plane.",
    ),
    anglesOf(baseline),
  );
}

/** The principal angles of a linear autoencoder. */
function anglesOf({ angles, fitted }: Baseline): string {
  if (!angles) return "";
  const degrees = angles.map((x) => ((180 * x) / Math.PI).toFixed(1));
  return paragraph(
    `Principal angles between its subspace and that of PCA (of ${fitted} training examples): ${degrees.join("°, ")}°. All are 0 where both find the same.`,
  );
}

async function codeSection(
  { units, codeShape, map, labels }: AutoencoderResults,
  preparation: Preparation,
): Promise<string> {
  const dead = units.flatMap(({ isDead }, k) => (isDead ? [k] : []));
  const what =
    codeShape.length === 1
      ? `The code is ${units.length} numbers`
      : `The code is ${show(codeShape)}, ${units.length} units over ${codeShape.length === 3 ? "all places" : "all patches"}`;
  const which = dead.length === 0 ? "no unit is dead" : `dead: ${dead.join(", ")}`;
  const figures = units.slice(0, mostUnits).map(unitFigure);
  const more = units.length > mostUnits ? ` The first ${mostUnits} are shown.` : "";
  return section(
    "Code",
    paragraph(`${what}; ${which}.`),
    soft(
      `Mean and standard deviation of each unit over the test examples, with its histogram. A dead unit hardly varies, and so says nothing of an example.${more}`,
    ),
    `<div class="pictures units">${figures.join("\n")}</div>`,
    ...(map ? [figure(await codeMap(map, labels, preparation))] : []),
  );
}

function codeMap(
  { rows, points, by }: NonNullable<AutoencoderResults["map"]>,
  labels: AutoencoderResults["labels"],
  preparation: Preparation,
): Promise<string> {
  const classes = classesOf(preparation);
  const of = (row: number) => {
    const label = labels!.data[row]!;
    return classes.length > 0 ? shownClass(classes[label] ?? String(label)) : label;
  };
  const source: MapSource = {
    ...{ name: "", inputs: labels!, ids: rows, idName: "example", cells: [], notes: [] },
    labels: labels && rows.map(of),
    ...{ labelName: "", classes: labels ? classes.map(shownClass) : [] },
  };
  return mapChart(source, points, `Codes of ${rows.length} test examples, by ${by}`);
}

async function drawnSections({ drawn, examples }: AutoencoderResults): Promise<string[]> {
  if (!drawn) return [];
  const { samples, walks, elbo } = drawn;
  const bound = soft(
    `The evidence lower bound of test examples is ${plain(elbo)} nats in the mean.`,
  );
  if (!arePictures(samples)) return [section("The bound", bound)];
  const rows = await Promise.all(walks.map((walk) => row(walk, examples.inputs, "step")));
  return [
    section(
      "Samples",
      soft("Codes drawn from the standard normal distribution, decoded."),
      await row(samples, examples.inputs, "sample"),
      bound,
    ),
    section(
      "Walks",
      soft("Along the line from the code of one test example to that of another."),
      ...rows,
    ),
  ];
}

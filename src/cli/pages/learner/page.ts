/** A learner's run as one HTML file. */
import { sizeOf } from "../../../base/index.ts";
import { classesOf, type Split } from "../../../data/index.ts";
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
import { Adaline, KMeans, Perceptron, SVC } from "../../../learn/index.ts";
import { classificationReport, confusionMatrix } from "../../../train/index.ts";
import type { AnyLearner } from "../../run/learner-run.ts";
import type { LearnerRunConfig } from "../../run/run-config.ts";
import { shownPath } from "../../sources/data-file.ts";
import { confusionChart, scatter } from "../report/charts.ts";
import { pictureHead, scoreTable } from "../report/page.ts";
import {
  calibrationChart,
  epochChart,
  learningChart,
  precisionRecallChart,
  residualChart,
  residualHistogram,
  rocChart,
  weightChart,
} from "./charts.ts";
import {
  type Coefficients,
  calibrationOf,
  coefficientsOf,
  curveMeasure,
  curvesOf,
  groupsOf,
  type LearnerResults,
  type LearningPoint,
} from "./data.ts";

/** Everything on the page. */
export interface LearnerPageInput {
  readonly name: string;
  readonly config: LearnerRunConfig;
  readonly learner: AnyLearner;
  readonly results: LearnerResults;
  /** Duration of the fit in seconds. */
  readonly seconds: number | undefined;
  /** The training split, if it is available, and its results. */
  readonly train?: Split;
  readonly plane?: string | undefined;
  readonly curve?: readonly LearningPoint[] | undefined;
}

export async function learnerPage(input: LearnerPageInput): Promise<string> {
  const { name, config, results, plane, curve } = input;
  const { model, data, settings } = config;
  const { outputs } = results;
  const body = [
    paragraph(
      `${model.name} on ${shownPath(data.source)}. Measured on ${results.test.size} test examples.`,
      { soft: true },
    ),
    tiles(firstNumbers(input)),
    ...(plane ? [section("The plane", figure(plane))] : []),
    ...(await ofTraining(input)),
    ...(await ofWeights(input)),
    ...(outputs.numbers ? await numberSections(outputs.numbers, results.test) : []),
    ...(input.learner instanceof KMeans ? groupSections(input) : await classSections(input)),
    ...(curve && curve.length > 1
      ? [section("Learning curve", figure(await learningChart(curve, curveMeasure(config))))]
      : []),
    section(
      "Configuration",
      `<pre>${escapeXml(JSON.stringify({ settings, model }, null, 2))}</pre>`,
    ),
  ];
  return page({ title: name, body, head: pictureHead });
}

const short = (x: number): string =>
  x !== 0 && (Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3)
    ? x.toExponential(2)
    : String(Number(x.toPrecision(4)));

function firstNumbers({ learner, results, seconds, train }: LearnerPageInput) {
  const { accuracy, f1, r2, meanAbsoluteError, loss } = results.measured;
  const isNumbers = results.outputs.numbers !== undefined;
  return {
    ...(accuracy !== undefined && { "test accuracy": `${(100 * accuracy).toFixed(2)} %` }),
    ...(f1 !== undefined && { "macro F1": f1.toFixed(4) }),
    ...(!isNumbers && loss !== undefined && { "test loss (nats)": short(loss) }),
    ...(r2 !== undefined && { "R²": r2.toFixed(4) }),
    ...(meanAbsoluteError !== undefined && { "mean absolute error": short(meanAbsoluteError) }),
    ...(learner instanceof KMeans && {
      groups: learner.options.nClusters,
      inertia: short(learner.inertia),
      iterations: learner.iterations,
    }),
    ...(train && { "training examples": train.size }),
    ...(seconds !== undefined && { "time of the fit": `${short(seconds)} s` }),
  };
}

/** How the training went, for learners that report it. */
async function ofTraining({ learner, results }: LearnerPageInput): Promise<string[]> {
  if (learner instanceof Perceptron) return [await perceptronSection(learner)];
  if (learner instanceof Adaline)
    return [section("Squared error", figure(await epochChart("Mean of (y − z)²", learner.losses)))];
  if (learner instanceof SVC) return [await supportSection(learner, results.test)];
  return [];
}

async function perceptronSection({ report }: Perceptron): Promise<string> {
  const { converged, epochs, mistakes, total, radius, margin, bound } = report;
  const end = converged
    ? `After ${epochs} epochs and ${total} mistakes a whole epoch passed without one: a line parts the training examples.`
    : `In none of ${epochs} epochs were there no mistakes; no line that was found parts the training examples.`;
  const numbers = {
    mistakes: total,
    "R, the farthest example": short(radius),
    ...(margin !== null && { "γ, the margin": short(margin) }),
    ...(bound !== null && { "(R/γ)², the most mistakes": short(bound) }),
  };
  return section(
    "Mistakes",
    paragraph(end),
    tiles(numbers),
    figure(await epochChart("Mistakes by epoch", mistakes)),
  );
}

/** Support vectors that are listed. */
const mostSupport = 16;

async function supportSection(learner: SVC, { inputs }: Split): Promise<string> {
  const { support, classes } = learner;
  const weights = learner.dualCoef.toArray() as number[][];
  const vectors = learner.supportVectors.toArray() as number[][];
  const ranked = support
    .map((row, s) => ({ row, s, weight: Math.max(...weights.map((pair) => Math.abs(pair[s]!))) }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, mostSupport);
  const count = `${support.length} training examples lie on the margin or within it, and alone decide between the ${classes.length} classes. Those with the largest weight α, which C bounds:`;
  const shape = inputs.shape.slice(1);
  const list = isPicture(shape)
    ? `<div class="pictures">${(
        await Promise.all(
          ranked.map(({ row, s, weight }) =>
            picture(vectors[s]!, shape, `example ${row}, α ${short(weight)}`),
          ),
        )
      ).join("\n")}</div>`
    : table(
        ["training example", "α"],
        ranked.map(({ row, weight }) => [row, short(weight)]),
      );
  return section("Support vectors", paragraph(count), list);
}

const isPicture = (shape: readonly number[]): boolean =>
  shape.length === 3 && (shape[0] === 1 || shape[0] === 3);

async function picture(
  values: ArrayLike<number>,
  [channels, height, width]: readonly number[],
  caption: string,
): Promise<string> {
  const picture = { channels: channels as 1 | 3, height: height!, width: width! };
  const png = await pictureToPng({ ...picture, values: Float64Array.from(values) });
  return figure(image(png, caption), caption);
}

/** Weights per class that are drawn. */
const mostWeights = 15;
/** Features up to which each is listed in the table. */
const mostRows = 60;

async function ofWeights({ learner, config, results }: LearnerPageInput): Promise<string[]> {
  const { preparation } = config.data;
  const found = coefficientsOf(learner, preparation);
  if (!found) return [];
  const shape = results.test.inputs.shape.slice(1);
  const about = (how: string) => paragraph(how, { soft: true });
  if (isPicture(shape) && sizeOf(shape) === found.names.length)
    return [
      section(
        "Weights",
        about("Grey is no weight, white speaks for the class, black against it."),
        `<div class="pictures">${(await weightPictures(found, shape)).join("\n")}</div>`,
      ),
    ];
  const isScaled = preparation.inputs.kind === "table";
  const shown = found.of.length > 6 ? [] : found.of;
  const charts = await Promise.all(
    shown.map((name, k) =>
      weightChart(found.of.length === 1 ? "Weights" : `For ${name}`, largestOf(found, k)),
    ),
  );
  return [
    section(
      "Coefficients",
      about(
        `${found.of.length === 1 && results.outputs.chosen ? `A positive weight speaks for ${found.of[0]}. ` : ""}${isScaled ? "Numbers were brought to mean 0 and deviation 1, so that weights can be compared; the table also has them per unit of the data." : ""}`,
      ),
      ...(charts.length > 0 ? [grid(...charts.map((svg) => figure(svg)))] : []),
      coefficientTable(found, isScaled),
    ),
  ];
}

const largestOf = ({ names, weights }: Coefficients, k: number) =>
  names
    .map((name, j) => ({ name, weight: weights[k]![j]! }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, mostWeights);

function coefficientTable(
  { names, of, weights, perUnit, intercepts }: Coefficients,
  both: boolean,
) {
  const isSingle = of.length === 1;
  const header = isSingle
    ? ["feature", "weight", ...(both ? ["per unit"] : [])]
    : ["feature", ...of.map((name) => `${name}${both ? "" : ""}`)];
  const rows = names
    .slice(0, mostRows)
    .map((name, j) => [
      name,
      ...weights.map((row) => short(row[j]!)),
      ...(isSingle && both ? [short(perUnit[0]![j]!)] : []),
    ]);
  const last = ["(intercept)", ...intercepts.map(short), ...(isSingle && both ? [""] : [])];
  const more =
    names.length > mostRows ? paragraph(`The first ${mostRows} of ${names.length} features.`) : "";
  const all = table(header, [...rows, last]);
  if (isSingle || !both) return all + more;
  const inUnits = table(
    header,
    names.slice(0, mostRows).map((name, j) => [name, ...perUnit.map((row) => short(row[j]!))]),
  );
  return `${all}${more}\n${paragraph("Per unit of the data:")}\n${inUnits}`;
}

function weightPictures({ of, weights }: Coefficients, shape: readonly number[]) {
  return Promise.all(
    weights.slice(0, 30).map((row, k) => {
      const most = Math.max(1e-12, ...row.map(Math.abs));
      return picture(
        row.map((w) => 0.5 + (0.5 * w) / most),
        shape,
        of[k]!,
      );
    }),
  );
}

async function numberSections(predicted: Float64Array, { targets }: Split): Promise<string[]> {
  const actual = Array.from(targets.data);
  const residuals = actual.map((y, n) => y - predicted[n]!);
  return [
    section(
      "Predictions",
      grid(
        figure(await scatter({ actual, predicted: Array.from(predicted) })),
        figure(await residualChart(residuals.map((r, n) => [predicted[n]!, r]))),
        figure(await residualHistogram(residuals)),
      ),
    ),
  ];
}

function groupSections({ config, results, learner }: LearnerPageInput): string[] {
  const { preparation } = config.data;
  const classes = classesOf(preparation);
  const rows = groupsOf(results.outputs, results.test, preparation);
  const counts = table(
    ["group", ...(classes.length > 0 ? classes : ["examples"])],
    rows.map((row, k) => [k, ...row]),
  );
  const about = `How the ${results.test.size} test examples fall into the ${(learner as KMeans).options.nClusters} groups${classes.length > 0 ? ", by their class, which the learner has not seen" : ""}.`;
  return [section("Groups", paragraph(about, { soft: true }), counts)];
}

async function classSections({ config, results }: LearnerPageInput): Promise<string[]> {
  const { outputs, test } = results;
  if (!outputs.chosen) return [];
  const classes = classesOf(config.data.preparation);
  const matrix = confusionMatrix(test.targets.data, outputs.chosen, Math.max(2, classes.length));
  const curves = curvesOf(outputs, test, classes);
  const calibration = calibrationOf(outputs, test);
  return [
    section(
      "Confusion matrix",
      grid(
        figure(await confusionChart(matrix, classes, { normalized: false })),
        figure(await confusionChart(matrix, classes, { normalized: true })),
      ),
    ),
    section("Scores per class", scoreTable(classificationReport(matrix), classes)),
    ...(curves.length > 0
      ? [
          section(
            "Thresholds",
            paragraph(
              curves.length === 1
                ? `${curves[0]!.name} against the other class, at every threshold of the score.`
                : "Each class against all others, at every threshold of its score.",
              { soft: true },
            ),
            grid(figure(await rocChart(curves)), figure(await precisionRecallChart(curves))),
            table(
              ["class", "area below the ROC curve"],
              curves.map(({ name, auc }) => [name, auc.toFixed(4)]),
            ),
          ),
        ]
      : []),
    ...(calibration
      ? [
          section(
            "Probabilities",
            figure(
              await calibrationChart(calibration.bins),
              `Expected calibration error ${calibration.error.toFixed(3)}; a dot's area is the number of examples.`,
            ),
          ),
        ]
      : []),
  ];
}

/** The figures of a learner's report. */
import { extent } from "../../../base/vectors.ts";
import { chart } from "../../../draw/index.ts";
import type { CalibrationBin, ClassCurves, LearningPoint, XY } from "./data.ts";

/** Ten distinguishable colors for classes: Observable's. */
export const palette = [
  ...["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951"],
  ...["#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0"],
] as const;
export const colorOf = (k: number): string => palette[k % palette.length]!;

const [blue, orange] = ["#2459a9", "#d9822b"];
const soft = "#8a919c";
const plain = (x: number): string => String(Number(x.toPrecision(3)));

const legendOf = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, k) => [name, colorOf(k)]));

/** Letters that fit in a legend; each dot with its space counts as four. */
const mostLetters = 60;
const shortLegend = (names: readonly string[]) =>
  names.join("").length + 4 * names.length > mostLetters ? {} : { legend: legendOf(names) };

/** Curves of rates against each other, optionally with the diagonal. */
function shareCurves(
  title: string,
  [x, y]: readonly [string, string],
  curves: readonly { readonly name: string; readonly points: readonly XY[] }[],
  hasDiagonal: boolean,
): Promise<string> {
  return chart((Plot) => ({
    title,
    ...shortLegend(curves.map(({ name }) => name)),
    ...{ width: 460, height: 400, marginLeft: 50, grid: true },
    x: { label: x, domain: [0, 1] },
    y: { label: y, domain: [0, 1] },
    marks: [
      ...(hasDiagonal
        ? [
            Plot.line([[0, 0] as XY, [1, 1] as XY] as never, {
              stroke: soft,
              strokeDasharray: "4 4",
            }),
          ]
        : []),
      ...curves.map(({ points }, k) =>
        Plot.line(points as never, { stroke: colorOf(k), strokeWidth: 2 }),
      ),
    ],
  }));
}

/** True against false positives. */
export const rocChart = (curves: readonly ClassCurves[]): Promise<string> =>
  shareCurves(
    "ROC curve",
    ["false positive rate", "true positive rate"],
    curves.map(({ name, roc }) => ({ name, points: roc })),
    true,
  );

export const precisionRecallChart = (curves: readonly ClassCurves[]): Promise<string> =>
  shareCurves(
    "Precision and recall",
    ["recall", "precision"],
    curves.map(({ name, precisionRecall }) => ({ name, points: precisionRecall })),
    false,
  );

/**
 * The fraction of correct predictions against the predicted probability; a dot's area is the number
 * of examples.
 */
export function calibrationChart(bins: readonly CalibrationBin[]): Promise<string> {
  const most = Math.max(...bins.map(({ count }) => count));
  const points = bins.map(({ confidence: x, accuracy: y, count }) => ({
    ...{ x, y, r: 3 + 9 * Math.sqrt(count / most) },
  }));
  return chart((Plot) => ({
    title: "Calibration",
    subtitle: "on the diagonal, probabilities are what they say",
    ...{ width: 460, height: 400, marginLeft: 50, grid: true },
    x: { label: "probability of the class that is named", domain: [0, 1] },
    y: { label: "share that is right", domain: [0, 1] },
    r: { type: "identity" },
    marks: [
      Plot.line([[0, 0] as XY, [1, 1] as XY] as never, { stroke: soft, strokeDasharray: "4 4" }),
      Plot.line(points, { x: "x", y: "y", stroke: blue }),
      Plot.dot(points, { x: "x", y: "y", r: "r", fill: blue, fillOpacity: 0.7 }),
    ],
  }));
}

export function learningChart(points: readonly LearningPoint[], measure: string): Promise<string> {
  const line = (name: "train" | "validation") =>
    points.map((point) => ({ x: point.examples, y: point[name] }));
  return chart((Plot) => ({
    title: "Learning curve",
    legend: { training: blue, validation: orange },
    ...{ width: 460, height: 320, marginLeft: 56, grid: true },
    x: { label: "training examples" },
    y: { label: measure, tickFormat: plain },
    marks: (["train", "validation"] as const).flatMap((name) => {
      const stroke = name === "train" ? blue : orange;
      return [
        Plot.line(line(name), { x: "x", y: "y", stroke, strokeWidth: 2 }),
        Plot.dot(line(name), { x: "x", y: "y", fill: stroke, r: 3 }),
      ];
    }),
  }));
}

/** Bars of the largest weights. */
export function weightChart(
  title: string,
  weights: readonly { readonly name: string; readonly weight: number }[],
): Promise<string> {
  const longest = Math.max(...weights.map(({ name }) => name.length));
  return chart((Plot) => ({
    title,
    ...{ width: 460, height: 60 + 20 * weights.length, marginLeft: 16 + 7 * Math.min(26, longest) },
    x: { label: "weight", grid: true, tickFormat: plain, ticks: 5 },
    y: { label: null, domain: weights.map(({ name }) => name), tickFormat: shortened },
    marks: [
      Plot.barX(weights as never, {
        ...{ x: "weight", y: "name" },
        fill: ({ weight }: { weight: number }) => (weight < 0 ? orange : blue),
      }),
      Plot.ruleX([0]),
    ],
  }));
}

const shortened = (name: string): string => (name.length > 26 ? `${name.slice(0, 25)}…` : name);

/** A quantity by epoch. */
export const epochChart = (title: string, values: readonly number[]): Promise<string> =>
  chart((Plot) => ({
    title,
    ...{ width: 460, height: 260, marginLeft: 56, grid: true },
    x: { label: "epoch", tickFormat: (x: number) => (Number.isInteger(x) ? String(x) : "") },
    y: { label: null, tickFormat: plain, zero: true },
    marks: [
      Plot.line(values.map((y, n) => [n + 1, y]) as never, { stroke: blue, strokeWidth: 2 }),
      ...(values.length > 60
        ? []
        : [Plot.dot(values.map((y, n) => [n + 1, y]) as never, { fill: blue, r: 2.5 })]),
    ],
  }));

/** The residual of each number, against the prediction. */
export const residualChart = (points: readonly XY[]): Promise<string> =>
  chart((Plot) => ({
    title: "Residuals",
    subtitle: "true − predicted; a pattern is what the learner has missed",
    ...{ width: 460, height: 400, marginLeft: 56, grid: true },
    x: { label: "predicted", tickFormat: plain },
    y: { label: "residual", tickFormat: plain },
    marks: [
      Plot.ruleY([0], { stroke: soft }),
      Plot.dot(points as never, { fill: blue, fillOpacity: 0.5, r: 2.5 }),
    ],
  }));

export const residualHistogram = (residuals: readonly number[]): Promise<string> =>
  chart((Plot) => ({
    title: "Distribution of residuals",
    ...{ width: 460, height: 260, marginLeft: 56, grid: true },
    x: { label: "residual", tickFormat: plain },
    y: { label: "examples" },
    marks: [
      Plot.rectY(residuals, {
        ...Plot.binX({ y: "count" }, { x: (r: number) => r }),
        fill: blue,
      }),
      Plot.ruleY([0]),
    ],
  }));

/** A segment of a row of the plane with one predicted class, from `x1` to `x2`. */
export interface Region {
  readonly x1: number;
  readonly x2: number;
  readonly y1: number;
  readonly y2: number;
  readonly k: number;
}
export interface PlanePoint {
  readonly x: number;
  readonly y: number;
  readonly k: number;
  readonly isSupport: boolean;
}

/** The prediction at each point of a plane of two features, with examples on it. */
export function regionChart(
  regions: readonly Region[],
  points: readonly PlanePoint[],
  names: readonly string[],
  [x, y]: readonly [string, string],
): Promise<string> {
  const support = points.filter(({ isSupport }) => isSupport);
  return chart((Plot) => ({
    title: "Decision regions",
    subtitle:
      support.length > 0
        ? "with training examples; rings are support vectors"
        : "with training examples",
    ...shortLegend(names),
    ...{ width: 560, height: 480, marginLeft: 56 },
    x: { label: x, domain: extent(regions.flatMap(({ x1, x2 }) => [x1, x2])), tickFormat: plain },
    y: { label: y, domain: extent(regions.flatMap(({ y1, y2 }) => [y1, y2])), tickFormat: plain },
    marks: [
      Plot.rect(regions, {
        ...{ x1: "x1", x2: "x2", y1: "y1", y2: "y2", fillOpacity: 0.25 },
        ...{ fill: ({ k }: Region) => colorOf(k), shapeRendering: "crispEdges" },
      }),
      Plot.dot(points, {
        ...{ x: "x", y: "y", r: 2.8, stroke: "white", strokeWidth: 0.5 },
        fill: ({ k }: PlanePoint) => colorOf(k),
      }),
      Plot.dot(support, { x: "x", y: "y", r: 5, stroke: "#1b1e23", strokeWidth: 1 }),
    ],
  }));
}

/** A curve of one feature, with examples. */
export const fitChart = (
  line: readonly XY[],
  points: readonly XY[],
  [x, y]: readonly [string, string],
): Promise<string> =>
  chart((Plot) => ({
    title: "What was learned",
    legend: { examples: soft, prediction: blue },
    ...{ width: 560, height: 400, marginLeft: 56, grid: true },
    x: { label: x, tickFormat: plain },
    y: { label: y, tickFormat: plain },
    marks: [
      Plot.dot(points as never, { fill: soft, fillOpacity: 0.6, r: 2.5 }),
      Plot.line(line as never, { stroke: blue, strokeWidth: 2 }),
    ],
  }));

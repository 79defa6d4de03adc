/** A learner's predictions everywhere, for one or two features. */
import { type HostArray, sizeOf } from "../../../base/index.ts";
import { extent } from "../../../base/vectors.ts";
import type { Preparation, Split } from "../../../data/index.ts";
import { outputsOf } from "../../run/learner-outputs.ts";
import { type AnyLearner, inOwnUnits } from "../../run/learner-run.ts";
import type { LearnerRunConfig } from "../../run/run-config.ts";
import { some } from "../../sources/data-source.ts";
import { fitChart, type PlanePoint, type Region, regionChart } from "./charts.ts";
import { featureNames, featureScales, type XY } from "./data.ts";

/** Grid points per side of the plane, and examples that are drawn. */
const [side, mostPoints] = [120, 600];
/** The margin beyond the examples, as a fraction of their range. */
const margin = 0.06;

/** A figure of the regions, or of the curve; undefined for other numbers of features. */
export async function planeFigure(
  learner: AnyLearner,
  config: LearnerRunConfig,
  train: Split,
): Promise<string | undefined> {
  const { preparation } = config.data;
  const width = sizeOf(preparation.inputShape);
  const isNumbers = preparation.target.task === "regression" && learner.name !== "KMeans";
  const { inputs } = preparation;
  if (inputs.kind === "table" && inputs.columns.some(({ type }) => type === "text"))
    return undefined;
  if (width === 2 && !isNumbers) return regions(learner, preparation, train);
  if (width === 1 && isNumbers) return fitted(learner, config, train);
  return undefined;
}

const rangeOf = (values: ArrayLike<number>): [number, number] => {
  const [low, high] = extent(values);
  const beyond = margin * (high - low || 1);
  return [low - beyond, high + beyond];
};

const columnOf = ({ shape, data }: HostArray, k: number): number[] => {
  const width = sizeOf(shape.slice(1));
  return Array.from({ length: shape[0]! }, (_, n) => data[n * width + k]!);
};

const matrix = (rows: readonly (readonly number[])[]): HostArray => ({
  dtype: "float64",
  shape: [rows.length, rows[0]!.length],
  data: Float64Array.from(rows.flat()),
});

async function regions(learner: AnyLearner, preparation: Preparation, train: Split) {
  const [xs, ys] = [columnOf(train.inputs, 0), columnOf(train.inputs, 1)];
  const [xRange, yRange] = [rangeOf(xs), rangeOf(ys)];
  const at = ([low, high]: [number, number], i: number) => low + ((high - low) * i) / side;
  const places = Array.from({ length: side * side }, (_, n) => [
    at(xRange, (n % side) + 0.5),
    at(yRange, Math.floor(n / side) + 0.5),
  ]);
  const { chosen } = outputsOf(learner, matrix(places), preparation);
  const [sx, sy] = featureScales(preparation) as [Scale, Scale];
  const runs: Region[] = [];
  for (let row = 0; row < side; row++)
    for (let from = 0; from < side; ) {
      const k = chosen![row * side + from]!;
      let to = from;
      while (to < side && chosen![row * side + to] === k) to++;
      runs.push({
        ...{ k, x1: own(at(xRange, from), sx), x2: own(at(xRange, to), sx) },
        ...{ y1: own(at(yRange, row), sy), y2: own(at(yRange, row + 1), sy) },
      });
      from = to;
    }
  const isClustering = learner.name === "KMeans";
  const labels = isClustering
    ? outputsOf(learner, train.inputs, preparation).chosen!
    : train.targets.data;
  const support = new Set((learner as { support?: readonly number[] }).support ?? []);
  const points = shownRows(train.size).map(
    (n): PlanePoint => ({
      ...{ x: own(xs[n]!, sx), y: own(ys[n]!, sy), k: labels[n]!, isSupport: support.has(n) },
    }),
  );
  const { target } = preparation;
  const names =
    isClustering || target.task === "regression"
      ? Array.from({ length: 1 + Math.max(...labels) }, (_, k) => `group ${k}`)
      : target.classes;
  return regionChart(runs, points, names, featureNames(preparation) as [string, string]);
}

type Scale = { readonly mean: number; readonly std: number };
const own = (x: number, { mean, std }: Scale): number => x * std + mean;

/** Rows to draw: all, or an even selection. */
const shownRows = (size: number): number[] => {
  const step = Math.max(1, Math.ceil(size / mostPoints));
  return Array.from({ length: Math.ceil(size / step) }, (_, n) => n * step);
};

async function fitted(learner: AnyLearner, config: LearnerRunConfig, train: Split) {
  const { preparation } = config.data;
  const shown = inOwnUnits(some(train, mostPoints), config);
  const [low, high] = rangeOf(columnOf(train.inputs, 0));
  const xs = Array.from({ length: 301 }, (_, i) => low + ((high - low) * i) / 300);
  const { numbers } = outputsOf(learner, matrix(xs.map((x) => [x])), preparation);
  const [scale] = featureScales(preparation) as [Scale];
  const line = xs.map((x, n): XY => [own(x, scale), numbers![n]!]);
  const points = columnOf(shown.inputs, 0).map(
    (x, n): XY => [own(x, scale), shown.targets.data[n]!],
  );
  return fitChart(line, points, [featureNames(preparation)[0]!, preparation.target.column ?? "y"]);
}

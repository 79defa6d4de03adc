/** The numbers in a run's report. */
import { type HostArray, type Shape, sizeOf } from "../../../base/index.ts";
import { takeRows } from "../../../data/dataset.ts";
import { classesOf, type Preparation, type Split } from "../../../data/index.ts";
import { auditModel, type ModelAudit } from "../../../lab/index.ts";
import { Autoencoder } from "../../../models/index.ts";
import { type Module, type Summary, summary } from "../../../nn/index.ts";
import { fromHost, type Tensor } from "../../../tensor/index.ts";
import {
  type ClassificationReport,
  classificationReport,
  confusionMatrix,
  type Objective,
  predict,
  rSquared,
} from "../../../train/index.ts";
import type { RunConfig } from "../../run/run-config.ts";
import { judgedModel, objectiveOf, plainOf } from "../../run/stored-run.ts";
import { some } from "../../sources/data-source.ts";
import type { Parts } from "../../sources/readers/reader.ts";
import { type AutoencoderResults, measureAutoencoder, type Shown } from "../autoencoder/data.ts";

/** Examples for the audit: enough for fractions of units, few enough to be quick. */
const auditExamples = 256;
/** Mistakes that are shown. */
const mostMistakes = 24;

/** An example that the network gets wrong with confidence. */
export interface Mistake {
  /** Its row in the test data. */
  readonly row: number;
  readonly actual: number;
  readonly predicted: number;
  /** The probability of the wrong class. */
  readonly probability: number;
}

export interface ClassResults {
  readonly matrix: readonly (readonly number[])[];
  readonly scores: ClassificationReport;
  readonly mistakes: readonly Mistake[];
  /** The predicted class of each test example, and its probability. */
  readonly predicted: readonly number[];
  readonly probabilities: readonly number[];
}

export interface NumberResults {
  readonly actual: readonly number[];
  readonly predicted: readonly number[];
  readonly meanAbsoluteError: number;
  readonly rSquared: number;
}

export interface RunResults {
  readonly test: Split;
  readonly sizes: Summary;
  readonly audit: ModelAudit;
  /** One of the three, depending on the task. */
  readonly classes?: ClassResults;
  readonly numbers?: NumberResults;
  readonly autoencoder?: AutoencoderResults;
  /** Of a pretext task that asks for images. */
  readonly pictures?: Shown;
  /** Of one that asks for views: the mean similarity of two of an image, and of two of different ones. */
  readonly views?: { readonly same: number; readonly other: number };
}

/** The data of a report: test data, and for the baseline of an autoencoder its training data. */
export type Judging = Pick<Parts, "test"> & Partial<Pick<Parts, "train">>;

/** Evaluates a trained network on its test data. */
export async function measureRun(
  model: Module,
  config: RunConfig,
  { train, test }: Judging,
): Promise<RunResults> {
  const { preparation } = config.data;
  const common = measureNet(model, config, test);
  if (model instanceof Autoencoder) {
    const { name } = config.model;
    return { ...common, autoencoder: await measureAutoencoder({ model, name, train, test }) };
  }
  const outputs = await predict(judgedModel(model, config), test.inputs);
  if (test.inputs.shape.length === 5) return { ...common, views: await viewsIn(model, test) };
  if (test.targets.shape.length === 4)
    return { ...common, pictures: picturesIn(test, outputs.toHost()) };
  return preparation.target.task === "regression"
    ? { ...common, numbers: numberResults(outputs, test.targets) }
    : {
        ...common,
        classes: classResults(
          ...([outputs, objectiveOf(model, test), test.targets] as const),
          classesOf(preparation).length,
        ),
      };
}

/** Pictures that are shown. */
const mostPictures = 20;

/** Some images that were asked for, what was given of them, and the answers. */
function picturesIn({ inputs, targets, size }: Split, outputs: HostArray): Shown {
  const count = Math.min(size, mostPictures);
  const rows = Array.from({ length: count }, (_, n) => Math.floor((n * size) / count));
  const { shape } = targets;
  const given = takeRows(inputs, rows);
  return {
    ...{ rows, given, inputs: takeRows(targets, rows) },
    outputs: takeRows({ ...outputs, shape }, rows),
  };
}

/** How similar views are; the second ones of other images are those of the next. */
async function viewsIn(model: Module, { inputs, size }: Split) {
  const mean = async (pairs: HostArray) => (await predict(model, pairs)).mean().item();
  const data = Float32Array.from(inputs.data);
  const view = inputs.data.length / size / 2;
  for (let n = 0; n < size; n++) {
    const next = 2 * ((n + 1) % size) + 1;
    data.set(inputs.data.subarray(next * view, (next + 1) * view), (2 * n + 1) * view);
  }
  return { same: await mean(inputs), other: await mean({ ...inputs, data }) };
}

/** Sizes and audit of a trained network. */
export function measureNet(
  model: Module,
  { data: { preparation } }: RunConfig,
  test: Split,
): Pick<RunResults, "test" | "sizes" | "audit"> {
  const examples = tensors(inScale(some(test, auditExamples), preparation));
  return {
    test,
    sizes: summary(plainOf(model), preparation.inputShape),
    audit: auditModel(model, objectiveOf(model, test).loss, examples),
  };
}

/** Targets as the network learned them: its loss is in standardized units. */
function inScale(split: Split, { target }: Preparation): Split {
  const isOwn = split.targets === split.inputs;
  if (isOwn || target.task !== "regression" || !target.scale) return split;
  const { mean, std } = target.scale;
  const data = Float32Array.from(split.targets.data, (y) => (y - mean) / std);
  return { ...split, targets: { dtype: "float32", shape: split.targets.shape, data } };
}

const tensors = ({ inputs, targets }: Split) => ({
  inputs: fromHost(inputs),
  targets: fromHost(targets),
});

function classResults(
  outputs: Tensor,
  objective: Objective,
  { data: actual }: HostArray,
  count: number,
): ClassResults {
  const rows = probabilityRows(objective.read(outputs).toHost());
  const predicted = rows.map(largest);
  const matrix = confusionMatrix(actual, predicted, Math.max(count, 2));
  const wrong = predicted.flatMap((k, row): Mistake[] =>
    k === actual[row]
      ? []
      : [{ row, actual: actual[row]!, predicted: k, probability: rows[row]![k]! }],
  );
  const mistakes = wrong.sort((a, b) => b.probability - a.probability).slice(0, mostMistakes);
  const probabilities = predicted.map((k, row) => rows[row]![k]!);
  return { matrix, scores: classificationReport(matrix), mistakes, predicted, probabilities };
}

/** A row of probabilities per example; for a binary task, both classes. */
export function probabilityRows({ shape, data }: HostArray): number[][] {
  const size = shape[0]!;
  const width = sizeOf(shape.slice(1));
  return Array.from({ length: size }, (_, n) => {
    const row = Array.from({ length: width }, (_, k) => data[n * width + k]!);
    return width === 1 ? [1 - row[0]!, row[0]!] : row;
  });
}

export const largest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

function numberResults(outputs: Tensor, targets: HostArray): NumberResults {
  const predicted = [...outputs.dataSync()];
  const actual = [...targets.data];
  const errors = predicted.map((y, n) => Math.abs(y - actual[n]!));
  return {
    actual,
    predicted,
    meanAbsoluteError: errors.reduce((sum, e) => sum + e, 0) / errors.length,
    rSquared: rSquared(outputs.reshape(targets.shape).toHost(), targets),
  };
}

/** A filter, or the weights of a dense unit, as an image: channels × height × width. */
export interface Filter {
  readonly shape: readonly [channels: number, height: number, width: number];
  readonly values: Float64Array;
}

/** The weights of the first layer, if the inputs are images. */
export function firstFilters(model: Module, inputShape: Shape): Filter[] {
  if (inputShape.length !== 3) return [];
  const weight = Object.values(model.parameters()).find(({ shape }) => shape.length > 1);
  if (!weight) return [];
  const values = Float64Array.from(weight.value.dataSync());
  const [units, ...rest] = weight.shape as [number, ...number[]];
  const shape = rest.length === 3 ? rest : sizeOf(rest) === sizeOf(inputShape) ? inputShape : [];
  if (shape.length !== 3) return [];
  const size = sizeOf(shape);
  return Array.from({ length: units }, (_, k) => ({
    shape: shape as unknown as Filter["shape"],
    values: values.subarray(k * size, (k + 1) * size),
  }));
}

/** The numbers on a page of `inspect`. */
import { type HostArray, sizeOf } from "../../../base/index.ts";
import { classesOf, type Preparation, type Split, subset } from "../../../data/index.ts";
import {
  type ConfusionTree,
  confusionTree,
  type LayerSimilarity,
  type LinearProbe,
  layerSimilarity,
  linearProbes,
} from "../../../inspect/index.ts";
import { Autoencoder } from "../../../models/index.ts";
import type { Module } from "../../../nn/index.ts";
import { fromHost } from "../../../tensor/index.ts";
import { binary, classification, predict } from "../../../train/index.ts";
import { errorsOf } from "../../run/reconstructions.ts";
import type { RunConfig } from "../../run/run-config.ts";
import { judgedModel } from "../../run/stored-run.ts";
import { some } from "../../sources/data-source.ts";
import {
  largest,
  measureNet,
  measureRun,
  probabilityRows,
  type RunResults,
} from "../report/data.ts";
import { type Attribution, attribute, reconstructionOf } from "./attributions.ts";
import { isSeen, type LayerView, leafCalls, viewLayers } from "./layers.ts";

/** An example that can be chosen on the page. */
export interface Chosen {
  readonly name: string;
  /** Its class or number; undefined if unknown. */
  readonly actual?: number;
  /** Undefined for an autoencoder. */
  readonly predicted?: number;
  /** The mean squared error of an autoencoder's reconstruction. */
  readonly error?: number;
  /** Of the predicted class. */
  readonly probability?: number;
}

export interface Inspection {
  readonly run: string;
  readonly config: RunConfig;
  readonly results: RunResults;
  readonly chosen: readonly Chosen[];
  /** `[N, …]` of the chosen ones. */
  readonly inputs: HostArray;
  /** Test examples in which patches are searched for. */
  readonly sample: Split;
  readonly layers: readonly LayerView[];
  readonly attributions: readonly Attribution[];
  readonly tree?: ConfusionTree;
  readonly probes?: readonly LinearProbe[];
  readonly similarity?: LayerSimilarity;
}

/** How much is examined. */
export interface Extent {
  /** Number of examples to choose from. */
  readonly images: number;
  /** Units per layer. */
  readonly units: number;
  /** Test examples for patches, probes and similarity. */
  readonly examples: number;
}

/** The user's own examples. */
export interface Given {
  readonly names: readonly string[];
  readonly inputs: HostArray;
}

export type Stage = (name: string, total: number) => (done?: number) => void;

/** With fewer examples there is no probe. */
const leastForProbes = 40;
/** CKA hardly changes with more examples. */
const mostForSimilarity = 200;

export async function inspectRun(
  run: string,
  { config, model }: { readonly config: RunConfig; readonly model: Module },
  test: Split,
  given: Given | undefined,
  extent: Extent,
  stage: Stage,
): Promise<Inspection> {
  const measured = stage("audit", 1);
  const isAutoencoder = model instanceof Autoencoder;
  const results: RunResults = isAutoencoder
    ? measureNet(model, config, test)
    : await measureRun(model, config, { test });
  measured();
  const rows = chosenRows(results, extent.images);
  const inputs = given?.inputs ?? subset(test, rows).inputs;
  const names = given?.names ?? rows.map((row) => `test example ${row}`);
  const chosen = isAutoencoder
    ? await reconstructed(model, names, inputs)
    : given
      ? await judge(model, config, given)
      : chosenOf(results, rows);
  const sample = some(test, extent.examples);
  const [x, all] = [fromHost(inputs), fromHost(sample.inputs)];
  const calls = leafCalls(model, x);
  const onLayer = stage("layers", calls.length);
  const layers = viewLayers({
    ...{ model, chosen: x, sample: all, audit: results.audit, mostUnits: extent.units, onLayer },
  });
  const seen = calls.filter(isSeen);
  const hasMaps = x.rank === 4 && seen.some(({ output }) => output.rank === 4);
  const outputs = model.eval().forward(x).shape;
  let onMethod: ((done?: number) => void) | undefined;
  const attributions = isAutoencoder
    ? await reconstructionOf(model, inputs)
    : attribute(model, x, outputs, hasMaps, (done, of) => {
        onMethod ??= stage("attributions", of);
        onMethod(done);
      });
  const paths = seen.filter(({ output }) => output.rank !== 3).map(({ path }) => path);
  return {
    ...{ run, config, results, chosen, inputs, sample, layers, attributions },
    ...(results.classes && { tree: confusionTree(results.classes.matrix) }),
    ...(await representation(model, sample, results, paths, stage)),
  };
}

/** Probes and similarity of the layers, if there are enough examples. */
async function representation(
  model: Module,
  sample: Split,
  { classes }: RunResults,
  paths: readonly string[],
  stage: Stage,
): Promise<Pick<Inspection, "probes" | "similarity">> {
  const { size } = sample;
  if (size < leastForProbes || paths.length === 0) return {};
  const tick = stage("probes", 2);
  const halves = [0, 1].map((first) => {
    const rows = Array.from({ length: size >> 1 }, (_, i) => 2 * i + first);
    const { inputs, targets } = subset(sample, rows);
    return { inputs: fromHost(inputs), labels: [...targets.data] };
  });
  const [train, test] = halves as [(typeof halves)[0], (typeof halves)[0]];
  const isProbed = classes !== undefined && new Set(train.labels).size > 1;
  const probes = isProbed ? await linearProbes(model, train, test, { paths }) : undefined;
  tick(1);
  const few = train.inputs.slice([0, Math.min(size >> 1, mostForSimilarity)]);
  const similarity = layerSimilarity(model, few, { paths });
  tick(2);
  return { ...(probes && { probes }), similarity };
}

/**
 * For classes half correct predictions of different classes and half the most confident mistakes;
 * for numbers, rows far apart.
 */
function chosenRows({ test, classes }: RunResults, count: number): number[] {
  const spread = Array.from({ length: Math.min(count, test.size) }, (_, k) =>
    Math.floor((k * test.size) / Math.min(count, test.size)),
  );
  if (!classes) return spread;
  const wrong = classes.mistakes.map(({ row }) => row);
  const right: number[] = [];
  const seen = new Set<number>();
  for (let row = 0; row < test.size; row++) {
    const actual = test.targets.data[row]!;
    if (classes.predicted[row] !== actual || seen.has(actual)) continue;
    seen.add(actual);
    right.push(row);
  }
  const wanted = Math.min(wrong.length, count >> 1);
  const chosen = [...right.slice(0, count - wanted), ...wrong.slice(0, wanted)];
  const others = spread.filter((row) => !chosen.includes(row));
  return [...chosen, ...others].slice(0, Math.min(count, test.size));
}

const chosenOf = ({ test, classes, numbers }: RunResults, rows: readonly number[]): Chosen[] =>
  rows.map((row) => ({
    name: `test example ${row}`,
    actual: test.targets.data[row]!,
    predicted: classes ? classes.predicted[row]! : numbers!.predicted[row]!,
    ...(classes && { probability: classes.probabilities[row]! }),
  }));

/** How well an autoencoder reconstructs examples. */
async function reconstructed(
  model: Autoencoder,
  names: readonly string[],
  inputs: HostArray,
): Promise<Chosen[]> {
  const errors = (await errorsOf(model, inputs)).dataSync();
  return names.map((name, n) => ({ name, error: errors[n]! }));
}

/** The predictions for the user's own examples. */
async function judge(model: Module, config: RunConfig, given: Given): Promise<Chosen[]> {
  const outputs = await predict(judgedModel(model, config), given.inputs);
  const { preparation } = config.data;
  if (preparation.target.task === "regression") {
    const values = outputs.dataSync();
    return given.names.map((name, n) => ({ name, predicted: values[n]! }));
  }
  const objective = sizeOf(outputs.shape.slice(1)) === 1 ? binary : classification;
  const rows = probabilityRows(objective.read(outputs).toHost());
  return given.names.map((name, n) => {
    const predicted = largest(rows[n]!);
    return { name, predicted, probability: rows[n]![predicted]! };
  });
}

/** A class name, or a number with its significant digits. */
export const answerOf = (preparation: Preparation, value: number): string =>
  preparation.target.task === "regression"
    ? String(Number(value.toPrecision(4)))
    : (classesOf(preparation)[value] ?? String(value));

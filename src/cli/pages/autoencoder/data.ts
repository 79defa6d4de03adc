/** The numbers in an autoencoder's report. */
import { type HostArray, type Shape, sizeOf } from "../../../base/index.ts";
import { extent } from "../../../base/vectors.ts";
import { type Split, subset } from "../../../data/index.ts";
import { principalAngles } from "../../../lab/index.ts";
import { PCA, TSNE } from "../../../learn/index.ts";
import {
  type Autoencoder,
  DenoisingAutoencoder,
  MaskedAutoencoder,
  VariationalAutoencoder,
} from "../../../models/index.ts";
import { fromHost } from "../../../tensor/index.ts";
import { codesOf, errorsOf, reconstructionsOf } from "../../run/reconstructions.ts";
import { labelsOf } from "../../sources/own-targets.ts";

/** Examples shown of each kind. */
const mostShown = 10;
/** Examples for the map, for the baseline's fit and its evaluation: enough to see, and quick. */
const [mostOnMap, mostForPca] = [500, 2000];
const bins = 24;
/**
 * A mean that varies less carries no information about the example: Burda, Grosse & Salakhutdinov
 * 2016, §5.2.
 */
const leastVariance = 0.01;
/** A unit that varies less than this fraction of the most varying one is dead. */
const leastShare = 1e-3;

/** Examples with their reconstructions, each `[n, …]`. */
export interface Shown {
  readonly rows: readonly number[];
  readonly inputs: HostArray;
  /** What the model sees in training: with noise, or partially masked. */
  readonly given?: HostArray;
  readonly outputs: HostArray;
}

export interface CodeUnit {
  readonly mean: number;
  readonly std: number;
  readonly least: number;
  readonly largest: number;
  /** Counts in as many equal parts from `least` to `largest`. */
  readonly histogram: readonly number[];
  readonly isDead: boolean;
}

/** The principal components of the training data, as many as the code's size. */
export interface Baseline {
  readonly width: number;
  /** Mean squared errors on the same test examples. */
  readonly error: number;
  readonly own: number;
  /** Training examples that it was fitted on, and test examples measured. */
  readonly fitted: number;
  readonly measured: number;
  /** Principal angles between its subspace and that of a linear decoder, in radians. */
  readonly angles?: readonly number[];
}

export interface AutoencoderResults {
  /** Of each test example. */
  readonly errors: Float64Array;
  readonly examples: Shown;
  readonly best: Shown;
  readonly worst: Shown;
  readonly codeShape: Shape;
  readonly units: readonly CodeUnit[];
  /** Undefined if PCA of that size would lose nothing, or the training data are not available. */
  readonly baseline: Baseline | undefined;
  /**
   * Two numbers for some test examples, and how they were computed; undefined if the code has one
   * number.
   */
  readonly map:
    | { readonly rows: readonly number[]; readonly points: Float64Array; readonly by: string }
    | undefined;
  readonly labels: HostArray | undefined;
  /** Of a variational one. */
  readonly drawn?: Drawn;
}

/** New examples of a variational autoencoder. */
export interface Drawn {
  /** `[n, …]` */
  readonly samples: HostArray;
  /** Each from one test example to another: `[steps, …]`. */
  readonly walks: readonly HostArray[];
  /** The mean evidence lower bound over some test examples, in nats. */
  readonly elbo: number;
}

/** An autoencoder with its name, and data. */
export interface Measured {
  readonly model: Autoencoder;
  readonly name: string;
  readonly train: Split | undefined;
  readonly test: Split;
}

/** Evaluates an autoencoder on test data, beside PCA of the training data. */
export async function measureAutoencoder(measured: Measured): Promise<AutoencoderResults> {
  const { model, test } = measured;
  const errors = Float64Array.from((await errorsOf(model, test.inputs)).dataSync());
  const codes = (await codesOf(model, test.inputs)).toHost();
  const ranked = [...errors.keys()].sort((a, b) => errors[a]! - errors[b]!);
  const labels = labelsOf(test);
  const shown = (rows: readonly number[]) => showing(model, test, rows);
  return {
    errors,
    examples: await shown(evenly(test.size, mostShown)),
    best: await shown(ranked.slice(0, mostShown)),
    worst: await shown(ranked.toReversed().slice(0, mostShown)),
    codeShape: codes.shape.slice(1),
    units: unitsOf(codes, model instanceof VariationalAutoencoder),
    baseline: await baselineOf(measured, errors, sizeOf(codes.shape.slice(1))),
    map: await mapOf(codes),
    labels,
    ...(model instanceof VariationalAutoencoder && { drawn: drawnOf(model, test, labels) }),
  };
}

/** An evenly spaced selection of `size` rows. */
const evenly = (size: number, count: number): number[] => {
  const kept = Math.min(size, count);
  return Array.from({ length: kept }, (_, n) => Math.floor((n * size) / kept));
};

async function showing(model: Autoencoder, test: Split, rows: readonly number[]): Promise<Shown> {
  const { inputs } = subset(test, rows);
  const x = fromHost(inputs);
  const plain = async () => (await reconstructionsOf(model, inputs)).toHost();
  if (model instanceof DenoisingAutoencoder && model.noise > 0) {
    const given = model.corrupt(x).toHost();
    return { rows, inputs, given, outputs: (await reconstructionsOf(model, given)).toHost() };
  }
  if (!(model instanceof MaskedAutoencoder)) return { rows, inputs, outputs: await plain() };
  const { mask, guess } = model.withhold(x);
  const hidden = mask.neg().add(1);
  const given = x.mul(mask).add(hidden.mul(0.5)).toHost(); // gray where nothing is visible
  return { rows, inputs, given, outputs: x.mul(mask).add(guess.mul(hidden)).toHost() };
}

/** A unit is a number of the code; for maps and tokens one over all positions. */
function unitsOf({ shape, data }: HostArray, isVariational: boolean): CodeUnit[] {
  const isMaps = shape.length === 4;
  const count = shape.length === 2 ? shape[1]! : isMaps ? shape[1]! : shape.at(-1)!;
  const places = isMaps ? shape[2]! * shape[3]! : 1;
  const values = Array.from({ length: count }, () => new Float64Array(data.length / count));
  data.forEach((x, i) => {
    const at = Math.floor(i / places);
    values[at % count]![Math.floor(at / count) * places + (i % places)] = x;
  });
  const plain = values.map(statistics);
  const most = Math.max(...plain.map(({ std }) => std));
  return plain.map((unit) => ({
    ...unit,
    isDead: isVariational ? unit.std ** 2 < leastVariance : unit.std <= leastShare * most,
  }));
}

function statistics(values: Float64Array): Omit<CodeUnit, "isDead"> {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  const [least, largest] = extent(values);
  const histogram = new Array<number>(bins).fill(0);
  for (const x of values) {
    const share = largest > least ? (x - least) / (largest - least) : 0.5;
    histogram[Math.min(bins - 1, Math.floor(share * bins))]!++;
  }
  return { mean, std: Math.sqrt(variance), least, largest, histogram };
}

/** Rows `[n, D]` of some examples. */
function rowsOf(split: Split, most: number): { at: readonly number[]; x: HostArray } {
  const at = evenly(split.size, most);
  const { dtype, shape, data } = subset(split, at).inputs;
  return { at, x: { dtype, shape: [at.length, sizeOf(shape.slice(1))], data } };
}

async function baselineOf(
  { model, name, train, test }: Measured,
  errors: Float64Array,
  width: number,
): Promise<Baseline | undefined> {
  if (!train) return undefined;
  const { x } = rowsOf(train, mostForPca);
  const [fitted, size] = x.shape as [number, number];
  if (width >= size || width > fitted) return undefined;
  const solver = Math.min(fitted, size) > 8 * width && size > 200 ? "randomized" : undefined;
  const pca = await new PCA({ nComponents: width, solver }).fit(x);
  const { at, x: measured } = rowsOf(test, mostForPca);
  const back = pca.inverseTransform(pca.transform(measured));
  const error = back.sub(fromHost(measured).cast("float64")).square().mean().item();
  const own = at.reduce((sum, n) => sum + errors[n]!, 0) / at.length;
  const common = { width, error, own, fitted, measured: at.length };
  if (name !== "linear-autoencoder" || model.likelihood !== "gaussian") return common;
  const columns = model.parameters()["decoder.layers.0.weight"]!.value; // [D, K]
  return { ...common, angles: principalAngles(columns.transpose(), pca.components) };
}

async function mapOf(codes: HostArray): Promise<AutoencoderResults["map"]> {
  const width = sizeOf(codes.shape.slice(1));
  const [size] = codes.shape as [number];
  if (width < 2) return undefined;
  const rows = evenly(size, width === 2 ? size : mostOnMap);
  const x = new Float64Array(rows.length * width);
  for (const [n, row] of rows.entries())
    x.set(codes.data.subarray(row * width, (row + 1) * width), n * width);
  if (width === 2) return { rows, points: x, by: "its two numbers" };
  if (rows.length < 4) return undefined;
  const perplexity = Math.min(30, Math.max(1, Math.floor((rows.length - 1) / 3)));
  const map = new TSNE({ perplexity });
  const placed = await map.fitTransform({
    ...{ dtype: "float64", shape: [rows.length, width], data: x },
  });
  return { rows, points: placed.dataSync() as Float64Array, by: "t-SNE" };
}

/** The numbers of samples, of walks and their steps, and of examples and samples of the bound. */
const [samples, walks, steps, bounded, draws] = [24, 3, 8, 200, 16];

function drawnOf(model: VariationalAutoencoder, test: Split, labels: HostArray | undefined): Drawn {
  const starts = evenly(test.size, 2 * walks);
  const pairs = starts.slice(0, walks).map((from, n) => {
    const to = starts.slice(walks).find((row) => labels?.data[row] !== labels?.data[from]);
    return [from, to ?? starts[walks + n] ?? from] as const;
  });
  const code = (row: number) => model.encode(fromHost(subset(test, [row]).inputs)).slice(0);
  const some = fromHost(subset(test, evenly(test.size, bounded)).inputs);
  return {
    samples: model.sample(samples).toHost(),
    walks: pairs.map(([from, to]) => model.walk(code(from), code(to), steps).toHost()),
    elbo: model.elbo(some, { samples: draws }).mean().item(),
  };
}

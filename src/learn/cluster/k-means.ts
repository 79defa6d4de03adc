/** k-means. */
import { ConfigError, checkOptions, type HostArray, RandomStream } from "../../base/index.ts";
import { dot } from "../../base/vectors.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import { Estimator, type Filled, type LearnOptions, type State } from "../estimator.ts";
import {
  type Features,
  type Matrix,
  matrixOf,
  rowOf,
  type Targets,
  takeRows,
  vectorTensor,
  weightsOf,
} from "../input.ts";
import { times } from "../linalg.ts";

/** Options of {@link KMeans}. */
export interface KMeansOptions {
  /** K. Default 8. */
  readonly nClusters?: number | undefined;
  /** How the initial centers are chosen: spread out, or random examples. Default "k-means++". */
  readonly init?: "k-means++" | "random" | undefined;
  /** The number of runs; the one with the smallest inertia wins. Default 1. */
  readonly nInit?: number | undefined;
  /** Default 300. */
  readonly maxIterations?: number | undefined;
  /**
   * The tolerance: it ends when the centers move less than this fraction of the mean feature
   * variance, ‖Δ‖². Default 1e-4.
   */
  readonly tolerance?: number | undefined;
  /** The seed of the initial centers. Default 0. */
  readonly seed?: number | undefined;
}

type KMeansState = State & {
  readonly centers: HostArray;
  readonly labels: HostArray;
  readonly inertia: number;
  readonly iterations: number;
};

/** A run of Lloyd's algorithm. */
interface Run {
  readonly centers: Matrix;
  readonly labels: Int32Array;
  readonly inertia: number;
  readonly iterations: number;
}

/**
 * k-means: K centers close to the examples,
 *
 *   minimise Σ wₙ minₖ ‖xₙ − cₖ‖²
 *
 * by Lloyd's algorithm: each example is assigned to its nearest center, each center moves to the
 * mean of its examples. The first centers are drawn with probability ∝ the squared distance to
 * those before (k-means++), the best of 2 + ⌊ln K⌋ draws each. A center that loses all examples
 * moves to the one that is farthest from its own. The result is a local minimum; `nInit` looks for
 * better ones. O(NDK) an iteration, a prediction O(DK). For round clusters of similar size, and for
 * vector quantization; it finds K clusters whether there are any or not.
 *
 * @see Lloyd 1982; Arthur & Vassilvitskii 2007, "k-means++: the advantages of careful seeding"
 * @example
 * const model = await new KMeans({ nClusters: 2 }).fit([[0], [1], [10], [11]]);
 * model.clusterCenters.toArray().flat().sort((a, b) => a - b); // [0.5, 10.5]
 * model.inertia; // 1
 */
export class KMeans extends Estimator<KMeansState> {
  readonly name = "KMeans";
  readonly options: Filled<KMeansOptions>;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: KMeansOptions = {}) {
    super();
    checkOptions("KMeans", options, {
      ...{ nClusters: true, init: true, nInit: true },
      ...{ maxIterations: true, tolerance: true, seed: true },
    });
    const { nClusters = 8, init = "k-means++", nInit = 1 } = options;
    const { maxIterations = 300, tolerance = 1e-4, seed = 0 } = options;
    checkWhole("KMeans", "nClusters", nClusters);
    checkWord("KMeans", "init", init, ["k-means++", "random"]);
    checkWhole("KMeans", "nInit", nInit);
    checkWhole("KMeans", "maxIterations", maxIterations);
    checkNumber("KMeans", "tolerance", tolerance, "of 0 or more");
    this.options = { nClusters, init, nInit, maxIterations, tolerance, seed };
  }

  /** The centers, `[K, D]`. */
  get clusterCenters(): Tensor {
    const { data, shape } = this.state.centers;
    return vectorTensor(data as Float64Array, shape);
  }
  /** The cluster of each example of `fit`. */
  get labels(): Int32Array {
    return Int32Array.from(this.state.labels.data);
  }
  /** Σ wₙ ‖xₙ − c‖², each example with its center. */
  get inertia(): number {
    return this.state.inertia;
  }
  /** Iterations of the best run. */
  get iterations(): number {
    return this.state.iterations;
  }

  /** @throws {ConfigError} if there are fewer examples than clusters. */
  async fit(x: Features, _y?: Targets, { sampleWeight }: LearnOptions = {}): Promise<this> {
    const rows = matrixOf(this.name, x);
    const weights = weightsOf(this.name, sampleWeight, rows.rows);
    const { nClusters, nInit, seed } = this.options;
    if (nClusters > rows.rows)
      throw new ConfigError({
        subject: "KMeans",
        problem: `${nClusters} clusters are asked for, and there are ${rows.rows} examples (${nClusters} > ${rows.rows}).`,
        fix: `take nClusters: ${rows.rows} or fewer.`,
      });
    let best: Run | undefined;
    for (let run = 0; run < nInit; run++) {
      const random = new RandomStream(seed, 0x4ea_0001 + run);
      const next = this.#lloyd(rows, weights, random);
      if (!best || next.inertia < best.inertia) best = next;
    }
    const { centers, labels, inertia, iterations } = best!;
    return this.learn({
      centers: { dtype: "float64", shape: [centers.rows, centers.columns], data: centers.data },
      labels: { dtype: "int32", shape: [rows.rows], data: labels },
      ...{ inertia, iterations },
    });
  }

  #lloyd(x: Matrix, weights: Float64Array, random: RandomStream): Run {
    const { nClusters: k, init, maxIterations, tolerance } = this.options;
    let centers = init === "random" ? anyRows(x, k, random) : spreadRows(x, weights, k, random);
    const least = tolerance * meanVariance(x);
    let near = assign(x, centers);
    for (let iteration = 1; ; iteration++) {
      const next = meansOf(x, weights, near, centers);
      let moved = 0;
      for (let at = 0; at < next.data.length; at++)
        moved += (next.data[at]! - centers.data[at]!) ** 2;
      centers = next;
      const before = near.labels;
      near = assign(x, centers);
      const settled = moved <= least || before.every((label, i) => label === near.labels[i]);
      if (!settled && iteration < maxIterations) continue;
      const inertia = near.squares.reduce((sum, d, i) => sum + weights[i]! * d, 0);
      return { centers, labels: near.labels, inertia, iterations: iteration };
    }
  }

  /** The nearest center of each row. */
  predict(x: Features): Int32Array {
    const centers = this.#centers();
    return assign(this.rows(x, centers.columns), centers).labels;
  }

  /** `fit`, and the cluster of each row. */
  async fitPredict(x: Features, y?: Targets, options: LearnOptions = {}): Promise<Int32Array> {
    return (await this.fit(x, y, options)).labels;
  }

  /** The distance of each row to each center, `[N, K]`. */
  transform(x: Features): Tensor {
    const centers = this.#centers();
    const rows = this.rows(x, centers.columns);
    const distances = new Float64Array(rows.rows * centers.rows);
    for (let i = 0; i < rows.rows; i++)
      for (let c = 0; c < centers.rows; c++)
        distances[i * centers.rows + c] = Math.sqrt(square(rowOf(rows, i), rowOf(centers, c)));
    return vectorTensor(distances, [rows.rows, centers.rows]);
  }

  #centers(): Matrix {
    const { shape, data } = this.state.centers;
    return { rows: shape[0]!, columns: shape[1]!, data: data as Float64Array };
  }
}

function square(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j]! - b[j]!) ** 2;
  return sum;
}

/**
 * The nearest center of each row by ‖c‖² − 2xᵀc, the first one on ties, and the squared distance by
 * differences.
 */
function assign(x: Matrix, centers: Matrix): { labels: Int32Array; squares: Float64Array } {
  const k = centers.rows;
  const products = times(x, centers.data, k);
  const lengths = Array.from({ length: k }, (_, c) => dot(rowOf(centers, c), rowOf(centers, c)));
  const labels = new Int32Array(x.rows);
  const squares = new Float64Array(x.rows);
  for (let i = 0; i < x.rows; i++) {
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let c = 0; c < k; c++) {
      const distance = lengths[c]! - 2 * products[i * k + c]!;
      if (distance < least) [best, least] = [c, distance];
    }
    labels[i] = best;
    squares[i] = square(rowOf(x, i), rowOf(centers, best));
  }
  return { labels, squares };
}

/**
 * The weighted mean of the rows of each center; an empty cluster gets the row farthest from its own
 * center.
 */
function meansOf(
  x: Matrix,
  weights: Float64Array,
  { labels, squares }: { labels: Int32Array; squares: Float64Array },
  { rows: k, columns }: Matrix,
): Matrix {
  const data = new Float64Array(k * columns);
  const totals = new Float64Array(k);
  for (let i = 0; i < x.rows; i++) {
    const [c, w, row] = [labels[i]!, weights[i]!, rowOf(x, i)];
    totals[c]! += w;
    for (let j = 0; j < columns; j++) data[c * columns + j]! += w * row[j]!;
  }
  const left = squares.slice();
  for (let c = 0; c < k; c++) {
    if (totals[c]! > 0) {
      for (let j = 0; j < columns; j++) data[c * columns + j]! /= totals[c]!;
      continue;
    }
    const farthest = left.reduce((best, d, i) => (d > left[best]! ? i : best), 0);
    left[farthest] = 0;
    data.set(rowOf(x, farthest), c * columns);
  }
  return { rows: k, columns, data };
}

const anyRows = (x: Matrix, k: number, random: RandomStream): Matrix =>
  takeRows(x, random.permutation(x.rows).slice(0, k));

/**
 * k-means++ with several draws for each center; the one that lowers the sum of squares most is
 * taken.
 */
function spreadRows(x: Matrix, weights: Float64Array, k: number, random: RandomStream): Matrix {
  const draws = 2 + Math.floor(Math.log(k));
  const chosen = [draw(weights, random)];
  let squares = squaresTo(x, chosen[0]!);
  while (chosen.length < k) {
    const chances = squares.map((d, i) => d * weights[i]!);
    let best: { i: number; squares: Float64Array; sum: number } | undefined;
    for (let n = 0; n < draws; n++) {
      const i = draw(chances, random);
      const to = squaresTo(x, i);
      const next = squares.map((d, at) => Math.min(d, to[at]!));
      const sum = next.reduce((total, d, at) => total + d * weights[at]!, 0);
      if (!best || sum < best.sum) best = { i, squares: next, sum };
    }
    chosen.push(best!.i);
    squares = best!.squares;
  }
  return takeRows(x, chosen);
}

function squaresTo(x: Matrix, row: number): Float64Array {
  const center = rowOf(x, row);
  return Float64Array.from({ length: x.rows }, (_, i) => square(rowOf(x, i), center));
}

/** An index with probability ∝ its chance; any index if all are 0. */
function draw(chances: Float64Array, random: RandomStream): number {
  const total = chances.reduce((a, b) => a + b, 0);
  let left = random.uniform() * total;
  if (total === 0) return Math.floor(random.uniform() * chances.length);
  for (let i = 0; i < chances.length; i++) {
    left -= chances[i]!;
    if (left < 0 && chances[i]! > 0) return i;
  }
  return chances.findLastIndex((chance) => chance > 0);
}

function meanVariance({ rows, columns, data }: Matrix): number {
  let total = 0;
  for (let j = 0; j < columns; j++) {
    let [mean, squares] = [0, 0];
    for (let i = 0; i < rows; i++) {
      const before = data[i * columns + j]! - mean;
      mean += before / (i + 1);
      squares += before * (data[i * columns + j]! - mean);
    }
    total += squares / rows;
  }
  return total / columns;
}

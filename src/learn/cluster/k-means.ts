/** k-means. */
import { ConfigError, checkOptions, type HostArray, RandomStream } from "../../base/index.ts";
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
import { valuesOf } from "../linalg.ts";
import { blocksOf } from "../moments.ts";
import {
  errorOf,
  type Frame,
  frameOf,
  type Reduced,
  reduced,
  tensor32,
} from "../neighbors/float32.ts";

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
    const given = matrixOf(this.name, x);
    const weights = weightsOf(this.name, sampleWeight, given.rows);
    const { nClusters, nInit, seed } = this.options;
    if (nClusters > given.rows)
      throw new ConfigError({
        subject: "KMeans",
        problem: `${nClusters} clusters are asked for, and there are ${given.rows} examples (${nClusters} > ${given.rows}).`,
        fix: `take nClusters: ${given.rows} or fewer.`,
      });
    const rows = new Rows(given);
    let best: Run | undefined;
    for (let run = 0; run < nInit; run++) {
      const random = new RandomStream(seed, 0x4ea_0001 + run);
      const next = this.#lloyd(rows, weights, random);
      if (!best || next.inertia < best.inertia) best = next;
    }
    const { centers, labels, inertia, iterations } = best!;
    return this.learn({
      centers: { dtype: "float64", shape: [centers.rows, centers.columns], data: centers.data },
      labels: { dtype: "int32", shape: [given.rows], data: labels },
      ...{ inertia, iterations },
    });
  }

  #lloyd(rows: Rows, weights: Float64Array, random: RandomStream): Run {
    const { nClusters: k, init, maxIterations, tolerance } = this.options;
    const { x } = rows;
    const first = init === "random" ? anyRows(x, k, random) : spreadRows(rows, weights, k, random);
    const means = new Means(x, weights, k);
    const least = tolerance * rows.variance;
    let centers = takeRows(x, first);
    let labels = rows.nearest(centers);
    for (let iteration = 1; ; iteration++) {
      const next = means.of(labels, centers);
      let moved = 0;
      for (let at = 0; at < next.data.length; at++)
        moved += (next.data[at]! - centers.data[at]!) ** 2;
      centers = next;
      const before = labels;
      labels = rows.nearest(centers);
      const settled = moved <= least || before.every((label, i) => label === labels[i]);
      if (!settled && iteration < maxIterations) continue;
      const squares = squaresOf(x, labels, centers);
      const inertia = squares.reduce((sum, d, i) => sum + weights[i]! * d, 0);
      return { centers, labels, inertia, iterations: iteration };
    }
  }

  /** The nearest center of each row. */
  predict(x: Features): Int32Array {
    const centers = this.#centers();
    return new Rows(this.rows(x, centers.columns)).nearest(centers);
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
  for (let j = 0; j < a.length; j++) {
    const apart = a[j]! - b[j]!;
    sum += apart * apart;
  }
  return sum;
}

/** ‖x − c‖² of each row and its center. */
function squaresOf(x: Matrix, labels: Int32Array, centers: Matrix): Float64Array {
  const squares = new Float64Array(x.rows);
  for (let i = 0; i < x.rows; i++) squares[i] = square(rowOf(x, i), rowOf(centers, labels[i]!));
  return squares;
}

/** The weighted means of the rows of each center. Of an assignment like the one before, only rows that moved are taken over. */
class Means {
  readonly #x: Matrix;
  readonly #weights: Float64Array;
  readonly #sums: Float64Array;
  #labels: Int32Array | undefined;

  constructor(x: Matrix, weights: Float64Array, k: number) {
    this.#x = x;
    this.#weights = weights;
    this.#sums = new Float64Array(k * x.columns);
  }

  /** New centers; in place of one without rows the row that is farthest from its own. */
  of(labels: Int32Array, { rows: k, columns, data }: Matrix): Matrix {
    this.#add(labels);
    const totals = new Float64Array(k);
    for (let i = 0; i < labels.length; i++) totals[labels[i]!]! += this.#weights[i]!;
    const means = Float64Array.from(data, (_, at) => {
      const total = totals[Math.floor(at / columns)]!;
      return total > 0 ? this.#sums[at]! / total : 0;
    });
    const next = { rows: k, columns, data: means };
    const empty = [...totals.keys()].filter((c) => totals[c] === 0);
    if (empty.length === 0) return next;
    const left = squaresOf(this.#x, labels, { rows: k, columns, data });
    for (const c of empty) {
      const farthest = left.reduce((best, d, i) => (d > left[best]! ? i : best), 0);
      left[farthest] = 0;
      means.set(rowOf(this.#x, farthest), c * columns);
    }
    return next;
  }

  /** Brings the sums to an assignment; anew where many rows moved, so that rounding does not pile up. */
  #add(labels: Int32Array): void {
    const before = this.#labels;
    this.#labels = labels;
    const moved = before ? labels.reduce((n, c, i) => n + Number(c !== before[i]), 0) : 0;
    const isNew = !before || 8 * moved > labels.length;
    if (isNew) this.#sums.fill(0);
    for (let i = 0; i < labels.length; i++) {
      if (!isNew && before[i] === labels[i]) continue;
      this.#addRow(i, labels[i]!, this.#weights[i]!);
      if (!isNew) this.#addRow(i, before[i]!, -this.#weights[i]!);
    }
  }

  #addRow(i: number, c: number, w: number): void {
    const { columns, data } = this.#x;
    const sums = this.#sums;
    for (let j = 0, at = c * columns, from = i * columns; j < columns; j++)
      sums[at + j]! += w * data[from + j]!;
  }
}

/** Products that are computed at once. */
const blockElements = 1 << 21;

/**
 * Rows whose distances to centers are asked for. They come from products in float32, ‖x‖²/2 + ‖c‖²/2 − xᵀc; where these
 * leave open which is less, from differences in float64.
 */
class Rows {
  readonly x: Matrix;
  readonly #frame: Frame;
  readonly #known: Reduced;

  constructor(x: Matrix) {
    this.x = x;
    this.#frame = frameOf(x);
    this.#known = reduced(x, this.#frame);
  }

  /** The mean variance of the features. */
  get variance(): number {
    const { lengths } = this.#known;
    const total = lengths.reduce((sum, length) => sum + length * length, 0);
    return (total * this.#frame.unit ** 2) / this.x.data.length;
  }

  /** The nearest center of each row, of equals the first. */
  nearest(centers: Matrix): Int32Array {
    const { x } = this;
    const labels = new Int32Array(x.rows);
    this.#compare(centers, (i, values, at, error) => {
      let best = 0;
      for (let c = 1; c < centers.rows; c++) if (values[at + c]! < values[at + best]!) best = c;
      const limit = values[at + best]! + 2 * error;
      let open = 0;
      for (let c = 0; c < centers.rows; c++) open += Number(values[at + c]! <= limit);
      labels[i] = open === 1 ? best : this.#least(i, centers, values.subarray(at), limit);
    });
    return labels;
  }

  /** Of the centers whose values are up to a limit the nearest to row i, by differences. */
  #least(i: number, centers: Matrix, values: Float64Array, limit: number): number {
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let c = 0; c < centers.rows; c++) {
      if (!(values[c]! <= limit)) continue;
      const distance = square(rowOf(this.x, i), rowOf(centers, c));
      if (distance < least) [best, least] = [c, distance];
    }
    return best;
  }

  /** The squared distance of each row to some rows, `[N, K]`. */
  squaresTo(centers: Matrix): Float64Array {
    const { x } = this;
    const squares = new Float64Array(x.rows * centers.rows);
    const unit = 2 * this.#frame.unit ** 2;
    this.#compare(centers, (i, values, at, error) => {
      const half = this.#known.lengths[i]! ** 2 / 2;
      for (let c = 0; c < centers.rows; c++) {
        const value = half + values[at + c]!;
        squares[i * centers.rows + c] =
          value > 16 * error ? unit * value : square(rowOf(x, i), rowOf(centers, c));
      }
    });
    return squares;
  }

  /** Of each row the values ‖c‖²/2 − xᵀc from `at` on, and how far each may be wrong. */
  #compare(
    centers: Matrix,
    each: (i: number, values: Float64Array, at: number, error: number) => void,
  ): void {
    const { x } = this;
    const k = centers.rows;
    const near = reduced(centers, this.#frame);
    const halves = near.lengths.map((length) => (length * length) / 2);
    const longest = near.lengths.reduce((a, b) => Math.max(a, b), 0);
    const transposed = tensor32(near).transpose();
    for (const [first, last] of blocksOf({ ...x, columns: k }, blockElements)) {
      const products = valuesOf<Float32Array>(
        tensor32(this.#known, first, last).matmul(transposed),
      );
      const values = new Float64Array(products.length);
      for (let at = 0; at < values.length; )
        for (let c = 0; c < k; c++, at++) values[at] = halves[c]! - products[at]!;
      for (let i = first; i < last; i++)
        each(i, values, (i - first) * k, errorOf(x.columns, this.#known.lengths[i]!, longest));
    }
  }
}

const anyRows = (x: Matrix, k: number, random: RandomStream): number[] =>
  Array.from(random.permutation(x.rows).slice(0, k));

/** k-means++ with several draws for each center, of which the one that lowers the sum of squares most is taken. */
function spreadRows(rows: Rows, weights: Float64Array, k: number, random: RandomStream): number[] {
  const count = 2 + Math.floor(Math.log(k));
  const chosen = [draw(weights, random)];
  let squares = rows.squaresTo(takeRows(rows.x, chosen));
  while (chosen.length < k) {
    const chances = squares.map((d, i) => d * weights[i]!);
    const draws = Array.from({ length: count }, () => draw(chances, random));
    const to = rows.squaresTo(takeRows(rows.x, draws));
    const sums = new Float64Array(count);
    for (let i = 0; i < squares.length; i++)
      for (let n = 0; n < count; n++)
        sums[n]! += weights[i]! * Math.min(squares[i]!, to[i * count + n]!);
    const best = sums.indexOf(Math.min(...sums));
    chosen.push(draws[best]!);
    squares = squares.map((d, i) => Math.min(d, to[i * count + best]!));
  }
  return chosen;
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

/** UMAP. */
import { ConfigError, checkOptions, type HostArray, RandomStream } from "../../base/index.ts";
import { checkSeed } from "../../base/random.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import type { Filled, State } from "../estimator.ts";
import { copied, type Features, type Matrix, matrixOf, vectorTensor } from "../input.ts";
import {
  type DistanceMetric,
  metrics,
  type Neighbors,
  nearestOthers,
  nearestRows,
} from "../neighbors/neighbors.ts";
import { Transformer } from "../preprocessing/transformer.ts";
import { curveOf } from "./curve.ts";
import { fuzzySet, memberships } from "./fuzzy-set.ts";
import type { Sparse } from "./graph.ts";
import { layOut } from "./layout.ts";
import { isConnected, spectralStart } from "./spectral.ts";
import { principalStart, randomStart } from "./starts.ts";

/** Options of {@link UMAP}. */
export interface UMAPOptions {
  /** Dimensions of the map. Default 2. */
  readonly nComponents?: number | undefined;
  /** k, including the row itself: small for detail, large for the global structure. Default 15. */
  readonly nNeighbors?: number | undefined;
  /** The minimum distance of points on the map. Default 0.1. */
  readonly minDist?: number | undefined;
  /** The scale of the map's distances. Default 1. */
  readonly spread?: number | undefined;
  /** Distances between rows. Default "euclidean". */
  readonly metric?: DistanceMetric | undefined;
  /**
   * Initial positions: eigenvectors of the graph (or as with "pca", if it is not connected),
   * principal components, or random. Default "spectral".
   */
  readonly init?: "spectral" | "pca" | "random" | undefined;
  /**
   * Iterations of the layout; a fifth for new rows. Default: 500 for up to 10 000 rows, else 200.
   */
  readonly iterations?: number | undefined;
  /** Learning rate. Default 1. */
  readonly learningRate?: number | undefined;
  /** Negative samples: how many others repel for each neighbor that attracts. Default 5. */
  readonly negativeSampleRate?: number | undefined;
  /** The seed of the start and the samples. Default 0. */
  readonly seed?: number | undefined;
}

type UMAPState = State & { readonly examples: HostArray; readonly embedding: HostArray };

const subject = "UMAP";

/** Up to this many rows a layout takes more iterations. */
const manyRows = 10_000;
/** The width of the initial square of the map. */
const startWidth = 10;

/**
 * UMAP: a map whose neighborhoods are those of the data. The k nearest rows belong to each row to
 * the degrees exp(−(d − ρᵢ)/σᵢ), made symmetric as a union of fuzzy sets, w = a + b − ab; points
 * are laid out so that v = 1/(1 + a d^2b) comes near to w, in cross entropy, by stochastic
 * gradients with negative samples.
 *
 * Use it to see clusters and, more than with {@link TSNE}, their relative positions, and to place
 * new rows: `transform` moves new points only. Distances on the map mean little. Neighbors are
 * exact, O(N²D) by fast products; a layout is O(Nk) per iteration. Sequential float64: a seed gives
 * the same map on any number of threads.
 *
 * @see McInnes, Healy & Melville 2018, "UMAP: uniform manifold approximation and projection for
 * dimension reduction"
 * @example
 * const x = Array.from({ length: 60 }, (_, i) => [i < 30 ? 0 : 9, Math.sin(i), Math.cos(3 * i)]);
 * const model = new UMAP({ nNeighbors: 8 });
 * const map = await model.fitTransform(x);
 * map.shape; // [60, 2]
 * trustworthiness(x, map) > 0.9; // true
 * model.transform([[9, 0, 0]]).shape; // [1, 2]
 */
export class UMAP extends Transformer<UMAPState> {
  readonly name = subject;
  readonly options: Filled<Omit<UMAPOptions, "iterations">> & Pick<UMAPOptions, "iterations">;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: UMAPOptions = {}) {
    super();
    checkOptions(subject, options, {
      ...{ nComponents: true, nNeighbors: true, minDist: true, spread: true, metric: true },
      ...{ init: true, iterations: true, learningRate: true, negativeSampleRate: true, seed: true },
    });
    const { nComponents = 2, nNeighbors = 15, minDist = 0.1, spread = 1 } = options;
    const { metric = "euclidean", init = "spectral", iterations, learningRate = 1 } = options;
    const { negativeSampleRate = 5, seed = 0 } = options;
    checkWhole(subject, "nComponents", nComponents);
    checkWhole(subject, "nNeighbors", nNeighbors, 2);
    checkNumber(subject, "minDist", minDist, "of 0 or more");
    checkNumber(subject, "spread", spread, "above 0");
    checkWord(subject, "metric", metric, metrics);
    checkWord(subject, "init", init, ["spectral", "pca", "random"]);
    if (iterations !== undefined) checkWhole(subject, "iterations", iterations);
    checkNumber(subject, "learningRate", learningRate, "above 0");
    checkWhole(subject, "negativeSampleRate", negativeSampleRate);
    checkSeed(subject, seed);
    if (minDist > spread)
      throw new ConfigError({
        subject,
        problem: `minDist is ${minDist}, and spread ${spread} (${minDist} > ${spread}).`,
        fix: "take a minDist up to spread, which is the scale of all distances.",
      });
    this.options = {
      ...{ nComponents, nNeighbors, minDist, spread, metric, init, iterations, learningRate },
      ...{ negativeSampleRate, seed },
    };
  }

  /** The map of the rows of `fit`, `[N, nComponents]`. */
  get embedding(): Tensor {
    const { data, shape } = this.state.embedding;
    return vectorTensor(data as Float64Array, shape);
  }

  /** @throws {ConfigError} if there are fewer rows than neighbors. */
  async fit(x: Features): Promise<this> {
    const rows = copied(matrixOf(subject, x));
    const { nNeighbors, metric, nComponents } = this.options;
    if (nNeighbors > rows.rows)
      throw new ConfigError({
        subject,
        problem: `${nNeighbors} neighbors are asked for, and there are ${rows.rows} rows (${nNeighbors} > ${rows.rows}).`,
        fix: `take nNeighbors: ${rows.rows} or fewer, or give more rows.`,
      });
    const graph = fuzzySet(nearestOthers(rows, nNeighbors - 1, metric));
    const points = await this.#start(rows, graph);
    const { iterations = rows.rows > manyRows ? 200 : 500 } = this.options;
    this.#layOut(graph, points, points, iterations, this.options.learningRate);
    return this.learn({
      examples: { dtype: "float64", shape: [rows.rows, rows.columns], data: rows.data },
      embedding: { dtype: "float64", shape: [rows.rows, nComponents], data: points },
    });
  }

  #layOut(
    graph: Sparse,
    points: Float64Array,
    others: Float64Array,
    iterations: number,
    learningRate: number,
  ): void {
    const { nComponents, negativeSampleRate, minDist, spread, seed } = this.options;
    layOut(graph, points, others, {
      ...{ dimensions: nComponents, iterations, learningRate, negativeSampleRate },
      curve: curveOf(minDist, spread),
      seed: new RandomStream(seed, 0x0a9_0002).bits() | 1,
    });
  }

  /**
   * The initial coordinates, perturbed so that equal rows separate, in the square for which the
   * forces are designed.
   */
  async #start(rows: Matrix, graph: Sparse): Promise<Float64Array> {
    const { init, nComponents: dimensions, seed } = this.options;
    const random = new RandomStream(seed, 0x0a9_0001);
    if (init === "random")
      return Float64Array.from(
        { length: rows.rows * dimensions },
        () => startWidth * random.uniform(),
      );
    const isSpectral = init === "spectral" && rows.rows > dimensions + 1 && isConnected(graph);
    const start = isSpectral
      ? spectralStart(graph, dimensions, random)
      : await principalStart(rows, dimensions, 1, random);
    scaleColumns(start, dimensions, startWidth);
    const noise = randomStart(start.length, startWidth * 1e-5, random);
    return start.map((value, at) => value + noise[at]!);
  }

  /**
   * Positions of new rows on the map, `[N, nComponents]`: among their neighbors from `fit`, which
   * do not move.
   */
  transform(x: Features): Tensor {
    const { examples, embedding } = this.state;
    const { nNeighbors, metric, nComponents, learningRate } = this.options;
    const rows = this.rows(x, examples.shape[1]!);
    const known: Matrix = {
      rows: examples.shape[0]!,
      columns: examples.shape[1]!,
      data: examples.data as Float64Array,
    };
    const found = nearestRows(known, rows, nNeighbors, metric);
    const graph = rowsOf(found, memberships(found, true));
    const fixed = embedding.data as Float64Array;
    const points = centers(graph, fixed, nComponents);
    const { iterations = rows.rows > manyRows ? 150 : 500 } = this.options;
    this.#layOut(graph, points, fixed, Math.ceil(iterations / 5), learningRate / 4);
    return vectorTensor(points, [rows.rows, nComponents]);
  }

  /** `fit`, and the map of its rows, which `transform` would place again. */
  override async fitTransform(x: Features): Promise<Tensor> {
    return (await this.fit(x)).embedding;
  }
}

/** A matrix whose row i contains the weights of its k neighbors. */
function rowsOf({ k, indices }: Neighbors, values: Float64Array): Sparse {
  const starts = Int32Array.from({ length: indices.length / k + 1 }, (_, i) => i * k);
  return { starts, columns: indices, values };
}

/** The weighted mean of each row's neighbors. */
function centers({ starts, columns, values }: Sparse, points: Float64Array, dimensions: number) {
  const rows = starts.length - 1;
  const means = new Float64Array(rows * dimensions);
  for (let i = 0; i < rows; i++) {
    let total = 0;
    for (let at = starts[i]!; at < starts[i + 1]!; at++) total += values[at]!;
    for (let at = starts[i]!; at < starts[i + 1]!; at++)
      for (let d = 0; d < dimensions; d++)
        means[i * dimensions + d]! +=
          (values[at]! / total) * points[columns[at]! * dimensions + d]!;
  }
  return means;
}

/** Shifts and scales each column to 0 … width; constant columns become 0. */
function scaleColumns(points: Float64Array, dimensions: number, width: number): void {
  for (let d = 0; d < dimensions; d++) {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let at = d; at < points.length; at += dimensions) {
      least = Math.min(least, points[at]!);
      most = Math.max(most, points[at]!);
    }
    const scale = most > least ? width / (most - least) : 0;
    for (let at = d; at < points.length; at += dimensions)
      points[at] = (points[at]! - least) * scale;
  }
}

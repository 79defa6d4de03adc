/** t-SNE. */
import { ConfigError, checkOptions, type HostArray, RandomStream } from "../../base/index.ts";
import { checkSeed } from "../../base/random.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import { Estimator, type Filled, type State } from "../estimator.ts";
import { copied, type Features, type Matrix, matrixOf, vectorTensor } from "../input.ts";
import { type DistanceMetric, metrics, nearestOthers } from "../neighbors/neighbors.ts";
import { affinities } from "./affinities.ts";
import { descend, type Repulsion, repelAll } from "./descent.ts";
import { QuadTree } from "./quad-tree.ts";
import { principalStart, randomStart } from "./starts.ts";

/** Options of {@link TSNE}. */
export interface TSNEOptions {
  /** Dimensions of the map. Default 2. */
  readonly nComponents?: number | undefined;
  /**
   * The effective number of neighbors, exp of the entropy of their probabilities; below the number
   * of rows. Default 30.
   */
  readonly perplexity?: number | undefined;
  /**
   * The early exaggeration: the factor of the probabilities in the first third of the steps, so
   * that clusters form. Default 12.
   */
  readonly earlyExaggeration?: number | undefined;
  /** Learning rate. Default "auto", N over the exaggeration of the step. */
  readonly learningRate?: number | "auto" | undefined;
  /** Steps of the descent. Default 750. */
  readonly iterations?: number | undefined;
  /** Initial positions: on the principal components, or random. Default "pca". */
  readonly init?: "pca" | "random" | undefined;
  /**
   * How repulsion is summed: over all pairs, O(N²), or by a quadtree, O(N log N), for maps of 1 or
   * 2 dimensions. Default: the tree if possible.
   */
  readonly method?: "barnes-hut" | "exact" | undefined;
  /** θ: a node of the tree that is narrower than θ times its distance acts as one point. Default 0.5. */
  readonly theta?: number | undefined;
  /** Distances between rows. Default "euclidean". */
  readonly metric?: DistanceMetric | undefined;
  /** The seed of a random start, and of the noise that separates equal rows. Default 0. */
  readonly seed?: number | undefined;
}

type TSNEState = State & { readonly embedding: HostArray; readonly klDivergence: number };

const subject = "TSNE";

/**
 * t-SNE: a map on which the neighbors of a row are its neighbors in the data. It minimizes
 *
 *   KL(P ‖ Q) = Σ pᵢⱼ ln(pᵢⱼ/qᵢⱼ),   qᵢⱼ ∝ 1 / (1 + ‖yᵢ − yⱼ‖²),   pᵢⱼ = (pⱼ|ᵢ + pᵢ|ⱼ) / 2N,   pⱼ|ᵢ ∝ exp(−βᵢ‖xᵢ − xⱼ‖²)
 *
 * where βᵢ gives p.|ᵢ the chosen perplexity over the 3·perplexity nearest rows, by descent with
 * momentum and gains. All arithmetic of the map is sequential float64: a seed gives the same map on
 * any number of threads.
 *
 * Use it to see clusters. Sizes of clusters and distances between them mean little, and new rows
 * cannot be placed: {@link UMAP} can place them. O(N²D) for the neighbors, O(N log N +
 * N·perplexity) per step; 60 000 images take minutes.
 *
 * @see van der Maaten & Hinton 2008, "Visualizing data using t-SNE"; van der Maaten 2014,
 * "Accelerating t-SNE using tree-based algorithms"; Belkina et al. 2019 for the learning rate;
 * Kobak & Berens 2019 for the start
 * @example
 * const x = Array.from({ length: 40 }, (_, i) => [i < 20 ? 0 : 9, Math.sin(i), Math.cos(3 * i)]);
 * const model = new TSNE({ perplexity: 5, iterations: 300 });
 * const map = await model.fitTransform(x);
 * map.shape; // [40, 2]
 * trustworthiness(x, map) > 0.9; // true
 */
export class TSNE extends Estimator<TSNEState> {
  readonly name = subject;
  readonly options: Filled<Omit<TSNEOptions, "method">> & Pick<TSNEOptions, "method">;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: TSNEOptions = {}) {
    super();
    checkOptions(subject, options, {
      ...{ nComponents: true, perplexity: true, earlyExaggeration: true, learningRate: true },
      ...{ iterations: true, init: true, method: true, theta: true, metric: true, seed: true },
    });
    const { nComponents = 2, perplexity = 30, earlyExaggeration = 12 } = options;
    const { learningRate = "auto", iterations = 750, init = "pca", method } = options;
    const { theta = 0.5, metric = "euclidean", seed = 0 } = options;
    checkWhole(subject, "nComponents", nComponents);
    checkPerplexity(perplexity);
    checkNumber(subject, "earlyExaggeration", earlyExaggeration, "above 0");
    if (learningRate !== "auto") checkNumber(subject, "learningRate", learningRate, "above 0");
    checkWhole(subject, "iterations", iterations);
    checkWord(subject, "init", init, ["pca", "random"]);
    if (method !== undefined) checkWord(subject, "method", method, ["barnes-hut", "exact"]);
    if (method === "barnes-hut" && nComponents > 2) throw noTree(nComponents);
    checkNumber(subject, "theta", theta, "of 0 or more");
    checkWord(subject, "metric", metric, metrics);
    checkSeed(subject, seed);
    this.options = {
      ...{ nComponents, perplexity, earlyExaggeration, learningRate, iterations, init, method },
      ...{ theta, metric, seed },
    };
  }

  /** The map, `[N, nComponents]`, around 0. */
  get embedding(): Tensor {
    const { data, shape } = this.state.embedding;
    return vectorTensor(data as Float64Array, shape);
  }
  /** KL(P ‖ Q) of the map in nats, as summed by the chosen method. */
  get klDivergence(): number {
    return this.state.klDivergence;
  }

  /** @throws {ConfigError} if there are not more rows than the perplexity. */
  async fit(x: Features): Promise<this> {
    const rows = copied(matrixOf(subject, x));
    const { perplexity, metric, nComponents, earlyExaggeration, learningRate, iterations } =
      this.options;
    if (!(perplexity < rows.rows)) throw tooFew(perplexity, rows.rows);
    const repel = this.#repulsion(rows.rows);
    const isExact = repel === repelAll;
    const others = isExact ? rows.rows - 1 : Math.min(rows.rows - 1, Math.floor(3 * perplexity));
    const p = affinities(nearestOthers(rows, others, metric), perplexity);
    const { embedding, klDivergence } = descend(p, await this.#start(rows), repel, {
      ...{ iterations, exaggeration: earlyExaggeration },
      ...{ learningRate, dimensions: nComponents },
    });
    const shape = [rows.rows, nComponents];
    return this.learn({ embedding: { dtype: "float64", shape, data: embedding }, klDivergence });
  }

  #repulsion(rows: number): Repulsion {
    const { nComponents, method = nComponents > 2 ? "exact" : "barnes-hut", theta } = this.options;
    if (method === "exact") return repelAll;
    const tree = new QuadTree(rows, nComponents);
    return (points, _, forces) => {
      tree.build(points);
      return tree.repel(theta, forces);
    };
  }

  /** The initial coordinates, with deviation 10⁻⁴. */
  async #start(rows: Matrix): Promise<Float64Array> {
    const { init, nComponents, seed } = this.options;
    const random = new RandomStream(seed, 0x75_0001);
    if (init === "random") return randomStart(rows.rows * nComponents, 1e-4, random);
    return principalStart(rows, nComponents, 1e-4, random);
  }

  /** `fit`, and the map. */
  async fitTransform(x: Features): Promise<Tensor> {
    return (await this.fit(x)).embedding;
  }
}

function checkPerplexity(perplexity: unknown): void {
  if (typeof perplexity === "number" && perplexity >= 1 && Number.isFinite(perplexity)) return;
  throw new ConfigError({
    subject,
    problem: `perplexity is ${String(perplexity)}, not a number of 1 or more.`,
    fix: "give about how many neighbors count, such as perplexity: 30.",
  });
}

const tooFew = (perplexity: number, rows: number): ConfigError =>
  new ConfigError({
    subject,
    problem: `the perplexity is ${perplexity}, and there are ${rows} rows (${perplexity} ≥ ${rows}).`,
    fix: "take a smaller perplexity, a third of the rows or less, or give more rows.",
  });

const noTree = (dimensions: number): ConfigError =>
  new ConfigError({
    subject,
    problem: `nComponents is ${dimensions}, and the tree of "barnes-hut" is for 1 or 2.`,
    fix: 'take nComponents: 2, or method: "exact".',
  });

/** Classification and regression by the nearest examples. */
import { ConfigError, checkOptions, type HostArray } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkWhole, checkWord } from "../checks.ts";
import {
  Classifier,
  type ClassifierState,
  classified,
  type Filled,
  measured,
  Regressor,
  type State,
} from "../estimator.ts";
import { type Examples, type Features, type Matrix, type Targets, vectorTensor } from "../input.ts";
import { largest } from "../linear/linear-classifier.ts";
import { type DistanceMetric, metrics, type Neighbors, nearestRows } from "./neighbors.ts";

/** Options of {@link KNeighborsClassifier} and {@link KNeighborsRegressor}. */
export interface KNeighborsOptions {
  /** k, the number of neighbors. Default 5. */
  readonly nNeighbors?: number | undefined;
  /**
   * Whether all neighbors count the same, or by 1/distance; examples at distance 0 then count
   * alone. Default "uniform".
   */
  readonly weights?: "uniform" | "distance" | undefined;
  /** Default "euclidean". */
  readonly metric?: DistanceMetric | undefined;
}

function filled(subject: string, options: KNeighborsOptions): Filled<KNeighborsOptions> {
  checkOptions(subject, options, { nNeighbors: true, weights: true, metric: true });
  const { nNeighbors = 5, weights = "uniform", metric = "euclidean" } = options;
  checkWhole(subject, "nNeighbors", nNeighbors);
  checkWord(subject, "weights", weights, ["uniform", "distance"]);
  checkWord(subject, "metric", metric, metrics);
  return { nNeighbors, weights, metric };
}

function checkEnough(subject: string, k: number, rows: number): void {
  if (k <= rows) return;
  throw new ConfigError({
    subject,
    problem: `${k} neighbors are asked for, and there are ${rows} examples (${k} > ${rows}).`,
    fix: `take nNeighbors: ${rows} or fewer, or give more examples.`,
  });
}

const stored = ({ rows, columns, data }: Matrix): HostArray => ({
  dtype: "float64",
  shape: [rows, columns],
  data: data.slice(),
});

const matrixFrom = ({ shape: [rows, columns], data }: HostArray): Matrix => ({
  rows: rows!,
  columns: columns!,
  data: data as Float64Array,
});

/** The k stored examples nearest to each row. */
function near(
  subject: string,
  { examples }: { readonly examples: HostArray },
  rows: Matrix,
  k: number,
  metric: DistanceMetric,
): Neighbors {
  const known = matrixFrom(examples);
  checkWhole(subject, "the number of neighbors", k);
  checkEnough(subject, k, known.rows);
  return nearestRows(known, rows, k, metric);
}

/** The weight of each neighbor. */
function shares({ distances }: Neighbors, weights: "uniform" | "distance", i: number, k: number) {
  const own = distances.subarray(i * k, (i + 1) * k);
  if (weights === "uniform") return own.map(() => 1);
  if (own.some((d) => d === 0)) return own.map((d) => Number(d === 0));
  return own.map((d) => 1 / d);
}

/** Distances and indices for the user. */
export interface NeighborRows {
  /** `[N, k]` float64, ascending. */
  readonly distances: Tensor;
  /** For each row the indices of the nearest examples of `fit`. */
  readonly indices: readonly (readonly number[])[];
}

function readable({ k, distances, indices }: Neighbors): NeighborRows {
  const rows = indices.length / k;
  return {
    distances: vectorTensor(distances, [rows, k]),
    indices: Array.from({ length: rows }, (_, i) => [...indices.subarray(i * k, (i + 1) * k)]),
  };
}

type NeighborClassifierState = ClassifierState & {
  readonly examples: HostArray;
  readonly targets: HostArray;
};

/**
 * The most frequent class among the k nearest examples; ties go to the first in ascending order.
 *
 * `fit` only stores the examples. Exact: on equal distances the earlier example counts. O(ND) per
 * prediction. For few features and classes of any shape; with many features all distances become
 * similar. Standardize features of different units first.
 *
 * @see Cover & Hart 1967, "Nearest neighbor pattern classification"
 * @example
 * const model = await new KNeighborsClassifier({ nNeighbors: 3 }).fit([[0], [1], [2], [10], [11]], [0, 0, 0, 1, 1]);
 * model.predict([[1.5], [9]]); // [0, 1]
 * model.predictProba([[9]]).toArray(); // [[0.333…, 0.666…]]
 */
export class KNeighborsClassifier extends Classifier<NeighborClassifierState> {
  readonly name = "KNeighborsClassifier";
  readonly options: Filled<KNeighborsOptions>;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: KNeighborsOptions = {}) {
    super();
    this.options = filled("KNeighborsClassifier", options);
  }

  /** Stores the examples. @throws {ConfigError} if there are fewer than k. */
  async fit(x: Features | Examples, y?: Targets): Promise<this> {
    const rows = classified(this.name, x, y, {});
    checkEnough(this.name, this.options.nNeighbors, rows.x.rows);
    const targets: HostArray = { dtype: "int32", shape: [rows.x.rows], data: rows.indices };
    return this.learn({ classes: rows.classes, examples: stored(rows.x), targets });
  }

  /** The nearest examples to each row. */
  kneighbors(x: Features, k = this.options.nNeighbors): NeighborRows {
    return readable(this.#near(x, k));
  }

  #near(x: Features, k: number): Neighbors {
    const rows = this.rows(x, this.state.examples.shape[1]!);
    return near(this.name, this.state, rows, k, this.options.metric);
  }

  /** The fraction of each class among the neighbors, `[N, K]`. */
  predictProba(x: Features): Tensor {
    const { values, rows } = this.#votes(x);
    const classes = this.classes.length;
    for (let i = 0; i < rows; i++) {
      const row = values.subarray(i * classes, (i + 1) * classes);
      const total = row.reduce((a, b) => a + b, 0);
      for (let c = 0; c < classes; c++) row[c]! /= total;
    }
    return vectorTensor(values, [rows, classes]);
  }

  #votes(x: Features): { values: Float64Array; rows: number } {
    const { nNeighbors: k, weights } = this.options;
    const found = this.#near(x, k);
    const rows = found.indices.length / k;
    const classes = this.classes.length;
    const values = new Float64Array(rows * classes);
    for (let i = 0; i < rows; i++)
      for (const [n, share] of shares(found, weights, i, k).entries())
        values[i * classes + this.state.targets.data[found.indices[i * k + n]!]!]! += share;
    return { values, rows };
  }

  protected indicesOf(x: Features): Int32Array {
    const { values, rows } = this.#votes(x);
    const k = this.classes.length;
    return Int32Array.from({ length: rows }, (_, i) =>
      largest(values.subarray(i * k, (i + 1) * k)),
    );
  }
}

type NeighborRegressorState = State & { readonly examples: HostArray; readonly targets: HostArray };

/**
 * The mean of the k nearest examples' targets, optionally weighted. O(ND) per prediction, and no
 * extrapolation: beyond the examples it stays at their outermost values. See {@link
 * KNeighborsClassifier}.
 *
 * @see Altman 1992, "An introduction to kernel and nearest-neighbor nonparametric regression"
 * @example
 * const model = await new KNeighborsRegressor({ nNeighbors: 2 }).fit([[0], [1], [5]], [0, 10, 50]);
 * model.predict([[0.4]]).toArray(); // [5]
 */
export class KNeighborsRegressor extends Regressor<NeighborRegressorState> {
  readonly name = "KNeighborsRegressor";
  readonly options: Filled<KNeighborsOptions>;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: KNeighborsOptions = {}) {
    super();
    this.options = filled("KNeighborsRegressor", options);
  }

  /** Stores the examples. @throws {ConfigError} if there are fewer than k. */
  async fit(x: Features | Examples, y?: Targets): Promise<this> {
    const rows = measured(this.name, x, y, {});
    checkEnough(this.name, this.options.nNeighbors, rows.x.rows);
    const targets: HostArray = { dtype: "float64", shape: [rows.x.rows], data: rows.y };
    return this.learn({ examples: stored(rows.x), targets });
  }

  /** The nearest examples to each row. */
  kneighbors(x: Features, k = this.options.nNeighbors): NeighborRows {
    return readable(this.#near(x, k));
  }

  #near(x: Features, k: number): Neighbors {
    const rows = this.rows(x, this.state.examples.shape[1]!);
    return near(this.name, this.state, rows, k, this.options.metric);
  }

  protected numbers(x: Features): Float64Array {
    const { nNeighbors: k, weights } = this.options;
    const found = this.#near(x, k);
    return Float64Array.from({ length: found.indices.length / k }, (_, i) => {
      let [sum, total] = [0, 0];
      for (const [n, share] of shares(found, weights, i, k).entries()) {
        sum += share * this.state.targets.data[found.indices[i * k + n]!]!;
        total += share;
      }
      return sum / total;
    });
  }
}

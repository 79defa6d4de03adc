/** Principal component analysis. */
import { ConfigError, checkOptions, type HostArray, RandomStream } from "../../base/index.ts";
import { type Eigen, eigenSymmetric } from "../../base/symmetric.ts";
import { norm } from "../../base/vectors.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkWhole, checkWord } from "../checks.ts";
import type { Filled, State } from "../estimator.ts";
import { type Features, type Matrix, matrixOf, rowOf, tensorOf, vectorTensor } from "../input.ts";
import { columnsOf, outerGram, product, svd } from "../linalg.ts";
import { meanOf, productsAround } from "../moments.ts";

import { Transformer } from "../preprocessing/transformer.ts";
import { leadingEigen } from "./leading.ts";

/** Options of {@link PCA}. */
export interface PCAOptions {
  /**
   * How many components are kept; a number between 0 and 1 keeps enough to explain that fraction of
   * the variance. Default: all, min(N, D).
   */
  readonly nComponents?: number | undefined;
  /** Whitening: whether `transform` scales every component to variance 1. Default false. */
  readonly whiten?: boolean | undefined;
  /**
   * `"svd"`: a singular value decomposition of the data, O(N D²), the most exact. `"covariance"`: eigenvectors of the covariance,
   * O(ND² + D³) with a fast product, for N ≫ D; squares the condition. `"randomized"`: O(N D k), for few components.
   * Default: svd for small data, else covariance.
   */
  readonly solver?: "svd" | "covariance" | "randomized" | undefined;
  /** The seed of the random directions of `"randomized"`. Default 0. */
  readonly seed?: number | undefined;
}

type PCAState = State & {
  readonly mean: HostArray;
  readonly components: HostArray;
  readonly singularValues: HostArray;
  /** The total variance, and N. */
  readonly totalVariance: number;
  readonly examples: number;
};

/** A decomposition of centered rows: right vectors as rows, and singular values, descending. */
interface Axes {
  readonly components: Float64Array[];
  readonly values: Float64Array;
}

/** Up to this many multiply-adds the exact decomposition takes about a second. */
const mostForSvd = 3e8;

/**
 * Principal component analysis: the orthogonal directions along which the data vary most,
 *
 *   X − 1 x̄ᵀ = U Σ Vᵀ,   z = Vₖᵀ (x − x̄)
 *
 * Component i explains the variance σᵢ²/(N − 1). The sign of a component is arbitrary; here its
 * element of the largest magnitude is positive.
 *
 * O(ND min(N, D)) by `svd`, O(ND² + D³) by `covariance`, O(NDk) by `randomized`. Use it to plot
 * data in the plane, to drop directions that hardly vary, and as the baseline of every autoencoder.
 *
 * @see Jolliffe 2002, "Principal component analysis"; Halko, Martinsson & Tropp 2011 for
 * `"randomized"`
 * @example
 * const pca = await new PCA({ nComponents: 1 }).fit([[-2, -2], [-1, -1], [1, 1], [2, 2]]);
 * pca.components.toArray(); // [[0.707…, 0.707…]]
 * pca.explainedVarianceRatio.toArray(); // [1]
 * pca.transform([[3, 3]]).item(); // 4.24…
 */
export class PCA extends Transformer<PCAState> {
  readonly name = "PCA";
  readonly options: Omit<Filled<PCAOptions>, "nComponents" | "solver"> &
    Pick<PCAOptions, "nComponents" | "solver">;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: PCAOptions = {}) {
    super();
    checkOptions("PCA", options, { nComponents: true, whiten: true, solver: true, seed: true });
    const { nComponents, whiten = false, solver, seed = 0 } = options;
    if (nComponents !== undefined && !(nComponents > 0 && nComponents < 1))
      checkWhole("PCA", "nComponents", nComponents);
    if (solver !== undefined)
      checkWord("PCA", "solver", solver, ["svd", "covariance", "randomized"]);
    this.options = { nComponents, whiten, solver, seed };
  }

  /** x̄, `[D]`. */
  get mean(): Tensor {
    return tensorFrom(this.state.mean);
  }
  /** The directions as rows, `[k, D]`, that of the largest variance first. */
  get components(): Tensor {
    return tensorFrom(this.state.components);
  }
  /** σ, `[k]`. */
  get singularValues(): Tensor {
    return tensorFrom(this.state.singularValues);
  }
  /** σ²/(N − 1), `[k]`. */
  get explainedVariance(): Tensor {
    return vectorTensor(this.#variances());
  }
  /** The fraction of the variance that each component explains, `[k]`. */
  get explainedVarianceRatio(): Tensor {
    const { totalVariance } = this.state;
    return vectorTensor(this.#variances().map((v) => (totalVariance > 0 ? v / totalVariance : 0)));
  }

  #variances(): Float64Array {
    const { singularValues, examples } = this.state;
    return Float64Array.from(singularValues.data, (s) => (s * s) / Math.max(1, examples - 1));
  }

  /** @throws {ConfigError} if more components are requested than there are. */
  async fit(x: Features): Promise<this> {
    const given = matrixOf(this.name, x);
    const k = this.#count(given);
    const mean = meanOf(given);
    const { components, values, total } = this.#axes(given, mean, k);
    const totalVariance = total / Math.max(1, given.rows - 1);
    const kept = k ?? enough(values, this.options.nComponents!, totalVariance, given.rows);
    const flat = new Float64Array(kept * given.columns);
    for (let i = 0; i < kept; i++) flat.set(turned(components[i]!), i * given.columns);
    return this.learn({
      ...{ totalVariance, examples: given.rows },
      mean: { dtype: "float64", shape: [given.columns], data: mean },
      components: { dtype: "float64", shape: [kept, given.columns], data: flat },
      singularValues: { dtype: "float64", shape: [kept], data: values.slice(0, kept) },
    });
  }

  /** The number of components; undefined if a fraction of the variance decides. */
  #count({ rows, columns }: Matrix): number | undefined {
    const most = Math.min(rows, columns);
    const { nComponents: k = most } = this.options;
    if (k < 1) return undefined;
    if (k <= most) return k;
    throw new ConfigError({
      subject: "PCA",
      problem: `${k} components are asked for, and ${rows} rows of ${columns} features have ${most} (${k} > ${most}).`,
      fix: `take nComponents: ${most} or fewer.`,
    });
  }

  /** @param k undefined for all. */
  #axes(given: Matrix, mean: Float64Array, k: number | undefined): Axes & { total: number } {
    const { rows, columns } = given;
    const cost = Math.max(rows, columns) * Math.min(rows, columns) ** 2;
    const solver = this.options.solver ?? (cost <= mostForSvd ? "svd" : "covariance");
    if (solver === "covariance" && rows >= columns) return byCovariance(given, mean, k ?? columns);
    const { x, total } = centered(given, mean);
    if (solver === "covariance") return { ...byProducts(x, k ?? rows), total };
    if (solver === "randomized")
      return { ...byRandomProjection(x, k ?? Math.min(rows, columns), this.options.seed), total };
    const { v, values } = svd(columnsOf(x));
    return { components: [...v], values, total };
  }

  /** The coordinates of each row along the components, `[N, k]`; divided by their deviations when whitened. */
  transform(x: Features): Tensor {
    const { mean, components } = this.state;
    const rows = tensorOf(this.rows(x, mean.data.length));
    const z = rows.sub(tensorFrom(mean)).matmul(tensorFrom(components).transpose());
    return (this.options.whiten ? z.div(this.#deviations()) : z).evalSync();
  }

  /** Rows `[N, D]` from coordinates `[N, k]`: points of the subspace. */
  inverseTransform(z: Features): Tensor {
    const { mean, components } = this.state;
    const given = tensorOf(this.rows(z, components.shape[0]!));
    const scaled = this.options.whiten ? given.mul(this.#deviations()) : given;
    return scaled.matmul(tensorFrom(components)).add(tensorFrom(mean)).evalSync();
  }

  /** √variance of each component; 1 if it is 0, so that nothing is scaled. */
  #deviations(): Tensor {
    return vectorTensor(this.#variances().map((v) => (v > 0 ? Math.sqrt(v) : 1)));
  }
}

const tensorFrom = ({ data, shape }: HostArray): Tensor =>
  vectorTensor(data as Float64Array, shape);

/** Rows around their mean, and the sum of their squares. */
function centered({ rows, columns, data }: Matrix, mean: Float64Array) {
  const inner = new Float64Array(data.length);
  let total = 0;
  for (let at = 0; at < data.length; )
    for (let j = 0; j < columns; j++, at++) {
      const apart = data[at]! - mean[j]!;
      inner[at] = apart;
      total += apart * apart;
    }
  return { x: { rows, columns, data: inner }, total };
}

/** How many components explain a fraction of the variance. */
function enough(values: Float64Array, share: number, total: number, rows: number): number {
  let sum = 0;
  for (const [i, s] of values.entries()) {
    sum += (s * s) / Math.max(1, rows - 1);
    if (sum > share * total) return i + 1;
  }
  return values.length;
}

/** A direction with its element of the largest magnitude positive. */
function turned(v: Float64Array): Float64Array {
  let at = 0;
  for (let j = 1; j < v.length; j++) if (Math.abs(v[j]!) > Math.abs(v[at]!)) at = j;
  return v[at]! < 0 ? v.map((x) => -x) : v;
}

/** The k largest eigenvalues of a symmetric matrix `[n, n]`, or more. */
function eigen(data: Float64Array, n: number, k: number): Eigen {
  const leading = leadingEigen({ rows: n, columns: n, data }, k);
  if (leading) return leading;
  return eigenSymmetric(Array.from({ length: n }, (_, i) => data.subarray(i * n, (i + 1) * n)));
}

const roots = (values: Float64Array): Float64Array =>
  values.map((value) => Math.sqrt(Math.max(0, value)));

/** Eigenvectors of XᵀX. */
function byCovariance(given: Matrix, mean: Float64Array, k: number): Axes & { total: number } {
  const n = given.columns;
  const { gram } = productsAround(given, mean);
  let total = 0;
  for (let j = 0; j < n; j++) total += gram[j * (n + 1)]!;
  const { values, vectors } = eigen(gram, n, k);
  return { components: [...vectors], values: roots(values), total };
}

/** Of fewer rows than columns, by the eigenvectors of XXᵀ. */
function byProducts(x: Matrix, k: number): Axes {
  const { values, vectors } = eigen(outerGram(x), x.rows, k);
  const u: Matrix = { rows: vectors.length, columns: x.rows, data: flattened(vectors, x.rows) };
  const v = product(u, x); // Uᵀ X, whose rows are σ v
  const components = vectors.map((_, i) => {
    const row = rowOf(v, i);
    const length = norm(row);
    return length > 0 ? row.map((value) => value / length) : row;
  });
  return { components, values: roots(values) };
}

/** Extra directions, and power iterations: the same as in scikit-learn. */
const oversampling = 10;
const powerSteps = 7;

/** The range of X from random combinations of its columns, orthogonalised after every product. */
function byRandomProjection(x: Matrix, k: number, seed: number): Axes {
  const width = Math.min(k + oversampling, x.rows, x.columns);
  const random = new RandomStream(seed, 0x9ca_0001);
  const transposed = transpose(x);
  let directions: Matrix = {
    rows: x.columns,
    columns: width,
    data: Float64Array.from({ length: x.columns * width }, () => random.normal()),
  };
  for (let step = 0; step < powerSteps; step++)
    directions = orthonormal(product(transposed, orthonormal(product(x, directions))));
  const range = orthonormal(product(x, directions)); // Q, [N, width]
  const small = product(transpose(range), x); // Qᵀ X, [width, D]
  const { v, values } = svd(columnsOf(small));
  return { components: v.slice(0, k), values: values.slice(0, k) };
}

/** An orthonormal basis of the columns' span. */
function orthonormal(x: Matrix): Matrix {
  const { u } = svd(columnsOf(x));
  const data = new Float64Array(x.rows * u.length);
  for (const [j, column] of u.entries())
    for (let i = 0; i < x.rows; i++) data[i * u.length + j] = column[i]!;
  return { rows: x.rows, columns: u.length, data };
}

function transpose({ rows, columns, data }: Matrix): Matrix {
  const turned = new Float64Array(data.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j]!;
  return { rows: columns, columns: rows, data: turned };
}

function flattened(vectors: readonly Float64Array[], size: number): Float64Array {
  const flat = new Float64Array(vectors.length * size);
  for (const [i, vector] of vectors.entries()) flat.set(vector, i * size);
  return flat;
}

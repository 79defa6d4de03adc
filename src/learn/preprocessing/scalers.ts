/** Feature scaling, and products of features. */
import { ConfigError, checkOptions, type HostArray } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkWhole } from "../checks.ts";
import type { Filled, LearnOptions, State } from "../estimator.ts";
import {
  type Features,
  type Matrix,
  matrixOf,
  rowOf,
  type Targets,
  vectorTensor,
  weightsOf,
} from "../input.ts";
import { Transformer } from "./transformer.ts";

const vector = (data: Float64Array): HostArray => ({
  dtype: "float64",
  shape: [data.length],
  data,
});

/** x′ = a x + c by columns. */
function affine({ rows, columns, data }: Matrix, f: (x: number, j: number) => number): Tensor {
  return vectorTensor(
    data.map((x, at) => f(x, at % columns)),
    [rows, columns],
  );
}

/** Options of {@link StandardScaler}. */
export interface StandardScalerOptions {
  /** Whether to subtract the mean. Default true. */
  readonly withMean?: boolean | undefined;
  /** Whether to divide by the standard deviation. Default true. */
  readonly withStd?: boolean | undefined;
}

type StandardState = State & { readonly mean: HostArray; readonly variance: HostArray };

/**
 * Standardized features:
 *
 *   x′ = (x − μ) / σ,   μ = Σ w x / Σ w,   σ² = Σ w (x − μ)² / Σ w
 *
 * A constant feature is divided by 1. Welford's update keeps the digits if μ ≫ σ. O(ND). Use it
 * before anything that measures distances or penalizes weights: support vectors, neighbors,
 * penalties, principal components.
 *
 * @see Welford 1962, "Note on a method for calculating corrected sums of squares and products"
 * @example
 * const scaler = await standardScaler().fit([[1], [3]]);
 * scaler.transform([[5]]).toArray(); // [[3]]
 * scaler.inverseTransform([[3]]).toArray(); // [[5]]
 */
export class StandardScaler extends Transformer<StandardState> {
  readonly name = "StandardScaler";
  readonly options: Filled<StandardScalerOptions>;

  constructor(options: StandardScalerOptions = {}) {
    super();
    checkOptions("StandardScaler", options, { withMean: true, withStd: true });
    this.options = { withMean: options.withMean ?? true, withStd: options.withStd ?? true };
  }

  /** μ, `[D]`. */
  get mean(): Tensor {
    return vectorTensor(this.state.mean.data as Float64Array);
  }
  /** σ², `[D]`. */
  get variance(): Tensor {
    return vectorTensor(this.state.variance.data as Float64Array);
  }

  async fit(x: Features, _y?: Targets, { sampleWeight }: LearnOptions = {}): Promise<this> {
    const rows = matrixOf(this.name, x);
    const weights = weightsOf(this.name, sampleWeight, rows.rows);
    const mean = new Float64Array(rows.columns);
    const squares = new Float64Array(rows.columns);
    let total = 0;
    for (let i = 0; i < rows.rows; i++) {
      const w = weights[i]!;
      if (w === 0) continue;
      total += w;
      for (const [j, value] of rowOf(rows, i).entries()) {
        const before = value - mean[j]!;
        mean[j]! += (before * w) / total;
        squares[j]! += w * before * (value - mean[j]!);
      }
    }
    return this.learn({ mean: vector(mean), variance: vector(squares.map((s) => s / total)) });
  }

  #scale(): { center: Float64Array; scale: Float64Array } {
    const { mean, variance } = this.state;
    const { withMean, withStd } = this.options;
    return {
      center: Float64Array.from(mean.data, (m) => (withMean ? m : 0)),
      scale: Float64Array.from(variance.data, (v) => (withStd && v > 0 ? Math.sqrt(v) : 1)),
    };
  }

  transform(x: Features): Tensor {
    const { center, scale } = this.#scale();
    return affine(this.rows(x, center.length), (value, j) => (value - center[j]!) / scale[j]!);
  }
  /** The rows that `transform` maps to these. */
  inverseTransform(x: Features): Tensor {
    const { center, scale } = this.#scale();
    return affine(this.rows(x, center.length), (value, j) => value * scale[j]! + center[j]!);
  }
}

/** A {@link StandardScaler}. */
export const standardScaler = (options: StandardScalerOptions = {}): StandardScaler =>
  new StandardScaler(options);

/** Options of {@link MinMaxScaler}. */
export interface MinMaxScalerOptions {
  /** The range of the result. Default [0, 1]. */
  readonly featureRange?: readonly [number, number] | undefined;
}

type MinMaxState = State & { readonly min: HostArray; readonly max: HostArray };

/**
 * Features between two bounds:
 *
 *   x′ = low + (high − low) (x − min) / (max − min)
 *
 * with the minimum and maximum of each feature in `fit`; new values may lie outside. A constant
 * feature becomes low. O(ND). For when bounds matter; one outlier compresses all other values, to
 * which {@link StandardScaler} is less sensitive.
 *
 * @example
 * const scaler = await minMaxScaler().fit([[10], [20]]);
 * scaler.transform([[15], [30]]).toArray(); // [[0.5], [2]]
 */
export class MinMaxScaler extends Transformer<MinMaxState> {
  readonly name = "MinMaxScaler";
  readonly options: Filled<MinMaxScalerOptions>;

  /** @throws {ConfigError} unless the range is increasing. */
  constructor(options: MinMaxScalerOptions = {}) {
    super();
    checkOptions("MinMaxScaler", options, { featureRange: true });
    const { featureRange = [0, 1] } = options;
    if (!(featureRange[0] < featureRange[1]))
      throw new ConfigError({
        subject: "MinMaxScaler",
        problem: `featureRange is ${featureRange.join(" … ")}.`,
        fix: "give the lower bound first, such as [0, 1].",
      });
    this.options = { featureRange };
  }

  async fit(x: Features): Promise<this> {
    const rows = matrixOf(this.name, x);
    const min = rowOf(rows, 0).slice();
    const max = min.slice();
    for (let at = 0; at < rows.data.length; at++) {
      const [j, value] = [at % rows.columns, rows.data[at]!];
      min[j] = Math.min(min[j]!, value);
      max[j] = Math.max(max[j]!, value);
    }
    return this.learn({ min: vector(min), max: vector(max) });
  }

  #scale(j: number): number {
    const { min, max } = this.state;
    const [low, high] = this.options.featureRange;
    const spread = max.data[j]! - min.data[j]!;
    return (high - low) / (spread > 0 ? spread : 1);
  }

  transform(x: Features): Tensor {
    const { min } = this.state;
    const [low] = this.options.featureRange;
    return affine(
      this.rows(x, min.data.length),
      (value, j) => low + (value - min.data[j]!) * this.#scale(j),
    );
  }
  /** The rows that `transform` maps to these. */
  inverseTransform(x: Features): Tensor {
    const { min } = this.state;
    const [low] = this.options.featureRange;
    return affine(
      this.rows(x, min.data.length),
      (value, j) => (value - low) / this.#scale(j) + min.data[j]!,
    );
  }
}

/** A {@link MinMaxScaler}. */
export const minMaxScaler = (options: MinMaxScalerOptions = {}): MinMaxScaler =>
  new MinMaxScaler(options);

/** Options of {@link PolynomialFeatures}. */
export interface PolynomialFeaturesOptions {
  /** The largest degree of a product. Default 2. */
  readonly degree?: number | undefined;
  /** Whether no feature occurs twice in a product. Default false. */
  readonly interactionOnly?: boolean | undefined;
  /** Whether the first column is 1. Default true. */
  readonly includeBias?: boolean | undefined;
}

/** The most products: more are of no use, and would not fit in memory for a few hundred rows. */
const mostProducts = 1_000_000;

/**
 * All products of up to `degree` features, by degree and then by the order of the features:
 *
 *   a, b → 1, a, b, a², ab, b²
 *
 * There are C(D + degree, degree) of them. Use few features and low degrees, and scale the products
 * for a linear learner; a polynomial kernel uses all of them implicitly.
 *
 * @example
 * const products = await polynomialFeatures({ degree: 2 }).fitTransform([[2, 3]]);
 * products.toArray(); // [[1, 2, 3, 4, 6, 9]]
 */
export class PolynomialFeatures extends Transformer<State & { readonly features: number }> {
  readonly name = "PolynomialFeatures";
  readonly options: Filled<PolynomialFeaturesOptions>;

  /** @throws {ConfigError} for a degree that is not an integer. */
  constructor(options: PolynomialFeaturesOptions = {}) {
    super();
    checkOptions("PolynomialFeatures", options, {
      ...{ degree: true, interactionOnly: true, includeBias: true },
    });
    const { degree = 2, interactionOnly = false, includeBias = true } = options;
    checkWhole("PolynomialFeatures", "degree", degree);
    this.options = { degree, interactionOnly, includeBias };
  }

  /** @throws {ConfigError} if there would be too many products. */
  async fit(x: Features): Promise<this> {
    const { columns } = matrixOf(this.name, x);
    const { degree, interactionOnly } = this.options;
    let [count, ofDegree] = [1, 1];
    for (let d = 1; d <= degree; d++) {
      ofDegree *= (interactionOnly ? columns - d + 1 : columns + d - 1) / d;
      count += ofDegree;
    }
    if (count > mostProducts)
      throw new ConfigError({
        subject: this.name,
        problem: `${columns} features have ${Math.round(count)} products up to degree ${degree} (${Math.round(count)} > ${mostProducts}).`,
        fix: "take a smaller degree or fewer features, or a learner with a polynomial kernel, which never writes them down.",
      });
    return this.learn({ features: columns });
  }

  /** The features of each product, as indices. */
  get products(): readonly (readonly number[])[] {
    const { degree, interactionOnly, includeBias } = this.options;
    const { features } = this.state;
    let last: number[][] = [[]];
    const all: number[][] = includeBias ? [[]] : [];
    for (let d = 0; d < degree; d++) {
      last = last.flatMap((product) => {
        const from = product.length === 0 ? 0 : product.at(-1)! + Number(interactionOnly);
        return Array.from({ length: features - from }, (_, j) => [...product, from + j]);
      });
      for (const product of last) all.push(product);
    }
    return all;
  }

  transform(x: Features): Tensor {
    const rows = this.rows(x, this.state.features);
    const { products } = this;
    const data = new Float64Array(rows.rows * products.length);
    for (let i = 0; i < rows.rows; i++) {
      const row = rowOf(rows, i);
      for (const [p, product] of products.entries())
        data[i * products.length + p] = product.reduce((value, j) => value * row[j]!, 1);
    }
    return vectorTensor(data, [rows.rows, products.length]);
  }
}

/** A {@link PolynomialFeatures}. */
export const polynomialFeatures = (options: PolynomialFeaturesOptions = {}): PolynomialFeatures =>
  new PolynomialFeatures(options);

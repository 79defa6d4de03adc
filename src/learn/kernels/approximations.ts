/** Features whose inner products approximate those of a kernel. */
import { ConfigError, checkOptions, type HostArray, RandomStream } from "../../base/index.ts";
import { eigenSymmetric } from "../../base/symmetric.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import type { State } from "../estimator.ts";
import {
  type Features,
  type Matrix,
  matrixOf,
  takeRows,
  tensorOf,
  vectorTensor,
} from "../input.ts";
import { Transformer } from "../preprocessing/transformer.ts";
import { matrixFrom } from "./kernel-ridge.ts";
import {
  checkKernel,
  type Kernel,
  type KernelOptions,
  kernelFor,
  kernelOptionNames,
  kernelValues,
} from "./kernels.ts";

/** Options of {@link RandomFeatures}. */
export interface RandomFeaturesOptions {
  /** "rbf" (default) or "arc-cosine". */
  readonly kernel?: "rbf" | "arc-cosine" | undefined;
  /** γ of rbf. Default 1. */
  readonly gamma?: number | undefined;
  /** n of arc-cosine: 0, 1 or 2. Default 1. */
  readonly degree?: number | undefined;
  /** How many features are drawn. Default 100. */
  readonly nComponents?: number | undefined;
  /** The seed of the features. Default 0. */
  readonly seed?: number | undefined;
}

type RandomState = State & { readonly weights: HostArray; readonly offsets: HostArray };

/**
 * Random features z with E[z(x)ᵀz(y)] = k(x, y): for a Gaussian kernel by Fourier features, for an
 * arc-cosine kernel by random units,
 *
 *   rbf: z = √(2/m) cos(Wx + b), W ∼ N(0, 2γ), b ∼ U(0, 2π);   arc-cosine: z = √(2/m) step(Wx) (Wx)ⁿ, W ∼ N(0, 1)
 *
 * The error of an inner product falls as 1/√m. A linear learner on m features costs O(N m) instead
 * of O(N²); the features themselves O(N m D). For data with too many examples for {@link SVC} or
 * {@link KernelRidge}.
 *
 * @see Rahimi & Recht 2007, "Random features for large-scale kernel machines"; Cho & Saul 2009
 * @example
 * const z = await new RandomFeatures({ nComponents: 5000, seed: 1 }).fitTransform([[0], [1]]);
 * const k = z.matmul(z.transpose()).slice(0, 1).item();
 * Math.abs(k - Math.exp(-1)) < 0.05; // true
 */
export class RandomFeatures extends Transformer<RandomState> {
  readonly name = "RandomFeatures";
  readonly options: { readonly kernel: "rbf" | "arc-cosine" } & Record<
    "gamma" | "degree" | "nComponents" | "seed",
    number
  >;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: RandomFeaturesOptions = {}) {
    super();
    checkOptions("RandomFeatures", options, {
      ...{ kernel: true, gamma: true, degree: true, nComponents: true, seed: true },
    });
    const { kernel = "rbf", gamma = 1, degree = 1, nComponents = 100, seed = 0 } = options;
    checkWord("RandomFeatures", "kernel", kernel, ["rbf", "arc-cosine"]);
    checkNumber("RandomFeatures", "gamma", gamma, "above 0");
    checkWhole("RandomFeatures", "degree", degree, 0);
    checkWhole("RandomFeatures", "nComponents", nComponents);
    this.options = { kernel, gamma, degree, nComponents, seed };
    checkKernel("RandomFeatures", { kernel, degree });
  }

  async fit(x: Features): Promise<this> {
    const { columns } = matrixOf(this.name, x);
    const { kernel, gamma, nComponents: m, seed } = this.options;
    const random = new RandomStream(seed, 0xfea_0001);
    const scale = kernel === "rbf" ? Math.sqrt(2 * gamma) : 1;
    const weights = Float64Array.from({ length: columns * m }, () => scale * random.normal());
    const offsets = Float64Array.from({ length: m }, () => 2 * Math.PI * random.uniform());
    return this.learn({
      weights: { dtype: "float64", shape: [columns, m], data: weights },
      offsets: { dtype: "float64", shape: [m], data: offsets },
    });
  }

  transform(x: Features): Tensor {
    const { weights, offsets } = this.state;
    const { kernel, degree, nComponents: m } = this.options;
    const w = vectorTensor(weights.data as Float64Array, weights.shape);
    const z = tensorOf(this.rows(x, weights.shape[0]!)).matmul(w);
    const scale = Math.sqrt(2 / m);
    if (kernel === "rbf")
      return z
        .add(vectorTensor(offsets.data as Float64Array))
        .cos()
        .mul(scale)
        .evalSync();
    const on = degree === 0 ? z.greater(0).cast("float64") : z.relu();
    return (degree === 2 ? on.square() : on).mul(scale).evalSync();
  }
}

/** Options of {@link Nystroem}. */
export interface NystroemOptions extends KernelOptions {
  /** The number of landmark examples. Default 100. */
  readonly nComponents?: number | undefined;
  /** The seed of their choice. Default 0. */
  readonly seed?: number | undefined;
}

type NystroemState = State & {
  readonly kernel: Kernel;
  readonly landmarks: HostArray;
  readonly normalization: HostArray;
};

/**
 * Nyström's approximation: z(x) = K⁻½ k(x), where k(x) are the kernels of x with m random landmark
 * examples, and K those among the landmarks. Inner products with the landmarks are exact, others
 * approximate, if the spectrum of the kernel decays fast. O(N m D + m³). For use before a linear
 * learner, with too many examples for a kernel method; its features depend on the data, those of
 * {@link RandomFeatures} do not.
 *
 * @see Williams & Seeger 2001, "Using the Nyström method to speed up kernel machines"
 * @example
 * const points = [[0], [1], [2]];
 * const z = await new Nystroem({ gamma: 1, nComponents: 3 }).fitTransform(points);
 * const k = z.matmul(z.transpose()).slice(0, 1).item();
 * Math.abs(k - Math.exp(-1)) < 1e-12; // true
 */
export class Nystroem extends Transformer<NystroemState> {
  readonly name = "Nystroem";
  readonly options: KernelOptions & { readonly nComponents: number; readonly seed: number };

  /** @throws {ConfigError} for invalid options. */
  constructor(options: NystroemOptions = {}) {
    super();
    checkOptions("Nystroem", options, { ...kernelOptionNames, nComponents: true, seed: true });
    const { nComponents = 100, seed = 0, kernel = "rbf", gamma = "auto" } = options;
    const { degree, coef0 = 1, layers } = options;
    checkWhole("Nystroem", "nComponents", nComponents);
    this.options = { nComponents, seed, kernel, gamma, degree, coef0, layers };
    checkKernel("Nystroem", this.options);
  }

  /** @throws {ConfigError} if there are fewer examples than components. */
  async fit(x: Features): Promise<this> {
    const rows = matrixOf(this.name, x);
    const { nComponents: m, seed } = this.options;
    if (m > rows.rows)
      throw new ConfigError({
        subject: "Nystroem",
        problem: `${m} components are asked for, and there are ${rows.rows} examples (${m} > ${rows.rows}).`,
        fix: `take nComponents: ${rows.rows} or fewer.`,
      });
    const chosen = new RandomStream(seed, 0x275_0001).permutation(rows.rows).slice(0, m);
    const kernel = kernelFor(this.options, rows);
    const landmarks = takeRows(rows, chosen);
    return this.learn({
      kernel,
      landmarks: { dtype: "float64", shape: [m, rows.columns], data: landmarks.data },
      normalization: { dtype: "float64", shape: [m, m], data: inverseRoot(kernel, landmarks) },
    });
  }

  transform(x: Features): Tensor {
    const { kernel, landmarks, normalization } = this.state;
    const known = matrixFrom(landmarks);
    const rows = this.rows(x, known.columns);
    const k = vectorTensor(kernelValues(kernel, rows, known), [rows.rows, known.rows]);
    const root = vectorTensor(normalization.data as Float64Array, normalization.shape);
    return k.matmul(root).evalSync();
  }
}

/** K⁻½, without the null directions of K. */
function inverseRoot(kernel: Kernel, x: Matrix): Float64Array {
  const n = x.rows;
  const k = kernelValues(kernel, x, x);
  const rows = Array.from({ length: n }, (_, i) => k.subarray(i * n, (i + 1) * n));
  const { values, vectors } = eigenSymmetric(rows);
  const least = n * Number.EPSILON * values[0]!;
  const root = new Float64Array(n * n);
  for (const [e, value] of values.entries()) {
    if (!(value > least)) break;
    const scale = 1 / Math.sqrt(value);
    const v = vectors[e]!;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) root[i * n + j]! += scale * v[i]! * v[j]!;
  }
  return root;
}

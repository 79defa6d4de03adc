/** Ridge regression in the space of a kernel. */
import { checkOptions, type HostArray, NumericError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber } from "../checks.ts";
import { type LearnOptions, measured, Regressor, type State } from "../estimator.ts";
import { type Examples, type Features, type Matrix, type Targets, vectorTensor } from "../input.ts";
import { choleskySolve } from "../linalg.ts";
import {
  checkKernel,
  type Kernel,
  type KernelOptions,
  kernelFor,
  kernelOptionNames,
  kernelValues,
} from "./kernels.ts";

/** Options of {@link KernelRidge}. */
export interface KernelRidgeOptions extends KernelOptions {
  /** α > 0, the weight of ‖w‖². Default 1. */
  readonly alpha?: number | undefined;
}

type KernelRidgeState = State & {
  readonly kernel: Kernel;
  readonly examples: HostArray;
  readonly dualCoef: HostArray;
};

/**
 * Kernel ridge regression: ŷ(x) = Σₙ aₙ k(x, xₙ), with
 *
 *   (K + α S⁻¹) a = y
 *
 * for sample weights S: the minimum of Σ sₙ (f(xₙ) − yₙ)² + α ‖f‖² over the functions of the
 * kernel, without an intercept. O(N²D + N³/3), a prediction O(ND), because it keeps all examples:
 * for smooth functions and up to some 10⁴ examples. Defaults are scikit-learn's: a linear kernel; γ
 * = 1/D.
 *
 * @see Saunders, Gammerman & Vovk 1998; Murphy 2012, "Machine learning", §14.4.3
 * @example
 * const x = [[0], [1], [2], [3]];
 * const model = await new KernelRidge({ kernel: "rbf", gamma: 1, alpha: 1e-6 }).fit(x, [0, 1, 0, -1]);
 * Math.abs(model.predict([[1]]).item() - 1) < 1e-4; // true
 */
export class KernelRidge extends Regressor<KernelRidgeState> {
  readonly name = "KernelRidge";
  readonly options: KernelOptions & { readonly alpha: number };

  /** @throws {ConfigError} for invalid options. */
  constructor(options: KernelRidgeOptions = {}) {
    super();
    checkOptions("KernelRidge", options, { ...kernelOptionNames, alpha: true });
    const { alpha = 1, kernel = "linear", gamma = "auto", degree, coef0 = 1, layers } = options;
    checkNumber("KernelRidge", "alpha", alpha, "above 0");
    this.options = { alpha, kernel, gamma, degree, coef0, layers };
    checkKernel("KernelRidge", this.options);
  }

  /** a, `[N]`. */
  get dualCoef(): Tensor {
    return vectorTensor(this.state.dualCoef.data as Float64Array);
  }

  /** @throws {NumericError} if K + α S⁻¹ is not positive definite up to rounding. */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = measured(this.name, x, y, options);
    const kernel = kernelFor(this.options, rows.x);
    const k = kernelValues(kernel, rows.x, rows.x);
    const n = rows.x.rows;
    // √S (K √S) + α I, so that a weight of 0 divides by nothing
    const roots = rows.weights.map(Math.sqrt);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) k[i * n + j]! *= roots[i]! * roots[j]!;
    for (let i = 0; i < n; i++) k[i * n + i]! += this.options.alpha;
    const scaled = choleskySolve(
      k,
      rows.y.map((t, i) => t * roots[i]!),
    );
    if (!scaled) throw singular(this.options.alpha);
    return this.learn({
      kernel,
      examples: { dtype: "float64", shape: [n, rows.x.columns], data: rows.x.data.slice() },
      dualCoef: { dtype: "float64", shape: [n], data: scaled.map((a, i) => a * roots[i]!) },
    });
  }

  protected numbers(x: Features): Float64Array {
    const { kernel, examples, dualCoef } = this.state;
    const known = matrixFrom(examples);
    const k = kernelValues(kernel, this.rows(x, known.columns), known);
    const a = vectorTensor(dualCoef.data as Float64Array);
    return vectorTensor(k, [k.length / known.rows, known.rows])
      .matmul(a)
      .dataSync() as Float64Array;
  }
}

/** Stored rows. */
export const matrixFrom = ({ shape: [rows, columns], data }: HostArray): Matrix => ({
  rows: rows!,
  columns: columns!,
  data: data as Float64Array,
});

const singular = (alpha: number) =>
  new NumericError({
    subject: "KernelRidge",
    problem: `the kernel matrix with alpha ${alpha} is not positive definite to rounding.`,
    fix: "take a larger alpha, or leave out rows that are nearly the same.",
  });

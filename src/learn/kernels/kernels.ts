/** Kernels: inner products of features that are never computed explicitly. */
import { ConfigError, checkOptions, describe, type OptionNames } from "../../base/index.ts";
import { dot } from "../../base/vectors.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import { type Features, type Matrix, matrixOf, rowOf, tensorOf, vectorTensor } from "../input.ts";

/** The names of the kernels. */
export type KernelName = "linear" | "polynomial" | "rbf" | "laplacian" | "arc-cosine";
export const kernelNames: readonly KernelName[] = [
  ...(["linear", "polynomial", "rbf", "laplacian", "arc-cosine"] as const),
];

/** Which kernel, and its parameters; unused ones are ignored. */
export interface KernelOptions {
  readonly kernel?: KernelName | undefined;
  /** γ > 0 of polynomial, rbf and laplacian; `"scale"`: 1/(D Var(x)); `"auto"`: 1/D. */
  readonly gamma?: number | "scale" | "auto" | undefined;
  /** d of polynomial, 1, 2, …; n of arc-cosine, 0, 1 or 2. Default 3, of arc-cosine 1. */
  readonly degree?: number | undefined;
  /** c of polynomial. */
  readonly coef0?: number | undefined;
  /** How often arc-cosine is composed with itself, 1, 2, …. Default 1. */
  readonly layers?: number | undefined;
}

/** A kernel with all of its parameters. */
export interface Kernel {
  readonly [name: string]: string | number;
  readonly kernel: KernelName;
  readonly gamma: number;
  readonly degree: number;
  readonly coef0: number;
  readonly layers: number;
}

/** The options of a kernel, for checks of those of a learner. */
export const kernelOptionNames: OptionNames<KernelOptions> = {
  ...{ kernel: true, gamma: true, degree: true, coef0: true, layers: true },
};

/** Throws for parameters that do not define a kernel. */
export function checkKernel(subject: string, options: KernelOptions): void {
  const { kernel, gamma, degree, coef0, layers } = options;
  if (kernel !== undefined) checkWord(subject, "kernel", kernel, kernelNames);
  if (typeof gamma === "string") checkWord(subject, "gamma", gamma, ["scale", "auto"]);
  else if (gamma !== undefined) checkNumber(subject, "gamma", gamma, "above 0");
  if (degree !== undefined) checkWhole(subject, "degree", degree, 0);
  if (kernel === "arc-cosine" && degree !== undefined && degree > 2)
    throw new ConfigError({
      subject,
      problem: `degree is ${degree}, and the arc-cosine kernel has closed forms for 0, 1 and 2.`,
      fix: "take one of them.",
    });
  if (coef0 !== undefined && !Number.isFinite(coef0))
    throw new ConfigError({
      subject,
      problem: `coef0 is ${describe(coef0)}.`,
      fix: "give a finite number, such as coef0: 1.",
    });
  if (layers !== undefined) checkWhole(subject, "layers", layers);
}

/** A kernel for examples: γ may depend on them. */
export function kernelFor(
  { kernel = "rbf", gamma = "scale", degree, coef0 = 0, layers = 1 }: KernelOptions,
  x: Matrix,
): Kernel {
  return {
    ...{ kernel, coef0, layers },
    degree: degree ?? (kernel === "arc-cosine" ? 1 : 3),
    gamma: typeof gamma === "number" ? gamma : gamma === "auto" ? 1 / x.columns : scaleOf(x),
  };
}

/** 1/(D Var(x)) over all elements; 1 if they are all equal. */
function scaleOf({ columns, data }: Matrix): number {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length;
  return variance > 0 ? 1 / (columns * variance) : 1;
}

/** k(x, y) of all pairs of rows, `[N, M]` row-major. */
export function kernelValues(kernel: Kernel, x: Matrix, y: Matrix): Float64Array {
  if (kernel.kernel === "laplacian") return byDifferences(kernel, x, y);
  if (kernel.kernel === "rbf") return byDistances(kernel, x, y);
  const products = tensorOf(x).matmul(tensorOf(y).transpose()).dataSync() as Float64Array;
  const { gamma, coef0, degree } = kernel;
  switch (kernel.kernel) {
    case "linear":
      return products;
    case "polynomial":
      return products.map((p) => (gamma * p + coef0) ** degree);
    default:
      return arcCosine(kernel, x, y, products);
  }
}

const squaresOf = (x: Matrix): Float64Array =>
  Float64Array.from({ length: x.rows }, (_, i) => dot(rowOf(x, i), rowOf(x, i)));

/** e^(−γ ‖x − y‖²) with ‖x − y‖² = ‖x‖² + ‖y‖² − 2xᵀy, which rounding may not make negative. */
function byDistances({ gamma }: Kernel, x: Matrix, y: Matrix): Float64Array {
  const lengths = vectorTensor(squaresOf(x), [x.rows, 1]);
  const others = vectorTensor(squaresOf(y), [1, y.rows]);
  const products = tensorOf(x).matmul(tensorOf(y).transpose());
  const squares = lengths.add(others).sub(products.mul(2)).relu();
  return squares.mul(-gamma).exp().dataSync() as Float64Array;
}

/** e^(−γ Σ|x − y|) */
function byDifferences({ gamma }: Kernel, x: Matrix, y: Matrix): Float64Array {
  const values = new Float64Array(x.rows * y.rows);
  for (let i = 0; i < x.rows; i++) {
    const a = rowOf(x, i);
    for (let j = 0; j < y.rows; j++) {
      const b = rowOf(y, j);
      let sum = 0;
      for (let k = 0; k < a.length; k++) sum += Math.abs(a[k]! - b[k]!);
      values[i * y.rows + j] = Math.exp(-gamma * sum);
    }
  }
  return values;
}

/** Jₙ(θ): half the expectation of the products of random units' outputs, without ‖x‖ⁿ ‖y‖ⁿ/π. */
const angular: readonly ((t: number) => number)[] = [
  (t) => Math.PI - t,
  (t) => Math.sin(t) + (Math.PI - t) * Math.cos(t),
  (t) => 3 * Math.sin(t) * Math.cos(t) + (Math.PI - t) * (1 + 2 * Math.cos(t) ** 2),
];

/**
 * k ← (k(x,x) k(y,y))^(n/2) Jₙ(θ)/π, θ = arccos k(x,y)/√(k(x,x) k(y,y)), starting from xᵀy, once
 * per layer.
 */
function arcCosine({ degree: n, layers }: Kernel, x: Matrix, y: Matrix, products: Float64Array) {
  const j = angular[n]!;
  const self = j(0) / Math.PI;
  let [k, xx, yy] = [products, squaresOf(x), squaresOf(y)];
  for (let layer = 0; layer < layers; layer++) {
    const [kxx, kyy] = [xx, yy];
    k = k.map((value, at) => {
      const square = kxx[Math.floor(at / y.rows)]! * kyy[at % y.rows]!;
      const cosine = square === 0 ? 1 : value / Math.sqrt(square);
      return (square ** (n / 2) * j(Math.acos(Math.max(-1, Math.min(1, cosine))))) / Math.PI;
    });
    xx = xx.map((square) => square ** n * self);
    yy = yy.map((square) => square ** n * self);
  }
  return k;
}

/**
 * The kernel of all pairs of rows, `[N, M]` float64:
 *
 *   linear xᵀy,   polynomial (γ xᵀy + c)ᵈ,   rbf e^(−γ ‖x − y‖²),   laplacian e^(−γ ‖x − y‖₁),
 *   arc-cosine (1/π) ‖x‖ⁿ ‖y‖ⁿ Jₙ(θ)
 *
 * where θ is the angle between x and y, J₀ = π − θ, J₁ = sin θ + (π − θ) cos θ, J₂ = 3 sin θ cos θ
 * + (π − θ)(1 + 2 cos² θ): the expected product of the outputs of infinitely many random units,
 * steps for n = 0, rectifiers for 1, their squares for 2. With `layers` it is composed with itself,
 * as a net of that depth. The rows of `y` may differ from those of `x` in values and number.
 *
 * @param y default: `x` itself.
 * @throws {ConfigError} if rows of `x` and `y` differ in length, or for parameters that do not
 * define a kernel.
 * @see Cho & Saul 2009, "Kernel methods for deep learning"
 * @example
 * kernelMatrix([[1, 0], [0, 1]], undefined, { kernel: "arc-cosine", degree: 0 }).toArray(); // [[1, 0.5], [0.5, 1]]
 * kernelMatrix([[0]], [[1], [2]], { kernel: "rbf", gamma: 1 }).toArray(); // [[0.367…, 0.0183…]]
 */
export function kernelMatrix(x: Features, y?: Features, options: KernelOptions = {}): Tensor {
  checkOptions("kernelMatrix", options, kernelOptionNames);
  checkKernel("kernelMatrix", options);
  const a = matrixOf("kernelMatrix", x);
  const b = y === undefined ? a : matrixOf("kernelMatrix", y);
  if (a.columns !== b.columns)
    throw new ConfigError({
      subject: "kernelMatrix",
      problem: `rows of ${a.columns} and of ${b.columns} features have no inner product (${a.columns} ≠ ${b.columns}).`,
      fix: "give both the same features.",
    });
  return vectorTensor(kernelValues(kernelFor(options, a), a, b), [a.rows, b.rows]);
}

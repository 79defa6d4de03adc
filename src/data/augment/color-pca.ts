import { DataError, type HostArray, ShapeError, show } from "../../base/index.ts";

/** The principal axes of a training set's colors. Plain state: save it. */
export interface ColorPca {
  /** Variances λ along the axes, decreasing. */
  readonly values: readonly number[];
  /** `vectors[i]` is the axis pᵢ, of length 1, as red, green, blue. */
  readonly vectors: readonly (readonly number[])[];
}

/**
 * Principal axes of the colors of all pixels: eigenvalues and eigenvectors of their covariance
 *
 *   Σ = (1/P) Σₚ (xₚ − μ)(xₚ − μ)ᵀ,   3 × 3 over P pixels
 *
 * The largest entry of each axis is positive, so that the signs do not depend on rounding.
 *
 * @param inputs `[N, 3, H, W]`
 * @throws {ShapeError} if the inputs are not images with three channels. @throws {DataError} if a
 * value is not finite.
 * @see Krizhevsky, Sutskever & Hinton 2012, §4.1
 * @example
 * const gray = hostArray([1, 3, 1, 2], Float32Array.of(0, 2, 0, 2, 0, 2));
 * fitColorPca(gray).values; // [3, 0, 0]
 */
export function fitColorPca(inputs: HostArray): ColorPca {
  const [count = 0, channels, height = 0, width = 0] = inputs.shape;
  if (inputs.shape.length !== 4 || channels !== 3 || count * height * width === 0)
    throw new ShapeError({
      subject: "fitColorPca",
      problem: `expected images [N, 3, H, W] with pixels, found ${show(inputs.shape)}.`,
      fix: "give color images; gray ones have no axes of color.",
    });
  const covariance = covarianceOf(inputs.data, count, height * width);
  if (!covariance.flat().every(Number.isFinite))
    throw new DataError({
      subject: "fitColorPca",
      problem: "a pixel is not finite.",
      fix: "remove or fill values that are not finite.",
    });
  const { values, vectors } = eigen3(covariance);
  const order = [0, 1, 2].sort((a, b) => values[b]! - values[a]!);
  return {
    values: order.map((i) => Math.max(0, values[i]!)),
    vectors: order.map((i) => upright(vectors.map((row) => row[i]!))),
  };
}

const upright = (axis: number[]): number[] => {
  const largest = axis.reduce((a, b) => (Math.abs(b) > Math.abs(a) + 1e-9 ? b : a));
  return largest < 0 ? axis.map((x) => -x) : axis;
};

function covarianceOf(data: ArrayLike<number>, count: number, pixels: number): number[][] {
  const mean = [0, 0, 0];
  const total = count * pixels;
  const each = (visit: (color: [number, number, number]) => void) => {
    for (let n = 0; n < count; n++)
      for (let p = 0, at = 3 * n * pixels; p < pixels; p++, at++)
        visit([data[at]!, data[at + pixels]!, data[at + 2 * pixels]!]);
  };
  each((color) => {
    for (let c = 0; c < 3; c++) mean[c] = mean[c]! + color[c]! / total;
  });
  const sum = [0, 0, 0].map(() => [0, 0, 0]);
  each((color) => {
    for (let a = 0; a < 3; a++)
      for (let b = 0; b < 3; b++)
        sum[a]![b] = sum[a]![b]! + ((color[a]! - mean[a]!) * (color[b]! - mean[b]!)) / total;
  });
  return sum;
}

/**
 * Eigenvalues and eigenvectors (in columns) of a symmetric matrix, by Jacobi's rotations.
 *
 * @see Golub & Van Loan 2013, "Matrix computations", §8.5
 */
function eigen3(matrix: number[][]): { values: number[]; vectors: number[][] } {
  const a = matrix.map((row) => [...row]);
  const v = [0, 1, 2].map((i) => [0, 1, 2].map((j) => Number(i === j)));
  for (let sweep = 0; sweep < 30; sweep++)
    for (const [p, q] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const off = a[p]![q]!;
      if (off === 0) continue;
      const tau = (a[q]![q]! - a[p]![p]!) / (2 * off);
      const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.hypot(1, tau));
      const c = 1 / Math.hypot(1, t);
      const s = t * c;
      for (const m of [a, v]) for (const row of m) rotatePair(row, p, q, c, s);
      for (let k = 0; k < 3; k++) {
        const [x, y] = [a[p]![k]!, a[q]![k]!];
        a[p]![k] = c * x - s * y;
        a[q]![k] = s * x + c * y;
      }
    }
  return { values: a.map((row, i) => row[i]!), vectors: v };
}

function rotatePair(row: number[], p: number, q: number, c: number, s: number): void {
  const [x, y] = [row[p]!, row[q]!];
  row[p] = c * x - s * y;
  row[q] = s * x + c * y;
}

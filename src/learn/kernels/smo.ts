/** Sequential minimal optimisation of the dual problem of a support vector machine. */
import type { Matrix } from "../input.ts";
import { type Kernel, kernelValues } from "./kernels.ts";

/** minimise ½ αᵀQα − Σα, 0 ≤ α ≤ c, yᵀα = 0, with Q = y yᵀ k. */
export interface DualProblem {
  readonly x: Matrix;
  readonly y: Float64Array;
  readonly c: Float64Array;
  readonly kernel: Kernel;
}

export interface DualSolution {
  readonly alpha: Float64Array;
  /** f(x) = Σ α y k(x, ·) + b */
  readonly b: number;
  /** Σα − ½ αᵀQα, which increases to the primal objective. */
  readonly objective: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** The most recently used rows of the kernel matrix, in at most 200 MB. */
class KernelRows {
  readonly #x: Matrix;
  readonly #kernel: Kernel;
  readonly #most: number;
  readonly #rows = new Map<number, Float64Array>();

  constructor(x: Matrix, kernel: Kernel) {
    this.#x = x;
    this.#kernel = kernel;
    this.#most = Math.max(2, Math.floor(200e6 / (8 * x.rows)));
    if (x.rows <= this.#most) this.#fill();
  }

  /** All rows at once if they fit: one product is much faster than many. */
  #fill(): void {
    const { rows } = this.#x;
    const all = kernelValues(this.#kernel, this.#x, this.#x);
    for (let i = 0; i < rows; i++) this.#rows.set(i, all.subarray(i * rows, (i + 1) * rows));
  }

  row(i: number): Float64Array {
    const known = this.#rows.get(i);
    if (known) {
      if (this.#rows.size < this.#x.rows) {
        this.#rows.delete(i); // moves it to the end: the first is the least recently used
        this.#rows.set(i, known);
      }
      return known;
    }
    const { columns, data } = this.#x;
    const one = { rows: 1, columns, data: data.subarray(i * columns, (i + 1) * columns) };
    const row = kernelValues(this.#kernel, one, this.#x);
    if (this.#rows.size >= this.#most) this.#rows.delete(this.#rows.keys().next().value!);
    this.#rows.set(i, row);
    return row;
  }
}

/** LIBSVM uses this where Q has no curvature along a pair. */
const leastCurvature = 1e-12;

/**
 * Changes two α at a time: the one that violates the optimality conditions most, and the one with
 * which the objective decreases most by a second-order estimate.
 *
 * @see Platt 1998; Fan, Chen & Lin 2005, "Working set selection using second order information for
 * training support vector machines"
 */
export function solveDual(
  { x, y, c, kernel }: DualProblem,
  tolerance: number,
  maxIterations: number,
): DualSolution {
  const n = x.rows;
  const rows = new KernelRows(x, kernel);
  const diagonal = Float64Array.from({ length: n }, (_, i) => selfKernel(kernel, x, i));
  const alpha = new Float64Array(n);
  const gradient = new Float64Array(n).fill(-1); // Qα − 1
  for (let iteration = 0; ; iteration++) {
    const pair = workingSet(y, c, alpha, gradient, diagonal, rows, tolerance);
    if (!pair || iteration === maxIterations) {
      const b = offset(y, c, alpha, gradient);
      let objective = 0;
      for (let i = 0; i < n; i++) objective -= 0.5 * alpha[i]! * (gradient[i]! - 1);
      return { alpha, b, objective, iterations: iteration, converged: !pair };
    }
    const [i, j] = pair;
    const [ki, kj] = [rows.row(i), rows.row(j)];
    const [before, other] = [alpha[i]!, alpha[j]!];
    moveAlong(y, c, alpha, gradient, i, j, diagonal[i]! + diagonal[j]! - 2 * ki[j]!);
    const [di, dj] = [(alpha[i]! - before) * y[i]!, (alpha[j]! - other) * y[j]!];
    for (let t = 0; t < n; t++) gradient[t]! += y[t]! * (di * ki[t]! + dj * kj[t]!);
  }
}

function selfKernel(kernel: Kernel, { columns, data }: Matrix, i: number): number {
  const row = { rows: 1, columns, data: data.subarray(i * columns, (i + 1) * columns) };
  return kernelValues(kernel, row, row)[0]!;
}

/** The pair to change, or undefined at the optimum. */
function workingSet(
  y: Float64Array,
  c: Float64Array,
  alpha: Float64Array,
  gradient: Float64Array,
  diagonal: Float64Array,
  rows: KernelRows,
  tolerance: number,
): [number, number] | undefined {
  let [i, most] = [-1, Number.NEGATIVE_INFINITY];
  for (let t = 0; t < y.length; t++) {
    const mayGrow = y[t]! > 0 ? alpha[t]! < c[t]! : alpha[t]! > 0;
    const slope = -y[t]! * gradient[t]!;
    if (mayGrow && slope > most) [i, most] = [t, slope];
  }
  if (i < 0) return undefined;
  const ki = rows.row(i);
  let [j, least, best] = [-1, Number.POSITIVE_INFINITY, 0];
  for (let t = 0; t < y.length; t++) {
    const mayShrink = y[t]! > 0 ? alpha[t]! > 0 : alpha[t]! < c[t]!;
    if (!mayShrink) continue;
    const slope = -y[t]! * gradient[t]!;
    least = Math.min(least, slope);
    const fall = most - slope;
    if (fall <= 0) continue;
    const curvature = Math.max(diagonal[i]! + diagonal[t]! - 2 * ki[t]!, leastCurvature);
    const gain = (fall * fall) / curvature;
    if (gain > best) [j, best] = [t, gain];
  }
  return j < 0 || most - least <= tolerance ? undefined : [i, j];
}

/** The minimum along yᵢαᵢ + yⱼαⱼ = constant within the box. */
function moveAlong(
  y: Float64Array,
  c: Float64Array,
  alpha: Float64Array,
  gradient: Float64Array,
  i: number,
  j: number,
  curvature: number,
): void {
  const step = (-y[i]! * gradient[i]! + y[j]! * gradient[j]!) / Math.max(curvature, leastCurvature);
  // αᵢ += yᵢ s, αⱼ −= yⱼ s with 0 ≤ s: how far either may go
  const room = (t: number, direction: number) => (direction > 0 ? c[t]! - alpha[t]! : alpha[t]!);
  const [ri, rj] = [room(i, y[i]!), room(j, -y[j]!)];
  const s = Math.min(step, ri, rj);
  alpha[i] = s === ri ? (y[i]! > 0 ? c[i]! : 0) : alpha[i]! + y[i]! * s;
  alpha[j] = s === rj ? (y[j]! < 0 ? c[j]! : 0) : alpha[j]! - y[j]! * s;
}

/**
 * b: the mean over the free α of y − Σ α y k, or the midpoint of the bounds given by the others.
 */
function offset(
  y: Float64Array,
  c: Float64Array,
  alpha: Float64Array,
  gradient: Float64Array,
): number {
  let [sum, free, low, high] = [0, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let t = 0; t < y.length; t++) {
    const value = -y[t]! * gradient[t]!;
    if (alpha[t]! > 0 && alpha[t]! < c[t]!) {
      sum += value;
      free++;
    } else if (c[t]! > 0) {
      const mayGrow = y[t]! > 0 ? alpha[t] === 0 : alpha[t] === c[t];
      if (mayGrow) low = Math.max(low, value);
      else high = Math.min(high, value);
    }
  }
  if (free > 0) return sum / free;
  if (low === Number.NEGATIVE_INFINITY) return high;
  return high === Number.POSITIVE_INFINITY ? low : (low + high) / 2;
}

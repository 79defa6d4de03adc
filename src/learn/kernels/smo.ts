/** Sequential minimal optimisation of the dual problem of a support vector machine. */
import type { KernelRows } from "./kernel-rows.ts";

/** minimise ½ αᵀQα − Σα, 0 ≤ α ≤ c, yᵀα = 0, with Q = y yᵀ k. */
export interface DualProblem {
  readonly rows: KernelRows;
  /** ±1 of each example. */
  readonly y: Float64Array;
  readonly c: Float64Array;
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

/** Where Q has no curvature along a pair, LIBSVM takes this. */
const leastCurvature = 1e-12;

/**
 * Changes two α at a time: the one that violates the optimality conditions most, and the one with
 * which the objective decreases most by a second-order estimate.
 *
 * @see Platt 1998; Fan, Chen & Lin 2005, "Working set selection using second order information for
 * training support vector machines"
 */
export function solveDual(
  problem: DualProblem,
  tolerance: number,
  maxIterations: number,
): DualSolution {
  const state = new State(problem);
  for (let iteration = 0; ; iteration++) {
    const pair = state.workingSet(tolerance);
    if (!pair || iteration === maxIterations) return state.solution(iteration, !pair);
    state.move(...pair);
  }
}

class State {
  readonly #rows: KernelRows;
  readonly #y: Float64Array;
  readonly #c: Float64Array;
  readonly #alpha: Float64Array;
  /** −y ∇(½ αᵀQα − Σα), which is the same for all free α at the optimum. */
  readonly #slopes: Float64Array;
  /** Whether yα may grow, and whether it may shrink. */
  readonly #mayGrow: Uint8Array;
  readonly #mayShrink: Uint8Array;

  constructor({ rows, y, c }: DualProblem) {
    this.#rows = rows;
    [this.#y, this.#c] = [y, c];
    this.#alpha = new Float64Array(rows.size);
    this.#slopes = y.slice();
    this.#mayGrow = new Uint8Array(rows.size);
    this.#mayShrink = new Uint8Array(rows.size);
    for (let t = 0; t < rows.size; t++) this.#mark(t);
  }

  #mark(t: number): void {
    const [isAbove, isBelow] = [this.#alpha[t]! > 0, this.#alpha[t]! < this.#c[t]!];
    this.#mayGrow[t] = Number(this.#y[t]! > 0 ? isBelow : isAbove);
    this.#mayShrink[t] = Number(this.#y[t]! > 0 ? isAbove : isBelow);
  }

  /** The pair to change, or undefined at the optimum. */
  workingSet(tolerance: number): [number, number] | undefined {
    const [slopes, mayGrow, mayShrink] = [this.#slopes, this.#mayGrow, this.#mayShrink];
    let [i, most] = [-1, Number.NEGATIVE_INFINITY];
    for (let t = 0; t < slopes.length; t++)
      if (mayGrow[t]! > 0 && slopes[t]! > most) [i, most] = [t, slopes[t]!];
    if (i < 0) return undefined;
    const ki = this.#rows.row(i);
    const { diagonal } = this.#rows;
    let [j, least, best] = [-1, Number.POSITIVE_INFINITY, 0];
    for (let t = 0; t < slopes.length; t++) {
      if (mayShrink[t] === 0) continue;
      const slope = slopes[t]!;
      if (slope < least) least = slope;
      const fall = most - slope;
      if (fall <= 0) continue;
      const curvature = diagonal[i]! + diagonal[t]! - 2 * ki[t]!;
      const gain = (fall * fall) / (curvature > leastCurvature ? curvature : leastCurvature);
      if (gain > best) [j, best] = [t, gain];
    }
    return j < 0 || most - least <= tolerance ? undefined : [i, j];
  }

  /** Goes to the minimum along yᵢαᵢ + yⱼαⱼ = constant within the box. */
  move(i: number, j: number): void {
    const [y, c, alpha, slopes] = [this.#y, this.#c, this.#alpha, this.#slopes];
    const { diagonal } = this.#rows;
    const [ki, kj] = [this.#rows.row(i), this.#rows.row(j)];
    const curvature = Math.max(diagonal[i]! + diagonal[j]! - 2 * ki[j]!, leastCurvature);
    // αᵢ += yᵢ s, αⱼ −= yⱼ s with 0 ≤ s: how far either may go
    const room = (t: number, direction: number) => (direction > 0 ? c[t]! - alpha[t]! : alpha[t]!);
    const [ri, rj] = [room(i, y[i]!), room(j, -y[j]!)];
    const s = Math.min((slopes[i]! - slopes[j]!) / curvature, ri, rj);
    const [before, other] = [alpha[i]!, alpha[j]!];
    alpha[i] = s === ri ? (y[i]! > 0 ? c[i]! : 0) : alpha[i]! + y[i]! * s;
    alpha[j] = s === rj ? (y[j]! < 0 ? c[j]! : 0) : alpha[j]! - y[j]! * s;
    this.#mark(i);
    this.#mark(j);
    const [di, dj] = [(alpha[i]! - before) * y[i]!, (alpha[j]! - other) * y[j]!];
    for (let t = 0; t < slopes.length; t++) slopes[t]! -= di * ki[t]! + dj * kj[t]!;
  }

  solution(iterations: number, converged: boolean): DualSolution {
    const alpha = this.#alpha;
    let objective = 0;
    for (let t = 0; t < alpha.length; t++)
      objective += 0.5 * alpha[t]! * (this.#y[t]! * this.#slopes[t]! + 1);
    return { alpha, b: this.#offset(), objective, iterations, converged };
  }

  /** b: the mean slope of the free α, or midway between the bounds that the others give. */
  #offset(): number {
    let [sum, free, low, high] = [0, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let t = 0; t < this.#slopes.length; t++) {
      const slope = this.#slopes[t]!;
      if (this.#mayGrow[t] && this.#mayShrink[t]) {
        sum += slope;
        free++;
      } else if (this.#mayGrow[t]) low = Math.max(low, slope);
      else if (this.#mayShrink[t]) high = Math.min(high, slope);
    }
    if (free > 0) return sum / free;
    if (low === Number.NEGATIVE_INFINITY) return high;
    return high === Number.POSITIVE_INFINITY ? low : (low + high) / 2;
  }
}

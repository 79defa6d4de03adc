/** Gradient descent on a quadratic, where everything is known in closed form. */

import { type Eigen, eigenSymmetric } from "../base/symmetric.ts";
import { checkCount } from "./lanczos.ts";
import { addTo, checkLength, dot, times, type Vector } from "./vectors.ts";

/** The hyperparameters of gradient descent; plain if the momentum is 0. */
export interface DescentOptions {
  /** α */
  readonly lr: number;
  /** β of the heavy ball, default 0. */
  readonly momentum?: number | undefined;
}

/** The optimal hyperparameters, and the asymptotic factor by which a step shrinks the error. */
export interface BestDescent {
  readonly lr: number;
  readonly momentum: number;
  readonly rate: number;
}

/**
 * The quadratic L(θ) = ½ θᵀAθ − bᵀθ, and gradient descent on it. In the eigenvectors of A every
 * direction is a separate recursion: with eᵢ the distance from the critical point,
 *
 *   plain:       eᵢ ← (1 − αλᵢ) eᵢ,   so θₖ = θ* + Q (I − αΛ)ᵏ Qᵀ (θ₀ − θ*)
 *   heavy ball:  eᵢ ← (1 − αλᵢ + β) eᵢ − β eᵢ⁻,   eᵢ⁻ the one before
 *
 * @see Polyak 1964, "Some methods of speeding up the convergence of iteration methods"; Goh 2017,
 * "Why momentum really works"
 * @example
 * const bowl = new Quadratic([[4, 0], [0, 1]]);
 * bowl.conditionNumber; // 4
 * bowl.stabilityLimit(); // 0.5
 * bowl.best(); // { lr: 0.4, momentum: 0, rate: 0.6 }
 * bowl.after(2, [1, 1], { lr: 0.25 }); // [0, 0.5625]
 */
export class Quadratic {
  /** A, as rows. */
  readonly matrix: readonly Float64Array[];
  /** b */
  readonly linear: Float64Array;
  /** A = QΛQᵀ */
  readonly eigen: Eigen;
  readonly #zero: number;

  /** @param matrix A `[n, n]`, symmetric. @param linear b `[n]`, default 0. */
  constructor(matrix: readonly Vector[], linear: Vector = new Float64Array(matrix.length)) {
    checkCount("Quadratic", "the number of rows", matrix.length);
    checkLength("Quadratic", "b", linear, matrix.length);
    this.matrix = matrix.map((row) => Float64Array.from(row));
    this.linear = Float64Array.from(linear);
    this.eigen = eigenSymmetric(matrix);
    const size = Math.max(Math.abs(this.largest), Math.abs(this.smallest));
    this.#zero = matrix.length * Number.EPSILON * size;
  }

  /** λ_max */
  get largest(): number {
    return this.eigen.values[0]!;
  }
  /** λ_min */
  get smallest(): number {
    return this.eigen.values.at(-1)!;
  }
  /** κ = λ_max / λ_min; ∞ unless A is positive definite. */
  get conditionNumber(): number {
    return this.smallest > this.#zero ? this.largest / this.smallest : Number.POSITIVE_INFINITY;
  }

  /** L(θ) */
  value(theta: Vector): number {
    return 0.5 * dot(theta, times(this.matrix, theta)) - dot(this.linear, theta);
  }
  /** Aθ − b */
  gradient(theta: Vector): Float64Array {
    return times(this.matrix, theta).map((x, i) => x - this.linear[i]!);
  }

  /**
   * The learning rate below which no positive direction grows, 2 (1 + β) / λ_max; ∞ if there is
   * none. Directions with λ < 0 grow at every rate.
   */
  stabilityLimit(momentum = 0): number {
    return this.largest > this.#zero
      ? (2 * (1 + momentum)) / this.largest
      : Number.POSITIVE_INFINITY;
  }

  /** 1 − αλᵢ, one per direction: the factor of its error in a plain step. */
  factors(lr: number): Float64Array {
    return this.eigen.values.map((lambda) => 1 - lr * lambda);
  }

  /**
   * The spectral radius: the largest asymptotic factor by which a step multiplies an error. Below 1
   * it converges.
   *
   *   max over i of |r|,   r² − (1 + β − αλᵢ) r + β = 0
   */
  rate({ lr, momentum = 0 }: DescentOptions): number {
    const radius = (lambda: number) => {
      const t = 1 + momentum - lr * lambda;
      const d = t * t - 4 * momentum;
      return d < 0 ? Math.sqrt(momentum) : (Math.abs(t) + Math.sqrt(d)) / 2;
    };
    return this.eigen.values.reduce((worst, lambda) => Math.max(worst, radius(lambda)), 0);
  }

  /** Optimal plain descent: α = 2 / (λ_min + λ_max), rate (κ − 1) / (κ + 1). 1 if κ = ∞. */
  best(): BestDescent {
    const kappa = this.conditionNumber;
    if (kappa === Number.POSITIVE_INFINITY) return this.#hopeless();
    const lr = 2 / (this.smallest + this.largest);
    return { lr, momentum: 0, rate: (kappa - 1) / (kappa + 1) };
  }

  /**
   * The optimal heavy ball: α = 4 / (√λ_max + √λ_min)², β = rate², rate (√κ − 1) / (√κ + 1).
   * @example
   * new Quadratic([[9, 0], [0, 1]]).bestHeavyBall(); // { lr: 0.25, momentum: 0.25, rate: 0.5 }
   */
  bestHeavyBall(): BestDescent {
    const root = Math.sqrt(this.conditionNumber);
    if (root === Number.POSITIVE_INFINITY) return this.#hopeless();
    const rate = (root - 1) / (root + 1);
    const lr = 4 / (Math.sqrt(this.largest) + Math.sqrt(this.smallest)) ** 2;
    return { lr, momentum: rate * rate, rate };
  }

  /**
   * How many times fewer steps the heavy ball needs, both at their optimum; about √κ for large κ.
   */
  momentumGain(): number {
    const [plain, ball] = [this.best().rate, this.bestHeavyBall().rate];
    return plain === ball ? 1 : Math.log(ball) / Math.log(plain);
  }

  /**
   * θₖ in closed form, in O(log k) operations. A direction with λᵢ = 0 has no critical point, and
   * only bᵢ moves it.
   *
   * @param steps k @param start θ₀, at rest.
   */
  after(steps: number, start: Vector, { lr, momentum = 0 }: DescentOptions): Float64Array {
    checkLength("Quadratic.after", "θ₀", start, this.matrix.length);
    if (steps !== 0) checkCount("Quadratic.after", "steps", steps);
    const theta = new Float64Array(this.matrix.length);
    this.eigen.values.forEach((lambda, i) => {
      const q = this.eigen.vectors[i]!;
      const c = dot(q, start);
      const push = dot(q, this.linear);
      const flat = Math.abs(lambda) <= this.#zero;
      const center = flat ? 0 : push / lambda;
      const [now] = advance(steps, flat ? 0 : lambda, flat ? push : 0, c - center, lr, momentum);
      addTo(theta, center + now, q);
    });
    return theta;
  }

  /** Some direction does not shrink at any rate: the fastest safe choice. */
  #hopeless(): BestDescent {
    return { lr: this.stabilityLimit() / 2, momentum: 0, rate: 1 };
  }
}

/** (e, e⁻, 1) after k steps of e ← (1 − αλ + β) e − β e⁻ + αp, from rest, by squaring the step. */
function advance(k: number, lambda: number, push: number, e: number, lr: number, beta: number) {
  let step = [
    [1 - lr * lambda + beta, -beta, lr * push],
    [1, 0, 0],
    [0, 0, 1],
  ];
  let state = [e, e, 1];
  for (let left = k; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) state = step.map((row) => dot(row, state));
    step = step.map((row) => row.map((_, j) => row.reduce((s, x, m) => s + x * step[m]![j]!, 0)));
  }
  return state as [number, number, number];
}

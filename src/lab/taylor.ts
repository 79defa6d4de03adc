/** The loss near a point: its second-order model and its curvature. */
import type { LossSurface } from "./surface.ts";
import { checkLength, dot, plus, type Vector } from "./vectors.ts";

/** One distance along a direction. */
export interface TaylorSample {
  readonly distance: number;
  /** L(θ + t v) */
  readonly loss: number;
  /** The model there. */
  readonly model: number;
  /** loss − model; O(t³) if the loss has three derivatives. */
  readonly remainder: number;
}

/**
 * The Taylor model of order two of a loss at a point θ,
 *
 *   m(s) = L(θ) + ∇L(θ)ᵀ s + ½ sᵀ ∇²L(θ) s,   L(θ + s) = m(s) + R(s)
 *
 * with the quadratic term from a Hessian-vector product, so that it works for nets of any size.
 *
 * @see Nocedal & Wright 2006, "Numerical optimization", theorem 2.1
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.pow(3).sum(), tensor([1]));
 * const model = new TaylorModel(surface, [1]); // 1 + 3s + 3s²
 * model.predict([1]); // 7
 * model.remainder([1]); // 1
 */
export class TaylorModel {
  readonly surface: LossSurface;
  readonly point: Float64Array;
  /** L(θ) */
  readonly value: number;
  /** ∇L(θ) `[n]` */
  readonly gradient: Float64Array;

  constructor(surface: LossSurface, point: Vector) {
    this.surface = surface;
    this.point = Float64Array.from(point);
    const { value, gradient } = surface.valueAndGradient(point);
    this.value = value;
    this.gradient = gradient;
  }

  /** m(s) @param step `[n]` */
  predict(step: Vector): number {
    return this.#model(dot(this.gradient, step), curvature(this.surface, this.point, step), 1);
  }

  /** R(s) = L(θ + s) − m(s) */
  remainder(step: Vector): number {
    const model = this.predict(step);
    return this.surface.value(plus(this.point, 1, step)) - model;
  }

  /** Loss, model and remainder at distances t along v, at the cost of one product. */
  along(direction: Vector, distances: Vector): TaylorSample[] {
    checkLength("TaylorModel.along", "the direction", direction, this.surface.size);
    const slope = dot(this.gradient, direction);
    const bend = curvature(this.surface, this.point, direction);
    return Array.from(distances, (distance) => {
      const loss = this.surface.value(plus(this.point, distance, direction));
      const model = this.#model(slope, bend, distance);
      return { distance, loss, model, remainder: loss - model };
    });
  }

  #model(slope: number, bend: number, t: number): number {
    return this.value + t * slope + 0.5 * t * t * bend;
  }
}

/**
 * vᵀ ∇²L(θ) v: the second derivative of the loss along v. For a unit vector it lies between the
 * smallest and the largest eigenvalue of the Hessian.
 *
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.prod(), tensor([0, 0]));
 * curvature(surface, [0, 0], [1, -1]); // -2
 */
export const curvature = (surface: LossSurface, point: Vector, v: Vector): number =>
  dot(v, surface.hvp(point, v));

/** The definiteness of a symmetric matrix. "zero": all eigenvalues are 0 within the tolerance. */
export type DefinitenessKind =
  | "positive definite"
  | "positive semidefinite"
  | "negative definite"
  | "negative semidefinite"
  | "indefinite"
  | "zero";

/** The sign pattern of a spectrum. */
export interface Definiteness {
  readonly kind: DefinitenessKind;
  /** Eigenvalues up to this size counted as 0. */
  readonly tolerance: number;
  readonly positive: number;
  readonly negative: number;
  readonly zero: number;
  /** The two deciding eigenvalues. */
  readonly smallest: number;
  readonly largest: number;
}

/**
 * Relative to the largest: somewhat above the rounding error of a Hessian's zero eigenvalues in
 * float64.
 */
export const defaultTolerance = 1e-8;

/**
 * The definiteness of a matrix with these eigenvalues, where |λ| ≤ τ · max |λ| counts as 0. No
 * computation can tell a zero eigenvalue from a tiny one, so the tolerance is part of the answer.
 *
 * @param eigenvalues of the whole matrix, or at least its extreme ones, which decide.
 * @param tolerance τ, default 1e-8.
 * @example
 * definiteness([3, 1]).kind; // "positive definite"
 * definiteness([3, 1e-12]).kind; // "positive semidefinite"
 * definiteness([3, 0, -1]).kind; // "indefinite"
 */
export function definiteness(eigenvalues: Vector, tolerance = defaultTolerance): Definiteness {
  const values = Array.from(eigenvalues);
  const bound = tolerance * values.reduce((size, x) => Math.max(size, Math.abs(x)), 0);
  const positive = values.filter((x) => x > bound).length;
  const negative = values.filter((x) => x < -bound).length;
  const zero = values.length - positive - negative;
  return {
    kind: kindOf(positive, negative, zero),
    tolerance: bound,
    positive,
    negative,
    zero,
    smallest: values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    largest: values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  };
}

function kindOf(positive: number, negative: number, zero: number): DefinitenessKind {
  if (positive > 0 && negative > 0) return "indefinite";
  if (positive > 0) return zero > 0 ? "positive semidefinite" : "positive definite";
  if (negative > 0) return zero > 0 ? "negative semidefinite" : "negative definite";
  return "zero";
}

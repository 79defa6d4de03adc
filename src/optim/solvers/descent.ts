/** Descent directions: the part in which Newton, L-BFGS and conjugate gradients differ. */
import { NumericError } from "../../base/index.ts";
import type { Evaluation } from "./flat-parameters.ts";
import { solvePositive } from "./solve.ts";
import { dot, plus, scaled } from "./vectors.ts";

/** A point θ `[n]` with the loss and its derivatives there. */
export interface Point extends Evaluation {
  readonly x: Float64Array;
}

/** A method: a direction at a point, and an update of its state after a step. */
export interface Descent {
  /** c₂ of the line search. */
  readonly curvature: number;
  /** The direction at a point. If it is not downhill, the method is reset. */
  direction(point: Point): Float64Array;
  /** The step length to try first. */
  first(point: Point, direction: Float64Array): number;
  /** Updates its state with a step from one point to another along a direction. */
  learn(from: Point, to: Point, direction: Float64Array): void;
  /** Resets the state. @returns false if there was none, so that trying again is useless. */
  forget(): boolean;
}

/** A first step when the scale is unknown: at most 1 in the L1 norm. */
const cautious = ({ gradient }: Point): number =>
  Math.min(1, 1 / gradient.reduce((sum, x) => sum + Math.abs(x), 0));

/** −(H + τ I)⁻¹ g. @param hessian at a point, `[n, n]` as rows. */
export function newton(hessian: (x: Float64Array) => Float64Array[]): Descent {
  return {
    curvature: 0.9,
    direction({ x, gradient }) {
      const solved = solvePositive(hessian(x), scaled(-1, gradient));
      if (solved) return solved.x;
      throw new NumericError({
        subject: "minimize",
        problem: "a second derivative is not finite.",
        fix: "start elsewhere, or keep the loss away from where it is not smooth.",
      });
    },
    first: () => 1,
    learn: () => {},
    forget: () => false,
  };
}

/** A step s and the change y of the gradient along it. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
}

/** What stands for the inverse Hessian before steps tell more of it: a symmetric positive definite matrix times a vector. */
export type Preconditioner = (g: Float64Array) => Float64Array;

const identity: Preconditioner = (g) => g;

/** −H g with the inverse Hessian H of the last `memory` steps, by the two-loop recursion. */
export function lbfgs(memory: number, precondition = identity): Descent {
  let pairs: Pair[] = [];
  return {
    curvature: 0.9,
    direction: ({ gradient }) => scaled(-1, inverseTimes(pairs, gradient, precondition)),
    first: (point) => (pairs.length === 0 && precondition === identity ? cautious(point) : 1),
    learn(from, to) {
      const pair = { s: plus(to.x, -1, from.x), y: plus(to.gradient, -1, from.gradient) };
      // the Wolfe conditions give sᵀy > 0 up to rounding, and H stays positive definite
      if (dot(pair.s, pair.y) > Number.EPSILON * dot(pair.y, pair.y))
        pairs = [...pairs, pair].slice(-memory);
    },
    forget() {
      const had = pairs.length > 0;
      pairs = [];
      return had;
    },
  };
}

/** H g, where H begins as (sᵀy / yᵀMy) M of the latest pair. @see Nocedal & Wright 2006, algorithm 7.4 */
function inverseTimes(
  pairs: readonly Pair[],
  gradient: Float64Array,
  precondition: Preconditioner,
): Float64Array {
  let q = gradient;
  const alphas = new Map<Pair, number>();
  for (const pair of [...pairs].reverse()) {
    const alpha = dot(pair.s, q) / dot(pair.s, pair.y);
    alphas.set(pair, alpha);
    q = plus(q, -alpha, pair.y);
  }
  const last = pairs.at(-1);
  q = precondition(q);
  if (last) q = scaled(dot(last.s, last.y) / dot(last.y, precondition(last.y)), q);
  for (const pair of pairs) {
    const beta = dot(pair.y, q) / dot(pair.s, pair.y);
    q = plus(q, alphas.get(pair)! - beta, pair.s);
  }
  return q;
}

/**
 * d ← −g + β d. The first trial step of a line search aims at the decrease of the previous step.
 */
export function conjugate(
  beta: (g: Float64Array, before: Float64Array, steps: number) => number,
): Descent {
  let steps = 0; // since the start or the last reset
  let last: { gradient: Float64Array; direction: Float64Array; promised: number } | null = null;
  return {
    curvature: 0.1,
    direction({ gradient }) {
      const down = scaled(-1, gradient);
      return last ? plus(down, beta(gradient, last.gradient, steps), last.direction) : down;
    },
    first: (point, direction) =>
      last ? last.promised / dot(point.gradient, direction) : cautious(point),
    learn(from, to, direction) {
      const step = dot(plus(to.x, -1, from.x), direction) / dot(direction, direction);
      const promised = step * dot(from.gradient, direction);
      last = { gradient: from.gradient, direction, promised };
      steps++;
    },
    forget() {
      const had = last !== null;
      last = null;
      steps = 0;
      return had;
    },
  };
}

/**
 * β = max(0, gᵀ(g − g₋) / g₋ᵀg₋), which resets by itself when the steps are no longer conjugate.
 */
export const polakRibiere = (g: Float64Array, before: Float64Array): number =>
  Math.max(0, (dot(g, g) - dot(g, before)) / dot(before, before));

/**
 * β = gᵀg / g₋ᵀg₋, and 0 after every n + 1 steps; otherwise a short step would be followed by many
 * short ones.
 */
export const fletcherReeves = (g: Float64Array, before: Float64Array, steps: number): number =>
  steps % (g.length + 1) === 0 ? 0 : dot(g, g) / dot(before, before);

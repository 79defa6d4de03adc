/** Directions of descent: what tells Newton, L-BFGS and conjugate gradients apart. */
import { NumericError } from "../../base/index.ts";
import type { Evaluation } from "./flat-parameters.ts";
import { solvePositive } from "./solve.ts";
import { dot, plus, scaled } from "./vectors.ts";

/** A point θ `[n]` with what is known of the loss there. */
export interface Point extends Evaluation {
  readonly x: Float64Array;
}

/** A method: a direction at a point, and what it learns of a step. */
export interface Descent {
  /** c₂ of the line search. */
  readonly curvature: number;
  /** The direction at a point, downhill or the method is told to forget. */
  direction(point: Point): Float64Array;
  /** The step length to try first. */
  first(point: Point, direction: Float64Array): number;
  /** Takes notice of a step from one point to another along a direction. */
  learn(from: Point, to: Point, direction: Float64Array): void;
  /** Begins anew. @returns false if there was nothing to forget, so that trying again is in vain. */
  forget(): boolean;
}

/** A first step without any idea of the scale: not longer than 1 in the sum of its parts. */
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

/** −H g with the inverse Hessian H of the last `memory` steps, by the two-loop recursion. */
export function lbfgs(memory: number): Descent {
  let pairs: Pair[] = [];
  return {
    curvature: 0.9,
    direction: ({ gradient }) => scaled(-1, inverseTimes(pairs, gradient)),
    first: (point) => (pairs.length === 0 ? cautious(point) : 1),
    learn(from, to) {
      const pair = { s: plus(to.x, -1, from.x), y: plus(to.gradient, -1, from.gradient) };
      // the Wolfe conditions give sᵀy > 0 but for rounding, and H stays positive definite
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

/** H g, where H begins as (sᵀy / yᵀy) I of the latest pair. @see Nocedal & Wright 2006, algorithm 7.4 */
function inverseTimes(pairs: readonly Pair[], gradient: Float64Array): Float64Array {
  let q = gradient;
  const alphas = new Map<Pair, number>();
  for (const pair of [...pairs].reverse()) {
    const alpha = dot(pair.s, q) / dot(pair.s, pair.y);
    alphas.set(pair, alpha);
    q = plus(q, -alpha, pair.y);
  }
  const last = pairs.at(-1);
  if (last) q = scaled(dot(last.s, last.y) / dot(last.y, last.y), q);
  for (const pair of pairs) {
    const beta = dot(pair.y, q) / dot(pair.s, pair.y);
    q = plus(q, alphas.get(pair)! - beta, pair.s);
  }
  return q;
}

/** d ← −g + β d. The first step of a line search promises the decrease of the step before. */
export function conjugate(
  beta: (g: Float64Array, before: Float64Array, steps: number) => number,
): Descent {
  let steps = 0; // since the beginning, or since all was forgotten
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

/** β = max(0, gᵀ(g − g₋) / g₋ᵀg₋), which starts anew by itself where the steps stop being conjugate. */
export const polakRibiere = (g: Float64Array, before: Float64Array): number =>
  Math.max(0, (dot(g, g) - dot(g, before)) / dot(before, before));

/** β = gᵀg / g₋ᵀg₋, and 0 after every n + 1 steps, or a short step would be followed by many. */
export const fletcherReeves = (g: Float64Array, before: Float64Array, steps: number): number =>
  steps % (g.length + 1) === 0 ? 0 : dot(g, g) / dot(before, before);

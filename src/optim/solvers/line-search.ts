/** The step length along a direction. */

/** A point on a line x + t d: its value, and its slope ∇f · d. */
export interface LinePoint {
  readonly t: number;
  readonly value: number;
  readonly slope: number;
}

export interface LineSearchOptions {
  /** The first step length to try. */
  readonly first: number;
  /**
   * c₂: the fraction of the initial slope that may remain. Small for conjugate gradients, which
   * need it.
   */
  readonly curvature: number;
  /** Values that differ by no more than this are equal up to rounding. */
  readonly noise: number;
  /** A bracket shorter than this ends the search. */
  readonly shortest: number;
}

/** c₁: the fraction of the predicted decrease that must be achieved. */
const decrease = 1e-4;
const mostSamples = 25;

/**
 * A step length t with the strong Wolfe conditions
 *
 *   φ(t) ≤ φ(0) + c₁ t φ′(0)      |φ′(t)| ≤ c₂ |φ′(0)|,      φ(t) = f(x + t d)
 *
 * First the step grows by cubic extrapolation (up to ten times) until it is past a minimum, then
 * the bracket shrinks by cubic interpolation, kept a tenth away from its ends if it does not. The
 * decisions are those of minFunc, which PyTorch's LBFGS follows too. If the values differ only by
 * rounding, the slope decides, as Hager and Zhang propose.
 *
 * @returns the best point found, the start itself if no step helps.
 * @see Nocedal & Wright 2006, algorithms 3.5 and 3.6; Schmidt 2005, minFunc; Hager & Zhang 2005, §4
 */
export function strongWolfe<P extends LinePoint>(
  start: P,
  sample: (t: number) => P,
  { first, curvature, noise, shortest }: LineSearchOptions,
): P {
  const decreases = (p: P) => p.value <= start.value + decrease * p.t * start.slope;
  const isFlat = (p: P) => Math.abs(p.slope) <= -curvature * start.slope;
  const sameToRounding = (p: P) => Math.abs(p.value - start.value) <= noise && isFlat(p);
  let samples = 0;
  let [before, p] = [start, sample(first)];
  for (; ; samples++) {
    if (sameToRounding(p)) return p;
    if (!decreases(p) || (samples > 1 && p.value >= before.value) || !Number.isFinite(p.slope))
      break;
    if (isFlat(p)) return p;
    if (p.slope >= 0) break;
    if (samples === mostSamples - 1) return p;
    const t = cubicMinimum(before, p, p.t + 0.01 * (p.t - before.t), 10 * p.t);
    [before, p] = [p, sample(t)];
  }
  let [low, high] = before.value <= p.value ? [before, p] : [p, before];
  let stuck = false;
  for (; samples < mostSamples; samples++) {
    const [from, to] = [Math.min(low.t, high.t), Math.max(low.t, high.t)];
    if (to - from < shortest) break;
    let t = cubicMinimum(low, high, from, to);
    const edge = 0.1 * (to - from);
    const isNear = Math.min(to - t, t - from) < edge;
    const mustMove: boolean = isNear && (stuck || t >= to || t <= from);
    if (mustMove) t = to - t < t - from ? to - edge : from + edge;
    stuck = isNear && !mustMove;
    p = sample(t);
    if (sameToRounding(p)) return p;
    if (!decreases(p) || p.value >= low.value) {
      high = p;
      if (high.value < low.value) [low, high] = [high, low];
      continue;
    }
    if (isFlat(p)) return p;
    if (p.slope * (high.t - low.t) >= 0) high = low;
    low = p;
  }
  return low;
}

/**
 * The minimum of the cubic through two values and slopes, within bounds; else the midpoint of the
 * bounds.
 */
function cubicMinimum(p: LinePoint, q: LinePoint, least: number, most: number): number {
  const [a, b] = p.t <= q.t ? [p, q] : [q, p];
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const d2 = Math.sqrt(d1 * d1 - a.slope * b.slope);
  const t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2));
  return Number.isNaN(t) ? (least + most) / 2 : Math.min(Math.max(t, least), most);
}

/** The similarity curve of UMAP's layout, and the forces that follow from it. */

/** v = 1 / (1 + a d^2b) */
export interface Curve {
  readonly a: number;
  readonly b: number;
}

/** The number of distances in the fit, up to three times the spread. */
const samples = 300;
const maxSteps = 200;

/**
 * The least-squares fit of the curve to 1 up to the minimum distance and exp(−(d − minDist)/spread)
 * beyond; by Levenberg-Marquardt steps in ln a and ln b from 1, 1.
 */
export function curveOf(minDist: number, spread: number): Curve {
  const x = Float64Array.from({ length: samples }, (_, n) => (3 * spread * n) / (samples - 1));
  const y = x.map((d) => (d < minDist ? 1 : Math.exp((minDist - d) / spread)));
  let best = { logA: 0, logB: 0 };
  let fit = normalEquations(x, y, best);
  let damping = 1e-3;
  for (let step = 0; step < maxSteps && damping < 1e12; step++) {
    const [aa, bb] = [fit.aa * (1 + damping), fit.bb * (1 + damping)];
    const determinant = aa * bb - fit.ab * fit.ab;
    const next = {
      logA: best.logA + (bb * fit.ar - fit.ab * fit.br) / determinant,
      logB: best.logB + (aa * fit.br - fit.ab * fit.ar) / determinant,
    };
    const tried = normalEquations(x, y, next);
    if (tried.error < fit.error) {
      [best, fit] = [next, tried];
      damping /= 10;
    } else damping *= 10;
  }
  return { a: Math.exp(best.logA), b: Math.exp(best.logB) };
}

/** JᵀJ, Jᵀr and ‖r‖² of the residuals r = y − v, by ln a and ln b. */
function normalEquations(
  x: Float64Array,
  y: Float64Array,
  { logA, logB }: { readonly logA: number; readonly logB: number },
) {
  const b = Math.exp(logB);
  const sums = { aa: 0, ab: 0, bb: 0, ar: 0, br: 0, error: 0 };
  for (let n = 0; n < x.length; n++) {
    const term = Math.exp(logA) * x[n]! ** (2 * b);
    const v = 1 / (1 + term);
    const byA = -term * v * v;
    const byB = x[n]! > 0 ? byA * 2 * b * Math.log(x[n]!) : 0;
    const r = y[n]! - v;
    sums.aa += byA * byA;
    sums.ab += byA * byB;
    sums.bb += byB * byB;
    sums.ar += byA * r;
    sums.br += byB * r;
    sums.error += r * r;
  }
  return sums;
}

/** Squared distances from 2^least to 2^most are tabulated, this many per octave. */
const [least, greatest] = [-40, 40];
const bits = 7;
/** Cells of a table. */
export const cells = (greatest - least) * 2 ** bits;
/** Added so that nothing divides by 0 where points fall together. */
const softening = 1e-3;

/**
 * The attraction of neighbors and the repulsion of others, divided by yᵢ − yⱼ, at squared distances
 * s:
 *
 *   pull = 2ab s^(b−1) / (1 + a s^b),   push = 2b / ((0.001 + s)(1 + a s^b))
 *
 * Powers take most of a layout's time, so both are read from tables in log s, linearly in between: right to 10⁻⁵. A table holds
 * for each cell its first value and how much the next one is more; {@link cellOf} a number's cell, by its exponent and the first bits of its fraction.
 */
export class Forces {
  readonly pulls: Float64Array;
  readonly pushes: Float64Array;
  readonly #number = new Float64Array(1);
  readonly #upper = upperHalf(this.#number);

  constructor({ a, b }: Curve) {
    this.pulls = tableOf((s) => (2 * b * a * s ** b) / (s * (1 + a * s ** b)));
    this.pushes = tableOf((s) => (2 * b) / ((softening + s) * (1 + a * s ** b)));
  }

  pull(s: number): number {
    return this.#read(this.pulls, s);
  }

  push(s: number): number {
    return this.#read(this.pushes, s);
  }

  #read(table: Float64Array, s: number): number {
    this.#number[0] = s;
    const cell = cellOf(this.#upper[0]!);
    const at = 2 * (cell | 0);
    return table[at]! + (cell - (cell | 0)) * table[at + 1]!;
  }
}

function tableOf(force: (s: number) => number): Float64Array {
  const at = (cell: number) => {
    const octave = least + Math.floor(cell / 2 ** bits);
    return force(2 ** octave * (1 + (cell % 2 ** bits) / 2 ** bits));
  };
  const table = new Float64Array(2 * (cells + 1));
  for (let cell = 0; cell <= cells; cell++) {
    table[2 * cell] = at(cell);
    table[2 * cell + 1] = cell < cells ? at(cell + 1) - at(cell) : 0;
  }
  return table;
}

/** The upper half of a number: its exponent, and 20 bits of its fraction. */
export const upperHalf = (number: Float64Array): Int32Array => new Int32Array(number.buffer, 4, 1);

/** The cell of a positive number, and which share of it is passed, by the number's upper half. */
export function cellOf(upper: number): number {
  const cell = (upper - ((1023 + least) << 20)) * 2 ** (bits - 20);
  return cell < 0 ? 0 : cell > cells ? cells : cell;
}

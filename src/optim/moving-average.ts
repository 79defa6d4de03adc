/** Averages along series of numbers: losses, gradient norms, prices. */
import { ConfigError, checkOptions } from "../base/index.ts";

/**
 * The simple moving average: the mean of each `width` neighbours.
 *
 *   ȳₜ = (yₜ + yₜ₋₁ + … + yₜ₋ₙ₊₁) / n,      t = n, n + 1, …
 *
 * @returns n − 1 numbers fewer than `series`: the first n − 1 have too few predecessors.
 * @throws {ConfigError} for a width that is not an integer ≥ 1.
 * @see Box & Jenkins 1970, "Time series analysis", with equal weights
 * @example
 * simpleMovingAverage([1, 2, 6, 1], 3); // [3, 3]
 */
export function simpleMovingAverage(series: ArrayLike<number>, width: number): number[] {
  if (!Number.isSafeInteger(width) || width < 1)
    throw new ConfigError({
      subject: "simpleMovingAverage",
      problem: `the width is ${width}, not a whole number of 1 or more.`,
      fix: "give the number of neighbours to average.",
    });
  // each window is summed afresh: a running sum would carry every rounding error along, and a NaN
  // for ever
  const length = Math.max(0, series.length - width + 1);
  return Array.from({ length }, (_, i) => {
    let sum = 0;
    for (let k = i; k < i + width; k++) sum += series[k]!;
    return sum / width;
  });
}

/**
 * Roberts' exponentially weighted moving average, where β weighs the new value:
 *
 *   z₁ = y₁,      zₜ = β yₜ + (1 − β) zₜ₋₁
 *
 * The last 1/β values or so count. {@link decayedAverage} is the form used in optimizers, where β
 * weighs the old value.
 *
 * @throws {ConfigError} for β outside 0 … 1.
 * @see Roberts 1959, "Control chart tests based on geometric moving averages"
 * @example
 * exponentialMovingAverage([8, 4, 4], 0.25); // [8, 7, 6.25]
 */
export function exponentialMovingAverage(series: ArrayLike<number>, beta: number): number[] {
  checkShare("exponentialMovingAverage", beta);
  let z = 0;
  return Array.from(series, (y, i) => {
    z = i === 0 ? y : beta * y + (1 - beta) * z;
    return z;
  });
}

/**
 * The exponential average of Adam's moments, where β weighs the old value, with bias correction for
 * the start at 0:
 *
 *   m₀ = 0,      mₜ = β mₜ₋₁ + (1 − β) yₜ,      m̂ₜ = mₜ / (1 − βᵗ)
 *
 * At first all values count equally; in the long run the last 1/(1 − β) or so count.
 *
 * @returns m̂, or m where `corrected` is false.
 * @throws {ConfigError} for β outside 0 … 1.
 * @see Kingma & Ba 2015, "Adam", §3
 * @example
 * decayedAverage([8, 4, 4], 0.5); // [8, 5.3333…, 4.5714…]
 * decayedAverage([8, 4, 4], 0.5, { corrected: false }); // [4, 4, 4]
 */
export function decayedAverage(
  series: ArrayLike<number>,
  beta: number,
  options: { readonly corrected?: boolean | undefined } = {},
): number[] {
  checkOptions("decayedAverage", options, { corrected: "boolean" });
  const { corrected = true } = options;
  checkShare("decayedAverage", 1 - beta);
  let m = 0;
  return Array.from(series, (y, i) => {
    m = beta * m + (1 - beta) * y;
    return corrected ? m / (1 - beta ** (i + 1)) : m;
  });
}

/** @param share the weight of the new value. */
function checkShare(subject: string, share: number): void {
  if (share > 0 && share <= 1) return;
  throw new ConfigError({
    subject,
    problem: `the new value would weigh ${share}.`,
    fix: "give β so that it weighs more than 0 and at most 1.",
  });
}

/** The statistics that experiments share. */

export const mean = (xs: readonly number[]): number =>
  xs.reduce((sum, x) => sum + x, 0) / xs.length;

/** Standard deviation with n − 1. */
export function deviation(xs: readonly number[]): number {
  const centre = mean(xs);
  return Math.sqrt(xs.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (xs.length - 1));
}

/** Standard error of the mean. */
export const standardError = (xs: readonly number[]): number =>
  deviation(xs) / Math.sqrt(xs.length);

export function median(xs: readonly number[]): number {
  const sorted = [...xs].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** A straight line through points, by least squares. */
export interface Line {
  readonly slope: number;
  readonly intercept: number;
  /** Standard error of the slope. */
  readonly error: number;
}

/** y ≈ intercept + slope · x. @throws {RangeError} for fewer than three points. */
export function fitLine(xs: readonly number[], ys: readonly number[]): Line {
  if (xs.length < 3)
    throw new RangeError(`a line with its error needs 3 points, not ${xs.length}.`);
  const [x0, y0] = [mean(xs), mean(ys)];
  const sxx = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
  const slope = xs.reduce((sum, x, i) => sum + (x - x0) * (ys[i]! - y0), 0) / sxx;
  const intercept = y0 - slope * x0;
  const rest = xs.reduce((sum, x, i) => sum + (ys[i]! - intercept - slope * x) ** 2, 0);
  return { slope, intercept, error: Math.sqrt(rest / (xs.length - 2) / sxx) };
}

/** The exponent of a power law y ∝ x^slope: a line through the logarithms. */
export const fitPower = (xs: readonly number[], ys: readonly number[]): Line =>
  fitLine(xs.map(Math.log), ys.map(Math.log));

/** `−0.49 ± 0.02`, with a true minus sign. */
export const plusMinus = (x: number, error: number, digits = 2): string =>
  `${signed(x, digits)} ± ${error.toFixed(digits)}`;

/** A number with a true minus sign. */
export const signed = (x: number, digits = 2): string => x.toFixed(digits).replace("-", "−");

/** Quantities that decrease with the number of examples, and their exponents. */
import { fitPower, mean, standardError } from "./statistics.ts";
import { norm } from "./vectors.ts";

/** Means over repetitions for each n, and the exponent with the error that follows from theirs. */
export function curve(d: number, ns: readonly number[], values: (n: number) => readonly number[]) {
  const points = ns.map((n) => {
    const all = values(n);
    return [n, mean(all), standardError(all)] as const;
  });
  const line = fitPower(
    ns,
    points.map(([, y]) => y),
  );
  const off = ns.map((n) => Math.log(n) - mean(ns.map(Math.log)));
  const error = norm(off.map((x, i) => (x * points[i]![2]) / points[i]![1])) / norm(off) ** 2;
  return { d, points, slope: line.slope, error };
}
export type Curve = ReturnType<typeof curve>;

/** Whether the exponent is −½, with a margin of 0.05 for terms of higher order. */
export const halves = ({ slope, error }: Curve): boolean =>
  Math.abs(slope + 0.5) < 0.05 + 3 * error;
/** The largest C in y ≤ √(C d log n / n). */
export const constant = (curves: readonly Curve[]): number =>
  Math.max(
    ...curves.flatMap(({ d, points }) => points.map(([n, y]) => (y * y * n) / (d * Math.log(n)))),
  );

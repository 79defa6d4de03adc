/**
 * E22: the error of a finite difference is V-shaped in its step size, that of the complex step is
 * flat.
 */
import { randomKey, type Tensor, tensor, uniform } from "gradus";
import { centralDifference, complexStep } from "gradus/lab";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { type Curve, lineChart } from "./shared/line-chart.ts";
import { fitPower, median, plusMinus } from "./shared/statistics.ts";

/** Of float64 and float32: the gap between 1 and the next number. */
const epsilon = { float64: 2 ** -52, float32: 2 ** -23 };
type Precision = keyof typeof epsilon;

/** eˣ / √(sin³x + cos³x), the function of Squire and Trapp, element by element. */
const f = (x: Tensor): Tensor => {
  const [s, c] = [x.sin(), x.cos()];
  return x.exp().div(s.mul(s).mul(s).add(c.mul(c).mul(c)).sqrt());
};
/** Its derivative by hand: f · (1 − 3 (s²c − c²s) / 2 (s³ + c³)). */
function truth(x: number): number {
  const [s, c] = [Math.sin(x), Math.cos(x)];
  const q = s ** 3 + c ** 3;
  return (Math.exp(x) / Math.sqrt(q)) * (1 - (1.5 * (s * s * c - c * c * s)) / q);
}

/** A derivative of f at all points by a step h. */
type Method = (x: Tensor, h: number) => Tensor;
const forward: Method = (x, h) => f(x.add(h).evalSync()).sub(f(x)).div(h);
const central: Method = (x, step) => centralDifference(f, x, x.mul(0).add(1), { step });
const complex: Method = (x, step) => complexStep(f, x, x.mul(0).add(1), { step });

/** Median over the points of the relative error, for steps 10^−from/4 … 10^−to/4. */
function sweep(method: Method, points: readonly number[], precision: Precision, to: number) {
  const x = tensor(points as number[], precision);
  // the points are exact in float32, so that only the method has errors
  const exact = Array.from(x.dataSync(), truth);
  return Array.from({ length: 4 * to - 3 }, (_, k): [number, number] => {
    const h = 10 ** (-1 - k / 4);
    const found = method(x, h).dataSync();
    return [h, median(exact.map((d, i) => Math.abs(found[i]! / d - 1)))];
  });
}

type Points = readonly (readonly [h: number, error: number])[];
const least = (points: Points) => points.reduce((a, b) => (b[1] < a[1] ? b : a));
/** The exponent of the error in h, between two steps. */
function slope(points: Points, low: number, high: number) {
  const part = points.filter(([h]) => h > low * 0.99 && h < high * 1.01);
  return fitPower(
    part.map(([h]) => h),
    part.map(([, error]) => error),
  );
}

async function run({ quick, seed, progress }: Setup) {
  const count = quick ? 101 : 1001;
  const key = randomKey(seed, 22);
  const points = Array.from(
    uniform([count], { key, dtype: "float64" }).dataSync(),
    (u) => 1 + u / 2,
  );
  progress("differences");
  const double = sweep(central, points, "float64", 15);
  const single = sweep(central, points, "float32", 7);
  const oneSided = sweep(forward, points, "float64", 15);
  progress("complex step");
  const flat = sweep(complex, points, "float64", 30);
  const up = [slope(double, 1e-4, 1e-1), slope(single, 10 ** -1.75, 1e-1)] as const;
  const down = [slope(double, 1e-13, 1e-7), slope(single, 1e-6, 1e-3)] as const;
  const ofForward = slope(oneSided, 1e-6, 1e-1);
  const [best64, best32, bestForward] = [double, single, oneSided].map(least) as Best;
  const small = flat.filter(([h]) => h < 1.01e-8).map(([, error]) => error / epsilon.float64);
  const near = (x: number, wanted: number, within: number) => Math.abs(x - wanted) < within;
  const decades = (x: number, y: number) => Math.abs(Math.log10(x / y));
  const bottom = (best: readonly [number, number], e: number) =>
    decades(best[0], e ** (1 / 3)) < 1 && decades(best[1], e ** (2 / 3)) < 1;
  const isV = up.every((s) => near(s.slope, 2, 0.1)) && down.every((s) => near(s.slope, -1, 0.1));
  const isFlat = Math.max(...small) < 10;
  return {
    holds: isV && isFlat && bottom(best64, epsilon.float64) && bottom(best32, epsilon.float32),
    control:
      near(ofForward.slope, 1, 0.1) &&
      [best64, best32, bestForward].every(([, error]) => error > 1000 * epsilon.float64),
    summary: `central differences err as h^${plusMinus(up[0].slope, up[0].error)} and h^${plusMinus(down[0].slope, down[0].error)} (predicted 2 and −1), at best ${power(best64[1])} in float64, ${power(best32[1])} in float32; the complex step by at most ${Math.max(...small).toFixed(1)} ε from h = 10⁻⁸ to 10⁻³⁰`,
    controlSummary: `forward differences err as h^${plusMinus(ofForward.slope, ofForward.error)}; no difference at any step comes within 1000 ε (best: ${(best64[1] / epsilon.float64).toExponential(0)} ε central, ${(bestForward[1] / epsilon.float64).toExponential(0)} ε forward)`,
    figures: {
      points: count,
      "exponent of h where truncation rules, float64 and float32": up.map((s) => s.slope),
      "exponent of h where rounding rules, float64 and float32": down.map((s) => s.slope),
      "exponent of h of forward differences": ofForward.slope,
      "best step of central differences, float64 and float32": [best64[0], best32[0]],
      "their least error": [best64[1], best32[1]],
      "predicted best step ε^⅓": Object.values(epsilon).map((e) => e ** (1 / 3)),
      "predicted least error ε^⅔": Object.values(epsilon).map((e) => e ** (2 / 3)),
      "least error of forward differences": bestForward[1],
      "largest error of the complex step, h ≤ 10⁻⁸, in ε": Math.max(...small),
    },
    charts: { errors: await picture(double, single, oneSided, flat) },
    remarks: [
      "Only analytic functions take a complex step: `complexStep` refuses a graph with max pooling, and at the kink of |x| it gives the derivative of one side.",
      `The complex step is flat only once h² is below ε: it too has a truncation error, of h² / 6, seen on the right of the figure.`,
    ],
  };
}

type Best = [readonly [number, number], readonly [number, number], readonly [number, number]];

const power = (x: number): string => x.toExponential(0).replace("-", "−");

function picture(double: Points, single: Points, oneSided: Points, flat: Points) {
  const visible = (points: Points): Points =>
    points.map(([h, error]) => [h, Math.max(error, 1e-17)]);
  const curves: Curve[] = [
    { name: "central, float64", points: double },
    { name: "central, float32", points: single },
    { name: "forward, float64", points: oneSided, dashed: true },
    { name: "complex step", points: visible(flat.filter(([h]) => h > 1e-20)) },
  ];
  return lineChart({
    title: "A difference errs as a V of its step, the complex step stays flat",
    subtitle: "Relative error of a derivative, median over random points; dashed: one ε of float64",
    x: "step h",
    y: "relative error",
    log: "xy",
    rules: [epsilon.float64],
    curves,
  });
}

export default {
  id: "E22",
  title: "Finite differences are V-shaped, the complex step is flat",
  claim:
    "A central difference errs by h²/6 · f‴ from truncation and ε |f| / h from rounding, least at h ≈ ε^⅓ with ε^⅔; the imaginary part of f(x + ih), divided by h, subtracts nothing and is exact to rounding for every small h.",
  source: "Squire & Trapp 1998; Nocedal & Wright 2006, §8.1",
  measured:
    "The relative error of the derivative of eˣ / √(sin³x + cos³x) at random points of [1, 1.5] against the formula, over steps from 10⁻¹ to 10⁻¹⁵ (complex: 10⁻³⁰), in float32 and float64.",
  criterion:
    "The error of central differences grows as h^2 ± 0.1 on the right and h^−1 ± 0.1 on the left in both precisions, with its least value within a factor 10 of ε^⅔ at a step within a factor 10 of ε^⅓; the complex step stays within 10 ε for all h ≤ 10⁻⁸. Control: forward differences must have slope 1, and no difference may come within 1000 ε.",
  run,
} satisfies Experiment;

/** E9: logistic classification with one hidden layer is strongly convex near the planted weights. */
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { minima } from "./shared/newton.ts";
import { d, K, problem, spectrum } from "./shared/planted-layer.ts";
import { gaussian } from "./shared/random.ts";
import { fitPower, mean, signed, standardError } from "./shared/statistics.ts";
import { norm, orthonormal } from "./shared/vectors.ts";

const radius = 0.25; // of the ball around W* where the claim must hold; ‖w*ₖ‖ is 2

/** Where Newton's method ends from the same starts, for many samples of n examples. */
const endsOf = (
  planted: readonly number[],
  n: number,
  samples: number,
  seed: number,
  startsOf: (k: number) => number[][],
) =>
  Array.from({ length: samples }, (_, k) => {
    const found = minima(problem(planted, n, 1000 * seed + k + 1, "thrown"), startsOf(k));
    return { minima: found.length, error: norm(planted.map((w, i) => w - found[0]!.point[i]!)) };
  });

async function run({ quick, seed, progress }: Setup) {
  const [n, count] = quick ? [5000, 20] : [20_000, 100];
  const rows = orthonormal(gaussian([K, d], seed, 0).toArray() as number[][]);
  const planted = rows.flat().map((x) => 2 * x);
  /** Points at a distance from W*, in random directions. */
  const around = (distance: number, lane: number) =>
    (gaussian([count, K * d], seed, lane).toArray() as number[][]).map((v) =>
      planted.map((w, i) => w + (distance * v[i]!) / norm(v)),
    );
  progress("curvature around the truth");
  const expected = problem(planted, n, seed, "expected");
  const distances = Array.from({ length: 13 }, (_, i) => i / 4);
  const curvatures = distances.map((r, i) =>
    spectrum(expected, around(r, 100 + i)).map(({ least }) => least),
  );
  const inside = Math.min(...curvatures.filter((_, i) => distances[i]! <= radius).flat());
  // halfway between W* and its copy with the units renumbered, all units are the same
  const middle = rows[0]!.map((_, i) => (planted[i]! + planted[d + i]!) / 2);
  const ridge = spectrum(expected, [[...middle, ...middle]])[0]!.least;
  progress("descent from the ball");
  const [ns, samples] = quick ? [[4000, 16_000, 64_000], 6] : [[4000, 16_000, 64_000, 256_000], 10];
  const ends = ns.map((n) =>
    endsOf(planted, n, samples, seed, (k) => around(radius, 200 + k).slice(0, 4)),
  );
  const errors = ends.map((each) => mean(each.map(({ error }) => error)));
  const spread = ends.map((each) => standardError(each.map(({ error }) => error)));
  const { slope } = fitPower(ns, errors);
  const same = [...rows[0]!, ...rows[0]!].map((x) => 2 * x);
  const [degenerate] = spectrum(problem(same, n, seed, "expected"), [same]);
  const flatness = degenerate!.least / degenerate!.largest;
  const only = ends.flat().every(({ minima }) => minima === 1);
  const least = curvatures.map((each) => Math.min(...each));
  const start = mean(curvatures[0]!);
  return {
    holds: inside > 0 && only && errors.at(-1)! < errors[0]! / 2,
    control: Math.abs(flatness) < 1e-9 && ridge < 0,
    summary: `the least eigenvalue is ${start.toExponential(1)} at W* and at least ${inside.toExponential(1)} within ${radius} of it (predicted > 0); descents from there end in one minimum per sample, at distances with slope ${signed(slope)} in n (predicted −1/2)`,
    controlSummary: `where the planted units are equal it is ${Math.abs(flatness).toExponential(0)} of the largest; halfway between W* and its renumbered copy it is ${signed(ridge, 3)}`,
    figures: {
      "least eigenvalue at W*": start,
      [`least eigenvalue within ${radius}`]: inside,
      "distances from W*": distances,
      "least eigenvalue there": least,
      "least eigenvalue halfway to the renumbered copy": ridge,
      "least / largest eigenvalue for equal units": flatness,
      n: ns,
      "mean ‖Ŵ − W*‖": errors,
      "slope of it": slope,
    },
    charts: {
      curvature: await curvatureChart(distances, curvatures),
      recovery: await recoveryChart(ns, errors, spread),
    },
    remarks: [
      "Labels in the Hessian are their expectations given x, which is exact at equal units; minimisers are of thrown labels.",
      "The ball is small beside ‖W*‖, and the curvature in it a tenth of the largest or less: the theorem speaks of a start that is near already (found by a tensor method in the paper).",
    ],
  };
}

const curvatureChart = (distances: readonly number[], curvatures: readonly number[][]) =>
  lineChart({
    title: "Convex near the truth, and not farther away",
    subtitle:
      "least eigenvalue of the Hessian in random directions; below 0 the loss is not convex",
    x: "distance ‖W − W*‖, where ‖w*ₖ‖ = 2",
    y: "least eigenvalue",
    curves: [
      { name: "mean", points: distances.map((r, i) => [r, mean(curvatures[i]!)]), dots: true },
      {
        name: "least",
        points: distances.map((r, i) => [r, Math.min(...curvatures[i]!)]),
        dots: true,
      },
    ],
    rules: [0],
  });

function recoveryChart(
  ns: readonly number[],
  errors: readonly number[],
  spread: readonly number[],
) {
  const half = 0.8 * errors[0]! * Math.sqrt(ns[0]!);
  return lineChart({
    title: "Minimisers near the truth approach it",
    subtitle: "mean distance of the minimiser from W*, bars: ± two standard errors",
    x: "examples n",
    y: "‖Ŵ − W*‖",
    log: "xy",
    curves: [
      { name: "found", points: ns.map((n, i) => [n, errors[i]!, spread[i]!]), dots: true },
      { name: "slope −1/2", points: ns.map((n) => [n, half / Math.sqrt(n)]), dashed: true },
    ],
  });
}

export default {
  id: "E9",
  title: "Local strong convexity of a hidden layer",
  claim:
    "The cross-entropy of P(y = 1) = (1/K) Σ σ(wₖᵀx), x Gaussian, is strongly convex in a ball around planted weights W* of full rank; its minimiser there is within order √(d log n / n) of W*.",
  source: "Fu, Chi & Liang 2018, theorems 1 and 2",
  measured:
    "For K = 2, d = 3: the least eigenvalue of the Hessian at growing distances from W* in random directions; where Newton's method ends from the ball, for growing samples.",
  criterion:
    "Holds if the least eigenvalue is positive at all points within 0.25 of W*, all descents from there end in one minimum per sample, and its distance from W* more than halves over n. Control: planted units that are equal (rank 1) must have a flat direction, and the point halfway to the renumbered copy of W* one of negative curvature.",
  run,
} satisfies Experiment;

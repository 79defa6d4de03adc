/** E5: the squared loss of a single sigmoid neuron can have ⌊n/d⌋^d minima. */
import type { Tensor } from "gradus";
import { chart } from "gradus/draw";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { type End, minima, table } from "./shared/newton.ts";
import { gaussian } from "./shared/random.ts";
import { combine, dot, norm, orthonormal, tuples } from "./shared/vectors.ts";

/**
 * A single sample (x, y) has its minimum where σ(wx) = y. With y = ¾ its loss is 1/16 far to both
 * sides: for small wx, σ = ½, and for large wx, σ = 1. On the axis of log w all samples look alike,
 * and x = ln 3 / 8^t puts the minimum of the t-th at w = 8^t, where the others are flat.
 */
const [label, ratio] = [3 / 4, 8];

/** k samples on each of d orthogonal axes, randomly rotated: n = dk. */
function samples(d: number, k: number, seed: number) {
  const axes = orthonormal(gaussian([d, d], seed, d).toArray() as number[][]);
  const levels = Array.from({ length: k }, (_, i) => Math.log(3) / ratio ** (i + 1));
  const x = table(axes.flatMap((axis) => levels.map((level) => axis.map((a) => a * level))));
  const z = (w: Tensor) => w.matmul(x.transpose());
  return {
    squares: (w: Tensor) => z(w).sigmoid().sub(label).square().sum({ axis: 1 }),
    crossEntropy: (w: Tensor) => z(w).softplus().sub(z(w).mul(label)).sum({ axis: 1 }),
    point: (along: readonly number[]) => combine(along, axes),
    place: (w: readonly number[]) => axes.map((a) => Math.log2(dot(a, w)) / 3),
  };
}

/**
 * Descends from a grid over every combination of scales, including signs, and counts the minima
 * reached.
 */
function count(d: number, k: number, seed: number) {
  const { squares, crossEntropy, point, place } = samples(d, k, seed);
  const scales = Array.from({ length: 2 * (k + 1) }, (_, i) => ratio ** (0.4 + i / 2));
  const starts = tuples([-ratio, 0, ...scales], d).map(point);
  const found = minima(squares, starts).map((end) => ({ ...end, place: place(end.point) }));
  const ofEntropy = minima(crossEntropy, starts);
  return { d, k, n: d * k, starts: starts.length, predicted: k ** d, found, ofEntropy };
}

async function run({ quick, seed, progress }: Setup) {
  const few = { 1: [2, 4, 6], 2: [2, 3, 4], 3: [2, 3] };
  const many = { 1: [2, 4, 6, 8, 10, 12], 2: [2, 3, 4, 5, 6, 7], 3: [2, 3, 4, 5], 4: [2, 3] };
  const sizes = quick ? few : many;
  const results = Object.entries(sizes).flatMap(([d, ks]) =>
    ks.map((k) => {
      progress(`d = ${d}, n = ${Number(d) * k}`);
      return count(Number(d), k, seed);
    }),
  );
  const largest = Object.keys(sizes).map((d) => results.findLast((r) => r.d === Number(d))!);
  const worst = (of: (end: End) => number) =>
    Math.max(...results.flatMap(({ found }) => found.map(of)));
  const starts = results.reduce((sum, r) => sum + r.starts, 0);
  return {
    holds: results.every((r) => r.found.length === r.predicted),
    control: results.every((r) => r.ofEntropy.length === 1),
    summary: `${largest.map((r) => `${r.found.length} minima for n = ${r.n}, d = ${r.d}`).join("; ")} (predicted ${largest.map((r) => r.predicted).join(", ")})`,
    controlSummary: `cross-entropy on the same samples has ${Math.max(...results.map((r) => r.ofEntropy.length))} minimum, from all of ${starts} starts`,
    figures: {
      "d, n, starts, ⌊n/d⌋^d": results.map((r) => [r.d, r.n, r.starts, r.predicted].join(" ")),
      "minima found": results.map((r) => r.found.length),
      "minima of cross-entropy": results.map((r) => r.ofEntropy.length),
      "largest ‖H⁻¹g‖/‖w‖ at a minimum": worst((end) => end.stepLeft),
      "largest ‖g‖ at a minimum": worst((end) => norm(end.gradient)),
      "largest condition number there": worst((e) => e.eigenvalues[0]! / e.eigenvalues.at(-1)!),
    },
    charts: {
      map: await map(results.findLast((r) => r.d === 2 && r.k === 4)!, seed),
      curve: await curve(seed),
    },
    remarks: [
      "The labels ¾ contradict each other, and the inputs spread over powers of 8: no law of nature gives such samples, which is why E6 can hold beside this.",
      "No minimum is much better than another: each fits d samples and pays about 1/16 for each of the others.",
    ],
  };
}

/** The loss over the plane of two axes, with the minima found. */
function map({ k, found }: ReturnType<typeof count>, seed: number) {
  const { squares, point } = samples(2, k, seed);
  const ticks = Array.from({ length: 121 }, (_, i) => ((k + 1) * i) / 120);
  const grid = ticks.flatMap((v) => ticks.map((u) => [u, v]));
  const losses = squares(table(grid.map((at) => point(at.map((t) => ratio ** t))))).dataSync();
  const cells = grid.map(([u, v], i) => ({ u, v, loss: losses[i]! }));
  return chart((Plot) => ({
    title: `One neuron, ${2 * k} samples in the plane: ${found.length} minima`,
    subtitle: "squared loss, darker is lower; dots: certified minima",
    width: 640,
    height: 570,
    marginBottom: 40,
    x: { label: "weight along the first axis, log₈", ticks: 5 },
    y: { label: "weight along the second axis, log₈", ticks: 5 },
    color: { scheme: "viridis" },
    marks: [
      Plot.contour(cells, { x: "u", y: "v", fill: "loss", thresholds: 25 }),
      Plot.dot(found, {
        x: (m) => m.place[0],
        y: (m) => m.place[1],
        r: 6,
        fill: "#ffffff",
        stroke: "#d1352b",
        strokeWidth: 3,
      }),
    ],
  }));
}

/** Both losses of six samples on a line, along the weight. */
function curve(seed: number) {
  const { squares, crossEntropy, point } = samples(1, 6, seed);
  const ticks = Array.from({ length: 701 }, (_, i) => i / 100);
  const w = table(ticks.map((t) => point([ratio ** t])));
  const [square, entropy] = [squares(w).dataSync(), crossEntropy(w).dataSync()];
  const same = Math.min(...square) / Math.min(...entropy);
  const rows = ticks.map((t, i) => ({ t, square: square[i]!, entropy: same * entropy[i]! }));
  const colors = { squares: "#2f6fb0", "cross-entropy, scaled": "#d1352b" };
  return chart((Plot) => ({
    title: "Six samples on a line: six minima of squares, one of cross-entropy",
    subtitle: "cross-entropy, scaled to the same minimum, leaves the figure and keeps growing",
    legend: colors,
    width: 640,
    height: 300,
    marginBottom: 40,
    x: { label: "weight, log₈" },
    y: { label: "loss", domain: [0.28, 0.4], grid: true },
    marks: Object.values(colors).map((stroke, i) =>
      Plot.line(i ? rows.filter((row) => row.entropy < 0.5) : rows, {
        x: "t",
        y: i ? "entropy" : "square",
        stroke,
        strokeWidth: 2,
        clip: true,
      }),
    ),
  }));
}

export default {
  id: "E5",
  title: "A single neuron with ⌊n/d⌋^d minima",
  claim:
    "Squares behind a sigmoid can trap even a single neuron: there are n samples in d dimensions for which its squared loss has ⌊n/d⌋^d distinct local minima.",
  source: "Auer, Herbster & Warmuth 1995",
  measured:
    "The samples are built, ⌊n/d⌋ on each of d orthogonal axes that are turned at random. Newton's method goes down from a grid of starts over all combinations of scales; an end counts if its Hessian is positive definite and ‖H⁻¹g‖ < 1e-8 ‖w‖.",
  criterion:
    "Holds if exactly ⌊n/d⌋^d minima are found for every n and d. Control: cross-entropy on the same samples, from the same starts, must have exactly one.",
  run,
} satisfies Experiment;

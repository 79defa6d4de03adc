/** E3: the perceptron makes at most (R/γ)² mistakes if the classes are linearly separable. */
import { chart } from "gradus/draw";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart, logAxis } from "./shared/line-chart.ts";
import { perceive, separable, simplex } from "./shared/perceptron.ts";
import { gaussian } from "./shared/random.ts";
import { dot } from "./shared/vectors.ts";

/** Mistakes on separable sets of many margins, each beside its bound. */
async function bounded(sets: number, seed: number) {
  const found: { gamma: number; bound: number; mistakes: number; converged: boolean }[] = [];
  for (const [i, d] of [2, 5, 10].entries())
    for (const [j, gamma] of [0.02, 0.05, 0.1, 0.2, 0.4].entries())
      for (let k = 0; k < sets; k++) {
        const stream = 10_000 * i + 1000 * j + k;
        const { x, y, margin, radius } = separable(d, 200, gamma, seed, stream);
        const bound = (radius / margin) ** 2;
        const { total, converged } = await perceive(x, y, Math.ceil(bound) + 1);
        found.push({ gamma, bound, mistakes: total, converged });
      }
  return found.sort((a, b) => a.bound - b.bound);
}

/** Solutions for one set, learned in many orders: errors on new points, and margins. */
async function solutions(orders: number, seed: number) {
  const { x, y, w } = separable(5, 200, 0.1, seed, 90_000);
  const fresh = gaussian([4000, 5], seed, 95_000).toArray() as number[][];
  const found: { error: number; margin: number }[] = [];
  for (let k = 0; k < orders; k++) {
    const keys = gaussian([x.length], seed, 91_000 + k).dataSync();
    const order = [...x.keys()].sort((a, b) => keys[a]! - keys[b]!);
    const of = await perceive(
      order.map((i) => x[i]!),
      order.map((i) => y[i]!),
      10_000,
    );
    const score = (point: readonly number[]) => dot(of.w, point) + of.b;
    const wrong = fresh.filter((point) => score(point) > 0 !== dot(w, point) > 0).length;
    const margin = Math.min(...x.map((point, i) => (2 * y[i]! - 1) * score(point)));
    found.push({ error: wrong / fresh.length, margin: margin / Math.hypot(...of.w, of.b) });
  }
  return found;
}

async function run({ quick, seed }: Setup) {
  const sets = await bounded(quick ? 4 : 40, seed);
  const orders = await solutions(quick ? 30 : 300, seed);
  const [errors, margins] = [orders.map((o) => o.error), orders.map((o) => o.margin)];
  const corners = simplex(50);
  const sides = corners.map((_, i) => i % 2);
  const tight = (await perceive(corners, sides, 3)).total;
  const epochs = quick ? 300 : 3000;
  const { x, y, margin, radius } = separable(5, 200, 0.1, seed, 90_000);
  const mislabelled = y.map((label, i) => (i % 10 ? label : 1 - label));
  const overlapping = await perceive(x, mislabelled, epochs);
  const bound = (radius / margin) ** 2;
  const half = overlapping.mistakes[epochs / 2 - 1]!;
  const total = overlapping.mistakes.at(-1)!;
  const ratio = Math.max(...sets.map((s) => s.mistakes / s.bound));
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  return {
    holds:
      ratio <= 1 &&
      sets.every((s) => s.converged) &&
      tight === 50 &&
      Math.min(...margins) > 0 &&
      Math.max(...errors) > 1.5 * Math.min(...errors),
    control: !overlapping.converged && total > bound && total > 1.8 * half,
    summary: `${sets.length} separable sets: at most ${ratio.toFixed(2)} (R/γ)² mistakes (predicted ≤ 1), and 50 of 50 where the bound is tight; ${orders.length} orders of one set give solutions with ${percent(Math.min(...errors))} to ${percent(Math.max(...errors))} errors on new points`,
    controlSummary: `with every tenth label wrong it still errs after ${epochs} epochs, ${total} times, where the bound without them was ${bound.toFixed(0)}`,
    figures: {
      "separable sets": sets.length,
      "largest mistakes / (R/γ)²": ratio,
      "mistakes on 50 orthogonal examples, bound 50": tight,
      "error of solutions, least and largest": [Math.min(...errors), Math.max(...errors)],
      "widest margin of a solution": Math.max(...margins),
      "mistakes on overlapping classes": total,
    },
    charts: {
      bound: await boundChart(sets),
      overlap: await overlapChart(overlapping.mistakes, bound),
    },
    remarks: [
      "A solution is any line that parts the examples: which one is found depends on their order, and its margin is below that of the line that made them.",
    ],
  };
}

const boundChart = (sets: Awaited<ReturnType<typeof bounded>>) =>
  chart((Plot) => ({
    title: "The perceptron errs no more than (R/γ)² times",
    subtitle:
      "dots: separable sets of 200 points, γ from 0.02 to 0.4, d = 2, 5, 10; line: the bound",
    x: { label: "(R/γ)²", ...logAxis(sets.map((s) => s.bound)) },
    y: {
      label: "mistakes until all are right",
      ...logAxis(sets.flatMap((s) => [s.bound, s.mistakes])),
    },
    marks: [
      Plot.line(sets, { x: "bound", y: "bound", stroke: "#d55e00", strokeWidth: 2 }),
      Plot.dot(sets, { x: "bound", y: "mistakes", fill: "#0072b2", r: 4 }),
    ],
  }));

const overlapChart = (mistakes: readonly number[], bound: number) =>
  lineChart({
    title: "Where classes overlap it never ends",
    subtitle: "every tenth label wrong; dashed: the bound for the same points, labels right",
    x: "epochs",
    y: "mistakes so far",
    curves: [{ name: "mistakes", points: mistakes.map((m, i) => [i + 1, m]) }],
    rules: [bound],
  });

export default {
  id: "E3",
  title: "The perceptron's mistakes",
  claim:
    "If some line parts the classes with margin γ and the points (x, 1) lie within R, the perceptron makes at most (R/γ)² mistakes, whatever their order. If none does, it never ends. It ends at one of many solutions, and they are not equally good.",
  source: "Novikoff 1962; Minsky & Papert 1969, §11",
  measured:
    "Mistakes until all examples are right, for separable sets of many margins and dimensions beside (R/γ)²; the errors of the solutions that many orders of one set give, on points of all directions.",
  criterion:
    "Holds if no set exceeds its bound, orthogonal examples attain it, and solutions differ in error by half or more. Control: with every tenth label wrong, the perceptron must not end, must exceed the bound, and must go on to err.",
  run,
} satisfies Experiment;

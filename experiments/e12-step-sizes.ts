import { type Tensor, tensor } from "gradus";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { gaussian } from "./shared/random.ts";
import { fitPower, mean, plusMinus } from "./shared/statistics.ts";
import { batchChart, stepChart } from "./shared/step-size-charts.ts";
import { descend, descendTo, leastSquares, type Sizes } from "./shared/stochastic-descent.ts";

const [n, d] = [1000, 10];
const burn = 500; // steps before averaging begins: the start is forgotten
const constants = [0.02, 0.01, 0.005, 0.0025];
const range = 0.2; // around a predicted exponent
const goal = 0.05;
/** Square roots of the eigenvalues 1 … 1/30 of a ravine. */
const stretch = Array.from({ length: d }, (_, i) => 30 ** (-i / (d - 1) / 2));

/** Batches of three sizes on a ravine, each down to the goal. */
function batchKinds(x: Tensor, noise: Tensor, seed: number) {
  const ravine = x.mul(tensor(stretch, "float64")).evalSync();
  const hard = leastSquares(ravine, ravine.matmul(gaussian([d, 1], seed, 1)).add(noise));
  return [
    { name: "one example", size: 1, rate: 0.02 },
    { name: "mini-batch of 32", size: 32, rate: 0.25 },
    { name: "the whole batch", size: n, rate: 0.9 },
  ].map((kind) => ({ ...kind, course: descendTo(hard, { ...kind, goal, seed }) }));
}

/** Six methods, one example per step: where they stall, and how fast they converge. */
function singleSteps(x: Tensor, clean: Tensor, noisy: Tensor, sizes: Sizes) {
  const [problem, noiseless] = [leastSquares(x, noisy), leastSquares(x, clean)];
  const ways = [
    ...constants.map((rate) => ({ problem, rate: () => rate })),
    { problem, rate: (k: number) => 2 / (k + 100) },
    { problem: noiseless, rate: () => constants[0]! },
  ];
  const course = descend(ways, sizes);
  const [falling, still] = [constants.length, constants.length + 1];

  const late = course.steps.findIndex((k) => k > sizes.total / 2);
  const floors = constants.map((_, i) => mean(course.last[i]!.slice(late)));
  const floor = fitPower(constants, floors);
  const after = course.steps.findIndex((k) => k > 4 * burn);
  const rates = (of: readonly number[], minus: number) =>
    fitPower(
      course.steps.slice(after).map((k) => k - minus),
      of.slice(after),
    );
  const decreasing = rates(course.last[falling]!, -100);
  const averaged = rates(course.averaged[0]!, burn);
  const gain = floors[0]! / course.averaged[0]!.at(-1)!;
  const silent = course.last[still]!.at(-1)!;
  return { course, falling, floors, floor, decreasing, averaged, gain, silent };
}

async function run({ quick, seed, progress }: Setup) {
  const x = gaussian([n, d], seed, 0);
  const clean = x.matmul(gaussian([d, 1], seed, 1)).evalSync();
  const noisy = clean.add(gaussian([n, 1], seed, 2)).evalSync();
  progress("one example a step, six ways");
  const total = quick ? 10_000 : 60_000;
  const single = singleSteps(x, clean, noisy, { runs: quick ? 64 : 256, total, burn, seed });
  const { course, falling, floors, floor, decreasing, averaged, gain, silent } = single;

  progress("batches of three sizes");
  const kinds = batchKinds(x, noisy.sub(clean), seed);
  const [one, mini, batch] = kinds.map((kind) => kind.course.at(-1)!.epochs) as [
    number,
    number,
    number,
  ];
  const near = (exponent: number, predicted: number) => Math.abs(exponent - predicted) < range;

  return {
    holds:
      near(floor.slope, 1) &&
      near(decreasing.slope, -1) &&
      near(averaged.slope, -1) &&
      gain > 5 &&
      one < batch / 3 &&
      mini < batch / 3,
    control: silent < floors[0]! / 1e6,
    summary: `a constant step stalls at a loss ∝ step^${plusMinus(floor.slope, floor.error)} (predicted 1); with steps 2/(k + 100) the loss falls as k^${plusMinus(decreasing.slope, decreasing.error)}, averaged as k^${plusMinus(averaged.slope, averaged.error)} (predicted −1), ${gain.toFixed(0)} times below the stall`,
    controlSummary: `without noise a constant step does converge, to ${silent.toExponential(0)}`,
    figures: {
      steps: total,
      "constant steps": constants,
      "loss above the least at which each stalls": floors,
      "predicted, α d σ² / (2 (2 − α (d + 2)))": constants.map(
        (a) => (a * d) / (2 * (2 - a * (d + 2))),
      ),
      "exponent of the stall in the step": floor.slope,
      "exponent in k, decreasing steps": decreasing.slope,
      "exponent in k, constant step averaged": averaged.slope,
      "gain of averaging": gain,
      "loss of a constant step without noise": silent,
      ...Object.fromEntries(
        kinds.map(({ name, course }) => [
          `epochs and seconds to ${goal}, ${name}`,
          [course.at(-1)!.epochs, course.at(-1)!.seconds],
        ]),
      ),
    },
    charts: {
      steps: await stepChart(course, falling, `n = ${n}, d = ${d}`),
      epochs: await batchChart("epochs", "epochs (passes through the examples)", kinds, goal),
      time: await batchChart("seconds", "time in steps (seconds)", kinds, goal),
    },
    remarks: [
      `To a loss of ${goal} on a ravine of condition 30: one example at a time takes ${one.toFixed(1)} epochs, batches of 32 take ${mini.toFixed(1)}, the whole batch ${batch.toFixed(0)}. In time: ${kinds.map(({ name, course }) => `${name} ${(1000 * course.at(-1)!.seconds).toFixed(0)} ms`).join(", ")}. Times are of this machine and belong to no rule.`,
      "Averaging with a constant step reaches the optimum here because the gradient is linear in w (least squares); for other losses its limit is biased by O(step) (Bach & Moulines 2013).",
      "Averages begin after 500 steps: from the first step on, the start would weigh on them as 1/k².",
    ],
  };
}

export default {
  id: "E12",
  title: "Batch, stochastic, mini-batch, and the size of steps",
  claim:
    "Stochastic descent with a constant step does not converge but stalls at a loss in proportion to the step; with decreasing steps it converges, and averaging its points helps. Per pass through the data it goes further than batch descent.",
  source:
    "Robbins & Monro 1951; Polyak & Juditsky 1992; Bach & Moulines 2013; Bottou, Curtis & Nocedal 2018, §4",
  measured:
    "The loss above its least value on noisy least squares, where that value is known: against steps for four constant steps, a decreasing one and an average, and against epochs and time for batches of 1, 32 and n.",
  criterion: `The stall grows as step^1, decreasing steps and averages fall as k^−1 (each exponent within ${range}), averaging gains more than 5 times, and batches of 1 and 32 need less than a third of the whole batch's epochs. Control: on data without noise a constant step must converge.`,
  run,
} satisfies Experiment;

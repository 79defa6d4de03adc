import { Quadratic } from "gradus/lab";
import { adam, heavyBall, type Rule, type RuleState, rmsprop, sgd } from "gradus/optim";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { gaussian } from "./shared/random.ts";
import { firstSteps, goal, placed, ravine, stepsDown, uncorrected } from "./shared/ravine.ts";
import { fitPower, plusMinus } from "./shared/statistics.ts";

const rate = 0.01; // of RMSProp and Adam, for every ravine
const [beta1, beta2] = [0.9, 0.999];
const range = 0.15; // around a predicted exponent

/** Lengths of Adam's first steps over its rate, with correction and without, and how far they are from the formula. */
function stepLengths() {
  const [right, wrong] = [adam() as Rule<RuleState>, uncorrected].map((r) =>
    firstSteps(r, 3000),
  ) as [number[], number[]];
  const formula = wrong.map((_, k) => (1 - beta1 ** (k + 1)) / Math.sqrt(1 - beta2 ** (k + 1)));
  const off = Math.max(
    ...wrong.map((x, k) => Math.abs(x / formula[k]! - 1)),
    ...right.map((x) => Math.abs(x - 1)),
  );
  return { right, wrong, off };
}

/** Steps of each rule down ravines with these condition numbers. */
function countSteps(kappas: readonly number[], seed: number, progress: Setup["progress"]) {
  const most = 40 * kappas.at(-1)!;
  const corner = Array.from(gaussian([2], seed, 0).dataSync(), (x) => 1 + 0.3 * Math.tanh(x));
  const turned = Math.PI / 6;
  const count = (name: string, turn: number, choose: (q: Quadratic) => readonly [Rule, number]) => {
    progress(name);
    return kappas.map((kappa) => {
      const matrix = ravine(kappa, turn);
      const [rule, lr] = choose(new Quadratic(matrix));
      return stepsDown(rule, lr, matrix, placed(corner, turn), most);
    });
  };
  return {
    SGD: count("SGD", 0, (q) => [sgd(), q.best().lr]),
    momentum: count("momentum", 0, (q) => {
      const { lr, momentum: rho } = q.bestHeavyBall();
      return [heavyBall({ rho }), lr];
    }),
    RMSProp: count("RMSProp", 0, () => [rmsprop(), rate]),
    Adam: count("Adam", 0, () => [adam(), rate]),
    "Adam, turned": count("Adam, turned", turned, () => [adam(), rate]),
    "RMSProp, turned": count("RMSProp, turned", turned, () => [rmsprop(), rate]),
  };
}

async function run({ quick, seed, progress }: Setup) {
  const kappas = quick ? [10, 30, 100, 300, 1000] : [10, 30, 100, 300, 1000, 3000, 10_000];
  const steps = countSteps(kappas, seed, progress);
  const slopes = Object.entries(steps).map(
    ([name, each]) => [name, fitPower(kappas, each)] as const,
  );
  const slope = Object.fromEntries(slopes);
  const { right, wrong, off } = stepLengths();
  const peak = Math.max(...wrong);
  const near = (name: keyof typeof steps, predicted: number) =>
    Math.abs(slope[name]!.slope - predicted) < range;
  const shown = (name: keyof typeof steps) => plusMinus(slope[name]!.slope, slope[name]!.error);
  return {
    holds:
      near("SGD", 1) &&
      near("momentum", 0.5) &&
      near("RMSProp", 0) &&
      near("Adam", 0) &&
      off < 1e-6,
    control: !near("Adam, turned", 0) && !near("RMSProp, turned", 0),
    summary: `steps grow as κ^${shown("SGD")} for SGD (predicted 1), ${shown("momentum")} for momentum (1/2), ${shown("RMSProp")} for RMSProp and ${shown("Adam")} for Adam (0, along the axes); without bias correction Adam's first steps are up to ${peak.toFixed(2)} times too long`,
    controlSummary: `in a ravine turned by 30° the exponents are ${shown("RMSProp, turned")} for RMSProp and ${shown("Adam, turned")} for Adam`,
    figures: {
      "condition κ": kappas,
      ...Object.fromEntries(Object.entries(steps).map(([name, each]) => [`steps, ${name}`, each])),
      ...Object.fromEntries(slopes.map(([name, line]) => [`exponent, ${name}`, line.slope])),
      "first steps of Adam / lr": right.slice(0, 3),
      "first steps without bias correction / lr": wrong.slice(0, 3),
      "longest step without bias correction / lr": peak,
      "at step": wrong.indexOf(peak) + 1,
      "largest relative difference from (1 − β₁ᵗ)/√(1 − β₂ᵗ)": off,
    },
    charts: { steps: await stepChart(kappas, steps), bias: await biasChart(right, wrong) },
    remarks: [
      "Adam and RMSProp see each coordinate by itself: a ravine along the axes is round to them, whatever its depth. Turned, it is not, so their gain depends on the coordinates.",
      "The texts say that the averages start too small and are corrected; both do, but the second moment is off by more, so that without correction steps are too long, not too short.",
      "With a constant learning rate Adam and RMSProp end in a cycle of about its size and do not converge further; SGD and momentum do.",
      "Momentum's exponent comes out a little above 1/2 because its error falls as k ρᵏ, not ρᵏ.",
    ],
  };
}

const stepChart = (kappas: readonly number[], steps: Readonly<Record<string, readonly number[]>>) =>
  lineChart({
    title: "SGD feels the ravine, momentum its root, Adam only its direction",
    subtitle: `Steps until the distance stays below ${100 * goal} %; dashed: turned by 30°`,
    x: "condition number κ",
    y: "steps",
    log: "xy",
    curves: Object.entries(steps).map(([name, each]) => ({
      name,
      dashed: name.includes("turned"),
      dots: true,
      points: each.map((y, i) => [kappas[i]!, y] as const),
    })),
  });

const biasChart = (right: readonly number[], wrong: readonly number[]) =>
  lineChart({
    title: "What bias correction does",
    subtitle: "Length of Adam's step t over its learning rate, under a constant gradient",
    x: "step t",
    y: "step / learning rate",
    log: "x",
    curves: [
      { name: "corrected", points: right.map((y, k) => [k + 1, y] as const) },
      { name: "not corrected", points: wrong.map((y, k) => [k + 1, y] as const) },
    ],
  });

export default {
  id: "E14",
  title: "Four optimisers in a ravine, and bias correction",
  claim:
    "In a ravine of condition κ gradient descent needs steps in proportion to κ, momentum to √κ, and RMSProp and Adam, which scale each coordinate, hardly depend on κ. Bias correction makes Adam's first steps as long as the learning rate says.",
  source: "Polyak 1964; Tieleman & Hinton 2012; Kingma & Ba 2015, §2–3",
  measured:
    "The steps until the distance from the minimum of a quadratic stays below 2 % of its start, for SGD and momentum at their best rates and RMSProp and Adam at 0.01; the length of Adam's steps under a constant gradient with correction and without.",
  criterion: `Exponents in κ within ${range} of 1, 1/2, 0 and 0; step lengths as 1 and (1 − β₁ᵗ)/√(1 − β₂ᵗ) to 1e-6. Control: turned by 30°, RMSProp and Adam must depend on κ.`,
  run,
} satisfies Experiment;

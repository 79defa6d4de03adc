/** E19: descent stays on a saddle until it is perturbed; units that start equal stay equal. */
import { bumpLosses, leastOfMonotone } from "./shared/equal-units.ts";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { descend, kindOf, pushes, rate, task } from "./shared/pushed-descent.ts";
import { gaussian } from "./shared/random.ts";
import { fitLine, mean, standardError } from "./shared/statistics.ts";

/** A saddle with perturbations, and the same perturbations at a minimum. */
function repetition(seed: number, r: number) {
  const { losses, teacher } = task(seed, 10 * r);
  const zero = (...shape: number[]) => gaussian(shape, 0, 0).mul(0).evalSync();
  const saddle = { w: zero(1, 4, 3), v: zero(1, 4) };
  const kind = kindOf(losses, saddle);
  const { loss, far } = descend(losses, saddle, seed, 10 * r + 2);
  const times = pushes.map((_, i) => loss.findIndex((l) => l[i + 1]! < l[0]! / 2));
  const digits = pushes.map((push) => -Math.log(push));
  const predicted = 1 / Math.log(1 - rate * kind.eigenvalues.at(-1)!);
  const minimum = { w: teacher.unsqueeze(0).evalSync(), v: zero(1, 1).add(1).evalSync() };
  const back = descend(losses, minimum, seed, 10 * r + 4, 2000).far;
  const shares = pushes.map((_, i) => back.at(-1)![i + 1]! / back[0]![i + 1]!);
  return {
    kind,
    loss,
    moved: far.at(-1)![0]!,
    ratio: fitLine(digits, times).slope / predicted,
    escaped: times.every((t) => t > 0),
    atMinimum: kindOf(losses, minimum).kind,
    back: Math.max(...shares),
  };
}

async function run({ quick, seed, progress }: Setup) {
  const all = Array.from({ length: quick ? 5 : 30 }, (_, r) => {
    progress(`saddle ${r + 1}`);
    return repetition(seed, r);
  });
  progress("equal units");
  const units = bumpLosses(seed, quick ? 5 : 30, quick ? 3000 : 30_000);
  const bound = leastOfMonotone();
  const ratios = all.map((one) => one.ratio);
  const [ratio, error] = [mean(ratios), standardError(ratios)];
  const stuck = Math.max(...all.map((one) => one.moved));
  const worst = Math.max(...units.random.losses);
  const equal = [...units.zero.losses, ...units.equal.losses];
  const spread = Math.max(units.zero.spread, units.equal.spread);
  const back = Math.max(...all.map((one) => one.back));
  return {
    holds:
      all.every(({ kind, escaped }) => kind.kind === "saddle" && kind.index === 4 && escaped) &&
      stuck === 0 &&
      Math.abs(ratio - 1) < 0.05 &&
      spread === 0 &&
      Math.min(...equal) > bound * (1 - 1e-9),
    control: all.every(({ atMinimum }) => atMinimum === "minimum") && back < 1 && worst < bound / 2,
    summary: `on ${all.length} saddles descent moves by ${stuck}; pushed by δ it leaves after ${ratio.toFixed(3)} ± ${error.toFixed(3)} times the predicted ln(1/δ) / ln(1 + η|λ|) steps; units that start equal differ by ${spread} and keep ${percent(Math.min(...equal))} of the variance or more (one monotone unit: at least ${percent(bound)})`,
    controlSummary: `at minima the same pushes shrink (at most ${percent(back)} is left), and from random weights ${percent(worst)} of the variance is left at most`,
    figures: {
      repetitions: all.length,
      "negative eigenvalues at weights 0": all.map(({ kind }) => kind.index),
      "least eigenvalue": all.map(({ kind }) => kind.eigenvalues.at(-1)!),
      "gradient at weights 0": Math.max(...all.map(({ kind }) => kind.gradientNorm)),
      "distance moved without a push": stuck,
      "steps per e-fold of 1/δ, measured / predicted": ratios,
      "share of a push left at a minimum": back,
      "spread of equal units after training": spread,
      "least error of any monotone curve, share of variance": bound,
      "error from weights 0": units.zero.losses,
      "error from equal random weights": units.equal.losses,
      "error from different random weights": units.random.losses,
    },
    charts: { escape: await picture(all[0]!.loss) },
    remarks: [
      "Every tenfold smaller push costs the same number of steps, so a push may be tiny; rounding errors are one, where the saddle is not hit exactly.",
      "Weights all 0 are but one case: any equal units stay equal forever. Biases of the output may be 0, since they break no symmetry and need not.",
    ],
  };
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

const picture = (loss: readonly (readonly number[])[]) =>
  lineChart({
    title: "Descent stays on a saddle until it is pushed",
    subtitle: "Loss of v·tanh(Wx) from all weights 0, moved by δ in one random direction",
    x: "steps of descent",
    y: "loss",
    curves: ["δ = 0", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²"].map((name, i) => ({
      name,
      points: loss.map((l, k): [number, number] => [k, l[i]!]),
      ...(i === 0 && { color: "#555555", dashed: true }),
    })),
  });

export default {
  id: "E19",
  title: "Saddles and equal units",
  claim:
    "On a saddle the gradient is 0 and descent stays; a push of size δ grows by 1 + η|λ| a step along a negative eigenvalue λ and so frees it after about ln(1/δ) / ln(1 + η|λ|) steps. Hidden units with equal weights, such as 0, get equal gradients and never become different.",
  source: "Rumelhart, Hinton & Williams 1986; Dauphin et al. 2014; Lee et al. 2016",
  measured:
    "Descent on v·tanh(Wx) with 4 units from weights 0, where the Hessian is classified, with pushes of 10⁻² to 10⁻¹⁰; and 8 sigmoid units that learn a bump from zero, equal and different weights.",
  criterion:
    "Weights 0 are a saddle of index 4 from which descent does not move by a bit, and the steps per e-fold of 1/δ are as predicted within 5 %; equal units stay equal to the bit, at an error that no monotone curve undercuts. Control: at a minimum, no push may grow; from different weights the error must fall below half that bound.",
  run,
} satisfies Experiment;

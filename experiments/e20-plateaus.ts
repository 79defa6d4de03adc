/** E20: where the gradient vanishes although the prediction is wrong. */
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { fitLine, mean, standardError } from "./shared/statistics.ts";
import { correct, losses, type Name, rate, slopes } from "./shared/wrong-neuron.ts";

const flat: readonly Name[] = ["0-1", "threshold", "ReLU"];
const [saturating, steady] = ["logistic, squares", "logistic, cross-entropy"] as const;

/** Steps from score −s to 0 of one example, by integrating dt = dz / |dL/dz|: eˢ against s. */
const predicted: Readonly<Record<string, (s: number) => number>> = {
  [saturating]: (s) =>
    (Math.exp(s) - 1 + 3 * s + 3 * (1 - Math.exp(-s)) + (1 - Math.exp(-2 * s)) / 2) / rate,
  [steady]: (s) => (s + 1 - Math.exp(-s)) / rate,
};

async function run({ quick, seed, progress }: Setup) {
  const starts = quick ? [2, 3, 4, 5, 6] : [2, 3, 4, 5, 6, 7, 8, 9, 10];
  const z = Array.from({ length: 81 }, (_, i) => -20 + i / 4); // −20 … 0
  const sizes = Object.fromEntries(Object.keys(losses).map((name) => [name, slopes(name, z)]));
  const far = z.filter((x) => x <= -8);
  const decay = (name: Name) => fitLine(far, sizes[name]!.slice(0, far.length).map(Math.log)).slope;
  const onPlateau = Math.max(...flat.flatMap((name) => sizes[name]!.slice(0, -1)));
  const all = (name: Name, steps: number) =>
    Array.from({ length: quick ? 4 : 20 }, (_, r) => {
      progress(`${name}, problem ${r + 1}`);
      return correct(name, starts, seed, r, steps);
    });
  const moved = Math.max(...flat.flatMap((name) => all(name, 1000)).map((one) => one.moved));
  const [slow, fast] = [saturating, steady].map((name) => {
    const times = all(name, 1e6).map((one) => one.times);
    return starts.map((s, i): Row => {
      const steps = times.map((t) => t[i]!);
      return { s, steps: mean(steps), error: standardError(steps), predicted: predicted[name]!(s) };
    });
  }) as [Row[], Row[]];
  const off = (rows: readonly Row[]) =>
    Math.max(...rows.map((row) => Math.abs(row.steps / row.predicted - 1)));
  const growth = fitLine(
    starts.slice(-4),
    slow.slice(-4).map(({ steps }) => Math.log(steps)),
  );
  const [last, lastFast] = [slow.at(-1)!, fast.at(-1)!];
  const steadiest = Math.min(...sizes[steady]!.slice(0, far.length));
  return {
    holds:
      onPlateau === 0 && moved === 0 && Math.abs(decay(saturating) - 1) < 0.01 && off(slow) < 0.3,
    control: steadiest > 0.99 && off(fast) < 0.3 && lastFast.steps < last.steps / 10,
    summary: `the gradient of the 0-1 loss, a threshold and a ReLU below 0 is ${onPlateau}, of squares after a logistic unit e^(${decay(saturating).toFixed(3)} z) (predicted 0 and eᶻ); a neuron wrong by s = ${last.s} is right after ${shown(last)} steps of squares (predicted ${last.predicted.toFixed(0)}), with ${growth.slope.toFixed(2)} e-folds per unit of s`,
    controlSummary: `the gradient of cross-entropy is never below ${steadiest.toFixed(4)} there, and it takes ${shown(lastFast)} steps (predicted ${lastFast.predicted.toFixed(0)})`,
    figures: {
      "largest gradient of 0-1, threshold and ReLU below 0": onPlateau,
      "largest move of a weight in 1000 steps of these": moved,
      "e-folds of the gradient of squares per unit of z": decay(saturating),
      "the same of cross-entropy": decay(steady),
      "gradient at z = −20, squares and cross-entropy": [
        sizes[saturating]![0]!,
        sizes[steady]![0]!,
      ],
      "starts s": starts,
      "steps with squares": slow.map((row) => row.steps),
      "predicted steps with squares": slow.map((row) => row.predicted),
      "steps with cross-entropy": fast.map((row) => row.steps),
      "predicted steps with cross-entropy": fast.map((row) => row.predicted),
    },
    charts: { steps: await timesPicture(slow, fast), gradients: await sizesPicture(z, sizes) },
    remarks: [
      "Squares are not at fault, nor is the logistic unit: it is their product, whose derivative has the factor σ(1 − σ) that cross-entropy cancels.",
      "On the right side of the boundary both gradients vanish, as they should.",
    ],
  };
}

interface Row {
  readonly s: number;
  readonly steps: number;
  readonly error: number;
  readonly predicted: number;
}

const shown = ({ steps, error }: Row): string => `${steps.toFixed(0)} ± ${error.toFixed(0)}`;

const timesPicture = (slow: readonly Row[], fast: readonly Row[]) =>
  lineChart({
    title: "From a saturated start, squares take eˢ steps and cross-entropy s",
    subtitle: "Steps until a logistic neuron is right, ± 2 standard errors; dashed: predicted",
    x: "s: how far the neuron begins on the wrong side",
    y: "steps of descent",
    log: "y",
    curves: [
      { rows: slow, name: "squares", color: "#0072b2" },
      { rows: fast, name: "cross-entropy", color: "#d55e00" },
    ].flatMap(({ rows, name, color }) => [
      {
        name,
        color,
        dots: true,
        points: rows.map((r): [number, number, number] => [r.s, r.steps, r.error]),
      },
      {
        name: `${name}, predicted`,
        color,
        dashed: true,
        points: rows.map((r): [number, number] => [r.s, r.predicted]),
      },
    ]),
  });

const sizesPicture = (z: readonly number[], sizes: Readonly<Record<string, number[]>>) =>
  lineChart({
    title: "Only cross-entropy still pulls where a neuron is badly wrong",
    subtitle: "Size of dL/dz at score z, where z > 0 is right; 0-1, threshold and ReLU: exactly 0",
    x: "score z",
    y: "size of the gradient",
    curves: ["0-1", saturating, steady].map((name) => ({
      name: name === "0-1" ? "0-1, threshold, ReLU" : name,
      points: z.slice(0, -1).map((x, i): [number, number] => [x, sizes[name]![i]!]),
    })),
  });

export default {
  id: "E20",
  title: "Plateaux and saturation",
  claim:
    "The 0-1 loss, a hard threshold and a ReLU below 0 have a gradient of exactly 0, so descent stays; squares after a logistic unit have one of eᶻ on the wrong side, so it takes eˢ steps from a score of −s; cross-entropy keeps a gradient of 1 and takes s.",
  source:
    "Solla, Levin & Fleisher 1988; Glorot & Bengio 2010; Goodfellow, Bengio & Courville 2016, §6.2.2",
  measured:
    "|dL/dz| at scores from −20 to 0, and the steps that a neuron takes on random separable examples from weights that are −s times the right ones.",
  criterion:
    "The gradient of the three is exactly 0 and no weight moves; that of squares falls as eᶻ within 1 %, and its steps are within 30 % of the integral for one example. Control: cross-entropy must have no plateau: a gradient above 0.99, and steps within 30 % of s + 1 − e⁻ˢ over η, a tenth of the others at most.",
  run,
} satisfies Experiment;

import { init } from "gradus/nn";
import { measure, type Pairing, type Profile, rate, theory } from "./shared/deep-signals.ts";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { signed } from "./shared/statistics.ts";

/**
 * By how many bits per layer a variance may change and still count as preserved; and by how many it
 * may differ from theory.
 */
const [kept, tolerance] = [0.25, 0.5];

const small = init.normal(0, 0.01);
const unit = init.normal(0, 1);
const pairings: readonly Pairing[] = [
  { name: "He, ReLU", initializer: init.heNormal, gain: () => 2, activation: "ReLU", keeps: true },
  {
    name: "Xavier, tanh",
    initializer: init.lecunNormal,
    gain: () => 1,
    activation: "tanh",
    keeps: true,
  },
  { name: "Xavier, ReLU", initializer: init.lecunNormal, gain: () => 1, activation: "ReLU" },
  { name: "N(0, 0.01²), ReLU", initializer: small, gain: (n) => n * 1e-4, activation: "ReLU" },
  { name: "N(0, 0.01²), tanh", initializer: small, gain: (n) => n * 1e-4, activation: "tanh" },
  { name: "N(0, 1), ReLU", initializer: unit, gain: (n) => n, activation: "ReLU" },
  { name: "N(0, 1), tanh", initializer: unit, gain: (n) => n, activation: "tanh" },
];

/** Bits per layer, measured and by theory. */
function compared(pairing: Pairing, sizes: Parameters<typeof measure>[1], seed: number) {
  const measured = measure(pairing, sizes, seed);
  const predicted = theory(pairing, sizes.n, sizes.depth);
  const [signal, signal0] = [rate(measured.signal), rate(predicted.signal)];
  const [gradient, gradient0] = [-rate(measured.gradient), -rate(predicted.gradient)]; // backwards
  return {
    ...{ pairing, measured, predicted, rates: [signal, gradient, signal0, gradient0] },
    keeps: Math.abs(signal) < kept && Math.abs(gradient) < kept,
    error: Math.max(Math.abs(signal - signal0), Math.abs(gradient - gradient0)),
  };
}

async function run({ quick, seed, progress }: Setup) {
  const sizes = quick ? { n: 128, depth: 20, nets: 8 } : { n: 512, depth: 40, nets: 10 };
  const rows = pairings.map((pairing) => {
    progress(pairing.name);
    return compared(pairing, sizes, seed);
  });
  const [right, wrong] = [
    rows.filter((r) => r.pairing.keeps),
    rows.filter((r) => !r.pairing.keeps),
  ];
  const error = Math.max(...rows.map((r) => r.error));
  const last = right[1]!.measured.signal.at(-1)!;
  return {
    holds: right.every((r) => r.keeps) && error < tolerance,
    control: wrong.every((r) => !r.keeps),
    summary: `bits per layer, signal and gradient: ${right.map(({ pairing, rates }) => `${pairing.name} ${signed(rates[0]!)} and ${signed(rates[1]!)}`).join(", ")} (predicted about 0); all ${rows.length} pairings within ${error.toFixed(2)} of the theory`,
    controlSummary: wrong
      .map(
        ({ pairing, rates }) =>
          `${pairing.name} ${signed(rates[0]!, 1)} and ${signed(rates[1]!, 1)}`,
      )
      .join(", "),
    figures: {
      ...sizes,
      ...Object.fromEntries(
        rows.map(({ pairing, rates }) => [
          `${pairing.name}: bits per layer of signal and gradient, measured and predicted`,
          rates,
        ]),
      ),
      ...Object.fromEntries(
        rows.map(({ pairing, measured }) => [
          `${pairing.name}: log₂ variance by layer`,
          measured.signal,
        ]),
      ),
    },
    charts: {
      signal: await depthChart(
        "signal",
        "Which first weights carry a signal through depth",
        rows,
        sizes,
      ),
      gradient: await depthChart("gradient", "… and which carry the gradient back", rows, sizes),
    },
    remarks: [
      `With tanh, Xavier's initializer does not keep the variance but lets it fall slowly, as 1/(2l) in layer l and not by a factor per layer: at layer ${sizes.depth} it is ${(2 ** last).toFixed(3)}, predicted about ${(1 / (2 * sizes.depth)).toFixed(3)}.`,
      "The texts give variance 1/n_in the name of Xavier; Glorot & Bengio's own variance has 2/(n_in + n_out), the same here because all layers are of one width.",
      "N(0, 1) with tanh keeps the signal, for tanh is bounded, and fails by its gradient.",
    ],
  };
}

const depthChart = (
  key: keyof Profile,
  title: string,
  rows: readonly { pairing: Pairing; measured: Profile }[],
  sizes: { readonly n: number; readonly nets: number },
) =>
  lineChart({
    title,
    subtitle: `log₂ of the variance, ${sizes.n} units a layer, mean of ${sizes.nets} nets; 0.01 and 1: σ of N(0, σ²)`,
    x: "layer",
    y: `log₂ variance of the ${key}`,
    yDomain: [-40, 40],
    curves: rows
      .filter(({ pairing }) => pairing.name !== "N(0, 0.01²), tanh") // hardly apart from ReLU's
      .map(({ pairing, measured }) => ({
        name: pairing.name.replace(/N\(0, (0.01|1)²?\)/, "$1"),
        points: measured[key]
          .map((y, l) => [l + 1, y] as const)
          .filter(([, y]) => Math.abs(y) < 40),
      })),
  });

export default {
  id: "E13",
  title: "First weights keep the variance through depth, or not",
  claim:
    "Weights of variance 2/n_in before ReLU (He) and 1/n_in before tanh (Xavier) keep the variance of signals and gradients through many layers; other initializers make it vanish or explode by a factor per layer.",
  source: "Glorot & Bengio 2010; He et al. 2015, §2.2; Poole et al. 2016 for the factors",
  measured:
    "The variance of the pre-activations and of the gradient in each layer of deep random nets, for seven pairs of initializer and activation, beside the recursions of infinitely wide layers.",
  criterion: `Over the deeper half, He with ReLU and Xavier with tanh change both by less than ${kept} bits per layer, and every pair agrees with theory within ${tolerance} bits per layer. Control: the five other pairs must change signal or gradient by more.`,
  run,
} satisfies Experiment;

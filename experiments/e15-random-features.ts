import { arcCosine, powers } from "./shared/arc-cosine.ts";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { type Curve, lineChart } from "./shared/line-chart.ts";
import { gaussian } from "./shared/random.ts";
import { kernelErrors, netErrors } from "./shared/random-features.ts";
import { fitPower, plusMinus } from "./shared/statistics.ts";

const d = 5;
const points = 48; // half to learn from, half to predict
const range = 0.1; // around the exponent −1/2

const names = ["step", "ReLU", "squared ReLU"];

async function run({ quick, seed, progress }: Setup) {
  const x = gaussian([points, d], seed, 999_999);
  const ms = powers(4, quick ? 11 : 15);
  const repeats = quick ? 30 : 100;
  progress("kernels");
  const errors = kernelErrors(x, ms, repeats, seed, 0);
  const fits = errors.map((each) => fitPower(ms, each));
  const wrong = kernelErrors(x, ms, quick ? 5 : 20, seed, 1);
  const wrongFits = wrong.map((each) => fitPower(ms, each));
  progress("nets with a frozen layer");
  const widths = powers(5, quick ? 9 : 11);
  const nets = await netErrors(x, widths, quick ? 6 : 20, seed);
  const net = fitPower(
    widths,
    nets.map((e) => e.limit),
  );
  const own = Math.max(...nets.map((e) => e.own));
  const near = ({ slope }: { slope: number }, range: number) => Math.abs(slope + 0.5) < range;
  const shown = fits.map((fit, n) => `${names[n]} ${plusMinus(fit.slope, fit.error)}`).join(", ");
  return {
    holds: fits.every((fit) => near(fit, range)) && near(net, 2 * range) && own < 1e-6,
    control: wrongFits.every((fit) => !near(fit, range)),
    summary: `exponents in m: ${shown}, net with a frozen layer ${plusMinus(net.slope, net.error)} (predicted −1/2); the net is its own kernel machine to ${own.toExponential(0)}`,
    controlSummary: `against the next degree's kernel the exponents are ${wrongFits.map((fit) => plusMinus(fit.slope, fit.error)).join(", ")}`,
    figures: {
      "random units m": ms,
      ...Object.fromEntries(errors.map((each, n) => [`root mean square error, degree ${n}`, each])),
      ...Object.fromEntries(fits.map((fit, n) => [`exponent, degree ${n}`, fit.slope])),
      ...Object.fromEntries(
        wrong.map((each, n) => [`degree ${n} against degree ${(n + 1) % 3}`, each]),
      ),
      "k₁(e₁, e₂) of orthogonal unit vectors": arcCosine(
        [
          [1, 0],
          [0, 1],
        ],
        1,
      )[1]!,
      "widths of nets": widths,
      "net against the limit's kernel machine": nets.map((e) => e.limit),
      "net against its own kernel machine": nets.map((e) => e.own),
      "exponent of the net": net.slope,
    },
    charts: {
      kernels: await kernelChart(ms, errors, wrong[1]!, repeats),
      nets: await netChart(
        widths,
        nets.map((e) => e.limit),
      ),
    },
    remarks: [
      "The text writes the kernel with 1/m and a limit E σ(wᵀx)σ(wᵀx′); Cho & Saul's arc-cosine kernels are twice that, hence the factor √(2/m).",
      "The identity with the net's own kernel machine needs the output weights to start at 0 and a ridge (or the least-norm solution): descent then never leaves the span of the features.",
    ],
  };
}

function kernelChart(
  ms: readonly number[],
  errors: readonly (readonly number[])[],
  wrong: readonly number[],
  repeats: number,
) {
  const curve = (name: string, of: readonly number[], dashed = false): Curve => ({
    name,
    dashed,
    dots: true,
    points: of.map((y, i) => [ms[i]!, y] as const),
  });
  return lineChart({
    title: "Random layers approach the arc-cosine kernels like 1/√m",
    subtitle: `Root mean square error over pairs and ${repeats} draws; dashed: a wrong degree`,
    x: "random units m",
    y: "error of the kernel",
    log: "xy",
    curves: [
      ...errors.map((each, n) => curve(names[n]!, each)),
      curve("ReLU against degree 2", wrong, true),
    ],
  });
}

const netChart = (widths: readonly number[], limits: readonly number[]) =>
  lineChart({
    title: "A wide net with a frozen first layer is a kernel method",
    subtitle:
      "ReLU net, output layer trained by descent, against ridge regression with the limit's kernel",
    x: "hidden units m",
    y: "difference of predictions",
    log: "xy",
    curves: [
      {
        name: "root mean square difference",
        dots: true,
        points: limits.map((y, i) => [widths[i]!, y] as const),
      },
    ],
  });

export default {
  id: "E15",
  title: "Random features and the arc-cosine kernel",
  claim:
    "The kernel of a layer of m random units tends to the arc-cosine kernel of its activation's degree, with an error of order 1/√m; so a wide net whose first layer is frozen is a kernel method.",
  source: "Cho & Saul 2009, §2; Rahimi & Recht 2007",
  measured:
    "The root mean square error of the kernel matrix of 48 random inputs against m, for step, ReLU and squared ReLU; and the predictions of trained nets with a frozen first layer against ridge regression with the limit's kernel.",
  criterion: `Each exponent is within ${range} of −1/2 (the net's within ${2 * range}), and the trained net equals its own kernel machine to 1e-6. Control: against the kernel of another degree no exponent may be near −1/2.`,
  run,
} satisfies Experiment;

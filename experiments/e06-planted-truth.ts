/** E6: random data from a planted neuron leave one minimum, within √(d log n / n) of the truth. */
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { derivatives, descend, minima } from "./shared/newton.ts";
import { ball, deviation, planted, population, samples } from "./shared/planted-neuron.ts";
import { type Curve, constant, curve, halves } from "./shared/power-curves.ts";
import { plusMinus } from "./shared/statistics.ts";
import { norm } from "./shared/vectors.ts";

const [dimensions, radius] = [[2, 5, 10], 3];

/** ‖ŵ − w*‖ for the minimizer ŵ of each of R samples, a few at a time. */
function recovery(R: number, n: number, d: number, seed: number, coin: boolean): number[] {
  const together = Math.max(1, Math.min(R, Math.floor(2e6 / (n * d))));
  const zeros = Array.from({ length: together }, () => Array<number>(d).fill(0));
  return Array.from({ length: Math.ceil(R / together) }, (_, k) =>
    descend(samples(together, n, d, 1000 * seed + 100 * Number(coin) + k, coin), zeros, 40).map(
      ({ point }) => norm(point.map((w, i) => w - (i === 0 ? planted : 0))),
    ),
  ).flat();
}

/**
 * How far gradient and Hessian of n examples deviate from the expected ones, over points of the
 * ball.
 */
function deviationOver(
  d: number,
  ns: readonly number[],
  [points, repetitions]: readonly number[],
  expected: ReturnType<typeof population>,
  { seed, progress }: Pick<Setup, "seed" | "progress">,
) {
  const grid = ball(points!, radius, d, seed);
  const at = expected(grid);
  const found = ns.map((n) => {
    progress(`deviation over the ball, d = ${d}, n = ${n}`);
    return Array.from({ length: repetitions! }, (_, k) =>
      deviation(derivatives(samples(1, n, d, 1000 * seed + 500 + k))(grid), at),
    );
  });
  const of = (what: "gradient" | "hessian") =>
    curve(d, ns, (n) => found[ns.indexOf(n)]!.map((one) => one[what]));
  return { gradient: of("gradient"), hessian: of("hessian") };
}

/**
 * A margin by which the expected gradient points away from w*, so that there is no other critical
 * point.
 */
function leastAway(expected: ReturnType<typeof population>, seed: number): number {
  const disc = ball(2000, radius, 2, seed);
  const away = expected(disc).map(({ gradient: [g1, g2] }, i) => {
    const [u, v] = [disc[i]![0]! - planted, disc[i]![1]!];
    return (g1! * u + g2! * v) / (u * u + v * v);
  });
  return Math.min(...away);
}

async function run({ quick, seed, progress }: Setup) {
  const ns = quick ? [800, 8000, 80_000] : [1000, 3162, 10_000, 31_623, 100_000];
  const together = quick ? 40 : 300;
  const expected = population();
  const distances = (d: number, coin: boolean) =>
    curve(d, ns, (n) => {
      progress(`recovery${coin ? " of coins" : ""}, d = ${d}, n = ${n}`);
      return recovery(Math.round((coin ? 20 : together) / d), n, d, seed, coin);
    });
  const recovered = dimensions.map((d) => distances(d, false));
  const coins = distances(5, true);
  const deviations = dimensions.map((d) =>
    deviationOver(d, ns, quick ? [24, 4] : [64, 16], expected, { seed, progress }),
  );
  const [gradient, hessian] = [deviations.map((d) => d.gradient), deviations.map((d) => d.hessian)];
  const least = leastAway(expected, seed);
  progress("minima of one sample");
  const found = minima(samples(1, 5000, 5, seed), ball(quick ? 25 : 200, radius, 5, seed + 1));
  const list = (curves: readonly Curve[]) =>
    curves.map(({ slope, error }) => plusMinus(slope, error)).join(", ");
  const named = (what: string, curves: readonly Curve[]) => ({
    [`${what}: slopes for d = 2, 5, 10`]: curves.map(({ slope }) => slope),
    [`${what}: standard errors`]: curves.map(({ error }) => error),
    [`${what}: constant C`]: constant(curves),
  });
  return {
    holds: [recovered, gradient, hessian].flat().every(halves) && least > 0 && found.length === 1,
    control: !halves(coins),
    summary: `recovery error falls with slopes ${list(recovered)} for d = 2, 5, 10, deviation of the gradient ${list(gradient)}, of the Hessian ${list(hessian)} (predicted −1/2)`,
    controlSummary: `where labels are coins the distance to w* has the slope ${plusMinus(coins.slope, coins.error)}`,
    figures: {
      n: ns,
      ...named("‖ŵ − w*‖", recovered),
      ...named("gradient over the ball", gradient),
      ...named("Hessian over the ball", hessian),
      "least ⟨∇ℓ(w), w − w*⟩ / ‖w − w*‖² of the expected loss": least,
      "minima of a sample, n = 5000, d = 5": found.length,
    },
    charts: {
      recovery: await decay("Planted weights are found like 1/√n", "‖ŵ − w*‖", [
        ...recovered,
        coins,
      ]),
      gradient: await decay(
        "The gradient is right over a whole ball",
        "largest ‖∇ℓₙ − ∇ℓ‖",
        gradient,
      ),
      hessian: await decay("So is the Hessian", "largest ‖∇²ℓₙ − ∇²ℓ‖", hessian),
    },
    remarks: [
      "Labels are drawn with probability σ(w*ᵀx). In the course text's regression model, y = σ(w*ᵀx) without noise, nothing is left to estimate: w* has loss 0, and is found exactly as soon as n > d.",
      "The supremum over the ball is measured as a maximum over points of it, against the expectation by quadrature. The factor √log n of the bound cannot be told from these numbers: the slopes are those of 1/√n alone.",
    ],
  };
}

function decay(title: string, y: string, curves: readonly Curve[]) {
  const [n0, y0] = curves[2]!.points[0]!;
  const half = curves[2]!.points.map(([n]) => [n, 0.6 * y0 * Math.sqrt(n0 / n)] as const);
  const found = curves.map(({ d, points }, i) => {
    const name = i < dimensions.length ? `d = ${d}` : "labels without x, d = 5";
    return { name, points, dots: true };
  });
  return lineChart({
    title,
    subtitle: "means over repetitions, bars: ± two standard errors",
    x: "examples n",
    y,
    log: "xy",
    curves: [...found, { name: "slope −1/2", points: half, dashed: true, color: "#555555" }],
  });
}

export default {
  id: "E6",
  title: "Random data from a planted neuron leave one minimum",
  claim:
    "Where labels come from a planted neuron, the expected squared loss has no minimum but the truth w*; gradient and Hessian of n examples are within √(C d log n / n) of the expected ones over a whole ball, and so the minimiser is that near to w*.",
  source: "Mei, Bai & Montanari 2018, theorems 1 and 4",
  measured:
    "For d = 2, 5, 10 and n over two decades: ‖ŵ − w*‖ of Newton's minimiser from 0; the largest error of gradient and Hessian at points of the ball ‖w‖ ≤ 3; whether the expected gradient points to w* everywhere; the minima of one sample.",
  criterion:
    "Holds if all nine slopes are −1/2 to within 0.05 and three standard errors, the expected gradient leads to w* from 2000 points, and one sample has one minimum. Control: for labels thrown without a look at x the distance to w* must not fall so.",
  run,
} satisfies Experiment;

/**
 * E2: one hidden layer approximates a continuous function arbitrarily well, unless its activation
 * is polynomial.
 */
import { randomKey, type Tensor, tensor, uniform } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { fitPower, signed } from "./shared/statistics.ts";

/**
 * cos 3πx alternates between its extremes ±1 at the 7 points k/3 of [−1, 1]. By Chebyshev's theorem
 * no polynomial of degree 5 or less is closer to it than 0: the error is 1, whatever the width.
 */
const target = (x: Tensor): Tensor => x.mul(3 * Math.PI).cos();

const activations = {
  tanh: (z: Tensor) => z.tanh(),
  sigmoid: (z: Tensor) => z.sigmoid(),
  ReLU: (z: Tensor) => z.relu(),
  "z²": (z: Tensor) => z.square(),
  "z³": (z: Tensor) => z.mul(z.square()),
  "z⁵": (z: Tensor) => z.mul(z.square().square()),
};
type Activation = keyof typeof activations;
const polynomials: readonly Activation[] = ["z²", "z³", "z⁵"];
const others: readonly Activation[] = ["tanh", "sigmoid", "ReLU"];

const grid = (points: number): Tensor =>
  tensor(Float64Array.from({ length: points }, (_, i) => (2 * i) / (points - 1) - 1));

/**
 * Largest |f − f̂| on [−1, 1] of a net 1 → m → 1 with a random first layer (one unit per 2/m, from
 * a random offset, with random slopes) and a least-squares second layer.
 */
function error(name: Activation, m: number, seed: number, draw: number): number {
  const random = (lane: number) => {
    const key = randomKey(seed, 100 * draw + lane);
    return uniform([m], { key, dtype: "float64" }).dataSync();
  };
  const [place, slope] = [random(0), random(1)];
  const centers = tensor(Float64Array.from(place, (_, i) => (2 * (i + place[0]!)) / m - 1));
  const slopes = tensor(Float64Array.from(slope, (u, i) => (i % 2 ? 1 : -1) * (4 + 8 * u)));
  const layer = (x: Tensor) => {
    const z = x.unsqueeze(1).sub(centers).mul(slopes);
    return activations[name](polynomials.includes(name) ? z.div(12) : z);
  };
  const x = grid(1201);
  // a constant column is the bias of the second layer
  const hidden = (x: Tensor) =>
    layer(x).pad(
      [
        [0, 0],
        [0, 1],
      ],
      1,
    );
  const H = hidden(x);
  const { values, vectors } = eigenSymmetric(H.transpose().matmul(H).toArray() as number[][]);
  const right = H.transpose().matmul(target(x)).dataSync();
  const v = new Float64Array(m + 1);
  vectors.forEach((q, k) => {
    if (values[k]! < 1e-13 * values[0]!) return; // a null direction of the data
    const along = q.reduce((sum, qi, i) => sum + qi * right[i]!, 0) / values[k]!;
    for (let i = 0; i <= m; i++) v[i]! += along * q[i]!;
  });
  const fine = grid(3001);
  return hidden(fine).matmul(tensor(v)).sub(target(fine)).abs().max().item();
}

async function run({ quick, seed, progress }: Setup) {
  const widths = quick ? [2, 4, 8, 16, 32, 64, 128] : [2, 4, 8, 16, 32, 64, 128, 256, 512];
  const draws = quick ? 3 : 10;
  const curves = (Object.keys(activations) as Activation[]).map((name) => ({
    name,
    // only the existence of weights is claimed: the best of several draws
    errors: widths.map((m) => {
      progress(`${name}, ${m} units`);
      return Math.min(...Array.from({ length: draws }, (_, draw) => error(name, m, seed, draw)));
    }),
  }));
  const of = (names: readonly Activation[]) => curves.filter(({ name }) => names.includes(name));
  const last = of(others).map(({ errors }) => errors.at(-1)!);
  const floor = Math.min(...of(polynomials).flatMap(({ errors }) => errors));
  const relu = curves.find(({ name }) => name === "ReLU")!.errors;
  const from = widths.indexOf(16);
  const { slope } = fitPower(widths.slice(from), relu.slice(from));
  return {
    holds: Math.max(...last) < 0.02 && Math.abs(slope + 2) < 0.5,
    control: floor > 1 - 1e-9,
    summary: `with ${widths.at(-1)} units the largest error of ${others.map((name, i) => `${name} is ${last[i]!.toExponential(0)}`).join(", of ")} (predicted: → 0); that of ReLU falls like m^${signed(slope)} (predicted m^−2)`,
    controlSummary: `activations z², z³, z⁵ err by ${floor.toFixed(4)} or more at every width (Chebyshev: at least 1)`,
    figures: {
      "hidden units m": widths,
      ...Object.fromEntries(curves.map(({ name, errors }) => [`largest error, ${name}`, errors])),
      "exponent of ReLU from 16 units": slope,
      "least error of the polynomials": floor,
    },
    charts: {
      width: await lineChart({
        title: "Any activation approximates, but no polynomial",
        subtitle: `largest error for cos 3πx on [−1, 1], the best of ${draws} draws; dashed: Chebyshev's bound`,
        x: "hidden units m",
        y: "largest error",
        log: "xy",
        curves: curves.map(({ name, errors }) => ({
          name,
          points: errors.map((y, i) => [widths[i]!, y] as const),
          dots: true,
        })),
        rules: [1],
      }),
    },
    remarks: [
      "The theorem says that weights exist, and so do these nets: the first layer is drawn, the second solved for. It does not say that gradient descent finds them.",
      "Smooth activations stop near 1e-5: the normal equations lose what is below the square root of rounding. That is no limit of the nets.",
      "A polynomial of degree k gives polynomials of degree k, at any width. With depth the degree grows, and the floor falls.",
    ],
  };
}

export default {
  id: "E2",
  title: "One hidden layer approximates anything",
  claim:
    "A net with one hidden layer comes as near as one likes to any continuous function on a compact set, given enough units, if and only if its activation is not a polynomial.",
  source: "Cybenko 1989; Leshno, Lin, Pinkus & Schocken 1993, theorem 1",
  measured:
    "The largest error for cos 3πx on [−1, 1] against the width, with random units and a least-squares output, for tanh, sigmoid, ReLU and for powers.",
  criterion:
    "Holds if the error of tanh, sigmoid and ReLU is below 0.02 at the largest width, and that of ReLU falls like m^−2, as for broken lines, to within 0.5. Control: z², z³ and z⁵ must err by 1, Chebyshev's bound, at every width.",
  run,
} satisfies Experiment;

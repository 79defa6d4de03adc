/** E4: squares after a sigmoid are not convex in the weights, cross-entropy is. */
import { grad, type Tensor, tensor } from "gradus";
import { type ConvexityCheck, checkConvexity, LossSurface } from "gradus/lab";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { lineChart } from "./shared/line-chart.ts";
import { gaussian } from "./shared/random.ts";
import { signed } from "./shared/statistics.ts";

/** The losses of logits z for labels y, summed; σ(z) is P(y = 1). */
const losses = {
  squares: (z: Tensor, y: Tensor): Tensor => z.sigmoid().sub(y).square().sum(),
  "cross-entropy": (z: Tensor, y: Tensor): Tensor => z.softplus().sub(z.mul(y)).sum(),
};
type Loss = keyof typeof losses;

/** Labels of a random neuron, some of them flipped, on 40 random points. */
function problem(seed: number, repetition: number) {
  const stream = 10 * repetition;
  const x = gaussian([40, 5], seed, stream);
  const noise = gaussian([40], seed, stream + 1);
  const y = x
    .matmul(gaussian([5], seed, stream + 2))
    .add(noise)
    .greater(0)
    .cast("float64")
    .evalSync();
  return (loss: Loss) =>
    LossSurface.of((w: Tensor) => losses[loss](x.matmul(w), y), gaussian([5], seed, stream + 3));
}

/** d²L/dz² of one example with y = 1, by differentiating twice. */
function bend(loss: Loss, z: readonly number[]): number[] {
  const total = (at: Tensor) => losses[loss](at, tensor([1], "float64"));
  const slope = (at: Tensor) => grad(total)(at).sum();
  return Array.from(grad(slope)(tensor([...z], "float64")).dataSync());
}

/**
 * Where the squared error of one example stops being convex: d²L/dz² = 2σ'(1 − σ)(3σ − 1) is 0 at σ
 * = ⅓.
 */
function inflection(): number {
  let [low, high] = [-3, 1];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (bend("squares", [middle])[0]! < 0) low = middle;
    else high = middle;
  }
  return low;
}

async function run({ quick, seed, progress }: Setup) {
  const repetitions = quick ? 5 : 30;
  const [chords, hessians] = quick ? [300, 30] : [2000, 300];
  const search = (loss: Loss): ConvexityCheck[] =>
    Array.from({ length: repetitions }, (_, r) => {
      progress(`${loss}, problem ${r + 1} of ${repetitions}`);
      const surface = problem(seed, r)(loss);
      const center = new Float64Array(5);
      const check = (chords: number, hessians: number) =>
        checkConvexity(surface, { center, radius: 3, chords, hessians, seed: r });
      return [check(chords, 0), check(0, hessians)];
    }).flat();
  const [squares, entropy] = [search("squares"), search("cross-entropy")];
  const refuted = (checks: ConvexityCheck[]) =>
    checks.filter(({ verdict }) => verdict === "not convex").length;
  const least = (checks: ConvexityCheck[]) => Math.min(...checks.map(({ smallest }) => smallest));
  const zero = inflection();
  const offset = Math.abs(zero + Math.log(2));
  return {
    holds: refuted(squares) === 2 * repetitions && offset < 1e-9,
    control: refuted(entropy) === 0,
    summary: `chords below the loss and Hessians with a negative eigenvalue refute convexity of squares in ${refuted(squares)} of ${2 * repetitions} searches; one example bends down for z < ${signed(zero, 6)} (predicted −ln 2 = −0.693147)`,
    controlSummary: `${entropy.reduce((sum, c) => sum + c.chords + c.hessians, 0)} chords and Hessians of cross-entropy give no counter-example; its least eigenvalue is ${least(entropy).toExponential(1)}`,
    figures: {
      problems: repetitions,
      "searches that refute squares": refuted(squares),
      "searches that refute cross-entropy": refuted(entropy),
      "least eigenvalue, squares": least(squares),
      "least eigenvalue, cross-entropy": least(entropy),
      "inflection of one example": zero,
      "its distance from −ln 2": offset,
    },
    charts: {
      bend: await bends(),
      chord: await chordFigure(problem(seed, 0)("squares"), squares[0]!),
    },
    remarks: [
      "That no counter-example is found proves nothing; for cross-entropy d²L/dz² = σ(1 − σ) > 0 does, and convexity in z carries over to w because z is linear in w.",
      "Squares can be convex for no data set: they are bounded, and a bounded convex function on the whole space is constant. That says nothing of the number of minima: see E5 and E6.",
    ],
  };
}

/** The second derivative of both losses along the logit of an example. */
function bends() {
  const z = Array.from({ length: 241 }, (_, i) => -6 + i / 20);
  return lineChart({
    title: "How the loss of one example bends",
    subtitle: "second derivative along the logit z, label 1; below 0 the loss is not convex",
    x: "logit z",
    y: "d²L/dz²",
    curves: (Object.keys(losses) as Loss[]).map((name) => {
      const y = bend(name, z);
      return { name, points: z.map((at, i) => [at, y[i]!] as const) };
    }),
    rules: [0],
  });
}

/** The loss along a chord that refutes convexity. */
function chordFigure(surface: LossSurface, { counterExample }: ConvexityCheck) {
  if (counterExample?.kind !== "chord") throw new Error("internal: no chord was found.");
  const { a, b } = counterExample;
  const ticks = Array.from({ length: 101 }, (_, i) => i / 100);
  const values = ticks.map((t) => surface.value(a.map((x, i) => (1 - t) * x + t * b[i]!)));
  return lineChart({
    title: "A chord below the loss",
    subtitle: "squared loss of 40 examples between two points in weight space",
    x: "from one point (0) to the other (1)",
    y: "loss",
    curves: [
      { name: "squares after a sigmoid", points: ticks.map((t, i) => [t, values[i]!]) },
      {
        name: "chord",
        points: [
          [0, values[0]!],
          [1, values.at(-1)!],
        ],
        dashed: true,
      },
    ],
  });
}

export default {
  id: "E4",
  title: "Squares after a sigmoid are not convex",
  claim:
    "The squared error of a sigmoid neuron is not a convex function of its weights; its cross-entropy is.",
  source: "Boyd & Vandenberghe 2004, §3.1; McCullagh & Nelder 1989, §4.4",
  measured:
    "On random data sets (5 weights, 40 examples, noisy labels): chords below the loss and negative eigenvalues of its Hessian, both at random points; for one example, where d²L/dz² changes its sign.",
  criterion:
    "Holds if chords and Hessians each give a counter-example for squares on every data set, and the sign changes at −ln 2 to 1e-9. Control: the same search must find none for cross-entropy.",
  run,
} satisfies Experiment;

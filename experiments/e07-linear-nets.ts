/** E7: every critical point of a two-layer linear net is a saddle, or the global minimum. */
import { chart } from "gradus/draw";
import { eigenSymmetric, LossSurface } from "gradus/lab";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { gradientDescent } from "./shared/gradient-descent.ts";
import { lineChart } from "./shared/line-chart.ts";
import { d, matrix, type Net, net, p, type Regression, regression } from "./shared/linear-net.ts";
import { table } from "./shared/newton.ts";
import { gaussian } from "./shared/random.ts";
import { norm } from "./shared/vectors.ts";

/** Loss, gradient in units of the largest eigenvalue, and inertia of the Hessian at a net. */
function examine({ linear }: Regression, at: Net) {
  const surface = LossSurface.of(linear, at);
  const { value, gradient } = surface.valueAndGradient(surface.point());
  const { values } = eigenSymmetric(surface.hessian(surface.point()));
  const zero = 1e-9 * values[0]!;
  const negative = values.filter((x) => x < -zero).length;
  const flat = values.filter((x) => Math.abs(x) <= zero).length;
  return { value, gradient: norm([...gradient]) / values[0]!, negative, flat };
}

/** The critical point of a subset J, and the prediction for it. */
function critical(problem: Regression, J: readonly number[], seed: number) {
  const { lambda, U, total } = problem;
  const r = J.length;
  const better = J.flatMap((j) => lambda.filter((l, k) => !J.includes(k) && l > lambda[j]!)).length;
  return {
    ...examine(
      problem,
      net(
        problem,
        J.map((j) => U[j]!),
        seed,
      ),
    ),
    J: `{${J.map((j) => j + 1).join()}}`,
    closed: J.reduce((sum, j) => sum - lambda[j]!, total),
    // downhill: by replacing an element of J by a better one outside, or by using an unused unit
    // for one
    index: better + (p - r) * (d - r),
    // flat: changes of C, and one of the two weights of an unused unit
    invariant: r * r + 2 * r * (p - r),
  };
}

async function run({ quick, seed, progress }: Setup) {
  const problem = regression(seed);
  const { U, best, lambda, total } = problem;
  const all = [0, 1, 2, 3, 4];
  const pairs = all.flatMap((i) => all.filter((j) => j > i).map((j) => [i, j]));
  const points = [[], ...all.map((i) => [i]), ...pairs].map((J) => critical(problem, J, seed));
  const down = (kind: "linear" | "relu") => {
    progress(`gradient descent, ${kind}`);
    const [starts, steps] = quick ? [60, 4000] : [1000, 10_000];
    const start = { A: gaussian([starts, d, p], seed, 5), B: gaussian([starts, p, d], seed, 6) };
    const end = gradientDescent<Net>(problem[kind], start, { rate: 0.02, steps });
    return Array.from(problem[kind](end).dataSync()).sort((a, b) => a - b);
  };
  const [linear, relu] = [down("linear"), down("relu")];
  const global = total - lambda[0]! - lambda[1]!;
  const error = Math.max(...points.map(({ value, closed }) => Math.abs(value - closed) / total));
  const gradient = Math.max(...points.map((c) => c.gradient));
  const right = points.filter((c) => c.negative === c.index && c.flat === c.invariant).length;
  const highest = linear.at(-1)! / global - 1;
  const spread = relu.at(-1)! / relu[0]! - 1;
  const mixed = U[1]!.map((x, i) => (x + U[4]![i]!) / Math.SQRT2);
  const wrong = examine(problem, net(problem, [U[0]!, mixed], seed)).gradient;
  const generic = examine(problem, net(problem, [U[0]!], seed, matrix(gaussian([1, d], seed, 7))));
  const along = matrix(table([U[0]!]).matmul(table(best)));
  const special = examine(problem, net(problem, [U[0]!], seed, along));
  return {
    holds: right === 16 && gradient < 1e-12 && error < 1e-12 && highest < 1e-6,
    control: wrong > 1e-3 && spread > 0.01,
    summary: `all 16 subsets J give critical points (gradient < ${gradient.toExponential(0)}), ${right} have the predicted index, and ${linear.length} of ${linear.length} descents end within ${Math.max(highest, 1e-15).toExponential(0)} of the global minimum`,
    controlSummary: `with eigenvectors 2 and 5 mixed the gradient is ${wrong.toExponential(0)}; with ReLU between the layers, descents end up to ${(100 * spread).toFixed(0)} % above the best of them`,
    figures: {
      J: points.map((c) => c.J),
      "loss at J": points.map((c) => c.value),
      "directions down": points.map((c) => c.negative),
      "predicted directions down": points.map((c) => c.index),
      "flat directions": points.map((c) => c.flat),
      "predicted flat directions": points.map((c) => c.invariant),
      "largest gradient / largest eigenvalue": gradient,
      "largest distance from tr Σ_YY − Σ λⱼ, relative": error,
      "highest end of descent above the global minimum, relative": highest,
      "the same with ReLU, above the best end": spread,
      "gradient at a wrong J": wrong,
      "gradient at J = {1} with any L": generic.gradient,
      "gradient at J = {1} with a suitable L": special.gradient,
    },
    charts: {
      "critical-points": await landscape(points.toSorted((a, b) => a.value - b.value)),
      descent: await ends(linear, relu),
    },
    remarks: [
      `The course text lets the last p − r rows of B be those of CL for any L. That is too much: for J = {1} and a random L the gradient is ${generic.gradient.toExponential(1)}, not 0. Where an unused unit has weights ℓ in B, it must not see what is left to learn, (Σ_YX − P Σ_YX) ℓ = 0; then it is ${special.gradient.toExponential(0)}.`,
    ],
  };
}

const landscape = (points: readonly ReturnType<typeof critical>[]) =>
  chart((Plot) => ({
    title: "The 16 critical points of a linear net 5 → 2 → 5",
    subtitle: "bars: predicted, dots: found; by loss, and only the lowest has no direction down",
    width: 640,
    height: 350,
    marginBottom: 42,
    x: { label: "J, the eigenvectors that the net uses", domain: points.map(({ J }) => J) },
    y: { label: "directions down (negative eigenvalues of the Hessian)", grid: true },
    marks: [
      Plot.barY(points, { x: "J", y: "index", fill: "#a9cbe6" }),
      Plot.dot(points, { x: "J", y: "negative", r: 5, fill: "#0072b2" }),
      Plot.ruleY([0]),
    ],
  }));

const ends = (linear: readonly number[], relu: readonly number[]) =>
  lineChart({
    title: "Where gradient descent ends",
    subtitle: "final losses from random starts, sorted, relative to the lowest",
    x: "share of starts",
    y: "loss / lowest loss",
    curves: Object.entries({ linear, "with ReLU": relu }).map(([name, losses]) => ({
      name,
      points: losses.map((loss, i) => [(i + 1) / losses.length, loss / losses[0]!] as const),
    })),
  });

export default {
  id: "E7",
  title: "Linear nets have no spurious minima",
  claim:
    "The squared loss of a linear net with one hidden layer has critical points only where the layers project onto a set J of eigenvectors of Σ = Σ_YX Σ_XX⁻¹ Σ_XY. For the top p it is the global minimum; all others are saddles.",
  source: "Baldi & Hornik 1989, facts 1–4",
  measured:
    "For d = 5, p = 2 and each of the 16 subsets J with at most p elements, with a random invertible C: loss, gradient, and signs of the Hessian's eigenvalues; the ends of gradient descent from random starts.",
  criterion:
    "Holds if all gradients are 0 and losses tr Σ_YY − Σ_J λⱼ to 1e-12, the numbers of negative and zero eigenvalues are those of the closed form, and every descent ends at the global minimum to 1e-6. Control: a subspace of no eigenvectors must have a gradient, and a net with ReLU must end at different losses.",
  run,
} satisfies Experiment;

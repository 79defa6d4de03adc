import {
  avgPool,
  compile,
  eye,
  fromHost,
  hostArray,
  type Tensor,
  Variable,
  valueAndGrad,
} from "gradus";
import { digits } from "gradus/data";
import { eigenSymmetric } from "gradus/lab";
import type { Experiment, Setup } from "./shared/experiment.ts";
import { type Curve, lineChart } from "./shared/line-chart.ts";
import { gaussian } from "./shared/random.ts";
import { median } from "./shared/statistics.ts";
import { type Columns, dot, largestAngle } from "./shared/subspace.ts";

/** A number of starts learn side by side, along the leading axis. */
const [starts, rho] = [8, 0.98];
const limit = 0.1; // degrees; the prediction is 0, and descent stops after finitely many steps

/** Σ = XXᵀ/n of centred digits, pooled to side × side pixels, scaled to λ₁ = 1. */
function covariance(side: number, count: number, seed: number): Float64Array[] {
  const images = fromHost(digits({ train: count, test: 0, seed }).train.inputs).cast("float64");
  const x = avgPool(images, { size: 28 / side }).reshape([count, side * side]);
  const centred = x.sub(x.mean({ axis: 0 }));
  const rows = centred.transpose().matmul(centred).div(count).toArray() as number[][];
  const [largest] = eigenSymmetric(rows).values;
  return rows.map((row) => Float64Array.from(row, (v) => v / largest!));
}

/**
 * Learns A [starts, d, p] and B [starts, p, d] by Nesterov's momentum with restarts where it would
 * go uphill (O'Donoghue & Candès 2015); `watch` gets A every 100 steps.
 */
function learn(sigma: Columns, p: number, steps: number, seed: number, watch: (a: Tensor) => void) {
  const d = sigma.length;
  const covariance = fromHost(hostArray([d, d], Float64Array.from(sigma.flatMap((r) => [...r]))));
  const identity = eye(d, { dtype: "float64" });
  // ‖X − ABX‖²/n = tr (I − AB) Σ (I − AB)ᵀ: the data enter by Σ alone
  const losses = ([a, b]: readonly Tensor[]) => {
    const error = identity.sub(a!.matmul(b!));
    const squares = error.matmul(covariance).mul(error);
    return squares.sum({ axis: [1, 2] });
  };
  const both = valueAndGrad((w: readonly Tensor[]) => losses(w).sum());
  const random = (rows: number, columns: number, stream: number) =>
    new Variable(gaussian([starts, rows, columns], seed, stream).mul(d ** -0.5));
  const weights = [random(d, p, 2 * p), random(p, d, 2 * p + 1)];
  const speeds = weights.map((w) => new Variable(w.value.mul(0)));
  const step = compile((lr: number) => {
    const { grads } = both(weights.map((w) => w.value));
    const along = speeds.map((v, i) =>
      v.value.mul(grads[i]!).sum({ axis: [1, 2], keepDims: true }),
    );
    const downhill = along[0]!.add(along[1]!).greaterEqual(0).cast("float64");
    weights.forEach((w, i) => {
      const v = speeds[i]!.value.mul(downhill).mul(rho).add(grads[i]!);
      speeds[i]!.value = v;
      w.value = w.value.sub(grads[i]!.add(v.mul(rho)).mul(lr));
    });
  });
  for (let k = 0; k < steps; k++) {
    if (k % 100 === 0) watch(weights[0]!.value);
    step.sync(0.05);
  }
  watch(weights[0]!.value);
  return Array.from(losses(weights.map((w) => w.value)).dataSync());
}

/** The columns of A of each start. */
const columnsOf = (a: Tensor): Float64Array[][] =>
  (a.transpose([0, 2, 1]).toArray() as number[][][]).map((s) => s.map((c) => Float64Array.from(c)));

async function run({ quick, seed, progress }: Setup) {
  const sigma = covariance(quick ? 7 : 14, quick ? 500 : 5000, seed);
  const { values, vectors } = eigenSymmetric(sigma);
  const [widths, steps] = quick ? [[1, 2, 4, 8], 2000] : [[1, 2, 4, 8, 16], 4000];
  const rows = widths.map((p) => {
    progress(`p = ${p}`);
    let last: Float64Array[][] = [];
    const points: [step: number, angle: number][] = [];
    const losses = learn(sigma, p, steps, seed, (a) => {
      last = columnsOf(a);
      const angles = last.map((columns) => largestAngle(columns, vectors.slice(0, p)));
      points.push([100 * points.length, median(angles)]);
    });
    const optimum = values.slice(p).reduce((a, b) => a + b, 0);
    const unit = (c: Float64Array) => c.map((x) => x / Math.sqrt(dot(c, c)));
    const likeness = last.map((s) =>
      Math.max(...vectors.slice(0, p).map((u) => Math.abs(dot(unit(s[0]!), u)))),
    );
    return {
      curve: { name: `p = ${p}`, points },
      angle: Math.max(...last.map((s) => largestAngle(s, vectors.slice(0, p)))),
      wrong: Math.min(...last.map((s) => largestAngle(s, vectors.slice(1, p + 1)))),
      excess: Math.max(...losses.map((loss) => loss / optimum - 1)),
      likeness: median(likeness),
    };
  });
  const worst = Math.max(...rows.map((r) => r.angle));
  const excess = Math.max(...rows.map((r) => r.excess));
  const wrong = Math.min(...rows.map((r) => r.wrong));
  const { likeness } = rows.at(-1)!;
  return {
    holds: rows.every((r) => r.angle < limit && r.excess < 1e-4),
    control: wrong > 45,
    summary: `largest principal angle to PCA ${worst.toExponential(1)}° over ${widths.length} widths and ${starts} starts (predicted 0), loss above Σ λ_j, j > p, by ${excess.toExponential(1)}`,
    controlSummary: `to eigenvectors 2 … p + 1 the angle is at least ${wrong.toFixed(1)}°`,
    figures: {
      "pixels d": sigma.length,
      "code widths p": widths,
      "largest principal angle, degrees": rows.map((r) => r.angle),
      "relative excess of the loss": rows.map((r) => r.excess),
      "angle to eigenvectors 2 … p + 1, degrees": rows.map((r) => r.wrong),
      "largest |cosine| of a column of A with an eigenvector": rows.map((r) => r.likeness),
      "eigenvalues, λ₁ = 1": Array.from(values.slice(0, 40)),
    },
    charts: { angles: await picture(rows.map((r) => r.curve)) },
    remarks: [
      `Only the span is that of PCA: for p = ${widths.at(-1)} a column of A has a cosine of at most ${likeness.toFixed(2)} with the nearest eigenvector (median over starts). AB = UUᵀ leaves A free up to an invertible factor.`,
      "The text's addition holds: without orthogonality of the weights, and with a gap λ_p > λ_{p+1}.",
    ],
  };
}

const picture = (curves: readonly Curve[]) =>
  lineChart({
    title: "A linear autoencoder turns its code into the span of PCA",
    subtitle: `Largest principal angle to the top p eigenvectors, digits, median of ${starts} starts`,
    x: "steps of descent",
    y: "angle (degrees)",
    log: "y",
    rules: [limit],
    curves,
  });

export default {
  id: "E8",
  title: "A linear autoencoder finds the space of PCA",
  claim:
    "The squared error ‖x − ABx‖² of a linear autoencoder with a code of width p is least where A spans the top p eigenvectors of the covariance, AB = UUᵀ, and descent finds that from any random start.",
  source: "Baldi & Hornik 1989, facts 1–4; Bourlard & Kamp 1988",
  measured:
    "The largest principal angle between the columns of A and the top p eigenvectors after training from 8 random starts on images of digits, and the loss above its optimum, the sum of the other eigenvalues.",
  criterion: `For every p and every start the angle is below ${limit}° and the loss within a 1e-4th of the optimum. Control: against eigenvectors 2 … p + 1, a wrong subset, the angle must be large (above 45°).`,
  run,
} satisfies Experiment;

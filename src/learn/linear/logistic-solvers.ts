/** Minimisers of the logistic and the softmax loss with a penalty. */
import { dot, norm } from "../../base/vectors.ts";
import { lbfgs, type Preconditioner } from "../../optim/solvers/descent.ts";
import { valueAndGradient } from "../../optim/solvers/flat-parameters.ts";
import { descend } from "../../optim/solvers/minimize.ts";
import {
  compile,
  concat,
  fromHost,
  oneHot,
  type Tensor,
  valueAndGrad,
} from "../../tensor/index.ts";
import { type Matrix, rowOf, takeRows, tensorOf, vectorTensor } from "../input.ts";
import { choleskySolve, inverseFactor, product, times, timesTransposed } from "../linalg.ts";
import { productsAround } from "../moments.ts";
import { addAffine, affine } from "./linear-classifier.ts";

/**
 * The mean loss Σ sₙ ℓₙ, Σ s = 1, with ½ l2 ‖W‖² + l1 Σ|W|. Weights are `[K, D + 1]`, b last; with
 * one output it is the score of the second of two classes.
 */
export interface Problem {
  readonly x: Matrix;
  readonly indices: Int32Array;
  readonly weights: Float64Array;
  /** Σ s before normalisation. */
  readonly total: number;
  readonly outputs: number;
  readonly l1: number;
  readonly l2: number;
}

/** The stopping rule of a solver. */
export interface Limits {
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly lr: number;
}

export interface Solution {
  readonly w: Float64Array;
  /** The mean loss without the penalty. */
  readonly loss: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** log(1 + eᶻ), without overflow, and accurate where it is small. */
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

const sigmoid = (z: number): number =>
  z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));

/** Newton's method, H = ∇²Σ s ℓ + l2 I, with steps that lower the objective. */
export function byNewton(problem: Problem, { tolerance, maxIterations }: Limits): Solution {
  const wide = withOnes(problem.x);
  const { outputs, l2 } = problem;
  const d = wide.columns;
  const isPenalized = (j: number) => l2 > 0 && (j + 1) % d !== 0;
  const valueAt = (w: Float64Array) => {
    const z = times(wide, w, outputs);
    const loss = meanLoss(problem, z);
    const square = w.reduce((sum, wj, j) => (isPenalized(j) ? sum + wj * wj : sum), 0);
    return { z, loss, value: loss + 0.5 * l2 * square };
  };
  let w: Float64Array = new Float64Array(outputs * d);
  let at = valueAt(w);
  for (let iteration = 0; ; iteration++) {
    const p = probabilities(at.z, outputs);
    const gradient = gradientOf(problem, wide, p).map(
      (g, j) => g + (isPenalized(j) ? l2 * w[j]! : 0),
    );
    const converged = norm(gradient) <= tolerance;
    if (converged || iteration === maxIterations)
      return { w, loss: at.loss, iterations: iteration, converged };
    const h = hessianOf(problem, wide, p);
    for (let j = 0; j < w.length; j++) if (isPenalized(j)) h[j * w.length + j]! += l2;
    const step = newtonStep(h, gradient);
    const next = lineSearch(w, step, dot(step, gradient), at.value, valueAt);
    if (!next) return { w, loss: at.loss, iterations: iteration, converged: false };
    ({ w, at } = next);
  }
}

/** Σ s ℓ of scores `[N, K]`. */
function meanLoss({ indices, weights, outputs }: Problem, z: Float64Array): number {
  let loss = 0;
  for (let i = 0; i < indices.length; i++) {
    if (outputs === 1) {
      loss += weights[i]! * softplus(indices[i] ? -z[i]! : z[i]!);
      continue;
    }
    const row = z.subarray(i * outputs, (i + 1) * outputs);
    const most = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, zk) => total + Math.exp(zk - most), 0);
    loss += weights[i]! * (Math.log(sum) + (most - row[indices[i]!]!));
  }
  return loss;
}

/** P of each row and score, `[N, K]`. */
function probabilities(z: Float64Array, outputs: number): Float64Array {
  if (outputs === 1) return z.map(sigmoid);
  const p = new Float64Array(z.length);
  for (let at = 0; at < z.length; at += outputs) p.set(softmax(z.subarray(at, at + outputs)), at);
  return p;
}

/** Xᵀ s (p − y) for each score, `[K, D + 1]`. */
function gradientOf(
  { indices, weights, outputs }: Problem,
  wide: Matrix,
  p: Float64Array,
): Float64Array {
  const gradient = new Float64Array(outputs * wide.columns);
  for (let k = 0; k < outputs; k++) {
    const slope = weights.map((s, i) => {
      const y = outputs === 1 ? indices[i]! : Number(indices[i] === k);
      return s * (p[i * outputs + k]! - y);
    });
    gradient.set(timesTransposed(wide, slope), k * wide.columns);
  }
  return gradient;
}

/** Xᵀ diag(s pₖ (δₖₗ − pₗ)) X for each pair of scores, `[K (D + 1), K (D + 1)]`. */
function hessianOf({ weights, outputs }: Problem, wide: Matrix, p: Float64Array): Float64Array {
  const d = wide.columns;
  const n = outputs * d;
  const h = new Float64Array(n * n);
  const x = tensorOf(wide).evalSync();
  for (let k = 0; k < outputs; k++)
    for (let l = 0; l <= k; l++) {
      const curvature = weights.map(
        (s, i) => s * p[i * outputs + k]! * (Number(k === l) - p[i * outputs + l]!),
      );
      const scaled = x.mul(vectorTensor(curvature, [wide.rows, 1]));
      const block = x.transpose().matmul(scaled).dataSync();
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++)
          h[(k * d + i) * n + l * d + j] = h[(l * d + j) * n + k * d + i] = block[i * d + j]!;
    }
  return h;
}

/**
 * (H + τ I)⁻¹ g with the smallest τ for which it is solvable: H is singular where classes are
 * certain, and along a constant that all b of a softmax may share.
 */
function newtonStep(h: Float64Array, gradient: Float64Array): Float64Array {
  const n = gradient.length;
  let most = 0;
  for (let j = 0; j < n; j++) most = Math.max(most, h[j * n + j]!);
  for (let damping = 0; ; damping = Math.max(10 * damping, 1e-12 * (most || 1))) {
    const a = h.slice();
    for (let j = 0; j < n; j++) a[j * n + j]! += damping;
    const step = choleskySolve(a, gradient);
    if (step) return step;
  }
}

/**
 * w − t s for the largest t of 1, ½, ¼, … that lowers the value enough; undefined if rounding hides
 * the decrease.
 */
function lineSearch<At extends { readonly value: number }>(
  w: Float64Array,
  step: Float64Array,
  fall: number,
  value: number,
  valueAt: (w: Float64Array) => At,
): { w: Float64Array; at: At } | undefined {
  for (let t = 1; t > 1e-10; t /= 2) {
    const next = w.map((wj, j) => wj - t * step[j]!);
    const at = valueAt(next);
    if (at.value <= value - 1e-4 * t * fall + 4 * Number.EPSILON * Math.abs(value))
      return { w: next, at };
  }
  return undefined;
}

function withOnes({ rows, columns, data }: Matrix): Matrix {
  const wide = new Float64Array(rows * (columns + 1));
  for (let i = 0; i < rows; i++) {
    wide.set(data.subarray(i * columns, (i + 1) * columns), i * (columns + 1));
    wide[i * (columns + 1) + columns] = 1;
  }
  return { rows, columns: columns + 1, data: wide };
}

/** The smooth part of the objective as a function of the weights `[K (D + 1)]`. */
function smooth({ x, indices, weights, outputs, l2 }: Problem) {
  const features = tensorOf(x).evalSync();
  const s = vectorTensor(weights).evalSync();
  const labels = fromHost({ dtype: "int32", shape: [x.rows], data: indices.slice() });
  const signs = vectorTensor(Float64Array.from(indices, (k) => 1 - 2 * k)).evalSync();
  const split = (theta: Tensor) => {
    const rows = theta.reshape([outputs, x.columns + 1]);
    return { w: rows.slice([0, outputs], [0, x.columns]), b: rows.slice([0, outputs], x.columns) };
  };
  const loss = (theta: Tensor) => {
    const { w, b } = split(theta);
    const z = features.matmul(w.transpose()).add(b); // [N, K]
    if (outputs === 1) return z.reshape([x.rows]).mul(signs).softplus().mul(s).sum();
    const right = z.mul(oneHot(labels, outputs, { dtype: "float64" })).sum({ axis: 1 });
    return z.logSumExp({ axis: 1 }).sub(right).mul(s).sum();
  };
  const penalized = (theta: Tensor) =>
    l2 === 0
      ? loss(theta)
      : loss(theta).add(
          split(theta)
            .w.square()
            .sum()
            .mul(l2 / 2),
        );
  return { loss, penalized };
}

const zeros = ({ outputs, x }: Problem) => new Float64Array(outputs * (x.columns + 1));

/** L-BFGS with exact derivatives, in the metric of the features where there are not too many. */
export function byLbfgs(problem: Problem, { tolerance, maxIterations }: Limits): Solution {
  const { loss, penalized } = smooth(problem);
  const evaluate = valueAndGradient(penalized);
  const descent = lbfgs(memory, metricOf(problem));
  const start = { start: zeros(problem), epsilon: Number.EPSILON };
  const limits = { tolerance, maxIterations };
  const { point, iterations, converged } = descend(name, evaluate, start, descent, limits);
  return { w: point.x, loss: loss(vectorTensor(point.x)).item(), iterations, converged };
}

const name = "logistic regression";
/** Steps that L-BFGS remembers. */
const memory = 10;
/** With more features the factor of the metric costs more than it saves. */
const mostInMetric = 2000;
/** So many rows for each feature tell enough of the features' products. */
const rowsPerFeature = 4;

/**
 * (a XᵀSX + (l2 + δ) I)⁻¹ for the weights of each score: the Hessian lies between 0 and such a matrix, and features of very
 * different spread make many of the steps that L-BFGS would take without. S holds the weights, a is a quarter of the curvature at zero weights.
 *
 * @see Böhning 1992, "Multinomial logistic regression algorithm", for the bound
 */
function metricOf({ x, weights, outputs, l2 }: Problem): Preconditioner | undefined {
  const d = x.columns + 1;
  if (d > mostInMetric) return undefined;
  const count = Math.min(x.rows, rowsPerFeature * d);
  const some = Int32Array.from({ length: count }, (_, n) => Math.floor((n * x.rows) / count));
  const rows = withOnes(takeRows(x, some));
  const share = x.rows / count;
  const own = Float64Array.from(some, (i) => weights[i]! * share);
  const { gram } = productsAround(rows, new Float64Array(d), { weights: own });
  const p = 1 / Math.max(2, outputs);
  const curvature = (p * (1 - p)) / 4;
  let trace = 0;
  for (let j = 0; j < d; j++) trace += gram[j * (d + 1)]!;
  const least = 1e-8 * (trace / d);
  const a = gram.map((value) => curvature * value);
  for (let j = 0; j < d; j++) a[j * (d + 1)]! += l2 + least;
  const factor = inverseFactor(a, d);
  if (!factor) return undefined;
  const inverse: Matrix = { rows: d, columns: d, data: factor };
  // L⁻ᵀ (L⁻¹ g) for each row of g
  return (g) => {
    const halfway = times({ rows: outputs, columns: d, data: g }, factor, d);
    return product({ rows: outputs, columns: d, data: halfway }, inverse).data;
  };
}

/**
 * w ← prox(v − t ∇f(v)) with Nesterov's v, restarted where the momentum leads uphill; t from a line
 * search.
 */
export function byProximalSteps(problem: Problem, { tolerance, maxIterations }: Limits): Solution {
  const { loss, penalized } = smooth(problem);
  const both = compile((theta: Tensor) => {
    const { value, grads } = valueAndGrad(penalized)(theta);
    return concat([value.reshape([1]), grads]);
  });
  const evaluate = (theta: Float64Array) => {
    const result = both.sync(vectorTensor(theta)).dataSync() as Float64Array;
    return { value: result[0]!, gradient: result.slice(1) };
  };
  const shrink = soft(problem);
  let w: Float64Array = zeros(problem);
  let v = w;
  let [momentum, t] = [1, 1];
  for (let iteration = 1; ; iteration++) {
    const at = evaluate(v);
    let next = shrink(v, at.gradient, t);
    let change = difference(next, v);
    // the quadratic with curvature 1/t must lie above the smooth part
    while (
      evaluate(next).value >
      at.value + dot(at.gradient, change) + dot(change, change) / (2 * t) + 1e-15
    ) {
      t /= 2;
      next = shrink(v, at.gradient, t);
      change = difference(next, v);
    }
    const converged = norm(change) / t <= tolerance;
    const done = converged || iteration === maxIterations;
    const forward = difference(next, w);
    if (dot(change, forward) < 0) momentum = 1; // the step is against the momentum
    const after = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    const share = (momentum - 1) / after;
    v = next.map((x, j) => x + share * forward[j]!);
    [w, momentum] = [next, after];
    if (done) return { w, loss: loss(vectorTensor(w)).item(), iterations: iteration, converged };
  }
}

const difference = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, j) => x - b[j]!);

/** The gradient step, followed by soft thresholding of every weight but b by t l1. */
const soft =
  ({ x: { columns }, l1 }: Problem) =>
  (v: Float64Array, gradient: Float64Array, t: number): Float64Array =>
    v.map((vj, j) => {
      const moved = vj - t * gradient[j]!;
      if (j % (columns + 1) === columns) return moved;
      return Math.sign(moved) * Math.max(Math.abs(moved) - t * l1, 0);
    });

/** The update of each example in turn, w ← w + η (y − p) x, from zero weights. */
export function bySteps(problem: Problem, { maxIterations, lr }: Limits): Solution {
  const { x, indices, weights, outputs, l2, total } = problem;
  const each = Array.from({ length: outputs }, () => new Float64Array(x.columns + 1));
  const z = new Float64Array(outputs);
  for (let epoch = 0; epoch < maxIterations; epoch++)
    for (let i = 0; i < x.rows; i++) {
      const row = rowOf(x, i);
      for (const [k, w] of each.entries()) z[k] = affine(w, row);
      const p = outputs === 1 ? [sigmoid(z[0]!)] : softmax(z);
      for (const [k, w] of each.entries()) {
        const y = outputs === 1 ? indices[i]! : Number(indices[i] === k);
        if (l2 > 0) decay(w, lr * l2 * total * weights[i]!);
        addAffine(w, lr * weights[i]! * total * (y - p[k]!), row);
      }
    }
  const w = new Float64Array(outputs * (x.columns + 1));
  for (const [k, part] of each.entries()) w.set(part, k * part.length);
  const { loss } = smooth(problem);
  return { w, loss: loss(vectorTensor(w)).item(), iterations: maxIterations, converged: true };
}

/** w ← (1 − a) w, except b. */
function decay(w: Float64Array, a: number): void {
  for (let j = 0; j + 1 < w.length; j++) w[j]! *= 1 - a;
}

function softmax(z: Float64Array): Float64Array {
  const most = z.reduce((a, b) => Math.max(a, b));
  const e = z.map((zk) => Math.exp(zk - most));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((ek) => ek / total);
}

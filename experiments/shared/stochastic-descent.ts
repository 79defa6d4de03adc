/** Least squares by stochastic descent: many methods and many runs side by side. */
import { compile, fromHost, full, hostArray, type Tensor, tensor, Variable } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import { integers } from "./random.ts";

/** F(w) = ½ E (xᵀw − y)² over n examples: a loss whose minimum is known to the last digit. */
export interface LeastSquares {
  readonly x: Tensor; // [n, d]
  readonly y: Tensor; // [n, 1]
  readonly optimum: Tensor; // [d]
  /** F(w) − F(w*) of each row: [..., d] → [...]. */
  readonly excess: (w: Tensor) => Tensor;
}

const host = (shape: readonly number[], values: ArrayLike<number>): Tensor =>
  fromHost(hostArray(shape, Float64Array.from(values)));

export function leastSquares(x: Tensor, y: Tensor): LeastSquares {
  const [n, d] = x.shape as readonly [number, number];
  const curvature = x.transpose().matmul(x).div(n).evalSync(); // XᵀX/n
  const { values, vectors } = eigenSymmetric(curvature.toArray() as number[][]);
  const q = host(
    [d, d],
    vectors.flatMap((v) => [...v]),
  ); // as rows
  const right = q.matmul(x.transpose().matmul(y).div(n)).div(host([d, 1], values));
  const optimum = q.transpose().matmul(right).reshape([d]).evalSync();
  const excess = compile((w: Tensor) => {
    const off = w.sub(optimum);
    return off.matmul(curvature).mul(off).sum({ axis: -1 }).div(2);
  });
  return { x, y, optimum, excess: (w) => excess.sync(w) };
}

/** Steps in one program. */
const together = 20;

/** One method: the problem, and the learning rate of step 0, 1, … */
export interface Way {
  readonly problem: LeastSquares;
  readonly rate: (step: number) => number;
}

/**
 * F − F* of the last point, and of the mean of all points after `burn` steps, averaged over runs.
 */
export interface Course {
  readonly steps: number[];
  readonly last: number[][]; // [way][…steps]
  readonly averaged: number[][];
}

/**
 * Descends with one example per step; all methods see the same draws. The problems share their x.
 */
export function descend(ways: readonly Way[], { runs, total, burn, seed }: Sizes): Course {
  const { x } = ways[0]!.problem;
  const [n, d] = x.shape as readonly [number, number];
  const zero = full([ways.length, runs, d], 0, { dtype: "float64" });
  const [w, sum] = [new Variable(zero), new Variable(zero)];
  const y = host([n, ways.length], transposed(ways.map(({ problem }) => problem.y.dataSync())));
  const move = compile((rows: Tensor, rates: Tensor, counts: number) => {
    for (let k = 0; k < together; k++) {
      const xi = x.take(rows.slice(k)); // [runs, d]
      const yi = y.take(rows.slice(k)).transpose().unsqueeze(-1); // [ways, runs, 1]
      const residual = w.value.mul(xi).sum({ axis: -1, keepDims: true }).sub(yi);
      w.value = w.value.sub(xi.mul(residual).mul(rates.slice(k).reshape([-1, 1, 1])));
      sum.value = sum.value.add(w.value.mul(counts));
    }
  });
  const excess = (points: Tensor): number[] =>
    ways.map(({ problem }, i) => problem.excess(points.slice(i)).mean().item());
  const course: Course = { steps: [], last: ways.map(() => []), averaged: ways.map(() => []) };
  let next = burn + together;
  for (let k = 0; k < total; k += together) {
    const rates = Array.from({ length: together }, (_, j) => ways.map(({ rate }) => rate(k + j)));
    const rows = integers(n, [together, runs], seed, 10 + k);
    move.sync(rows, tensor(rates, "float64"), k >= burn ? 1 : 0);
    if (k + together < next) continue;
    next = (k + together) * 1.1;
    course.steps.push(k + together);
    const averages = sum.value.div(k + together - burn);
    const [last, mean] = [excess(w.value), excess(averages)];
    for (const i of ways.keys()) {
      course.last[i]!.push(last[i]!);
      course.averaged[i]!.push(mean[i]!);
    }
  }
  return course;
}

export interface Sizes {
  readonly runs: number;
  readonly total: number;
  readonly burn: number;
  readonly seed: number;
}

const transposed = (columns: readonly ArrayLike<number>[]): number[] =>
  Array.from({ length: columns[0]!.length }, (_, i) => columns.map((c) => c[i]!)).flat();

/**
 * One run with `size` examples per step, until the excess is below `goal`: seconds count the steps
 * alone.
 */
export function descendTo(
  { x, y, excess }: LeastSquares,
  { size, rate, goal, seed }: { size: number; rate: number; goal: number; seed: number },
): { epochs: number; seconds: number; excess: number }[] {
  const [n, d] = x.shape as readonly [number, number];
  const w = new Variable(full([d, 1], 0, { dtype: "float64" }));
  const down = (x: Tensor, y: Tensor, rate: number) => {
    const residual = x.matmul(w.value).sub(y);
    w.value = w.value.sub(
      x
        .transpose()
        .matmul(residual)
        .mul(rate / size),
    );
  };
  const step = compile((rows: Tensor) => down(x.take(rows), y.take(rows), rate));
  const whole = compile(() => down(x, y, rate));
  const course = [];
  const look = Math.max(1, Math.floor(n / size / 50)); // steps between evaluations
  let seconds = 0;
  step.sync(integers(n, [size], seed, 0)); // compiles; one step is discarded
  whole.sync();
  w.value = full([d, 1], 0, { dtype: "float64" });
  for (let k = 0; k * size < 200 * n; k += look) {
    const now = excess(w.value.reshape([1, d])).item();
    course.push({ epochs: (k * size) / n, seconds, excess: now });
    if (now < goal) break;
    const draws = Array.from({ length: look }, (_, j) => integers(n, [size], seed, 10 + k + j));
    const began = performance.now();
    for (const rows of draws) size === n ? whole.sync() : step.sync(rows);
    seconds += (performance.now() - began) / 1000;
  }
  return course;
}

/** Arc-cosine kernels and the random layers that approach them (Cho & Saul 2009). */
import { compile, fromHost, full, hostArray, type Tensor, Variable } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import { mean } from "./statistics.ts";

/** 0: step, 1: ReLU, 2: squared ReLU. */
export const degrees = [0, 1, 2] as const;
export type Degree = (typeof degrees)[number];

/** 2^from … 2^to. */
export const powers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));
export const meanSquare = (a: ArrayLike<number>, b: readonly number[]): number =>
  mean(b.map((y, i) => (a[i]! - y) ** 2));

/** Jₙ(θ) of the kernel kₙ(x, x′) = ‖x‖ⁿ ‖x′‖ⁿ Jₙ(θ)/π, θ the angle between x and x′. */
const angular: Readonly<Record<Degree, (t: number) => number>> = {
  0: (t) => Math.PI - t,
  1: (t) => Math.sin(t) + (Math.PI - t) * Math.cos(t),
  2: (t) => 3 * Math.sin(t) * Math.cos(t) + (Math.PI - t) * (1 + 2 * Math.cos(t) ** 2),
};

/** The arc-cosine kernel of all pairs, row by row. */
export function arcCosine(x: readonly number[][], n: Degree): number[] {
  return x.flatMap((a) =>
    x.map((b) => {
      const [na, nb] = [Math.hypot(...a), Math.hypot(...b)];
      const cosine = a.reduce((sum, ai, i) => sum + ai * b[i]!, 0) / (na * nb);
      return ((na * nb) ** n * angular[n](Math.acos(Math.max(-1, Math.min(1, cosine))))) / Math.PI;
    }),
  );
}

/** Φₙ = √(2/m) step(Wx) (Wx)ⁿ of a layer of m random units: step, ReLU, squared ReLU. */
export const features = (x: Tensor, w: Tensor, n: Degree): Tensor => {
  const z = x.matmul(w.transpose());
  const on = z.greater(0).cast("float64");
  return (n === 0 ? on : z.relu().pow(n)).mul(Math.sqrt(2 / w.shape[0]!));
};

/** Values at the later points of ridge regression with a kernel of all points, given y at the first. */
export function kernelRidge(kernel: readonly number[], y: readonly number[], ridge: number) {
  const all = Math.sqrt(kernel.length);
  const row = (i: number, count: number) => Array.from(kernel.slice(i * all, i * all + count));
  const { values, vectors } = eigenSymmetric(y.map((_, i) => row(i, y.length)));
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);
  const parts = vectors.map((q, k) => dot(q, y) / (values[k]! + ridge));
  const alpha = y.map((_, i) => parts.reduce((sum, c, k) => sum + c * vectors[k]![i]!, 0));
  const later = Array.from({ length: all - y.length }, (_, i) => y.length + i);
  return { predictions: later.map((i) => dot(row(i, y.length), alpha)), largest: values[0]! };
}

/**
 * The same points by a net whose first layer is frozen: its output weights a descend from 0 on
 * ½‖Φa − y‖² + ½ ridge ‖a‖², with the momentum that is best for eigenvalues ridge … largest + ridge.
 */
export function frozenNet(phi: Tensor, y: readonly number[], ridge: number, largest: number) {
  const [first, later] = [phi.slice([0, y.length]), phi.slice([y.length, phi.shape[0]!])];
  const target = fromHost(hostArray([y.length, 1], Float64Array.from(y)));
  const zero = full([phi.shape[1]!, 1], 0, { dtype: "float64" });
  const [a, v] = [new Variable(zero), new Variable(zero)];
  const [low, high] = [Math.sqrt(ridge), Math.sqrt(largest + ridge)];
  const [lr, rho] = [4 / (low + high) ** 2, ((high - low) / (high + low)) ** 2];
  const step = compile(() => {
    const residual = first.matmul(a.value).sub(target);
    v.value = v.value
      .mul(rho)
      .sub(first.transpose().matmul(residual).add(a.value.mul(ridge)).mul(lr));
    a.value = a.value.add(v.value);
  });
  for (let k = 0; k < 600; k++) step.sync();
  return Array.from(later.matmul(a.value).dataSync());
}

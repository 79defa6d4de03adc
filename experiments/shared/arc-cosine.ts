/** Arc-cosine kernels and the random layers that approach them (Cho & Saul 2009). */
import { compile, fromHost, full, hostArray, type Tensor, Variable } from "gradus";
import { KernelRidge, type KernelRidgeOptions, kernelMatrix } from "gradus/learn";
import { mean } from "./statistics.ts";

/** 0: step, 1: ReLU, 2: squared ReLU. */
export const degrees = [0, 1, 2] as const;
export type Degree = (typeof degrees)[number];

/** 2^from … 2^to. */
export const powers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));
export const meanSquare = (a: ArrayLike<number>, b: readonly number[]): number =>
  mean(b.map((y, i) => (a[i]! - y) ** 2));

/** The arc-cosine kernel of all pairs, row by row. */
export const arcCosine = (x: readonly number[][], degree: Degree): number[] =>
  Array.from(kernelMatrix(x, undefined, { kernel: "arc-cosine", degree }).dataSync());

/** Φₙ = √(2/m) step(Wx) (Wx)ⁿ of a layer of m random units: step, ReLU, squared ReLU. */
export const features = (x: Tensor, w: Tensor, n: Degree): Tensor => {
  const z = x.matmul(w.transpose());
  const on = z.greater(0).cast("float64");
  return (n === 0 ? on : z.relu().pow(n)).mul(Math.sqrt(2 / w.shape[0]!));
};

/** Values at the later points of ridge regression with a kernel, given y at the first. */
export async function kernelRidge(
  x: Tensor,
  y: readonly number[],
  options: KernelRidgeOptions,
): Promise<number[]> {
  const { length } = y;
  const machine = await new KernelRidge(options).fit(x.slice([0, length]), y);
  return Array.from(machine.predict(x.slice([length, x.shape[0]!])).dataSync());
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

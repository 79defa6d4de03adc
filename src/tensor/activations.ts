/** Activations composed of a few primitives; nodes in, nodes out. */
import { ConfigError, describe } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import * as op from "../ops/index.ts";

/** x where positive, slope · x elsewhere; the derivative at 0 is the slope. */
export const leakyRelu = (x: Node, slope: number): Node =>
  op.where(op.lessEqual(x, 0), op.mul(x, slope), x);

/** x where positive, α (eˣ − 1) elsewhere. */
export const elu = (x: Node, alpha: number): Node =>
  op.where(op.less(0, x), x, op.mul(op.expm1(x), alpha));

/** x σ(x) */
export const silu = (x: Node): Node => op.mul(x, op.sigmoid(x));

/** How gelu computes Φ, the distribution function of the standard normal distribution. */
export type GeluForm = "erf" | "tanh";

/** x Φ(x): ½ x (1 + erf(x/√2)), or ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export function gelu(x: Node, form: GeluForm): Node {
  if (form !== "erf" && form !== "tanh")
    throw new ConfigError({
      subject: "gelu",
      problem: `unknown form ${describe(form)}.`,
      fix: 'use "erf" or "tanh".',
    });
  const cubic = () => {
    const cube = op.mul(op.mul(op.mul(x, x), x), 0.044715);
    return op.mul(op.add(x, cube), Math.sqrt(2 / Math.PI));
  };
  const phi2 = form === "erf" ? op.erf(op.mul(x, Math.SQRT1_2)) : op.tanh(cubic());
  return op.mul(op.mul(x, op.add(phi2, 1)), 0.5);
}

/** 1 where x ≥ 0, 0 elsewhere. */
export const step = (x: Node): Node => op.cast(op.lessEqual(0, x), x.dtype);

/** x clipped to −1 … 1. */
export const hardTanh = (x: Node): Node => op.where(op.less(op.abs(x), 1), x, op.sign(x));

/** x/6 + ½ clipped to 0 … 1. */
export const hardSigmoid = (x: Node): Node => {
  const isInside = op.less(op.abs(x), 3);
  return op.add(op.where(isInside, op.mul(x, 1 / 6), op.mul(op.sign(x), 0.5)), 0.5);
};

/** A neuron that is wrong about all its examples, under losses with different gradients. */
import { compile, grad, type Tensor, tensor } from "gradus";
import { binaryCrossEntropyWithLogits, step, zeroOneLoss } from "gradus/nn";
import { gaussian } from "./random.ts";

/** η of descent. */
export const rate = 0.25;
const ones = (z: Tensor): Tensor => z.mul(0).add(1);
const squares = (output: Tensor): Tensor => output.sub(1).square().div(2);

/** The loss of each score z whose target is 1, or positive: wrong where z < 0. */
export const losses: Readonly<Record<string, (z: Tensor) => Tensor>> = {
  "0-1": (z) => zeroOneLoss(z, ones(z), { reduction: "none" }),
  threshold: (z) => squares(step(z)),
  ReLU: (z) => squares(z.relu()),
  "logistic, squares": (z) => squares(z.sigmoid()),
  "logistic, cross-entropy": (z) => binaryCrossEntropyWithLogits(z, ones(z), { reduction: "none" }),
};
/** The name of a loss. */
export type Name = keyof typeof losses;
/** |dL/dz| at each z. */
export const slopes = (name: Name, z: readonly number[]): number[] => {
  const total = (at: Tensor) => losses[name]!(at).sum();
  return Array.from(grad(total)(tensor([...z], "float64")).dataSync(), Math.abs);
};

/**
 * Steps of descent of a neuron until fewer than half of 50 examples are wrong, from weights −s
 * times the correct ones, for each s; −1 if that never happens, with how far the weights have
 * moved.
 */
export function correct(
  name: Name,
  starts: readonly number[],
  seed: number,
  r: number,
  steps: number,
) {
  const right = gaussian([1, 5], seed, 10 * r);
  const unit = right.div(right.square().sum().sqrt()).evalSync();
  // each example times its label, so that all are correct where positive
  const x = gaussian([50, 5], seed, 10 * r + 1)
    .mul(0.05)
    .add(unit)
    .evalSync();
  const first = unit
    .mul(
      tensor(
        starts.map((s) => -s),
        "float64",
      ).reshape([-1, 1]),
    )
    .evalSync();
  const total = (w: Tensor) => losses[name]!(w.matmul(x.transpose())).mean({ axis: 1 }).sum();
  const move = compile((w: Tensor) => {
    const wrong = w.matmul(x.transpose()).less(0).cast("float64").mean({ axis: 1 });
    return { w: w.sub(grad(total)(w).mul(rate)), wrong };
  });
  const times = starts.map(() => -1);
  let w: Tensor = first;
  for (let k = 0; k < steps && times.includes(-1); k++) {
    const next = move.sync(w);
    w = next.w;
    next.wrong.dataSync().forEach((share, i) => {
      if (share < 0.5 && times[i] === -1) times[i] = k;
    });
  }
  return { times, moved: w.sub(first).abs().max().item() };
}

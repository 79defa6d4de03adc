/** Layers with random filters, and digits to shift in front of them. */
import { conv, fromHost, maxPool, type Tensor } from "gradus";
import { digits } from "gradus/data";
import { gaussian } from "./random.ts";

const side = 40; // pixels of a canvas with a digit of 28 in its middle, so that none leaves it

/** Random layers, all without biases, and images `[16, 1, 40, 40]` for them. */
export function layers(seed: number, r: number) {
  const { inputs } = digits({ train: 16, seed: 1000 * seed + r }).train;
  const frame: [number, number][] = [
    [0, 0],
    [0, 0],
    [6, 6],
    [6, 6],
  ];
  const images = fromHost(inputs).cast("float64").reshape([16, 1, 28, 28]).pad(frame).evalSync();
  const first = gaussian([8, 1, 3, 3], seed, 10 * r);
  const second = gaussian([8, 8, 3, 3], seed, 10 * r + 1);
  const dense = gaussian([side * side, side * side], seed, 10 * r + 2);
  const one = (x: Tensor) => conv(x, first, { padding: "same" });
  return {
    images,
    one,
    stack: (x: Tensor) => conv(one(x).relu(), second, { padding: "same" }),
    strided: (x: Tensor) => conv(x, first, { padding: 1, stride: 2 }),
    dense: (x: Tensor) =>
      x
        .reshape([16, side * side])
        .matmul(dense)
        .reshape(x.shape),
    pooled: (window: number) => (x: Tensor) =>
      window === 1 ? one(x).relu() : maxPool(one(x).relu(), { size: window }),
    global: (x: Tensor) =>
      one(x)
        .relu()
        .max({ axis: [2, 3] }),
  };
}

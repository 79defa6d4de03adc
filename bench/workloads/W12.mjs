import { Linear, ReLU, Sequential } from "gradus/nn";
import { linear, relu } from "../lib/task.mjs";

/** Sizes of the layers of a multilayer perceptron of `depth` hidden layers. @param {number} width @param {number} depth */
const sizesOf = (width, depth) => [256, ...new Array(depth).fill(width), 10];

/** @param {string} name @param {{ width?: number, depth?: number, batch?: number }} sizes @returns {import("../lib/task.mjs").Task} */
function task(name, { width = 256, depth = 2, batch = 64 }) {
  const sizes = sizesOf(width, depth);
  const network = sizes.slice(1).flatMap((size, i) => {
    const dense = linear(sizes[i] ?? 0, size);
    return i === sizes.length - 2 ? [dense] : [dense, relu];
  });
  return {
    workload: "W12",
    name,
    kind: "train",
    network,
    input: [batch, 256],
    loss: "crossEntropy",
    classes: 10,
    update: { name: "adam", lr: 1e-3 },
  };
}

/** Twice the work should cost twice the time, and the arena stay at its lower bound. */
export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "How cost grows with parameters, batch and depth: a multilayer perceptron, Adam",
  peers: [],
  tasks: [
    ...[64, 128, 256, 512, 1024, 2048].map((width) => task(`width ${width}`, { width })),
    ...[1, 4, 16, 64, 256, 1024].map((batch) => task(`batch ${batch}`, { batch })),
    ...[1, 2, 4, 8, 16, 32].map((depth) => task(`depth ${depth}`, { depth })),
  ],
  model: ({ network }) =>
    new Sequential(
      ...(network ?? []).map((layer) =>
        layer.type === "linear" ? new Linear(layer.in, layer.out) : new ReLU(),
      ),
    ),
});

import { Linear, ReLU, Sequential } from "gradus/nn";
import { linear, relu } from "../lib/task.mjs";

export const task = /** @satisfies {import("../lib/task.mjs").Task} */ ({
  workload: "W2",
  name: "",
  kind: "train",
  network: [linear(784, 256), relu, linear(256, 128), relu, linear(128, 10)],
  input: [128, 784],
  loss: "crossEntropy",
  classes: 10,
  update: { name: "adam", lr: 1e-3 },
});

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "MLP 784-256-128-10, ReLU, softmax cross-entropy, batch 128, Adam",
  peers: ["torch", "jax-js", "tfjs"],
  target: 2,
  wasmTarget: 1.5,
  tasks: [task],
  model: () =>
    new Sequential(
      new Linear(784, 256),
      new ReLU(),
      new Linear(256, 128),
      new ReLU(),
      new Linear(128, 10),
    ),
});

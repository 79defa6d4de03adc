import { Linear, Sequential, Tanh } from "gradus/nn";
import { linear, tanh } from "../lib/task.mjs";

/** The smallest real net: nearly all of its time is overhead. */
export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "MLP 2-16-16-1, tanh, sigmoid + BCE, batch 32, SGD",
  peers: ["torch", "jax-js", "tfjs"],
  target: 30,
  tasks: [
    {
      workload: "W1",
      name: "",
      kind: "train",
      network: [linear(2, 16), tanh, linear(16, 16), tanh, linear(16, 1)],
      input: [32, 2],
      loss: "bce",
      update: { name: "sgd", lr: 0.1 },
    },
  ],
  model: () =>
    new Sequential(
      new Linear(2, 16),
      new Tanh(),
      new Linear(16, 16),
      new Tanh(),
      new Linear(16, 1),
    ),
});

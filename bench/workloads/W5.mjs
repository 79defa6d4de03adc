import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from "gradus/nn";
import { conv, flatten, linear, maxPool, relu } from "../lib/task.mjs";

/**
 * The single-column AlexNet of Krizhevsky 2014, 61 million parameters; without dropout, so that all
 * peers compute the same.
 */
export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "AlexNet, 61 M parameters, 224×224×3, batch 8, SGD with momentum",
  peers: ["torch"],
  target: 1.1,
  tasks: [
    {
      workload: "W5",
      name: "",
      kind: "train",
      network: [
        conv(3, 64, 11, { stride: 4, padding: 2 }),
        relu,
        maxPool(3, 2),
        conv(64, 192, 5, { padding: 2 }),
        relu,
        maxPool(3, 2),
        conv(192, 384, 3, { padding: 1 }),
        relu,
        conv(384, 256, 3, { padding: 1 }),
        relu,
        conv(256, 256, 3, { padding: 1 }),
        relu,
        maxPool(3, 2),
        flatten,
        linear(9216, 4096),
        relu,
        linear(4096, 4096),
        relu,
        linear(4096, 1000),
      ],
      input: [8, 3, 224, 224],
      loss: "crossEntropy",
      classes: 1000,
      update: { name: "momentum", lr: 1e-3 },
    },
  ],
  model: () =>
    new Sequential(
      new Conv2d(3, 64, 11, { stride: 4, padding: 2 }),
      new ReLU(),
      new MaxPool2d(3, { stride: 2 }),
      new Conv2d(64, 192, 5, { padding: 2 }),
      new ReLU(),
      new MaxPool2d(3, { stride: 2 }),
      new Conv2d(192, 384, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(384, 256, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(256, 256, 3, { padding: 1 }),
      new ReLU(),
      new MaxPool2d(3, { stride: 2 }),
      new Flatten(),
      new Linear(9216, 4096),
      new ReLU(),
      new Linear(4096, 4096),
      new ReLU(),
      new Linear(4096, 1000),
    ),
});

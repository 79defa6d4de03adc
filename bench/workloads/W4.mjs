import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from "gradus/nn";
import { conv, flatten, linear, maxPool, relu } from "../lib/task.mjs";

const same = { padding: 1 };

export const task = /** @satisfies {import("../lib/task.mjs").Task} */ ({
  workload: "W4",
  name: "",
  kind: "train",
  network: [
    conv(3, 64, 3, same),
    relu,
    conv(64, 64, 3, same),
    relu,
    maxPool(2),
    conv(64, 128, 3, same),
    relu,
    conv(128, 128, 3, same),
    relu,
    maxPool(2),
    flatten,
    linear(8192, 256),
    relu,
    linear(256, 10),
  ],
  input: [64, 3, 32, 32],
  loss: "crossEntropy",
  classes: 10,
  update: { name: "momentum", lr: 0.01 },
});

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "CIFAR net: conv 3×3 64-64, pool, 128-128, pool, 8192-256-10, batch 64, SGD with momentum",
  peers: ["torch"],
  target: 1.2,
  wasmTarget: 10,
  tasks: [task],
  model: () =>
    new Sequential(
      new Conv2d(3, 64, 3, same),
      new ReLU(),
      new Conv2d(64, 64, 3, same),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(64, 128, 3, same),
      new ReLU(),
      new Conv2d(128, 128, 3, same),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(8192, 256),
      new ReLU(),
      new Linear(256, 10),
    ),
});

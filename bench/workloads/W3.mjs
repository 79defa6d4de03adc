import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from "gradus/nn";
import { conv, flatten, linear, maxPool, relu } from "../lib/task.mjs";

export const task = /** @satisfies {import("../lib/task.mjs").Task} */ ({
  workload: "W3",
  name: "",
  kind: "train",
  network: [
    conv(3, 8, 5),
    relu,
    maxPool(2),
    conv(8, 16, 5),
    relu,
    maxPool(2),
    flatten,
    linear(400, 120),
    relu,
    linear(120, 84),
    relu,
    linear(84, 10),
  ],
  input: [64, 3, 32, 32],
  loss: "crossEntropy",
  classes: 10,
  update: { name: "adam", lr: 1e-3 },
});

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "LeNet on 32×32×3: conv 5×5 to 8 and 16, pooling, 120-84-10, batch 64, Adam",
  peers: ["torch", "jax-js"],
  target: 4,
  wasmTarget: 50,
  tasks: [task],
  model: () =>
    new Sequential(
      new Conv2d(3, 8, 5),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(8, 16, 5),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(400, 120),
      new ReLU(),
      new Linear(120, 84),
      new ReLU(),
      new Linear(84, 10),
    ),
});

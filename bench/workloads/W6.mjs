import { conv as convolve, vjp, zeros } from "gradus";
import { Conv2d, init, Module, Parameter, ReLU, Sequential } from "gradus/nn";
import { conv, relu } from "../lib/task.mjs";

/** @typedef {import("gradus").Tensor} Tensor */

const half = { stride: 2, padding: 1 };
const double = { kernel: 3, ...half, outputPadding: 1 };

/** Transposed convolution that doubles height and width: the adjoint of a convolution of stride 2. */
class UpConv2d extends Module {
  /** @param {number} inChannels @param {number} outChannels */
  constructor(inChannels, outChannels) {
    super();
    this.outChannels = outChannels;
    this.weight = new Parameter(init.heUniform([inChannels, outChannels, 3, 3], {}));
    this.bias = new Parameter(zeros([outChannels]));
  }

  /** `[N, in, H, W]` → `[N, out, 2H, 2W]` @param {Tensor} x @returns {Tensor} */
  forward(x) {
    const [n = 0, , height = 0, width = 0] = x.shape;
    /** @param {Tensor} y */
    const down = (y) => convolve(y, this.weight.value, half);
    const { pullback } = vjp(down, zeros([n, this.outChannels, 2 * height, 2 * width]));
    return pullback(x).add(this.bias.value.reshape([this.outChannels, 1, 1]));
  }
}

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title:
    "Convolutional autoencoder 28×28×1: conv 3×3 stride 2 to 16 and 32, transposed to 16 and 1, MSE, batch 64, Adam",
  peers: ["torch", "jax-js"],
  target: 3,
  wasmTarget: 50,
  tasks: [
    {
      workload: "W6",
      name: "",
      kind: "train",
      network: [
        conv(1, 16, 3, half),
        relu,
        conv(16, 32, 3, half),
        relu,
        { type: "convTranspose", in: 32, out: 16, ...double },
        relu,
        { type: "convTranspose", in: 16, out: 1, ...double },
      ],
      input: [64, 1, 28, 28],
      loss: "mse",
      update: { name: "adam", lr: 1e-3 },
    },
  ],
  model: () =>
    new Sequential(
      new Conv2d(1, 16, 3, half),
      new ReLU(),
      new Conv2d(16, 32, 3, half),
      new ReLU(),
      new UpConv2d(32, 16),
      new ReLU(),
      new UpConv2d(16, 1),
    ),
});

import { zeros } from "gradus";
import { init, Linear, Module, Parameter, Sequential } from "gradus/nn";
import { linear } from "../lib/task.mjs";

/** @typedef {import("gradus").Tensor} Tensor */

/** Long short-term memory, unrolled; gives the last hidden state. Gates in the order i, f, g, o. */
class Lstm extends Module {
  /** @param {number} inputs @param {number} hidden */
  constructor(inputs, hidden) {
    super();
    this.hidden = hidden;
    this.weightIh = new Parameter(init.heUniform([4 * hidden, inputs], {}));
    this.weightHh = new Parameter(init.heUniform([4 * hidden, hidden], {}));
    this.bias = new Parameter(zeros([4 * hidden]));
  }

  /** `[N, steps, inputs]` → `[N, hidden]` @param {Tensor} x @returns {Tensor} */
  forward(x) {
    const [n = 0, steps = 0] = x.shape;
    const gates = x.matmul(this.weightIh.value.transpose()).add(this.bias.value); // [N, steps, 4 hidden]
    const recurrent = this.weightHh.value.transpose();
    let h = zeros([n, this.hidden]);
    let c = h;
    for (let t = 0; t < steps; t++) {
      const z = gates.slice(null, t).add(h.matmul(recurrent));
      const gate = (/** @type {number} */ k) =>
        z.slice(null, [k * this.hidden, (k + 1) * this.hidden]);
      c = gate(1)
        .sigmoid()
        .mul(c)
        .add(gate(0).sigmoid().mul(gate(2).tanh()));
      h = gate(3).sigmoid().mul(c.tanh());
    }
    return h;
  }
}

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "LSTM 64 → 128, 32 steps, linear to 10, batch 32, Adam",
  peers: ["torch", "jax-js", "tfjs"],
  target: 2.5,
  tasks: [
    {
      workload: "W7",
      name: "",
      kind: "train",
      network: [{ type: "lstm", in: 64, hidden: 128 }, linear(128, 10)],
      input: [32, 32, 64],
      loss: "crossEntropy",
      classes: 10,
      update: { name: "adam", lr: 1e-3 },
    },
  ],
  model: () => new Sequential(new Lstm(64, 128), new Linear(128, 10)),
});

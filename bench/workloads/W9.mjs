import W2, { task } from "./W2.mjs";

const { network, input, loss, classes } = task;

/** The gradient is measured as well: the product should cost at most 2.5 of them. */
export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "Hessian-vector product of W2's loss, and its gradient",
  peers: ["torch", "jax-js"],
  target: 2,
  tasks: [
    { workload: "W9", name: "hvp", kind: "hvp", network, input, loss, classes },
    { workload: "W9", name: "gradient", kind: "gradient", network, input, loss, classes },
  ],
  model: W2.model,
});

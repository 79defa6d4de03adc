import W2, { task } from "./W2.mjs";

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "Cold start: from the start of the process to the end of the first step of W2",
  peers: ["torch", "jax-js", "tfjs"],
  target: 5,
  measure: "cold start",
  tasks: [{ ...task, workload: "W11" }],
  model: W2.model,
});

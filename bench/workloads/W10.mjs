import W2, { task as mlp } from "./W2.mjs";
import W3, { task as lenet } from "./W3.mjs";
import W4, { task as cifar } from "./W4.mjs";

const tasks = { mlp, lenet, cifar };
const models = { mlp: W2.model, lenet: W3.model, cifar: W4.model };

export default /** @satisfies {import("../lib/task.mjs").Workload} */ ({
  title: "Inference of W2 (mlp), W3 (lenet) and W4 (cifar), batch 1 and 64",
  peers: ["onnxruntime", "torch"],
  target: 1.2,
  tasks: Object.entries(tasks).flatMap(([name, { network, input }]) =>
    [1, 64].map((batch) => ({
      workload: "W10",
      name: `${name} batch ${batch}`,
      kind: /** @type {const} */ ("infer"),
      network,
      input: [batch, ...input.slice(1)],
      ...(batch === 1 && { target: 1.5 }),
    })),
  ),
  model: ({ name }) => {
    const [, model] = Object.entries(models).find(([key]) => name.startsWith(key)) ?? [];
    if (!model) throw new Error(`there is no net for "${name}"`);
    return model();
  },
});

/** gradus as one of the peers: builds a workload's step from the public API and runs it. */
import { compile, engineInfo, fromHost, hvp, Tensor } from "gradus";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  functional,
  meanSquaredError,
  valueAndGrad,
  valuesOf,
} from "gradus/nn";
import { adam, momentum, Optimizer, sgd } from "gradus/optim";
import { instructionTimes } from "./lib/profile.mjs";
import { serve } from "./lib/serve.mjs";
import { loadWorkload } from "./workloads/index.mjs";

/** @typedef {import("./lib/task.mjs").Task} Task */

const losses = {
  crossEntropy,
  bce: binaryCrossEntropyWithLogits,
  mse: meanSquaredError,
};
const rules = { sgd: () => sgd(), momentum: () => momentum(), adam: () => adam() };

/**
 * Σ x² over all tensors: a number to compare between the peers. @param {Record<string, Tensor>}
 * tensors
 */
const squares = (tensors) =>
  Object.values(tensors)
    .map((x) => x.square().sum())
    .reduce((a, b) => a.add(b));

/**
 * The compiled function of a task and its arguments.
 * @param {Task} task @param {Record<string, import("gradus").HostArray>} host
 * @returns {Promise<{ run: import("gradus").Compiled<any[], any>, inputs: Tensor[], read: (result: any) => number }>}
 */
async function compiled(task, host) {
  /** @param {string} name */
  const tensorOf = (name) => fromHost(/** @type {any} */ (host[name]));
  if (task.kind === "gemm") {
    const run = compile((/** @type {Tensor} */ a, /** @type {Tensor} */ b) => a.matmul(b));
    const read = (/** @type {Tensor} */ c) => c.slice(0).sum().item();
    return { run, inputs: [tensorOf("a"), tensorOf("b")], read };
  }
  const { model: build } = await loadWorkload(task.workload);
  const model = /** @type {import("gradus/nn").Module} */ (build?.(task));
  for (const [path, parameter] of Object.entries(model.parameters()))
    parameter.value = tensorOf(path);
  const x = tensorOf("x");
  const inputs = task.loss === "mse" || task.kind === "infer" ? [x, x] : [x, tensorOf("y")];
  const loss = (/** @type {Tensor} */ x, /** @type {Tensor} */ y) =>
    losses[task.loss ?? "mse"](model.forward(x), y);

  if (task.kind === "infer") {
    const run = compile((/** @type {Tensor} */ x) => model.forward(x));
    return { run, inputs: [x], read: (y) => y.sum().item() };
  }
  if (task.kind === "gradient") {
    const run = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) =>
      valueAndGrad(model, loss)(x, y),
    );
    return { run, inputs, read: ({ grads }) => squares(grads).item() };
  }
  if (task.kind === "hvp") {
    const vectors = Object.fromEntries(
      Object.keys(model.parameters()).map((path) => [path, tensorOf(`v.${path}`)]),
    );
    const f = functional(model, loss);
    const run = compile(
      (/** @type {Record<string, Tensor>} */ v, /** @type {Tensor} */ x, /** @type {Tensor} */ y) =>
        hvp(
          (/** @type {Record<string, Tensor>} */ w) => f(w, x, y),
          valuesOf(model.parameters()),
          v,
        ),
    );
    return {
      run,
      inputs: [/** @type {any} */ (vectors), ...inputs],
      read: (h) => squares(h).item(),
    };
  }
  const { name, lr } = /** @type {import("./lib/task.mjs").Update} */ (task.update);
  const optimizer = new Optimizer(model, rules[name](), { lr });
  const run = compile((/** @type {Tensor} */ x, /** @type {Tensor} */ y) => {
    const { value, grads } = valueAndGrad(model, loss)(x, y);
    optimizer.update(grads);
    return value;
  });
  return { run, inputs, read: (value) => value.item() };
}

/** @type {any} what `profile` runs */
let current;

await serve(
  async (task, tensors) => {
    const make = async () => {
      const { run, inputs, read } = await compiled(task, tensors);
      current = () => /** @type {any} */ (run).profile(...inputs);
      return { name: "compiled, sync", step: () => run.sync(...inputs), read };
    };
    const { name, isa, compiler } = engineInfo();
    const versions = { engine: `${name} ${isa ?? ""}`.trim(), compiler: String(compiler ?? "") };
    return { versions, variants: [make] };
  },
  { profile: ({ step }) => instructionTimes(() => current(), step) },
);

#!/usr/bin/env node
/**
 * What curvature costs against a gradient (mission row S1): a value, a Hessian-vector product, a
 * Gauss–Newton product and a step of Lanczos, in gradients, for dense and convolutional nets. `npm
 * run build && node bench/curvature-cost.mjs`. The columns are interleaved, so that a busy machine
 * slows all of them alike.
 */
import os from "node:os";
import { engineInfo, normal, uniform } from "../dist/index.js";
import { LossSurface, lanczos } from "../dist/lab/index.js";
import { digitsNet, mlp } from "../dist/models/index.js";
import { crossEntropy } from "../dist/nn/index.js";

const rounds = 9;
const lanczosSteps = 20;
const samples = 128;

/** @param {number[]} times */
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1] ?? 0;

/** @param {Record<string, () => void>} tasks @returns {Record<string, number>} milliseconds */
function interleaved(tasks) {
  const names = Object.keys(tasks);
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (const run of Object.values(tasks)) run(); // compiles
  for (let round = 0; round < rounds; round++)
    for (const [name, run] of Object.entries(tasks)) {
      const start = performance.now();
      run();
      times[name]?.push(performance.now() - start);
    }
  return Object.fromEntries(names.map((name) => [name, median(times[name] ?? [])]));
}

/** @param {string} name @param {import("../dist/nn/index.js").Module} model */
function measure(name, model) {
  const inputs = uniform([samples, 1, 28, 28], { key: 1 });
  const targets = normal([samples], { key: 2 }).greater(0).cast("int32");
  const surface = LossSurface.ofModel(model, crossEntropy, { inputs, targets });
  const theta = surface.point();
  const v = theta.map((_, i) => Math.cos(i));
  const h = surface.hessianAt(theta);
  const options = { maxSteps: lanczosSteps, tolerance: 0 };
  let products = 0;
  const counted = {
    size: h.size,
    apply: (/** @type {Float64Array} */ x) => {
      products++;
      return h.apply(x);
    },
  };
  lanczos(counted, options);
  const ms = interleaved({
    gradient: () => void surface.gradient(theta),
    value: () => void surface.value(theta),
    hvp: () => void surface.hvp(theta, v),
    gaussNewton: () => void surface.gaussNewtonProduct(theta, v),
    lanczos: () => void lanczos(h, options),
  });
  const inGradients = (/** @type {number} */ x) => +(x / (ms.gradient ?? 1)).toFixed(2);
  return {
    net: name,
    parameters: surface.size,
    "gradient ms": +(ms.gradient ?? 0).toFixed(2),
    "value / gradient": inGradients(ms.value ?? 0),
    "Hv / gradient": inGradients(ms.hvp ?? 0),
    "Gv / gradient": inGradients(ms.gaussNewton ?? 0),
    "Lanczos product / gradient": inGradients((ms.lanczos ?? 0) / products),
  };
}

const image = { inputShape: [1, 28, 28], classes: 10, seed: 1 };
const load = os.loadavg()[0]?.toFixed(1);
console.log(
  `${os.cpus()[0]?.model}, Node ${process.version}, load ${load}, ${samples} examples, float64`,
);
console.log("gradus engine:", engineInfo());
console.table([measure("mlp", mlp(image)), measure("conv", digitsNet(image))]);

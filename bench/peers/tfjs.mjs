/** TensorFlow.js: WebAssembly where it has the kernels of the gradient, else plain JavaScript. */
import fs from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { serve } from "../lib/serve.mjs";

/** @typedef {import("../lib/task.mjs").Task} Task */
/** @typedef {any} T a tensor of tfjs; its types are not here unless it is installed */

/** By a name that the type checker does not follow: the package may be missing. @type {(name: string) => any} */
const load = createRequire(import.meta.url);
console.warn = () => {}; // its advice to install another package
const tf = load("@tensorflow/tfjs");
const wasm = load("@tensorflow/tfjs-backend-wasm");
const folder = new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url);

/** @param {import("../lib/data.mjs").HostArray} array @returns {T} */
const upload = ({ data, shape }) => tf.tensor(data, [...shape]);

/** Channels come last here: weights OIHW → HWIO, images NCHW → NHWC. @param {T} x @param {readonly number[]} perm */
const permuted = (x, perm) => tf.tidy(() => tf.transpose(x, perm));

/**
 * The parameters as this library lays them out. Behind a flattened image, the inputs of a dense
 * layer change their order with the image.
 * @param {Task} task @param {Record<string, import("../lib/data.mjs").HostArray>} tensors
 */
function variablesOf(task, tensors) {
  /** @type {Record<string, T>} */
  const variables = {};
  let image = task.input?.slice(1) ?? []; // [C, H, W]
  let flattened = false;
  task.network?.forEach((layer, i) => {
    const [, h = 1, w = 1] = image;
    /** @param {(n: number) => number} f @param {number} channels */
    const resize = (f, channels) => {
      image = [channels, f(h), f(w)];
    };
    for (const name of ["weight", "bias", "weightIh", "weightHh"]) {
      const array = tensors[`layers.${i}.${name}`];
      if (!array) continue;
      let x = upload(array);
      if (name !== "bias") {
        if (layer.type === "linear" && flattened)
          x = permuted(x.reshape([layer.out, ...image]), [2, 3, 1, 0]).reshape([-1, layer.out]);
        else x = permuted(x, x.rank === 4 ? [2, 3, 1, 0] : [1, 0]);
      }
      variables[`${i}.${name}`] = tf.variable(x);
    }
    if (layer.type === "linear") flattened = false;
    if (layer.type === "flatten") flattened = true;
    if (layer.type === "conv")
      resize(
        (n) => Math.floor((n + 2 * (layer.padding ?? 0) - layer.kernel) / (layer.stride ?? 1)) + 1,
        layer.out,
      );
    if (layer.type === "convTranspose") resize((n) => n * layer.stride, layer.out);
    if (layer.type === "maxPool")
      resize((n) => Math.floor((n - layer.size) / (layer.stride ?? layer.size)) + 1, image[0] ?? 1);
  });
  return variables;
}

/** @param {import("../lib/task.mjs").Layer} layer @param {T} x @param {(name: string) => T} parameter @returns {T} */
function apply(layer, x, parameter) {
  switch (layer.type) {
    case "linear":
      return tf.matMul(x, parameter("weight")).add(parameter("bias"));
    case "conv":
      return tf
        .conv2d(x, parameter("weight"), layer.stride ?? 1, layer.padding ?? 0)
        .add(parameter("bias"));
    case "convTranspose": {
      const [n, h, w] = x.shape;
      const { stride: s, padding, out } = layer;
      return tf
        .conv2dTranspose(x, parameter("weight"), [n, h * s, w * s, out], s, padding)
        .add(parameter("bias"));
    }
    case "maxPool":
      return tf.maxPool(x, layer.size, layer.stride ?? layer.size, "valid");
    case "relu":
      return tf.relu(x);
    case "tanh":
      return tf.tanh(x);
    case "flatten":
      return x.reshape([x.shape[0], -1]);
    case "lstm": {
      const [n, steps, inputs] = x.shape;
      const flat = tf.matMul(x.reshape([n * steps, inputs]), parameter("weightIh"));
      const gates = tf.unstack(flat.add(parameter("bias")).reshape([n, steps, -1]), 1);
      let h = tf.zeros([n, layer.hidden]);
      let c = h;
      for (const gate of gates) {
        const [i, f, g, o] = tf.split(gate.add(tf.matMul(h, parameter("weightHh"))), 4, 1);
        c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
        h = o.sigmoid().mul(c.tanh());
      }
      return h;
    }
  }
}

/** @param {Task} task @param {T} z @param {T} y */
function lossOf(task, z, y) {
  if (task.loss === "crossEntropy") return tf.losses.softmaxCrossEntropy(y, z);
  if (task.loss === "bce") return tf.losses.sigmoidCrossEntropy(y, z);
  return tf.losses.meanSquaredError(y, z);
}

/** @param {import("../lib/task.mjs").Update} update */
const optimizerOf = ({ name, lr }) =>
  name === "adam"
    ? tf.train.adam(lr, 0.9, 0.999, 1e-8)
    : name === "momentum"
      ? tf.train.momentum(lr, 0.9)
      : tf.train.sgd(lr);

/** @param {Task} task @param {Record<string, import("../lib/data.mjs").HostArray>} tensors @param {string} backend */
async function variantOf(task, tensors, backend) {
  await tf.setBackend(backend);
  await tf.ready();
  const variables = variablesOf(task, tensors);
  let x = upload(/** @type {any} */ (tensors.x));
  if (x.rank === 4) x = permuted(x, [0, 2, 3, 1]);
  const y = !tensors.y
    ? x
    : task.loss === "crossEntropy"
      ? tf.oneHot(tf.tensor1d(tensors.y.data, "int32"), task.classes ?? 1).toFloat()
      : upload(tensors.y);
  const forward = () =>
    (task.network ?? []).reduce(
      (h, layer, i) => apply(layer, h, (name) => variables[`${i}.${name}`]),
      x,
    );
  /** @type {T} */
  let last;
  /** One step with the optimizer, or one forward pass without. @param {T} [optimizer] */
  const step = (optimizer) => {
    last?.dispose();
    last = optimizer
      ? optimizer.minimize(() => lossOf(task, forward(), y), true)
      : tf.tidy(() => forward().sum());
    return last;
  };
  const read = async (/** @type {T} */ value) => (await value.data())[0];
  const fresh = () => task.update && optimizerOf(task.update);
  await read(step(fresh())); // throws where the backend lacks a kernel
  for (const [name, value] of Object.entries(variablesOf(task, tensors)))
    variables[name].assign(value);
  const optimizer = fresh();
  return { name: backend, step: () => step(optimizer), read };
}

await serve(async (task, tensors, threads) => {
  if (threads > 1) throw new Error("on Node it has one thread");
  if (task.kind !== "train" && task.kind !== "infer") throw new Error(`it has no ${task.kind}`);
  wasm.setWasmPaths(fileURLToPath(folder));
  const installed = fileURLToPath(
    new URL("node_modules/@tensorflow/tfjs/package.json", import.meta.url),
  );
  const { version } = JSON.parse(fs.readFileSync(installed, "utf8"));
  // plain JavaScript needs minutes for a large step, so it serves only where WebAssembly cannot
  const make = () => variantOf(task, tensors, "wasm").catch(() => variantOf(task, tensors, "cpu"));
  return { versions: { tfjs: version }, variants: [make] };
});

/** Initial parameters and the batch of a task, in one file for all peers. */
import { writeSafetensors } from "gradus/formats";

/** @typedef {import("./task.mjs").Task} Task */
/** @typedef {{ shape: number[], dtype: "float32" | "float64" | "int32", data: Float32Array | Float64Array | Int32Array }} HostArray */

/** Shapes of a layer's parameters, and how many terms each of its sums has. @param {import("./task.mjs").Layer} layer @returns {{ fanIn: number, shapes: Record<string, number[]> }} */
function parametersOf(layer) {
  switch (layer.type) {
    case "linear":
      return { fanIn: layer.in, shapes: { weight: [layer.out, layer.in], bias: [layer.out] } };
    case "conv":
      return {
        fanIn: layer.in * layer.kernel ** 2,
        shapes: { weight: [layer.out, layer.in, layer.kernel, layer.kernel], bias: [layer.out] },
      };
    case "convTranspose":
      return {
        fanIn: (layer.in * layer.kernel ** 2) / layer.stride ** 2,
        shapes: { weight: [layer.in, layer.out, layer.kernel, layer.kernel], bias: [layer.out] },
      };
    case "lstm":
      return {
        fanIn: layer.in + layer.hidden,
        shapes: {
          weightIh: [4 * layer.hidden, layer.in],
          weightHh: [4 * layer.hidden, layer.hidden],
          bias: [4 * layer.hidden],
        },
      };
    default:
      return { fanIn: 1, shapes: {} };
  }
}

/** Uniform numbers in [0, 1), the same in every run (mulberry32). @param {number} seed */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Weights of variance 2/fanIn, small biases, inputs in ±√3 (variance 1), labels; for `hvp` a
 * vector of the parameters' shapes under `v.`.
 * @param {Task} task
 * @returns {Record<string, HostArray>}
 */
export function dataOf(task) {
  const random = uniform(1);
  /** @type {Record<string, HostArray>} */
  const arrays = {};
  /** @param {string} name @param {readonly number[]} shape @param {number} bound @param {"float32" | "float64"} [dtype] */
  const put = (name, shape, bound, dtype = "float32") => {
    const size = shape.reduce((n, d) => n * d, 1);
    const data = dtype === "float64" ? new Float64Array(size) : new Float32Array(size);
    for (let i = 0; i < size; i++) data[i] = (2 * random() - 1) * bound;
    arrays[name] = { shape: [...shape], dtype, data };
  };
  if (task.kind === "gemm") {
    const n = task.size ?? 1;
    put("a", [n, n], 1, task.dtype);
    put("b", [n, n], 1, task.dtype);
    return arrays;
  }
  task.network?.forEach((layer, i) => {
    const { fanIn, shapes } = parametersOf(layer);
    for (const [name, shape] of Object.entries(shapes)) {
      put(`layers.${i}.${name}`, shape, name === "bias" ? 0.05 : Math.sqrt(6 / fanIn));
      if (task.kind === "hvp") put(`v.layers.${i}.${name}`, shape, 1);
    }
  });
  const input = task.input ?? [];
  put("x", input, Math.sqrt(3));
  const batch = input[0] ?? 1;
  if (task.loss === "crossEntropy") {
    const data = Int32Array.from({ length: batch }, () =>
      Math.floor(random() * (task.classes ?? 1)),
    );
    arrays.y = { shape: [batch], dtype: "int32", data };
  }
  if (task.loss === "bce") {
    const data = Float32Array.from({ length: batch }, () => Math.round(random()));
    arrays.y = { shape: [batch, 1], dtype: "float32", data };
  }
  return arrays;
}

/** How many parameters the task's net has. @param {Task} task */
export const parameterCount = (task) =>
  (task.network ?? [])
    .flatMap((layer) => Object.values(parametersOf(layer).shapes))
    .reduce((n, shape) => n + shape.reduce((m, d) => m * d, 1), 0);

/** @param {string} path @param {Task} task */
export const writeData = (path, task) =>
  writeSafetensors(path, new Map(Object.entries(dataOf(task))));

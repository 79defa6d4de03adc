/**
 * The computation of one measurement, as plain data: every peer builds the same net from it, and
 * the initial values come from one file.
 *
 * @typedef {{ type: "linear", in: number, out: number } | { type: "conv", in: number, out: number,
 *   kernel: number, stride?: number, padding?: number } | { type: "convTranspose", in: number, out:
 *   number, kernel: number, stride: number, padding: number, outputPadding: number } | { type:
 *   "maxPool", size: number, stride?: number } | { type: "lstm", in: number, hidden: number } | {
 *   type: "relu" | "tanh" | "flatten" }} Layer
 *
 * @typedef {{ name: "sgd" | "momentum" | "adam", lr: number }} Update
 *
 * `train` is forward, loss, backward and update; `gradient` is without the update; `hvp` is the
 * Hessian-vector product of the loss; `infer` is the forward pass; `gemm` is C = A B.
 * @typedef {object} Task
 * @property {string} workload W1 … W12
 * @property {string} name the case within the workload, or ""
 * @property {"train" | "gradient" | "hvp" | "infer" | "gemm"} kind
 * @property {readonly Layer[]} [network] layer i has the parameters `layers.i.…`
 * @property {readonly number[]} [input] shape of the batch
 * @property {"crossEntropy" | "bce" | "mse"} [loss] mse is against the input itself
 * @property {number} [classes]
 * @property {Update} [update]
 * @property {number} [size] of the square matrices
 * @property {number} [target] the ratio that we want, where it is not the workload's
 * @property {"float32" | "float64"} [dtype] of the matrices; all else is float32
 *
 * @typedef {object} Workload
 * @property {string} title
 * @property {readonly string[]} peers whom it is measured against, unless told otherwise
 * @property {readonly Task[]} tasks
 * @property {number} [target] the ratio that we want
 * @property {number} [wasmTarget] the ratio that we want of the WebAssembly engine to jax-js
 * @property {"rate" | "cold start"} [measure] steps per second, or the time from the start of the
 * process
 * @property {(task: Task) => import("gradus/nn").AnyModule} [model] the net in gradus
 */

export const relu = /** @type {const} */ ({ type: "relu" });
export const tanh = /** @type {const} */ ({ type: "tanh" });
export const flatten = /** @type {const} */ ({ type: "flatten" });

/** @param {number} inputs @param {number} outputs @returns {Layer} */
export const linear = (inputs, outputs) => ({ type: "linear", in: inputs, out: outputs });

/**
 * @param {number} inputs @param {number} outputs @param {number} kernel
 * @param {{ stride?: number, padding?: number }} [options]
 * @returns {Layer}
 */
export const conv = (inputs, outputs, kernel, options = {}) => ({
  type: "conv",
  in: inputs,
  out: outputs,
  kernel,
  ...options,
});

/** @param {number} size @param {number} [stride] @returns {Layer} */
export const maxPool = (size, stride = size) => ({ type: "maxPool", size, stride });

/** The name of a task: "W10 lenet, batch 64". @param {Task} task */
export const titleOf = ({ workload, name }) => (name ? `${workload} ${name}` : workload);

/** Reads the file of `data.mjs` without loading gradus: peers use it too. */
import fs from "node:fs";

/** @typedef {import("./data.mjs").HostArray} HostArray */

const types = /** @type {const} */ ({
  F32: ["float32", Float32Array],
  F64: ["float64", Float64Array],
  I32: ["int32", Int32Array],
});

/** @param {string} path a safetensors file @returns {Record<string, HostArray>} */
export function readTensors(path) {
  const bytes = fs.readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  /** @type {Record<string, { dtype: keyof typeof types, shape: number[], data_offsets: [number, number] }>} */
  const header = JSON.parse(bytes.toString("utf8", 8, start));
  /** @type {Record<string, HostArray>} */
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [dtype, Type] = types[entry.dtype];
    const [from, to] = entry.data_offsets;
    const data = new Type(Uint8Array.from(bytes.subarray(start + from, start + to)).buffer);
    tensors[name] = { dtype, shape: entry.shape, data };
  }
  return tensors;
}

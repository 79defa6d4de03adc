/** A net as an ONNX file (opset 13), written field by field: protocol buffers are tags and lengths. */

/** @typedef {import("../lib/task.mjs").Task} Task */

/** @param {number} n @returns {number[]} */
function varint(n) {
  const bytes = [];
  for (; n >= 128; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return [...bytes, n];
}

/** A whole number. @param {number} field @param {number} value */
const int = (field, value) => Buffer.from([...varint(field * 8), ...varint(value)]);

/** Bytes, text or a message. @param {number} field @param {string | Uint8Array | readonly Uint8Array[]} value */
function block(field, value) {
  const bytes = Array.isArray(value)
    ? Buffer.concat(value)
    : Buffer.from(/** @type {any} */ (value));
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes]);
}

/** @param {string} name @param {number | readonly number[]} value AttributeProto: INT 2 or INTS 7 */
const attribute = (name, value) =>
  block(5, [
    block(1, name),
    ...(typeof value === "number"
      ? [int(3, value), int(20, 2)]
      : [...value.map((v) => int(8, v)), int(20, 7)]),
  ]);

/** @param {string} type @param {readonly string[]} inputs @param {string} output @param {Record<string, number | readonly number[]>} [attributes] */
const node = (type, inputs, output, attributes = {}) =>
  block(1, [
    ...inputs.map((name) => block(1, name)),
    block(2, output),
    block(4, type),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  ]);

const float = 1; // TensorProto.DataType

/** A float32 array of the graph. @param {string} name @param {import("../lib/data.mjs").HostArray} array */
const initializer = (name, { shape, data }) =>
  block(5, [
    ...shape.map((d) => int(1, d)),
    int(2, float),
    block(8, name),
    block(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);

/** An input (11) or output (12) of the graph. @param {number} field @param {string} name @param {readonly number[]} shape */
const value = (field, name, shape) =>
  block(field, [
    block(1, name),
    block(2, [
      block(1, [
        int(1, float),
        block(
          2,
          shape.map((d) => block(1, [int(1, d)])),
        ),
      ]),
    ]),
  ]);

/** @param {import("../lib/task.mjs").Layer} layer @param {string} x @param {string} y @param {readonly string[]} parameters */
function nodeOf(layer, x, y, parameters) {
  switch (layer.type) {
    case "linear":
      return node("Gemm", [x, ...parameters], y, { transB: 1 });
    case "conv": {
      const pad = layer.padding ?? 0;
      const stride = layer.stride ?? 1;
      return node("Conv", [x, ...parameters], y, {
        kernel_shape: [layer.kernel, layer.kernel],
        pads: [pad, pad, pad, pad],
        strides: [stride, stride],
      });
    }
    case "maxPool": {
      const stride = layer.stride ?? layer.size;
      return node("MaxPool", [x], y, {
        kernel_shape: [layer.size, layer.size],
        strides: [stride, stride],
      });
    }
    case "relu":
      return node("Relu", [x], y);
    case "tanh":
      return node("Tanh", [x], y);
    case "flatten":
      return node("Flatten", [x], y, { axis: 1 });
    default:
      throw new Error(`no ONNX for ${layer.type}`);
  }
}

/**
 * @param {Task} task @param {Record<string, import("../lib/data.mjs").HostArray>} tensors
 * @returns {Uint8Array} input "x", output "y"
 */
export function onnxModel({ network = [], input = [] }, tensors) {
  const nodes = [];
  const arrays = [];
  let x = "x";
  let classes = 0;
  for (const [i, layer] of network.entries()) {
    const y = i === network.length - 1 ? "y" : `h${i}`;
    const names = ["weight", "bias"].map((name) => `layers.${i}.${name}`);
    const parameters = names.filter((name) => name in tensors);
    nodes.push(nodeOf(layer, x, y, parameters));
    for (const name of parameters)
      arrays.push(initializer(name, /** @type {any} */ (tensors[name])));
    if (layer.type === "linear") classes = layer.out;
    x = y;
  }
  const graph = block(7, [
    ...nodes,
    block(2, "net"),
    ...arrays,
    value(11, "x", input),
    value(12, "y", [input[0] ?? 1, classes]),
  ]);
  const opset = block(8, [block(1, ""), int(2, 13)]);
  return Buffer.concat([int(1, 8), block(2, "gradus bench"), graph, opset]);
}

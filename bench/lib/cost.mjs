/** The cost of an instruction: floating-point operations, and the minimum number of bytes moved. */

/** @typedef {{ buffer: number, dtype: string, offset: number, strides: readonly number[] }} View */
/** @typedef {{ values: readonly { kind: string, op?: string }[] }} Expression */

const bytesOf = /** @type {Record<string, number>} */ ({
  float32: 4,
  float64: 8,
  int32: 4,
  bool: 1,
});

/** @param {readonly number[]} shape */
const product = (shape) => shape.reduce((n, d) => n * d, 1);

/** Bytes of the different elements of a view. @param {View} view @param {readonly number[]} shape */
const touched = ({ dtype, strides }, shape) =>
  product(shape.filter((_, axis) => strides[axis] !== 0)) * (bytesOf[dtype] ?? 4);

/** @param {Expression} expression */
const operations = ({ values }) => values.filter(({ kind }) => kind === "op").length;

/** @param {{ inputs: readonly View[], outputs: readonly View[], expression: Expression }} epilogue @param {readonly number[]} shape */
const epilogueCost = ({ inputs, outputs, expression }, shape) => ({
  flop: operations(expression) * product(shape),
  bytes: [...inputs, ...outputs].reduce((n, view) => n + touched(view, shape), 0),
});

/**
 * An elementwise operation counts as one, a multiply-add as two.
 * @param {any} i an instruction of a program
 * @returns {{ flop: number, bytes: number }}
 */
export function costOf(i) {
  switch (i.kind) {
    case "map":
      return epilogueCost(i, i.shape);
    case "reduce": {
      const after = epilogueCost(i.epilogue, i.shape.slice(0, i.kept));
      const before = epilogueCost({ inputs: i.inputs, outputs: [], expression: i.before }, i.shape);
      return {
        flop: product(i.shape) + before.flop + after.flop,
        bytes: before.bytes + after.bytes,
      };
    }
    case "matmul": {
      const after = epilogueCost(i.epilogue, i.shape);
      const batch = i.shape.slice(0, -2);
      const [m, n] = i.shape.slice(-2);
      return {
        flop: 2 * product(i.shape) * i.k + after.flop,
        bytes: touched(i.a, [...batch, m, i.k]) + touched(i.b, [...batch, i.k, n]) + after.bytes,
      };
    }
    case "conv": {
      const after = epilogueCost(i.epilogue, i.shape);
      const [n, g, o] = i.shape;
      const dilation = product(i.inputDilation);
      return {
        flop: (2 * product(i.shape) * i.channels * product(i.kernelSize)) / dilation + after.flop,
        bytes:
          touched(i.x, [n, g, i.channels, ...i.inputSize]) +
          touched(i.w, [g, o, i.channels, ...i.kernelSize]) +
          after.bytes,
      };
    }
    case "fold": {
      const lead = i.shape.slice(0, i.shape.length - i.positions.length);
      const windows = [...lead, ...i.positions, ...i.windowSize];
      return {
        flop: product(windows),
        bytes: touched(i.input, windows) + touched(i.output, i.shape),
      };
    }
    default: {
      const views = [i.x, i.indices, i.updates, i.input, i.output].filter(Boolean);
      return {
        flop: product(i.shape),
        bytes: views.reduce((n, view) => n + product(i.shape) * (bytesOf[view.dtype] ?? 4), 0),
      };
    }
  }
}

/** Kind, algorithm and sizes in a line. @param {any} i @param {string | null | undefined} algorithm @returns {string} */
export function describe(i, algorithm) {
  const shape = i.shape.join("×");
  const ops = (/** @type {Expression} */ e) =>
    e.values.flatMap(({ op }) => (op === undefined ? [] : [op])).join(" ");
  switch (i.kind) {
    case "map":
      return `map [${shape}] ${ops(i.expression)}`;
    case "reduce":
      return `reduce ${i.reducer} [${shape}] kept ${i.kept} ${ops(i.before)} → ${ops(i.epilogue.expression)}`;
    case "matmul":
      return `matmul [${shape}] k ${i.k}, a ${i.a.strides.join(",")} b ${i.b.strides.join(",")} ${ops(i.epilogue.expression)}`;
    case "conv":
      return `${["conv", algorithm].join(" ").trim()} [${shape}] c ${i.channels} x ${i.inputSize.join("×")} f ${i.kernelSize.join("×")} s ${i.stride} p ${i.padLow} d ${i.inputDilation}/${i.kernelDilation} ${ops(i.epilogue.expression)}`;
    case "fold":
      return `fold [${shape}] from ${i.positions.join("×")} of ${i.windowSize.join("×")}`;
    default:
      return `${i.kind} [${shape}]`;
  }
}

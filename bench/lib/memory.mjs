/** A program's scratch memory beside the minimum for any plan of it. */

/** @typedef {{ buffer: number, dtype: string, offset: number, strides: readonly number[] }} View */

const widths = /** @type {Record<string, number>} */ ({
  float32: 4,
  float64: 8,
  int32: 4,
  bool: 1,
});

/**
 * The views that an instruction reads and writes, each with its shape. @param {any} i @returns {{
 * reads: [View, readonly number[]][], writes: [View, readonly number[]][] }}
 */
function accesses(i) {
  /** @param {any} e @param {readonly number[]} shape */
  const parts = (e, shape) => ({
    reads: e.inputs.map((/** @type {View} */ v) => [v, shape]),
    writes: e.outputs.map((/** @type {View} */ v) => [v, shape]),
  });
  switch (i.kind) {
    case "map":
      return parts(i, i.shape);
    case "reduce": {
      const { reads, writes } = parts(i.epilogue, i.shape.slice(0, i.kept));
      return {
        reads: [...i.inputs.map((/** @type {View} */ v) => [v, i.shape]), ...reads],
        writes,
      };
    }
    case "matmul": {
      const { reads, writes } = parts(i.epilogue, i.shape);
      const batch = i.shape.slice(0, -2);
      const [m, n] = i.shape.slice(-2);
      return { reads: [[i.a, [...batch, m, i.k]], [i.b, [...batch, i.k, n]], ...reads], writes };
    }
    case "conv": {
      const { reads, writes } = parts(i.epilogue, i.shape);
      const [n, g, o] = i.shape;
      const x = [n, g, i.channels, ...i.inputSize];
      return { reads: [[i.x, x], [i.w, [g, o, i.channels, ...i.kernelSize]], ...reads], writes };
    }
    case "fold": {
      const lead = i.shape.slice(0, i.shape.length - i.positions.length);
      const windows = [...lead, ...i.positions, ...i.windowSize];
      return { reads: [[i.input, windows]], writes: [[i.output, i.shape]] };
    }
    default: {
      /** @param {number} size */
      const along = (size) =>
        i.shape.map((/** @type {number} */ d, /** @type {number} */ a) =>
          a === i.axis ? size : d,
        );
      /** @type {[View, readonly number[]][]} */
      const reads = [];
      if (i.x) reads.push([i.x, along(i.axisSize)]);
      for (const view of [i.indices, i.updates, i.input]) if (view) reads.push([view, i.shape]);
      return { reads, writes: [[i.output, i.kind === "scatterAdd" ? along(i.axisSize) : i.shape]] };
    }
  }
}

/** First byte of a view, and the byte after its last. @param {View} view @param {readonly number[]} shape */
function regionOf({ dtype, offset, strides }, shape) {
  let low = offset;
  let high = offset;
  strides.forEach((stride, axis) => {
    const reach = stride * ((shape[axis] ?? 1) - 1);
    if (reach < 0) low += reach;
    else high += reach;
  });
  const width = widths[dtype] ?? 4;
  return { at: low * width, end: (high + 1) * width };
}

/**
 * The bytes of the arena, and the most bytes that are alive at one time: what was written lives until
 * its last reader.
 * @param {import("../../src/runtime/program.ts").Program} program
 */
export function memoryOf(program) {
  /** @type {{ at: number, end: number, from: number, to: number }[]} */
  const lives = [];
  const { instructions, arenaBytes } = program;
  instructions.forEach((instruction, time) => {
    const { reads, writes } = accesses(instruction);
    for (const [view, shape] of reads) {
      if (view.buffer !== 0) continue;
      // the current bytes are those that were written last
      let missing = [regionOf(view, shape)];
      for (let i = lives.length - 1; i >= 0 && missing.length > 0; i--) {
        const life = /** @type {typeof lives[number]} */ (lives[i]);
        if (!missing.some(({ at, end }) => life.at < end && at < life.end)) continue;
        life.to = time;
        missing = missing.flatMap(({ at, end }) =>
          [
            { at, end: Math.min(end, life.at) },
            { at: Math.max(at, life.end), end },
          ].filter((part) => part.at < part.end),
        );
      }
    }
    for (const [view, shape] of writes)
      if (view.buffer === 0) lives.push({ ...regionOf(view, shape), from: time, to: time });
  });
  const alive = instructions.map((_, time) =>
    covered(lives.filter(({ from, to }) => from <= time && time <= to)),
  );
  return { arenaBytes, boundBytes: Math.max(0, ...alive) };
}

/** Bytes that the regions cover together; a buffer may be written in overlapping parts. @param {{ at: number, end: number }[]} regions */
function covered(regions) {
  let total = 0;
  let reached = 0;
  for (const { at, end } of regions.sort((a, b) => a.at - b.at)) {
    total += Math.max(0, end - Math.max(at, reached));
    reached = Math.max(reached, end);
  }
  return total;
}

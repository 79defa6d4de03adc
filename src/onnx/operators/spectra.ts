/** Windows and discrete Fourier transforms. */
import { normalizeAxis } from "../../base/index.ts";
import { concat, stack, type Tensor, tensor } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
import { hostOf } from "../host.ts";
import { elementType } from "../tensor-proto.ts";
import { Value } from "../value.ts";

/** a₀ − a₁ cos(2πn/N) + a₂ cos(4πn/N), periodic or symmetric. */
const cosines = (name: string, a: readonly [number, number, number]): Operator => ({
  name,
  settings: [0],
  run: (call) => {
    const size = call.must(call.number(0));
    const type = elementType(call.int("output_datatype", 1), 'the attribute "output_datatype"');
    const period = call.int("periodic", 1) ? size : size - 1;
    const angle = (n: number) => (2 * Math.PI * n) / period;
    return Value.of(
      hostOf(type, [size], (n) => a[0] - a[1] * Math.cos(angle(n)) + a[2] * Math.cos(2 * angle(n))),
    );
  },
});

/** The matrices of cos and sin of 2πkn/N, `[outputs, inputs]`. */
function rotations(
  size: number,
  rows: number,
  columns: number,
  dtype: Tensor["dtype"],
): [Tensor, Tensor] {
  const table = (f: (x: number) => number) =>
    tensor(
      Float64Array.from({ length: rows * columns }, (_, i) => {
        const turn = (Math.floor(i / columns) * (i % columns)) % size; // exact, so that angles stay small
        return f((2 * Math.PI * turn) / size);
      }),
      "float64",
    )
      .reshape([rows, columns])
      .cast(dtype as "float32");
  return [table(Math.cos), table(Math.sin)];
}

/**
 * y[k] = Σ x[n] e^(∓2πikn/N) along an axis, as a product with the matrix: real and imaginary parts are
 * the last axis.
 */
function transformed(
  x: Tensor,
  axis: number,
  size: number,
  inverse: boolean,
  onesided: boolean,
): Tensor {
  const columns = Math.min(size, x.shape[axis]!);
  const outputs = onesided && !inverse ? (size >> 1) + 1 : size;
  const cut = x.slice(...x.shape.map((_, i) => (i === axis ? ([0, columns] as const) : null)));
  const order = [...x.shape.keys()].filter((i) => i !== axis && i !== x.rank - 1);
  const rows = cut.transpose([x.rank - 1, ...order, axis]); // [parts, …, n]
  const part = (i: number) => (i < rows.shape[0]! ? rows.slice(i) : null);
  const [real, imaginary] = [part(0)!, part(1)];
  const [cos, sin] = rotations(size, outputs, columns, x.dtype);
  const sign = inverse ? -1 : 1;
  const by = (t: Tensor, m: Tensor) => t.matmul(m.transpose());
  const re = imaginary ? by(real, cos).add(by(imaginary, sin).mul(sign)) : by(real, cos);
  const im = imaginary ? by(imaginary, cos).sub(by(real, sin).mul(sign)) : by(real, sin).mul(-sign);
  const y = stack([re, im], { axis: -1 }); // [… without axis, k, 2]
  const back = [...y.shape.keys()].slice(0, -2);
  back.splice(axis, 0, y.rank - 2);
  const ordered = y.transpose([...back, y.rank - 1]);
  return inverse ? ordered.div(size) : ordered;
}

/** The other half of a spectrum of real numbers, as conjugates. */
function wholeSpectrum(x: Tensor, axis: number, size: number): Tensor {
  const half = x.shape[axis]!;
  const rest = size - half;
  const mirrored = x
    .slice(...x.shape.map((_, i) => (i === axis ? ([1, 1 + rest] as const) : null)))
    .flip(axis);
  const sign = tensor([1, -1]).cast(x.dtype as "float32");
  return concat([x, mirrored.mul(sign)], { axis });
}

function dft(call: Call): Tensor {
  const x = call.t(0);
  const given = call.version >= 20 ? (call.number(2) ?? -2) : call.int("axis", 1);
  const axis = normalizeAxis("DFT", given, x.rank);
  const [inverse, onesided] = [call.int("inverse", 0) === 1, call.int("onesided", 0) === 1];
  if (inverse && onesided) {
    const size = call.number(1) ?? 2 * (x.shape[axis]! - 1);
    const all = wholeSpectrum(x, axis, size);
    return transformed(all, axis, size, true, false).slice(
      ...x.shape.map((_, i) => (i === x.rank - 1 ? ([0, 1] as const) : null)),
    );
  }
  return transformed(x, axis, call.number(1) ?? x.shape[axis]!, inverse, onesided);
}

/** Transforms of frames of a signal. */
function stft(call: Call): Tensor {
  const signal = call.t(0);
  const step = call.must(call.number(1));
  const window = call.optional(2)?.tensor;
  const length = call.number(3) ?? window!.size;
  const count = 1 + Math.floor((signal.shape[1]! - length) / step);
  const frames = stack(
    Array.from({ length: count }, (_, i) => signal.slice(null, [i * step, i * step + length])),
    { axis: 1 },
  );
  const framed = frames.rank === 3 ? frames.unsqueeze(3) : frames; // [N, frames, length, parts]
  const shaped = window ? framed.mul(window.reshape([length, 1])) : framed;
  return transformed(shaped, 2, length, false, call.int("onesided", 1) === 1);
}

/** Triangles over the bins of a spectrum, evenly apart on the scale of mels. */
function melWeights(call: Call): Value {
  const [bands, length] = [call.must(call.number(0)), call.must(call.number(1))];
  const [rate, low, high] = [2, 3, 4].map((i) => call.must(call.floats(i))[0]!) as [
    number,
    number,
    number,
  ];
  const type = elementType(call.int("output_datatype", 1), 'the attribute "output_datatype"');
  const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700);
  const step = (mel(high) - mel(low)) / (bands + 2);
  const edge = Array.from({ length: bands + 2 }, (_, i) => {
    const hertz = 700 * (10 ** ((mel(low) + i * step) / 2595) - 1);
    return Math.floor(((length + 1) * hertz) / rate);
  });
  return Value.of(
    hostOf(type, [(length >> 1) + 1, bands], (k) => {
      const [bin, i] = [Math.floor(k / bands), k % bands];
      const [left, centre, right] = [edge[i]!, edge[i + 1]!, edge[i + 2]!];
      if (bin >= centre)
        return bin < right ? (right - bin) / (right - centre) : Number(bin === centre);
      return bin >= left ? (bin - left) / (centre - left) : 0;
    }),
  );
}

export const spectralOperators: readonly Operator[] = [
  cosines("HannWindow", [0.5, 0.5, 0]),
  cosines("HammingWindow", [25 / 46, 21 / 46, 0]),
  cosines("BlackmanWindow", [0.42, 0.5, 0.08]),
  { name: "MelWeightMatrix", settings: [0, 1, 2, 3, 4], run: melWeights },
  { name: "DFT", settings: [1, 2], run: dft },
  { name: "STFT", settings: [1, 3], run: stft },
];

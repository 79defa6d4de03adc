/** Convolutions and their transposes, which are grouped in the graph and flat in the file. */
import type { Node } from "../../graph/index.ts";
import type { Emitter } from "./emitter.ts";
import { fixed, type Size } from "./recording.ts";

interface Geometry {
  readonly stride: readonly number[];
  readonly padLow: readonly number[];
  readonly padHigh: readonly number[];
  readonly inputDilation: readonly number[];
  readonly kernelDilation: readonly number[];
}

/** `[n, g, c, …]` as `[n, g · c, …]` */
const flatChannels = ([n, g, c, ...rest]: readonly Size[]): Size[] => [
  n!,
  fixed(g!.b * c!.b),
  ...rest,
];

/** x `[n, g, c, …]` * w `[g, o, c, …]` → `[n, g, o, …]` */
export function convolution(e: Emitter, node: Node): string {
  const [x, w] = node.inputs as [Node, Node];
  const geometry = node.attrs as unknown as Geometry;
  const [wide, result] = [e.sizes(x), e.sizes(node)];
  const input = e.reshaped(e.full(x), flatChannels(wide), wide);
  const isTransposed = geometry.inputDilation.some((d) => d !== 1);
  const y = isTransposed ? transposed(e, w, input, geometry) : plain(e, w, input, geometry);
  return e.reshaped(y, result, flatChannels(result));
}

function plain(
  e: Emitter,
  w: Node,
  input: string,
  { stride, padLow, padHigh, kernelDilation }: Geometry,
): string {
  const [g, o, c, ...kernel] = e.sizes(w) as [Size, Size, Size, ...Size[]];
  const weight = e.reshaped(e.full(w), [fixed(g.b * o.b), c, ...kernel], e.sizes(w));
  const isCut = [...padLow, ...padHigh].some((p) => p < 0);
  const around = [0, 0, ...padLow, 0, 0, ...padHigh];
  const source = isCut ? e.b.node("Pad", [input, e.b.ints(around)]) : input;
  return e.b.node("Conv", [source, weight], {
    kernel_shape: kernel.map(({ b }) => b),
    strides: stride,
    dilations: kernelDilation,
    pads: isCut ? around.map(() => 0).slice(4) : [...padLow, ...padHigh],
    group: g.b,
  });
}

/** A convolution with zeros between the inputs is the transpose of one with the flipped kernel. */
function transposed(e: Emitter, w: Node, input: string, geometry: Geometry): string {
  const [g, o, c, ...kernel] = e.sizes(w) as [Size, Size, Size, ...Size[]];
  const spatial = kernel.map((_, i) => 3 + i);
  const back = e.transposed(e.flipped(e.full(w), spatial), [0, 2, 1, ...spatial]); // [g, c, o, …]
  const weight = e.reshaped(back, [fixed(g.b * c.b), o, ...kernel], [g, c, o, ...kernel]);
  const reach = kernel.map(({ b }, i) => geometry.kernelDilation[i]! * (b - 1));
  const low = reach.map((r, i) => r - geometry.padLow[i]!);
  const high = reach.map((r, i) => r - geometry.padHigh[i]!);
  return e.b.node("ConvTranspose", [input, weight], {
    kernel_shape: kernel.map(({ b }) => b),
    strides: geometry.inputDilation,
    dilations: geometry.kernelDilation,
    pads: [...low, ...high.map((p) => Math.max(0, p))],
    output_padding: high.map((p) => Math.max(0, -p)),
    group: g.b,
  });
}

import {
  checkExtent,
  checkSteps,
  floats,
  forEachIndex,
  ShapeError,
  show,
  stridesOf,
} from "../base/index.ts";
import { type Attrs, apply, type Node, type RefArray } from "../graph/index.ts";
import { winogradLimits } from "../runtime/conv-algorithms.ts";
import { flip, permute } from "./movement.ts";
import { bilinear, checkSameDType, type OpRecord } from "./record.ts";
import { zerosLike } from "./sources.ts";

/** Geometry of a convolution, one entry per spatial axis. */
export interface ConvGeometry {
  readonly stride: readonly number[];
  readonly padLow: readonly number[];
  /** Padding may be negative, which crops. */
  readonly padHigh: readonly number[];
  readonly inputDilation: readonly number[];
  readonly kernelDilation: readonly number[];
}

const geometry = (attrs: Attrs) => attrs as unknown as ConvGeometry;
/** Extent of `n` elements at distance `step`. */
const span = (n: number, step: number) => (n === 0 ? 0 : (n - 1) * step + 1);

/**
 * Cross-correlation in 1, 2 or 3 dimensions, in the grouped layout
 *
 *   y[n, g, o, p…] = Σ_{c, q…} x̃[n, g, c, p·stride + q·kernelDilation − padLow] · w[g, o, c, q…]
 *
 * where x̃ has inputDilation − 1 zeros between neighbours. Output size
 * ⌊(span(x) + padLow + padHigh − span(w)) / stride⌋ + 1. With these attributes the family is closed
 * under differentiation: both adjoints are convolutions of permuted views.
 *
 * @see Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning"
 */
export const convOp: OpRecord = bilinear({
  name: "conv",
  formula: "Σ x[n, g, c, p·stride + q·dilation − pad] · w[g, o, c, q] over c, q",
  dtypes: floats,
  infer([x, w], attrs) {
    checkSameDType("conv", [x!, w!]);
    const [n, g, c, ...size] = x!.shape as [number, number, number, ...number[]];
    const [g2, o, c2, ...kernel] = w!.shape as [number, number, number, ...number[]];
    if (g !== g2 || c !== c2 || size.length !== kernel.length)
      throw new ShapeError({
        subject: "conv",
        problem: `input [n, groups, channels, …] ${show(x!.shape)} does not fit kernel [groups, out, channels, …] ${show(w!.shape)}.`,
        fix: "groups, channels and the number of spatial axes must agree.",
      });
    const out = size.map((d, i) => outputSize(d, kernel[i]!, geometry(attrs), i));
    if (out.some((d) => d < 1))
      throw new ShapeError({
        subject: "conv",
        problem: `kernel ${show(kernel)} does not fit into input ${show(size)} with padding ${show(geometry(attrs).padLow)} and ${show(geometry(attrs).padHigh)} (output size ⌊(n + 2p − f)/s + 1⌋ = ${show(out)}).`,
        fix: "use a smaller kernel or more padding.",
      });
    const { stride, padLow, inputDilation, kernelDilation } = geometry(attrs);
    out.forEach((d, i) => {
      const places = [
        [d, stride[i]!],
        [kernel[i]!, kernelDilation[i]!],
        [size[i]!, inputDilation[i]!],
      ] as const;
      checkExtent("conv", i, places, padLow[i]!);
    });
    const shape = [n, g, o, ...out];
    checkSteps("conv", shape, [c, ...kernel]);
    return { shape, dtype: x!.dtype };
  },
  adjoints: [inputAdjoint, kernelAdjoint],
  reference: convReference,
  lower: {
    kind: "fused",
    batch: { summed: 2, prefersInnermost },
    channels: () => [1, 2],
    emit(node, [x, w], after) {
      const [input, kernel] = node.inputs as [Node, Node];
      const { stride, padLow, inputDilation, kernelDilation } = geometry(node.attrs);
      return {
        kind: "conv",
        shape: node.shape,
        channels: input.shape[2]!,
        inputSize: input.shape.slice(3),
        kernelSize: kernel.shape.slice(3),
        stride,
        padLow,
        inputDilation,
        kernelDilation,
        x: x!,
        w: w!,
        ...after,
      };
    },
  },
});

/**
 * With enough images to fill vectors, and few channels; not if the engine uses Winograd's minimal
 * filtering.
 */
function prefersInnermost({ shape: [n], inputs: [, w], attrs }: Node): boolean {
  const [, o, c, ...kernel] = w!.shape;
  const { stride, inputDilation, kernelDilation } = geometry(attrs);
  const isPlain = [...stride, ...inputDilation, ...kernelDilation].every((step) => step === 1);
  const { kernel: size, leastChannels } = winogradLimits;
  const isMinimal =
    isPlain && Math.min(c!, o!) >= leastChannels && String(kernel) === `${size},${size}`;
  return n! >= 16 && n! % 16 === 0 && c! * o! <= 1024 && !isMinimal;
}

function outputSize(size: number, kernel: number, geo: ConvGeometry, i: number): number {
  const room =
    span(size, geo.inputDilation[i]!) +
    geo.padLow[i]! +
    geo.padHigh[i]! -
    span(kernel, geo.kernelDilation[i]!);
  return Math.floor(room / geo.stride[i]!) + 1;
}

/** Swaps axes `a` and `b` of the three leading ones. */
const swap = (x: Node, a: number, b: number): Node => {
  const perm = x.shape.map((_, i) => i);
  perm[a] = b;
  perm[b] = a;
  return permute(x, perm);
};

/** Input gradient: g, dilated by the stride, with the flipped kernel; stride and dilation swap. */
function inputAdjoint(g: Node, { inputs: [x, w], attrs }: Node): Node {
  if (x!.size === 0) return zerosLike(x!); // padding alone: nothing to convolve with
  const geo = geometry(attrs);
  const spatial = w!.shape.slice(3);
  const padLow = spatial.map((k, i) => span(k, geo.kernelDilation[i]!) - 1 - geo.padLow[i]!);
  const padHigh = spatial.map((k, i) => {
    const wanted = span(x!.shape[3 + i]!, geo.inputDilation[i]!);
    const have = span(g.shape[3 + i]!, geo.stride[i]!) + padLow[i]!;
    return wanted + span(k, geo.kernelDilation[i]!) - 1 - have;
  });
  const flipped = flip(
    swap(w!, 1, 2),
    spatial.map((_, i) => 3 + i),
  );
  return conv(g, flipped, {
    stride: geo.inputDilation,
    padLow,
    padHigh,
    inputDilation: geo.stride,
    kernelDilation: geo.kernelDilation,
  });
}

/**
 * Kernel gradient: the output's gradient slides over x, with batch and channels swapped. If x is
 * dilated, x slides over the gradient instead (from the other end, hence the flip), and no zero
 * between its elements is multiplied.
 */
function kernelAdjoint(g: Node, node: Node): Node {
  const [x, w] = node.inputs as [Node, Node];
  const geo = geometry(node.attrs);
  const spatial = g.shape.slice(3).map((_, i) => 3 + i);
  const kernel = w.shape.slice(3);
  const dilated = geo.inputDilation.some((d) => d > 1) && geo.stride.every((s) => s === 1);
  const padLow = dilated
    ? kernel.map((k, i) => span(k, geo.kernelDilation[i]!) - 1 - geo.padLow[i]!)
    : geo.padLow;
  const [moving, still] = dilated ? [x, g] : [g, x];
  const steps = dilated ? geo.inputDilation : geo.stride; // of the moving side
  const grid = dilated ? geo.stride : geo.inputDilation; // of the side that stays
  const padHigh = kernel.map((k, i) => {
    const wanted = span(k, geo.kernelDilation[i]!) - 1 + span(moving.shape[3 + i]!, steps[i]!);
    return wanted - span(still.shape[3 + i]!, grid[i]!) - padLow[i]!;
  });
  const result = conv(
    swap(still, 0, 2), // [c or o, g, n, …]
    permute(moving, [1, 2, 0, ...spatial]), // [g, o or c, n, …]
    {
      stride: geo.kernelDilation,
      padLow,
      padHigh,
      inputDilation: grid,
      kernelDilation: steps,
    },
  ); // [c, g, o, …], or [o, g, c, …] from the other end
  return dilated
    ? flip(permute(result, [1, 0, 2, ...spatial]), spatial)
    : permute(result, [1, 2, 0, ...spatial]);
}

function convReference(node: Node, [x, w]: readonly RefArray[]): Float64Array {
  const { stride, padLow, inputDilation, kernelDilation } = geometry(node.attrs);
  const sx = stridesOf(x!.shape);
  const sw = stridesOf(w!.shape);
  const result = new Float64Array(node.size);
  forEachIndex(node.shape, ([n, g, o, ...p], i) => {
    let total = 0;
    forEachIndex(w!.shape.slice(2), ([c, ...q]) => {
      let from = n! * sx[0]! + g! * sx[1]! + c! * sx[2]!;
      let weight = g! * sw[0]! + o! * sw[1]! + c! * sw[2]!;
      for (let axis = 0; axis < p.length; axis++) {
        const at = p[axis]! * stride[axis]! + q[axis]! * kernelDilation[axis]! - padLow[axis]!;
        const source = at / inputDilation[axis]!;
        if (!Number.isInteger(source) || source < 0 || source >= x!.shape[3 + axis]!) return;
        from += source * sx[3 + axis]!;
        weight += q[axis]! * sw[3 + axis]!;
      }
      total += x!.data[from]! * w!.data[weight]!;
    });
    result[i] = total;
  });
  return result;
}

export const conv = (x: Node, w: Node, geo: ConvGeometry): Node =>
  apply(convOp, [x, w], geo as unknown as Attrs);

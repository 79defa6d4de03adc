/** Convolutions and their transposes. */
import { show } from "../../base/index.ts";
import { conv, convTranspose, type Tensor } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
import { padded } from "./movement.ts";
import { perAxis, windowsOf } from "./windows.ts";

/** One number per channel against `[N, C, …]`. */
export const perChannel = (b: Tensor, rank: number, axis = 1): Tensor =>
  b.rank === 0 || b.size === 1
    ? b.reshape([])
    : b.reshape([b.size, ...new Array<number>(rank - axis - 1).fill(1)]);

function kernelOf(call: Call, w: Tensor): readonly number[] {
  const given = call.ints("kernel_shape");
  const kernel = w.shape.slice(2);
  if (given && show(given) !== show(kernel))
    throw call.error(`has a kernel_shape of ${show(given)} and a weight of ${show(w.shape)}.`);
  return kernel;
}

/** x convolved, padded as the node says. */
export function convolved(call: Call, x: Tensor, w: Tensor, value?: number): Tensor {
  const { stride, dilation, padding } = windowsOf(call, x.shape.slice(2), kernelOf(call, w));
  const groups = call.int("group", 1);
  if (value === undefined && padding.every(([low, high]) => low >= 0 && high >= 0))
    return conv(x, w, { stride, dilation, groups, padding });
  const around = padded(x, [[0, 0], [0, 0], ...padding], "constant", value ?? 0);
  return conv(around, w, { stride, dilation, groups });
}

function convOp(call: Call): Tensor {
  const y = convolved(call, call.t(0), call.t(1));
  const b = call.optional(2);
  return b ? y.add(perChannel(b.tensor, y.rank)) : y;
}

/** What a transposed convolution cuts off each end; less than 0 adds zeros. */
function cuts(
  call: Call,
  full: readonly number[],
  sizes: readonly number[],
  stride: readonly number[],
): [number, number][] {
  const rank = sizes.length;
  const auto = call.text("auto_pad", "NOTSET");
  const extra = call.ints("output_padding") ?? new Array<number>(rank).fill(0);
  const given = call.ints("output_shape")?.slice(-rank);
  const isSame = auto === "SAME_UPPER" || auto === "SAME_LOWER";
  const wanted = given ?? (isSame ? sizes.map((n, i) => n * stride[i]!) : undefined);
  const pads = call.ints("pads") ?? new Array<number>(2 * rank).fill(0);
  return full.map((n, i) => {
    if (!wanted) return [pads[i]!, pads[i + rank]! - extra[i]!];
    const total = n + extra[i]! - wanted[i]!;
    const half = Math.floor(total / 2);
    const low = auto === "SAME_UPPER" ? half : total - half;
    return [low, total - low - extra[i]!];
  });
}

function convTransposeOp(call: Call): Tensor {
  const [x, w] = [call.t(0), call.t(1)];
  const sizes = x.shape.slice(2);
  const kernel = kernelOf(call, w);
  const [stride, dilation] = [
    perAxis(call, "strides", sizes.length),
    perAxis(call, "dilations", sizes.length),
  ];
  const full = sizes.map((n, i) => stride[i]! * (n - 1) + dilation[i]! * (kernel[i]! - 1) + 1);
  const options = { stride, dilation, groups: call.int("group", 1) };
  const ends = cuts(call, full, sizes, stride);
  const isEven = ends.every(([low, high], i) => low >= 0 && low === high && full[i]! > 2 * low);
  const y = isEven
    ? convTranspose(x, w, { ...options, padding: ends.map(([low]) => low) })
    : padded(convTranspose(x, w, options), [
        [0, 0],
        [0, 0],
        ...ends.map(([low, high]) => [-low, -high] as const),
      ]);
  const b = call.optional(2);
  return b ? y.add(perChannel(b.tensor, y.rank)) : y;
}

export const convolutionOperators: readonly Operator[] = [
  { name: "Conv", run: convOp },
  { name: "ConvTranspose", run: convTransposeOp },
];

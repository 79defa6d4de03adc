/** Geometry of windows as ONNX writes it: strides, dilations, paddings by number or by name. */
import { ConfigError, show } from "../../base/index.ts";
import type { Call } from "../call.ts";

export interface Windows {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Before and after each axis. */
  readonly padding: readonly (readonly [number, number])[];
}

const each = (n: number, value: number): number[] => new Array<number>(n).fill(value);

/** One number of 1 or more per axis, or a default. */
export function perAxis(call: Call, name: string, rank: number): number[] {
  const given = call.ints(name) ?? each(rank, 1);
  if (given.length === rank && given.every((n) => n > 0 && n < 2 ** 31)) return given;
  throw new ConfigError({
    subject: call.node.operator,
    problem: `the attribute "${name}" is ${show(given)} for ${rank} spatial axes.`,
    fix: "one whole number of 1 or more per axis is meant; export the net anew.",
  });
}

/** The windows of a convolution or pooling over axes of these sizes. */
export function windowsOf(
  call: Call,
  sizes: readonly number[],
  kernel: readonly number[],
): Windows {
  const rank = sizes.length;
  const [stride, dilation] = [perAxis(call, "strides", rank), perAxis(call, "dilations", rank)];
  const span = kernel.map((f, i) => (f - 1) * dilation[i]! + 1);
  const auto = call.text("auto_pad", "NOTSET");
  const pads = call.ints("pads") ?? each(2 * rank, 0);
  const padding = sizes.map((n, i): [number, number] => {
    if (auto === "VALID") return [0, 0];
    if (auto === "NOTSET" || auto === "") return [pads[i]!, pads[i + rank]!];
    const total = Math.max(0, (Math.ceil(n / stride[i]!) - 1) * stride[i]! + span[i]! - n);
    const less = Math.floor(total / 2);
    return auto === "SAME_LOWER" ? [total - less, less] : [less, total - less];
  });
  return { size: kernel, stride, dilation, padding };
}

/**
 * How much to add at the end of each axis so that windows that begin within the input, but do not end
 * there, count, too; `ceil_mode`.
 */
export function ceilExtra(
  sizes: readonly number[],
  { size, stride, dilation, padding }: Windows,
): number[] {
  return sizes.map((n, i) => {
    const [low, high] = padding[i]!;
    const room = n + low + high - ((size[i]! - 1) * dilation[i]! + 1);
    const last = Math.ceil(room / stride[i]!);
    // a window that would begin in the padding behind the input is left out
    const steps = last * stride[i]! >= n + low ? last - 1 : last;
    return Math.max(0, steps * stride[i]! - room);
  });
}

import { ConfigError, ShapeError, show, sizeOf } from "../base/index.ts";
import { conv, type Tensor } from "../tensor/index.ts";

/**
 * How much of the result is returned, for n samples and a kernel of f: n + f − 1, n, or n − f + 1.
 */
export type ConvolutionMode = "full" | "same" | "valid";

/**
 * True convolution over the last one or two axes, as many as the kernel has:
 *
 *   (x ∗ k)[p] = Σ_q x[p − q] k[q],   x = 0 outside
 *
 * `full` keeps every p where the two overlap, `same` the middle, as large as x (for an even kernel
 * the one nearer to the start), `valid` those where k lies entirely inside x. In full mode it
 * commutes, x ∗ k = k ∗ x, and in every mode it is linear in x and in k. What networks call
 * convolution is {@link correlate}.
 *
 * @param x `[…, n]` or `[…, h, w]` float. @param kernel `[f]` or `[fh, fw]` float.
 * @throws {ShapeError} if the kernel has neither one nor two axes, or more than x, or does not lie
 *   inside x in valid mode. @throws {ConfigError} for another mode.
 * @see Goodfellow, Bengio & Courville 2016, §9.1
 * @example
 * convolve(tensor([1, 2, 3]), tensor([0, 1, 0.5])).toArray(); // [0, 1, 2.5, 4, 1.5]
 * convolve(tensor([1, 2, 3]), tensor([0, 1, 0.5]), "same").toArray(); // [1, 2.5, 4]
 * convolve(tensor([1, 2, 3]), tensor([0, 1, 0.5]), "valid").toArray(); // [2.5]
 */
export function convolve(x: Tensor, kernel: Tensor, mode: ConvolutionMode = "full"): Tensor {
  checkRanks("convolve", x, kernel);
  return slide("convolve", x, kernel.flip(kernel.shape.map((_, axis) => axis)), mode);
}

/**
 * Cross-correlation: convolution with the flipped kernel.
 *
 *   (x ⋆ k)[p] = Σ_q x[p + q] k[q] = (x ∗ flip k)[p + f − 1]
 *
 * The kernel is applied unflipped, and the operation does not commute.
 *
 * @see convolve for arguments, modes and errors
 * @example
 * correlate(tensor([1, 2, 3]), tensor([0, 1, 0.5]), "valid").toArray(); // [3.5]
 */
export function correlate(x: Tensor, kernel: Tensor, mode: ConvolutionMode = "full"): Tensor {
  checkRanks("correlate", x, kernel);
  return slide("correlate", x, kernel, mode);
}

function slide(name: string, x: Tensor, kernel: Tensor, mode: ConvolutionMode): Tensor {
  const rank = kernel.rank;
  const outer = x.shape.slice(0, -rank);
  const size = x.shape.slice(-rank);
  checkMode(name, mode);
  if (mode === "valid" && kernel.shape.some((f, i) => f > size[i]!))
    throw new ShapeError({
      subject: name,
      problem: `kernel ${show(kernel.shape)} does not lie inside ${show(size)}: n − f + 1 < 1.`,
      fix: 'take a smaller kernel, or the mode "same" or "full".',
    });
  const padding = kernel.shape.map((f) => paddingOf(mode, f));
  const y = conv(x.reshape([sizeOf(outer), 1, ...size]), kernel.reshape([1, 1, ...kernel.shape]), {
    padding,
  });
  return y.reshape([...outer, ...y.shape.slice(2)]);
}

/** Zeros before and after an axis. `same` cuts ⌊(f − 1) / 2⌋ off the start of `full`. */
function paddingOf(mode: ConvolutionMode, f: number): [number, number] {
  if (mode === "full") return [f - 1, f - 1];
  return mode === "same" ? [f >> 1, (f - 1) >> 1] : [0, 0];
}

function checkRanks(name: string, x: Tensor, kernel: Tensor): void {
  const { rank } = kernel;
  if (rank >= 1 && rank <= 2 && rank <= x.rank && x.size > 0 && kernel.size > 0) return;
  throw new ShapeError({
    subject: name,
    problem: `signal ${show(x.shape)} and kernel ${show(kernel.shape)} do not fit.`,
    fix: "give a kernel [f] for signals […, n] or [fh, fw] for images […, h, w], both with values.",
  });
}

function checkMode(name: string, mode: string): void {
  if (mode === "full" || mode === "same" || mode === "valid") return;
  throw new ConfigError({
    subject: name,
    problem: `mode is ${JSON.stringify(mode)}.`,
    fix: 'use "full", "same" or "valid".',
  });
}

import {
  ConfigError,
  checkOptions,
  type HostArray,
  ShapeError,
  show,
  sizeOf,
} from "../../base/index.ts";
import { fft, twiddles } from "./fft.ts";

/** Options of {@link spectrogram}. */
export interface SpectrogramOptions {
  /** Samples of one frame, N. Default 256. */
  readonly window?: number | undefined;
  /** Samples from one frame to the next. Default half a window. */
  readonly hop?: number | undefined;
}

/**
 * Power of each frequency over time: the short-time Fourier transform, squared.
 *
 *   S[k, f] = |Σₙ w[n] x[f·hop + n] e^(−2πi nk / N)|²,   w[n] = ½ − ½ cos(2πn / N)
 *
 * with Hann's (periodic) window w. Frames lie entirely inside the signal, 1 + ⌊(T − N) / hop⌋ of
 * them; a shorter signal is one frame, padded with silence. Bin k is the frequency k·sampleRate / N
 * hertz.
 *
 * @param samples `[…, T]` float.
 * @returns `[…, ⌊N / 2⌋ + 1, frames]` float32.
 * @throws {ShapeError} if there is no sample. @throws {ConfigError} if `window` or `hop` is
 * invalid.
 * @see Allen 1977, "Short term spectral analysis, synthesis, and modification by discrete Fourier
 * transform"
 * @example
 * const tone = hostArray([512], Float32Array.from({ length: 512 }, (_, t) => Math.sin(t * Math.PI / 8)));
 * const power = spectrogram(tone, { window: 256 });
 * power.shape; // [129, 3]
 * power.data[16 * 3] > 1000 * power.data[20 * 3]; // true
 */
export function spectrogram(samples: HostArray, options: SpectrogramOptions = {}): HostArray {
  checkOptions("spectrogram", options, { window: "number", hop: "number" });
  const { window = 256 } = options;
  const { hop = Math.max(1, window >> 1) } = options;
  checkWhole("window", window, 2);
  checkWhole("hop", hop, 1);
  const length = samples.shape.at(-1);
  if (!length)
    throw new ShapeError({
      subject: "spectrogram",
      problem: `shape ${show(samples.shape)} holds no sample.`,
      fix: "give samples [T] or [N, T], T at least 1.",
    });
  const outer = samples.shape.slice(0, -1);
  const count = sizeOf(outer);
  const bins = (window >> 1) + 1;
  const frames = framesOf(length, window, hop);
  const data = new Float32Array(count * bins * frames);
  const angles = twiddles(window);
  const hann = angles.cos.map((c) => 0.5 - 0.5 * c);
  const [re, im] = [new Float64Array(window), new Float64Array(window)];
  for (let n = 0; n < count; n++)
    for (let f = 0; f < frames; f++) {
      const start = n * length + f * hop;
      const inside = Math.min(window, length - f * hop);
      re.fill(0);
      im.fill(0);
      for (let i = 0; i < inside; i++) re[i] = hann[i]! * samples.data[start + i]!;
      fft(re, im, angles);
      for (let k = 0; k < bins; k++)
        data[(n * bins + k) * frames + f] = re[k]! * re[k]! + im[k]! * im[k]!;
    }
  return { dtype: "float32", shape: [...outer, bins, frames], data };
}

const framesOf = (length: number, window: number, hop: number): number =>
  1 + Math.max(0, Math.floor((length - window) / hop));

function checkWhole(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= 1 << 20) return;
  throw new ConfigError({
    subject: "spectrogram",
    problem: `${option} is ${value}, expected a whole number from ${least} to ${1 << 20}.`,
    fix: `give ${option} in samples, such as 256.`,
  });
}

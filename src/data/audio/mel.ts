import {
  ConfigError,
  checkOptions,
  type HostArray,
  type OptionNames,
  sizeOf,
} from "../../base/index.ts";
import { type SpectrogramOptions, spectrogram } from "./spectrogram.ts";

/** The formula from hertz to mels, in which equal distances sound equally far apart. */
export type MelScale = "htk" | "slaney";

/** Options of {@link melFilters}. */
export interface MelOptions {
  readonly sampleRate: number;
  /** Samples of one frame of the spectrogram. Default 256. */
  readonly window?: number;
  /** Number of filters. Default 40. */
  readonly count?: number;
  /** Default `"slaney"`. */
  readonly scale?: MelScale;
  /** The lowest frequency, in hertz. Default 0. */
  readonly from?: number;
  /** The highest frequency, in hertz. Default half the sample rate. */
  readonly to?: number;
  /**
   * Filters of equal area, 2 / (width in hertz) high, as in Slaney's toolbox; false: all have
   * height 1. Default true.
   */
  readonly equalArea?: boolean;
}

const melNames: OptionNames<MelOptions> = {
  ...{ sampleRate: "number", window: "number", count: "number", scale: true },
  ...{ from: "number", to: "number", equalArea: "boolean" },
};

const slaneyStep = 200 / 3;
const slaneyLog = Math.log(6.4) / 27;

const scales: Record<
  MelScale,
  { toMel: (hertz: number) => number; toHertz: (mel: number) => number }
> = {
  htk: {
    toMel: (f) => 2595 * Math.log10(1 + f / 700),
    toHertz: (m) => 700 * (10 ** (m / 2595) - 1),
  },
  slaney: {
    toMel: (f) => (f < 1000 ? f / slaneyStep : 15 + Math.log(f / 1000) / slaneyLog),
    toHertz: (m) => (m < 15 ? m * slaneyStep : 1000 * Math.exp((m - 15) * slaneyLog)),
  },
};

/**
 * Triangular filters over the bins of a spectrogram, with corners equally spaced in mels: with
 * corners c₀ … c₍M₊₁₎,
 *
 *   F[m, k] = max(0, min((fₖ − cₘ) / (cₘ₊₁ − cₘ), (cₘ₊₂ − fₖ) / (cₘ₊₂ − cₘ₊₁))),   fₖ = k·sampleRate / N
 *
 * The scales: HTK's 2595 log₁₀(1 + f / 700); Slaney's 3f / 200 below 1000 Hz and logarithmic above,
 * by 27 steps per factor 6.4.
 *
 * @returns `[count, ⌊N / 2⌋ + 1]` float32.
 * @throws {ConfigError} if an option is invalid, or a filter is too narrow to contain any bin.
 * @see Young et al. 2006, "The HTK book", §5.6; Slaney 1998, "Auditory toolbox", Technical report
 * 1998-010
 * @example
 * melFilters({ sampleRate: 8000, window: 256, count: 20 }).shape; // [20, 129]
 */
export function melFilters(options: MelOptions): HostArray {
  checkOptions("melFilters", options ?? null, melNames);
  const { sampleRate, window = 256, count = 40, from = 0, equalArea = true } = options;
  const { to = sampleRate / 2, scale = "slaney" } = options;
  check("sampleRate", sampleRate, sampleRate > 0 && Number.isFinite(sampleRate));
  check("window", window, Number.isInteger(window) && window >= 2);
  check("count", count, Number.isInteger(count) && count >= 1 && count <= 4096);
  check("from", from, from >= 0 && from < to);
  check("to", to, to <= sampleRate / 2);
  check("scale", scale, Object.hasOwn(scales, scale));
  const { toMel, toHertz } = scales[scale];
  const [low, high] = [toMel(from), toMel(to)];
  const corners = Array.from({ length: count + 2 }, (_, i) =>
    toHertz(low + ((high - low) * i) / (count + 1)),
  );
  const bins = (window >> 1) + 1;
  const data = new Float32Array(count * bins);
  for (let m = 0; m < count; m++) {
    const [left, middle, right] = corners.slice(m, m + 3) as [number, number, number];
    const height = equalArea ? 2 / (right - left) : 1;
    let sum = 0;
    for (let k = 0; k < bins; k++) {
      const f = (k * sampleRate) / window;
      const up = Math.min((f - left) / (middle - left), (right - f) / (right - middle));
      sum += data[m * bins + k] = height * Math.max(0, up);
    }
    if (sum === 0) throw tooNarrow(m, left, right, sampleRate / window);
  }
  return { dtype: "float32", shape: [count, bins], data };
}

/**
 * The logarithm of a spectrogram's power in {@link melFilters}: the usual input of audio networks.
 *
 *   L[m, f] = ln max(Σₖ F[m, k] S[k, f], floor)
 *
 * @param samples `[…, T]` float.
 * @param options.floor keeps silence finite. Default 10⁻¹⁰.
 * @returns `[…, count, frames]` float32.
 * @see Davis & Mermelstein 1980, "Comparison of parametric representations for monosyllabic word
 * recognition"
 * @example
 * const { samples, sampleRate } = await readWav("seven.wav");
 * logMel(hostArray([800], samples), { sampleRate, count: 20 }).shape; // [20, 5]
 */
export function logMel(
  samples: HostArray,
  options: MelOptions & SpectrogramOptions & { readonly floor?: number },
): HostArray {
  checkOptions("logMel", options ?? null, { ...melNames, hop: "number", floor: "number" });
  const { floor = 1e-10, hop, ...mel } = options;
  check("floor", floor, floor > 0);
  const power = spectrogram(samples, { window: mel.window, hop });
  const filters = melFilters(mel);
  const [count, bins] = filters.shape as [number, number];
  const frames = power.shape.at(-1)!;
  const outer = power.shape.slice(0, -2);
  const data = new Float32Array(sizeOf(outer) * count * frames);
  for (let n = 0; n < sizeOf(outer); n++)
    for (let m = 0; m < count; m++) {
      const row = new Float64Array(frames);
      for (let k = 0; k < bins; k++) {
        const weight = filters.data[m * bins + k]!;
        if (weight === 0) continue;
        const from = (n * bins + k) * frames;
        for (let f = 0; f < frames; f++) row[f] = row[f]! + weight * power.data[from + f]!;
      }
      data.set(
        row.map((x) => Math.log(Math.max(x, floor))),
        (n * count + m) * frames,
      );
    }
  return { dtype: "float32", shape: [...outer, count, frames], data };
}

function check(option: string, value: unknown, good: boolean): void {
  if (good) return;
  throw new ConfigError({
    subject: "melFilters",
    problem: `${option} is ${value}.`,
    fix: "give frequencies with 0 ≤ from < to ≤ sampleRate / 2, a window of 2 or more samples, 1 or more filters, and the scale htk or slaney.",
  });
}

const tooNarrow = (m: number, left: number, right: number, step: number): ConfigError =>
  new ConfigError({
    subject: "melFilters",
    problem: `filter ${m}, from ${left.toFixed(1)} to ${right.toFixed(1)} Hz, lies between two bins, which are ${step.toFixed(1)} Hz apart.`,
    fix: "ask for fewer filters (count), or a longer window.",
  });

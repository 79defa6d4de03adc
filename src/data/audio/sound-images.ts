import type { HostArray } from "../../base/index.ts";
import { checkOptions } from "../../base/index.ts";
import { logMel } from "./mel.ts";

/** How recordings become images. */
export interface SoundImageOptions {
  /** Samples per second. */
  readonly sampleRate: number;
  /** Number of mel bands, the height of the images. Default 40. */
  readonly mels?: number;
}

/** Length of a spectrogram frame in seconds, approximately. */
const frameSeconds = 0.032;
/** Keeps silence from being amplified. */
const epsilon = 1e-3;

/**
 * Recordings as images for convolutional nets: {@link logMel} over frames of about 32 ms that begin
 * every 16 ms, each image standardized to mean 0 and deviation 1, because loudness carries no
 * information.
 *
 *   X[n] = (L[n] − mean L[n]) / (std L[n] + 10⁻³)
 *
 * @param recordings `[N, T]` in [−1, 1], padded with silence if shorter than a frame.
 * @returns `[N, 1, mels, frames]` float32.
 * @example
 * const { train, sampleRate } = await readWavFolder("spoken", { length: 800 });
 * soundImages(train.inputs, { sampleRate, mels: 20 }).shape; // [4, 1, 20, 5]
 */
export function soundImages(recordings: HostArray, options: SoundImageOptions): HostArray {
  checkOptions("soundImages", options ?? null, { sampleRate: true, mels: "number" });
  const { sampleRate, mels = 40 } = options;
  const window = Math.max(4, 2 ** Math.round(Math.log2(frameSeconds * sampleRate)));
  const long = recordings.shape[1]! < window ? padded(recordings, window) : recordings;
  const image = logMel(long, { sampleRate, window, hop: window / 2, count: mels, floor: 1e-5 });
  const [count, , frames] = image.shape as [number, number, number];
  const data = Float32Array.from(image.data);
  const size = mels * frames;
  for (let n = 0; n < count; n++) {
    const own = data.subarray(n * size, (n + 1) * size);
    let sum = 0;
    for (const x of own) sum += x;
    const mean = sum / size;
    let squares = 0;
    for (const x of own) squares += (x - mean) ** 2;
    const std = Math.sqrt(squares / size);
    for (let i = 0; i < size; i++) own[i] = (own[i]! - mean) / (std + epsilon);
  }
  return { dtype: "float32", shape: [count, 1, mels, frames], data };
}

function padded({ shape, data }: HostArray, length: number): HostArray {
  const [count, own] = shape as [number, number];
  const result = new Float32Array(count * length);
  for (let n = 0; n < count; n++)
    result.set(data.subarray(n * own, (n + 1) * own) as Float32Array, n * length);
  return { dtype: "float32", shape: [count, length], data: result };
}

/** Recordings as a model expects them. */
import { DataError, show } from "../../base/index.ts";
import { decodeWav } from "../../formats/index.ts";
import { soundImages } from "../audio/sound-images.ts";
import { isSoundName, toMono } from "../audio/wav-folder.ts";
import { filesOf } from "./files.ts";
import type { NamedInputs } from "./image.ts";
import type { Preparation } from "./preparation.ts";

/**
 * Reads a recording, or all recordings of a folder or archive, as in training: cut or padded with
 * silence to the same length, as the same mel spectrogram.
 *
 * @param from a path, or the bytes of one WAV file.
 * @throws {DataError} if the network does not take recordings, there are none, or one has another
 * sample rate.
 */
export async function prepareSound(
  preparation: Preparation,
  from: string | Uint8Array,
): Promise<NamedInputs> {
  const { inputs, inputShape } = preparation;
  if (inputs.kind !== "sound")
    throw new DataError({
      subject: typeof from === "string" ? from : "recording",
      problem: `the network takes examples of ${show(inputShape)}, which are no recordings.`,
      fix: "give a run that was trained on recordings.",
    });
  const { sampleRate, length, mels } = inputs;
  const { files, names } = await filesOf(from, isSoundName, "recording");
  const data = new Float32Array(files.length * length);
  for (const [n, file] of files.entries()) {
    const wav = decodeWav(await file.read(), file.path);
    if (wav.sampleRate !== sampleRate)
      throw new DataError({
        subject: names[n]!,
        problem: `${wav.sampleRate} samples per second, but training had ${sampleRate}.`,
        fix: "resample the recording.",
      });
    data.set(toMono(wav.samples, wav.channels).subarray(0, length), n * length);
  }
  const recordings = { dtype: "float32", shape: [files.length, length], data } as const;
  return { names, inputs: soundImages(recordings, { sampleRate, mels }), notes: [] };
}

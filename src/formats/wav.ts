import { DataError, FormatError } from "../base/index.ts";
import { readBytes } from "./files.ts";

/** Sound as numbers. */
export interface WavFile {
  /** Samples per second and channel. */
  readonly sampleRate: number;
  readonly channels: number;
  /** `[channels, T]`, one channel after another, in [−1, 1) for integer samples. */
  readonly samples: Float32Array;
}

/**
 * Reads a WAV file: PCM of 8, 16, 24 or 32 bits, or float of 32 or 64, with any number of channels.
 * Sound whose size is 0 or practically infinite, as streaming programs write it, extends to the end
 * of the file.
 *
 * @throws {FormatError} if it is not a WAV file or of an unsupported kind. @throws {DataError} if
 * the file cannot be read or is truncated.
 * @example
 * const { sampleRate, samples } = await readWav("seven.wav");
 * sampleRate; // 8000
 */
export async function readWav(path: string): Promise<WavFile> {
  return decodeWav(await readBytes(path), path);
}

/** Sample encodings, per format code (1 integers, 3 floats) and bits. */
const readers: Record<string, (view: DataView, at: number) => number> = {
  "1/8": (view, at) => (view.getUint8(at) - 128) / 128,
  "1/16": (view, at) => view.getInt16(at, true) / 32768,
  "1/24": (view, at) => (view.getInt8(at + 2) * 65536 + view.getUint16(at, true)) / 8388608,
  "1/32": (view, at) => view.getInt32(at, true) / 2147483648,
  "3/32": (view, at) => view.getFloat32(at, true),
  "3/64": (view, at) => view.getFloat64(at, true),
};

/**
 * {@link readWav} for bytes in memory.
 *
 * @param source its name in errors.
 * @see Microsoft & IBM 1991, "Multimedia programming interface and data specifications 1.0", p. 56
 * @example
 * const bytes = await readBytes("seven.wav");
 * decodeWav(bytes).samples.length; // 800
 */
export function decodeWav(bytes: Uint8Array, source = "WAV"): WavFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || word(view, 0) !== "RIFF" || word(view, 8) !== "WAVE")
    throw new FormatError({
      subject: source,
      problem: "not a WAV file (it does not begin with RIFF … WAVE).",
      fix: "convert the recording to WAV.",
    });
  const chunks = chunksOf(view, source);
  const format = chunks.get("fmt ");
  const data = chunks.get("data");
  if (!format || !data || format.size < 16)
    throw torn(
      source,
      `it has no complete ${!format || format.size < 16 ? '"fmt "' : '"data"'} part`,
    );
  const { channels, sampleRate, bits, read } = formatOf(view, format, source);
  const width = bits / 8;
  if (data.size % (width * channels) !== 0 && !data.isStream)
    throw torn(
      source,
      `${data.size} bytes of sound are no whole number of samples of ${width * channels} bytes`,
    );
  const count = Math.floor(data.size / (width * channels)); // a stream may end within a sample
  const samples = new Float32Array(count * channels);
  for (let t = 0, at = data.at; t < count; t++)
    for (let c = 0; c < channels; c++, at += width) samples[c * count + t] = read(view, at);
  const strange = samples.findIndex((x) => !Number.isFinite(x));
  if (strange >= 0) throw torn(source, `sample ${strange % count} is ${samples[strange]}`);
  return { sampleRate, channels, samples };
}

interface Chunk {
  readonly at: number;
  readonly size: number;
  /** Whether its size was unknown when writing began, so that it extends to the end of the file. */
  readonly isStream: boolean;
}

const word = (view: DataView, at: number): string =>
  String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));

/** Streams that cannot go back to write their length write this much or more, or 0. */
const unknownSize = 0x7fff0000;

/** The first chunk of each name. */
function chunksOf(view: DataView, source: string): Map<string, Chunk> {
  const chunks = new Map<string, Chunk>();
  const end = view.byteLength;
  for (let at = 12; at + 8 <= end; ) {
    const name = word(view, at);
    let size = view.getUint32(at + 4, true);
    const rest = end - at - 8;
    const isStream = size > rest ? size >= unknownSize : size === 0 && !beginsChunk(view, at + 8);
    if (name === "data" && isStream) size = rest;
    if (size > rest && (name === "fmt " || name === "data"))
      throw torn(source, `its part "${name}" has ${rest} of ${size} bytes`);
    if (!chunks.has(name)) chunks.set(name, { at: at + 8, size, isStream });
    at += 8 + size;
    // An odd size is followed by a padding byte, which some writers omit.
    if (size % 2 === 1 && (at >= end || view.getUint8(at) === 0 || !beginsChunk(view, at))) at++;
  }
  return chunks;
}

/** Whether a chunk can begin here: a name of four letters and a size that fits the file. */
function beginsChunk(view: DataView, at: number): boolean {
  if (at + 8 > view.byteLength || !/^[\x20-\x7e]{4}$/.test(word(view, at))) return false;
  const size = view.getUint32(at + 4, true);
  return size <= view.byteLength - at - 8 || (word(view, at) === "data" && size >= unknownSize);
}

function formatOf(view: DataView, { at, size }: Chunk, source: string) {
  let code = view.getUint16(at, true);
  if (code === 0xfffe && size >= 26) code = view.getUint16(at + 24, true); // extensible: the true code
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  const read = readers[`${code}/${bits}`];
  if (read && channels > 0 && sampleRate > 0) return { channels, sampleRate, bits, read };
  throw new FormatError({
    subject: source,
    problem: `sound of format ${code} with ${bits} bits, ${channels} channels and ${sampleRate} Hz is not read.`,
    fix: "convert it to PCM of 8, 16, 24 or 32 bits or to float, without compression.",
  });
}

const torn = (subject: string, what: string): DataError =>
  new DataError({ subject, problem: `${what}.`, fix: "record, convert or copy the file again." });

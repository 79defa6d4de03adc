import {
  byteSize,
  DataError,
  type DType,
  FormatError,
  type HostArray,
  hostArray,
  show,
  sizeOf,
  viewOf,
} from "../base/index.ts";
import { writeFileAtomic } from "./atomic.ts";
import { readBytes } from "./files.ts";
import { type Entry, parseHeader } from "./safetensors-header.ts";

/** What a safetensors file holds: named arrays, and notes about them. */
export interface SafetensorsFile {
  readonly tensors: Map<string, HostArray>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Our element types under the names that the format gives them. */
const codeOf: Record<DType, string> = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  bool: "BOOL",
};
const dtypeOfCode = new Map(Object.entries(codeOf).map(([dtype, code]) => [code, dtype as DType]));

/**
 * Encodes named arrays as safetensors: the header's length as little-endian uint64, the header as
 * JSON padded with spaces so that the values begin on a multiple of 8, the values.
 *
 * Wide elements are laid out first, so that every array is aligned for its type and a reader may
 * map the file without copying.
 *
 * @throws {FormatError} if a tensor is called `__metadata__`, the format's own key.
 * @see https://huggingface.co/docs/safetensors (the file format)
 * @example
 * const bytes = encodeSafetensors(new Map([["w", hostArray([2], Float32Array.of(1, 2))]]));
 * decodeSafetensors(bytes).tensors.get("w"); // { dtype: "float32", shape: [2], data: [1, 2] }
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostArray>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  if (tensors.has(metadataKey))
    throw new FormatError({
      subject: "encodeSafetensors",
      problem: `a tensor is called "${metadataKey}", which the format keeps for its notes.`,
      fix: "rename the tensor.",
    });
  for (const [name, { shape, data }] of tensors)
    if (data.length !== sizeOf(shape))
      throw new FormatError({
        subject: "encodeSafetensors",
        problem: `"${name}" has ${data.length} values for the ${sizeOf(shape)} places of ${show(shape)}.`,
        fix: "give a shape whose sizes multiply to the number of values.",
      });
  const { offsets, total } = layout(tensors);
  const head = encodeHeader(tensors, offsets, metadata);
  const bytes = new Uint8Array(8 + head.length + total);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  for (const [name, { data }] of tensors)
    bytes.set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      8 + head.length + offsets.get(name)!,
    );
  return bytes;
}

/**
 * Decodes safetensors. The arrays are copies, aligned and independent of `bytes`.
 *
 * Everything in the header is checked before it is believed: its length, the JSON, types, shapes
 * against byte ranges, and that the ranges fill the file without overlap or hole.
 *
 * @param source the name that errors give the bytes.
 * @throws {FormatError} if the header is not what the format says. @throws {DataError} if values are missing or mean nothing.
 */
export function decodeSafetensors(bytes: Uint8Array, source = "safetensors"): SafetensorsFile {
  const { entries, metadata, start } = parseHeader(bytes, source);
  const tensors = new Map<string, HostArray>();
  for (const entry of entries) tensors.set(entry.name, decodeEntry(bytes, entry, start, source));
  return { tensors, metadata };
}

/** Reads a safetensors file. @throws as {@link decodeSafetensors}, and if the file is missing. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  return decodeSafetensors(await readBytes(path), path);
}

/** Writes a safetensors file atomically. @throws as {@link encodeSafetensors}. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostArray>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

const metadataKey = "__metadata__";

function layout(tensors: ReadonlyMap<string, HostArray>) {
  const widestFirst = [...tensors].sort(
    ([, a], [, b]) => byteSize(b.dtype) - byteSize(a.dtype), // stable: ties keep their order
  );
  const offsets = new Map<string, number>();
  let total = 0;
  for (const [name, { data }] of widestFirst) {
    offsets.set(name, total);
    total += data.byteLength;
  }
  return { offsets, total };
}

/** Written by hand, as an object would lose a tensor called `__proto__` and reorder one called `0`. */
function encodeHeader(
  tensors: ReadonlyMap<string, HostArray>,
  offsets: ReadonlyMap<string, number>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields = [...tensors].map(([name, { dtype, shape, data }]) => {
    const begin = offsets.get(name)!;
    const entry = { dtype: codeOf[dtype], shape, data_offsets: [begin, begin + data.byteLength] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (Object.keys(metadata).length > 0)
    fields.unshift(`"${metadataKey}":${JSON.stringify(metadata)}`);
  const text = new TextEncoder().encode(`{${fields.join(",")}}`);
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  return padded;
}

function decodeEntry(bytes: Uint8Array, entry: Entry, start: number, source: string): HostArray {
  const { name, code, shape, begin, end } = entry;
  const dtype = dtypeOfCode.get(code);
  if (dtype === undefined)
    throw new FormatError({
      subject: source,
      problem: `tensor "${name}" has element type ${code}; we read ${[...dtypeOfCode.keys()].join(", ")}.`,
      fix: "convert the tensor to float32 before saving.",
    });
  const size = sizeOf(shape);
  if (size * byteSize(dtype) !== end - begin)
    throw new FormatError({
      subject: source,
      problem: `tensor "${name}" of ${code} ${show(shape)} needs ${size * byteSize(dtype)} bytes, its offsets [${begin}, ${end}] give ${end - begin}.`,
      fix: "the file was written wrongly: save it again.",
    });
  const payload = new Uint8Array(bytes.subarray(start + begin, start + end)); // a copy, hence aligned
  const data = viewOf(dtype, payload.buffer, 0, size);
  if (dtype === "bool" && data.some((x) => x > 1))
    throw new DataError({
      subject: source,
      problem: `tensor "${name}" is BOOL but holds the byte ${data.find((x) => x > 1)}, neither 0 nor 1.`,
      fix: "the file was written wrongly: save it again.",
    });
  return hostArray(shape, data);
}

import {
  byteSize,
  DataError,
  FormatError,
  type HostArray,
  hostArray,
  show,
  sizeOf,
} from "../base/index.ts";
import { writeFileAtomic } from "./atomic.ts";
import { readBytes } from "./files.ts";
import { checksumNotes, checkTensor, sealHeader, takeChecksums } from "./safetensors-checksums.ts";
import { type Entry, parseHeader } from "./safetensors-header.ts";
import { codeOf, elementTypes } from "./safetensors-types.ts";

/** The contents of a safetensors file: named arrays and metadata. */
export interface SafetensorsFile {
  readonly tensors: Map<string, HostArray>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors that were skipped, and why; absent if there are none. */
  readonly unread?: ReadonlyMap<string, string>;
}

/**
 * Encodes named arrays as safetensors: the header's length as little-endian uint64, the header as
 * JSON padded with spaces so that the values begin on a multiple of 8, the values.
 *
 * Wide elements are laid out first, so that every array is aligned for its type and a reader may
 * map the file without copying. The CRC-32 of every tensor and of the header is stored in the
 * metadata as `gradus.crc32` and `gradus.crc32.header`, which other programs ignore.
 *
 * @throws {FormatError} if a tensor is called `__metadata__`, the format's own key, or a metadata
 * entry has the name of a checksum.
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
  const head = encodeHeader(tensors, offsets, { ...metadata, ...checksumNotes(tensors, metadata) });
  sealHeader(head);
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
 * Everything in the header is checked before it is used: its length, the JSON, types, shapes
 * against byte ranges, and that the ranges fill the file without overlap or hole. So are the
 * checksums that {@link encodeSafetensors} writes; files without them are read as well.
 *
 * F32, F64, I32 and BOOL are unchanged. F16, BF16 and 8-bit floats become float32; other integers
 * become int32, or float64 if one does not fit. Tensors of other types, or with numbers that fit
 * neither, are skipped and listed in `unread`.
 *
 * @param source its name in errors.
 * @throws {FormatError} if the header violates the format. @throws {DataError} if values are
 * missing, damaged or invalid.
 */
export function decodeSafetensors(bytes: Uint8Array, source = "safetensors"): SafetensorsFile {
  const { entries, metadata, start } = parseHeader(bytes, source);
  const { sums, notes } = takeChecksums(metadata, bytes.subarray(8, start), source);
  const tensors = new Map<string, HostArray>();
  const unread = new Map<string, string>();
  for (const entry of entries) {
    const payload = new Uint8Array(bytes.subarray(start + entry.begin, start + entry.end)); // a copy, hence aligned
    if (sums) checkTensor(entry.name, payload, sums, source);
    const result = decodeEntry(payload, entry, source);
    if (typeof result === "string") unread.set(entry.name, result);
    else tensors.set(entry.name, result);
  }
  return { tensors, metadata: notes, ...(unread.size > 0 && { unread }) };
}

/** Reads a safetensors file. @throws like {@link decodeSafetensors}, and if the file is missing. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  return decodeSafetensors(await readBytes(path), path);
}

/** Writes a safetensors file atomically. @throws like {@link encodeSafetensors}. */
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

/**
 * Written by hand, because an object would lose a tensor called `__proto__` and reorder one called
 * `0`.
 */
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
  fields.unshift(`"${metadataKey}":${JSON.stringify(metadata)}`);
  const text = new TextEncoder().encode(`{${fields.join(",")}}`);
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  return padded;
}

/** The tensor, or why it is skipped. */
export function decodeEntry(payload: Uint8Array, entry: Entry, source: string): HostArray | string {
  const { name, code, shape, begin, end } = entry;
  const type = Object.hasOwn(elementTypes, code) ? elementTypes[code] : undefined;
  if (type === undefined)
    return `has element type ${code}; we read ${Object.keys(elementTypes).join(", ")}`;
  const needed = sizeOf(shape) * type.bytes;
  if (needed !== payload.length)
    throw new FormatError({
      subject: source,
      problem: `tensor "${name}" of ${code} ${show(shape)} needs ${needed} bytes, its offsets [${begin}, ${end}] give ${payload.length}.`,
      fix: "the file was written wrongly: save it again.",
    });
  const data = type.decode(payload);
  if (!("problem" in data)) return hostArray(shape, data);
  if (code !== "BOOL") return data.problem;
  throw new DataError({
    subject: source,
    problem: `tensor "${name}" ${data.problem}.`,
    fix: "the file was written wrongly: save it again.",
  });
}

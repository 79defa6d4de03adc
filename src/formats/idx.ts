import {
  DataError,
  FormatError,
  type Shape,
  show,
  sizeOf,
  type TypedArray,
} from "../base/index.ts";
import { writeFileAtomic } from "./atomic.ts";
import { readBytes } from "./files.ts";
import { gunzip, gunzipPrefix, gzip, isGzip } from "./gzip.ts";

/** The element types of IDX, by the code in the third byte of the file. */
export const idxTypes = {
  ubyte: 0x08,
  int8: 0x09,
  int16: 0x0b,
  int32: 0x0c,
  float32: 0x0d,
  float64: 0x0e,
} as const;
/** The byte of an IDX header that names the element type. */
export type IdxType = (typeof idxTypes)[keyof typeof idxTypes];

/** The content of an IDX file. Unsigned bytes are a `Uint8Array`. */
export interface IdxArray {
  readonly dtypeCode: IdxType;
  readonly shape: Shape;
  readonly data: TypedArray | Int8Array | Int16Array;
}

const elements = {
  [idxTypes.ubyte]: Uint8Array,
  [idxTypes.int8]: Int8Array,
  [idxTypes.int16]: Int16Array,
  [idxTypes.int32]: Int32Array,
  [idxTypes.float32]: Float32Array,
  [idxTypes.float64]: Float64Array,
} as const;

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, "0").toUpperCase()}`;
const isIdxType = (code: number): code is IdxType => code in elements;

/**
 * Decodes an IDX file that is not compressed: the magic bytes 0, 0, type, rank; `rank` sizes as
 * big-endian uint32; the elements, big-endian, row-major.
 *
 * @param source its name in errors.
 * @throws {FormatError} if the header is not IDX. @throws {DataError} if there are too few or too
 * many values.
 * @see http://yann.lecun.com/exdb/mnist/ (the file format)
 * @example
 * decodeIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9)); // { dtypeCode: 8, shape: [2], data: [7, 9] }
 */
export function decodeIdx(bytes: Uint8Array, source = "IDX"): IdxArray {
  const { dtypeCode, shape, offset, end } = readHeader(bytes, source);
  if (bytes.length !== end)
    throw new DataError({
      subject: source,
      problem: `${bytes.length < end ? "truncated" : "trailing bytes"}: shape ${show(shape)} needs ${end - offset} bytes of values, the file has ${bytes.length - offset}.`,
      fix: "download or copy the file again, and compare its checksum.",
    });
  const payload = new Uint8Array(bytes.subarray(offset)); // a copy, hence aligned for any element
  const Elements = elements[dtypeCode];
  swapBytes(payload, Elements.BYTES_PER_ELEMENT);
  const size = payload.length / Elements.BYTES_PER_ELEMENT;
  return { dtypeCode, shape, data: new Elements(payload.buffer, 0, size) };
}

/**
 * Encodes an array as IDX. @throws {FormatError} if IDX cannot represent its type, rank or a size.
 */
export function encodeIdx({ dtypeCode, shape, data }: IdxArray): Uint8Array {
  checkEncodable({ dtypeCode, shape, data });
  const offset = 4 + 4 * shape.length;
  const bytes = new Uint8Array(offset + data.byteLength);
  bytes.set([0, 0, dtypeCode, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, axis) => {
    view.setUint32(4 + 4 * axis, size);
  });
  const payload = bytes.subarray(offset);
  payload.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  swapBytes(payload, data.BYTES_PER_ELEMENT);
  return bytes;
}

/**
 * Reads an IDX file, gzip or not (recognized by its first bytes, not by its name).
 *
 * @throws {FormatError} if it is not IDX. @throws {DataError} if it is missing, truncated or too
 * long.
 */
export async function readIdx(path: string): Promise<IdxArray> {
  return decodeIdxFile(await readBytes(path), path);
}

/**
 * {@link readIdx} for the bytes of a file.
 *
 * @param limit the largest allowed uncompressed size in bytes.
 */
export async function decodeIdxFile(
  bytes: Uint8Array,
  source = "IDX",
  limit = Number.POSITIVE_INFINITY,
): Promise<IdxArray> {
  if (!isGzip(bytes)) return decodeIdx(bytes, source);
  const { shape, end } = readHeader(await gunzipPrefix(bytes, source), source);
  if (end > limit)
    throw new DataError({
      subject: source,
      problem: `shape ${show(shape)} takes ${end} bytes, above the limit, ${limit}.`,
      fix: "unpack the file with gunzip if it is what it should be.",
    });
  return decodeIdx(await gunzip(bytes, source, end), source);
}

/** Writes an IDX file atomically; compressed when `path` ends in `.gz`. */
export async function writeIdx(path: string, array: IdxArray): Promise<void> {
  const bytes = encodeIdx(array);
  await writeFileAtomic(path, path.endsWith(".gz") ? await gzip(bytes) : bytes);
}

interface Header {
  readonly dtypeCode: IdxType;
  readonly shape: Shape;
  /** Where the values begin, and where they end. */
  readonly offset: number;
  readonly end: number;
}

function readHeader(bytes: Uint8Array, source: string): Header {
  const [zero0, zero1, dtypeCode, rank] = bytes;
  if (rank === undefined || zero0 !== 0 || zero1 !== 0 || !isIdxType(dtypeCode!))
    throw wrongMagic(bytes, source);
  const offset = 4 + 4 * rank;
  if (bytes.length < offset)
    throw new DataError({
      subject: source,
      problem: `truncated: a header of rank ${rank} needs ${offset} bytes, the file has ${bytes.length}.`,
      fix: "download or copy the file again, and compare its checksum.",
    });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const end = offset + sizeOf(shape) * elements[dtypeCode!].BYTES_PER_ELEMENT;
  return { dtypeCode: dtypeCode!, shape, offset, end };
}

function wrongMagic(bytes: Uint8Array, source: string): FormatError {
  const found = Array.from(bytes.subarray(0, 4), hex).join(" ") || "nothing";
  const known = Object.entries(idxTypes).map(([name, code]) => `${hex(code)} ${name}`);
  return new FormatError({
    subject: source,
    problem: `not an IDX file that we read: it starts with ${found}, expected 0x00 0x00, a type (${known.join(", ")}) and a rank.`,
    fix: "give an IDX file, such as train-images-idx3-ubyte, gzip or not.",
  });
}

function checkEncodable({ dtypeCode, shape, data }: IdxArray): void {
  const Elements = isIdxType(dtypeCode) ? elements[dtypeCode] : undefined;
  const sizesFit = shape.every((d) => Number.isInteger(d) && d >= 0 && d < 2 ** 32);
  if (Elements && data instanceof Elements && sizesFit && shape.length < 256)
    if (sizeOf(shape) === data.length) return;
  throw new FormatError({
    subject: "encodeIdx",
    problem: `${data.length} values of ${data.constructor.name} are not type ${hex(dtypeCode)} with shape ${show(shape)}.`,
    fix: "give the type code of the array, and a shape of its size with at most 255 axes below 2³².",
  });
}

/** Converts big-endian elements to little-endian or back, in place. */
function swapBytes(bytes: Uint8Array, width: number): void {
  if (width === 1) return;
  for (let start = 0; start < bytes.length; start += width)
    for (let i = start, j = start + width - 1; i < j; i++, j--) {
      const swap = bytes[i]!;
      bytes[i] = bytes[j]!;
      bytes[j] = swap;
    }
}

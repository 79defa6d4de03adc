import {
  allocate,
  DataError,
  type DType,
  FormatError,
  type HostArray,
  hostArray,
  type Shape,
  show,
  sizeOf,
} from "../base/index.ts";
import { writeFileAtomic } from "./atomic.ts";
import { readBytes } from "./files.ts";
import { elementTypes } from "./safetensors-types.ts";

/** NumPy's element types: kind and bytes, as the codes whose conversions are those of safetensors. */
const codes: Readonly<Record<string, string>> = {
  ...{ b1: "BOOL", f2: "F16", f4: "F32", f8: "F64" },
  ...{ i1: "I8", i2: "I16", i4: "I32", i8: "I64", u1: "U8", u2: "U16", u4: "U32", u8: "U64" },
};
const descr: Readonly<Record<DType, string>> = {
  ...{ float32: "<f4", float64: "<f8", int32: "<i4", bool: "|b1" },
};
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** Whether bytes begin as NumPy's `.npy` does. */
export const isNpy = (bytes: Uint8Array): boolean => magic.every((byte, i) => bytes[i] === byte);

/**
 * Decodes NumPy's `.npy`: the magic bytes, a version, a header that is a literal of Python, the values.
 *
 * Types that tensors do not have become the next one that holds every value, as in
 * {@link decodeSafetensors}: float16 becomes float32, integers int32, or float64 if one does not fit.
 * Fortran's order becomes C's, big-endian values little-endian ones.
 *
 * @param source its name in errors.
 * @throws {FormatError} if it is no such file, or holds objects, texts, complex numbers or records.
 * @throws {DataError} if values are missing, or no type holds them exactly.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @example
 * const bytes = encodeNpy(hostArray([2], Float64Array.of(1, 2)));
 * decodeNpy(bytes); // { dtype: "float64", shape: [2], data: [1, 2] }
 */
export function decodeNpy(bytes: Uint8Array, source = "npy"): HostArray {
  const { type, isBig, isFortran, shape, start } = parseHeader(bytes, source);
  const element = elementTypes[codes[type]!]!;
  const needed = sizeOf(shape) * element.bytes;
  if (bytes.length - start !== needed)
    throw new DataError({
      subject: source,
      problem: `${bytes.length - start < needed ? "truncated" : "trailing bytes"}: ${show(shape)} of ${type} needs ${needed} bytes of values, the file has ${bytes.length - start}.`,
      fix: "save or copy the array again.",
    });
  const payload = new Uint8Array(bytes.subarray(start)); // a copy, hence aligned
  if (isBig) swap(payload, element.bytes);
  const data = element.decode(payload);
  if ("problem" in data)
    throw new DataError({
      subject: source,
      problem: `the array ${data.problem}.`,
      fix: "save it in another type, as with astype in NumPy.",
    });
  return isFortran ? rowMajor(hostArray([...shape].reverse(), data)) : hostArray(shape, data);
}

/**
 * Encodes an array as NumPy's `.npy`, version 1.0.
 * @example
 * encodeNpy(hostArray([2], Int32Array.of(1, 2))).length; // 136
 */
export function encodeNpy({ dtype, shape, data }: HostArray): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = 64 * Math.ceil((10 + text.length + 1) / 64) - 10;
  const header = new TextEncoder().encode(`${text.padEnd(length - 1)}\n`);
  const bytes = new Uint8Array(10 + length + data.byteLength);
  bytes.set([...magic, 1, 0, length & 0xff, length >> 8]);
  bytes.set(header, 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + length);
  return bytes;
}

/** Reads a `.npy` file. @throws like {@link decodeNpy}, and if the file is missing. */
export async function readNpy(path: string): Promise<HostArray> {
  return decodeNpy(await readBytes(path), path);
}

/** Writes a `.npy` file atomically. @throws {DataError} if it cannot be written. */
export async function writeNpy(path: string, array: HostArray): Promise<void> {
  await writeFileAtomic(path, encodeNpy(array));
}

function parseHeader(bytes: Uint8Array, source: string) {
  const bad = (problem: string) =>
    new FormatError({ subject: source, problem, fix: "give a file that numpy.save wrote." });
  if (!isNpy(bytes) || bytes.length < 12) throw bad("not a NumPy array (.npy).");
  const major = bytes[6]!;
  if (major < 1 || major > 3) throw bad(`version ${major}.${bytes[7]} of the format is not known.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [length, from] =
    major === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  const start = from + length;
  if (start > bytes.length)
    throw bad(`its header ends at byte ${start}, the file at ${bytes.length}.`);
  const text = new TextDecoder().decode(bytes.subarray(from, start));
  const type = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\w*)'/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const sizes = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(text);
  if (!type || !order || !sizes)
    throw bad(
      /'descr'\s*:\s*\[/.test(text)
        ? "it holds records of several fields, not numbers of one type."
        : `its header is ${JSON.stringify(text.slice(0, 80))}.`,
    );
  if (!Object.hasOwn(codes, type[2]!))
    throw bad(
      type[2] === "O"
        ? "it holds Python objects, which can run programs and are not read."
        : `it holds elements of ${type[1]}${type[2]}; read are ${Object.keys(codes).join(", ")}.`,
    );
  const shape = sizes[1]!.split(",").map((size) => size.trim().replace(/L$/, ""));
  const known: Shape = shape.filter((size) => size !== "").map(Number);
  if (
    !known.every((size) => Number.isSafeInteger(size)) ||
    !Number.isSafeInteger(sizeOf(known) * 8)
  )
    throw bad(`its shape is (${sizes[1]}).`);
  return {
    type: type[2]!,
    isBig: type[1] === ">",
    isFortran: order[1] === "True",
    shape: known,
    start,
  };
}

function swap(bytes: Uint8Array, width: number): void {
  if (width > 1)
    for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** The array with its axes reversed, in row-major order. */
function rowMajor({ dtype, shape, data }: HostArray): HostArray {
  const sizes = [...shape].reverse();
  const strides = sizes.map((_, axis) => sizes.slice(0, axis).reduce((a, b) => a * b, 1));
  const out = allocate(dtype, data.length);
  const at = sizes.map(() => 0);
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = data[from]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++at[axis]! < sizes[axis]!) break;
      from -= at[axis]! * strides[axis]!;
      at[axis] = 0;
    }
  }
  return { dtype, shape: sizes, data: out };
}

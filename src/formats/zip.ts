/** Zip archives, as far as NumPy's `.npz` needs them. @see PKWARE's APPNOTE 6.3 */
import { DataError, FormatError } from "../base/index.ts";
import { crc32 } from "./crc.ts";
import { reasonOf } from "./files.ts";

/** Whether bytes begin as a zip archive does, one without entries included. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 &&
  bytes[1] === 0x4b &&
  ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6));

const [endMark, end64Mark, entryMark, localMark] = [0x06054b50, 0x06064b50, 0x02014b50, 0x04034b50];
/** Deflate cannot shrink more than this, about. */
const bestRatio = 1040;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * The files of an archive by name, stored or deflated, with their checksums verified.
 *
 * @param limit the most bytes that all files together may have.
 * @throws {FormatError} if it is no archive, or packed in another way. @throws {DataError} if it is
 * damaged or larger than the limit.
 */
export async function decodeZip(
  bytes: Uint8Array,
  source: string,
  limit: number,
): Promise<Map<string, Uint8Array>> {
  const { inflateRawSync } = await import("node:zlib");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const files = new Map<string, Uint8Array>();
  let total = 0;
  for (const entry of entriesOf(view, source)) {
    const { name, method, crc, packed, size } = entry;
    total += size;
    if (total > limit || size > bestRatio * (packed + 64))
      throw damaged(
        source,
        `"${name}" announces ${size} bytes, more than can be taken for its ${packed}`,
      );
    const from = bodyOf(view, entry, source);
    const body = bytes.subarray(from, from + packed);
    if (body.length !== packed) throw damaged(source, `"${name}" ends behind the archive`);
    if (method !== 0 && method !== 8) throw otherMethod(source, name, method);
    const file =
      method === 0
        ? body
        : inflate(() => inflateRawSync(body, { maxOutputLength: Math.max(1, size) }), source, name);
    if (file.length !== size)
      throw damaged(source, `"${name}" has ${file.length} bytes, not ${size}`);
    if (crc32(file) !== crc) throw damaged(source, `the checksum of "${name}" is wrong`);
    if (files.has(name)) throw damaged(source, `two files are called "${name}"`);
    files.set(name, file);
  }
  return files;
}

function inflate(run: () => Uint8Array, source: string, name: string): Uint8Array {
  try {
    return run();
  } catch (thrown) {
    throw damaged(source, `"${name}" cannot be unpacked (${reasonOf(thrown)})`);
  }
}

function* entriesOf(view: DataView, source: string): Generator<Entry> {
  const { count, start } = directoryOf(view, source);
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== entryMark)
      throw damaged(source, `entry ${i} of ${count} is not where it should be`);
    const [nameLength, extraLength, noteLength] = [28, 30, 32].map((k) =>
      view.getUint16(at + k, true),
    ) as [number, number, number];
    const head = at;
    const from = head + 46;
    at = from + nameLength + extraLength + noteLength;
    if (at > view.byteLength)
      throw damaged(source, `entry ${i} of ${count} ends behind the archive`);
    const name = new TextDecoder().decode(
      new Uint8Array(view.buffer, view.byteOffset + from, nameLength),
    );
    const [packed, size, offset] = wideSizes(view, head, from + nameLength, extraLength);
    yield {
      ...{ name, packed, size, offset },
      method: view.getUint16(head + 10, true),
      crc: view.getUint32(head + 16, true),
    };
  }
}

/** Sizes and offset of an entry; what does not fit into 32 bits is in its extra field. */
function wideSizes(
  view: DataView,
  head: number,
  extra: number,
  length: number,
): [number, number, number] {
  const narrow = {
    size: view.getUint32(head + 24, true),
    packed: view.getUint32(head + 20, true),
    offset: view.getUint32(head + 42, true),
  };
  let at = extra;
  while (at + 4 <= extra + length) {
    const [tag, bytes] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    at += 4;
    if (tag === 1) {
      let field = at;
      for (const name of ["size", "packed", "offset"] as const)
        if (
          narrow[name] === 0xffffffff &&
          field + 8 <= at + bytes &&
          field + 8 <= view.byteLength
        ) {
          narrow[name] = Number(view.getBigUint64(field, true));
          field += 8;
        }
    }
    at += bytes;
  }
  return [narrow.packed, narrow.size, narrow.offset];
}

/** The number of entries, and where their list begins. */
function directoryOf(view: DataView, source: string): { count: number; start: number } {
  const least = Math.max(0, view.byteLength - 22 - 0xffff);
  for (let at = view.byteLength - 22; at >= least; at--) {
    if (view.getUint32(at, true) !== endMark) continue;
    const [count, start] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    if (count !== 0xffff && start !== 0xffffffff) return { count, start };
    const wide = at >= 20 ? Number(view.getBigUint64(at - 12, true)) : -1; // by the locator before
    if (wide < 0 || wide + 56 > view.byteLength || view.getUint32(wide, true) !== end64Mark) break;
    const [many, from] = [view.getBigUint64(wide + 32, true), view.getBigUint64(wide + 48, true)];
    return { count: Number(many), start: Number(from) };
  }
  throw damaged(source, "its list of files is missing");
}

/** Where the content of an entry begins. */
function bodyOf(view: DataView, { name, offset }: Entry, source: string): number {
  if (!(offset + 30 <= view.byteLength) || view.getUint32(offset, true) !== localMark)
    throw damaged(source, `"${name}" is not where it should be`);
  return offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
}

/** An archive of files that are stored as they are; all of it below 4 GiB. */
export function encodeZip(files: ReadonlyMap<string, Uint8Array>, source: string): Uint8Array {
  const entries = [...files].map(([name, content]) => ({
    name: new TextEncoder().encode(name),
    content,
  }));
  const total = entries.reduce(
    (sum, { name, content }) => sum + 76 + 2 * name.length + content.length,
    22,
  );
  if (total >= 0xffffffff || entries.length >= 0xffff)
    throw new FormatError({
      subject: source,
      problem: `${entries.length} files of ${total} bytes are more than the archive can hold.`,
      fix: "write several, or safetensors.",
    });
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (width: 2 | 4, value: number) => {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  };
  const set = (part: Uint8Array) => {
    bytes.set(part, at);
    at += part.length;
  };
  /** The fields that both headers have. */
  const common = ({ name, content }: (typeof entries)[number], crc: number) => {
    for (const value of [20, 0x800, 0, 0, 0x21]) put(2, value); // version, UTF-8, stored, 1980-01-01
    for (const value of [crc, content.length, content.length]) put(4, value);
    for (const value of [name.length, 0]) put(2, value);
  };
  const places = entries.map((entry) => {
    const place = { offset: at, crc: crc32(entry.content) };
    put(4, localMark);
    common(entry, place.crc);
    set(entry.name);
    set(entry.content);
    return place;
  });
  const start = at;
  for (const [i, entry] of entries.entries()) {
    put(4, entryMark);
    put(2, 20);
    common(entry, places[i]!.crc);
    for (const value of [0, 0, 0]) put(2, value);
    put(4, 0);
    put(4, places[i]!.offset);
    set(entry.name);
  }
  const size = at - start;
  put(4, endMark);
  for (const value of [0, 0, entries.length, entries.length]) put(2, value);
  put(4, size);
  put(4, start);
  put(2, 0);
  return bytes;
}

const damaged = (subject: string, problem: string): DataError =>
  new DataError({
    subject,
    problem: `the zip archive is damaged: ${problem}.`,
    fix: "save, download or copy it again.",
  });

const otherMethod = (subject: string, name: string, method: number): FormatError =>
  new FormatError({
    subject,
    problem: `"${name}" is packed by method ${method}; read are stored and deflated files.`,
    fix: "write it with numpy.savez or numpy.savez_compressed.",
  });

/** Safetensors read one tensor at a time, from one file or from the shards of an index. */
import type { FileHandle } from "node:fs/promises";
import { DataError, FormatError, type HostArray, type Shape } from "../base/index.ts";
import { isMissing, reasonOf, unreadable } from "./files.ts";
import { decodeEntry } from "./safetensors.ts";
import { checkTensor, takeChecksums } from "./safetensors-checksums.ts";
import { type Entry, headerLength, parseHeader } from "./safetensors-header.ts";
import { isZip } from "./zip.ts";

/** A tensor in a file, before it is read. */
export interface StoredTensor {
  /** The element type by its name in the format, such as `F16`. */
  readonly code: string;
  readonly shape: Shape;
}

/** Tensors that are read one at a time, see {@link openSafetensors}. */
export interface SafetensorsReader {
  /** All tensors by name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * One tensor. @throws {DataError} if there is none of this name, it is damaged, or of a type that
   * {@link decodeSafetensors} skips.
   */
  readonly read: (name: string) => Promise<HostArray>;
  /** Closes the file, or all shards. */
  readonly close: () => Promise<void>;
}

/** The names of Hugging Face for weights in a folder, the first one that is there. */
const usualNames = ["model.safetensors.index.json", "model.safetensors"];

/**
 * Opens safetensors without reading the values: memory holds the header, and one tensor at a time.
 *
 * @param path a file; an index of shards, as Hugging Face's `model.safetensors.index.json`; or a
 * folder with either. Which one it is follows from the content. Shards lie in the folder of the index.
 * @throws {FormatError} if a header violates the format, or the index names what is not there.
 * @throws {DataError} if a file is missing, truncated or damaged.
 * @see https://huggingface.co/docs/safetensors
 * @example
 * await writeSafetensors("w.safetensors", new Map([["w", hostArray([2], Float32Array.of(1, 2))]]));
 * const file = await openSafetensors("w.safetensors");
 * file.tensors.get("w"); // { code: "F32", shape: [2] }
 * (await file.read("w")).data; // Float32Array [1, 2]
 * await file.close();
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const { stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const found = await stat(path).catch((thrown) => {
    throw unreadable(path, thrown);
  });
  if (!found.isDirectory()) return openFile(path);
  for (const name of usualNames) {
    const file = join(path, name);
    if (await stat(file).catch(() => null)) return openFile(file);
  }
  throw new DataError({
    subject: path,
    problem: `the folder has neither ${usualNames.join(" nor ")}.`,
    fix: "name the file of the weights.",
  });
}

async function openFile(path: string): Promise<SafetensorsReader> {
  const shard = await openShard(path);
  return shard === null ? openIndex(path) : shard;
}

/** One file; null if it is text that begins like JSON, as an index does. */
async function openShard(path: string): Promise<SafetensorsReader | null> {
  const { open } = await import("node:fs/promises");
  const file = await open(path).catch((thrown) => {
    throw unreadable(path, thrown);
  });
  try {
    const { size } = await file.stat();
    const head = await part(file, 0, Math.min(8, size), path);
    // 8 characters of text; as the length of a header they would be more than any file has
    if (/^\s*\{[\s\x20-\x7e]*$/.test(new TextDecoder("latin1").decode(head))) {
      await file.close();
      return null;
    }
    refuseOthers(head, path);
    const header = await part(file, 0, 8 + headerLength(head, path, size), path);
    return readerOf(file, header, size, path);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

function readerOf(
  file: FileHandle,
  header: Uint8Array,
  size: number,
  path: string,
): SafetensorsReader {
  const { entries, metadata, start } = parseHeader(header, path, size);
  const { sums, notes } = takeChecksums(metadata, header.subarray(8, start), path);
  const byName = new Map<string, Entry>(entries.map((entry) => [entry.name, entry]));
  return {
    tensors: new Map(entries.map(({ name, code, shape }) => [name, { code, shape }])),
    metadata: notes,
    async read(name) {
      const entry = byName.get(name);
      if (!entry) throw noTensor(path, name);
      const payload = await part(file, start + entry.begin, entry.end - entry.begin, path);
      if (sums) checkTensor(name, payload, sums, path);
      const array = decodeEntry(payload, entry, path);
      if (typeof array !== "string") return array;
      throw new DataError({
        subject: path,
        problem: `tensor "${name}" ${array}.`,
        fix: "convert it where it was written, such as to float32.",
      });
    },
    close: () => file.close(),
  };
}

/** Bytes of a file, in a buffer of their own. */
async function part(
  file: FileHandle,
  from: number,
  length: number,
  path: string,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file
      .read(bytes, at, Math.min(length - at, 2 ** 30), from + at)
      .catch((thrown) => {
        throw unreadable(path, thrown);
      });
    if (bytesRead === 0) throw shrunk(path);
    at += bytesRead;
  }
  return bytes;
}

/** Files that are met under the same name: PyTorch's own. */
function refuseOthers(head: Uint8Array, path: string): void {
  const isArchive = isZip(head);
  const isPickle = head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5 && head[7] !== 0;
  if (!isArchive && !isPickle) return;
  throw new FormatError({
    subject: path,
    problem: `this is ${isArchive ? "a zip archive, as torch.save writes," : "a Python pickle"}, which can run programs and is not read.`,
    fix: "convert it in Python: safetensors.torch.save_file(torch.load(path, weights_only=True), 'model.safetensors').",
  });
}

async function openIndex(path: string): Promise<SafetensorsReader> {
  const { readFile } = await import("node:fs/promises");
  const { dirname, join } = await import("node:path");
  const { shards, metadata } = parseIndex(await readFile(path, "utf8"), path);
  const readers = new Map<string, SafetensorsReader>();
  const close = async () => {
    for (const reader of readers.values()) await reader.close();
  };
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const [name, shard] of shards) {
      const file = join(dirname(path), shard);
      const reader = readers.get(shard) ?? (await openNamed(file, path));
      readers.set(shard, reader);
      const tensor = reader.tensors.get(name);
      if (!tensor) throw noTensor(file, name, path);
      tensors.set(name, tensor);
    }
    const read = (name: string) => {
      const shard = shards.get(name);
      if (shard === undefined) throw noTensor(path, name);
      return readers.get(shard)!.read(name);
    };
    return { tensors, metadata, read, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function openNamed(file: string, index: string): Promise<SafetensorsReader> {
  const { stat } = await import("node:fs/promises");
  const missing = await stat(file).then(() => false, isMissing);
  const reader = missing ? null : await openShard(file);
  if (reader) return reader;
  throw new DataError({
    subject: index,
    problem: missing ? `its shard ${file} is not there.` : `its shard ${file} is an index, too.`,
    fix: "download or copy all files that belong together.",
  });
}

function parseIndex(text: string, path: string) {
  const bad = (problem: string) =>
    new FormatError({
      subject: path,
      problem: `this is JSON, and no index of safetensors: ${problem}.`,
      fix: 'give a .safetensors file, or an index { "weight_map": { "name": "file.safetensors" } }.',
    });
  let index: { weight_map?: unknown; metadata?: unknown };
  try {
    index = JSON.parse(text);
  } catch (thrown) {
    throw bad(reasonOf(thrown));
  }
  const { weight_map: map, metadata } = index;
  if (typeof map !== "object" || map === null || Array.isArray(map)) throw bad("no weight_map");
  const shards = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || !/^[^/\\\0]+$/.test(shard) || /^\.+$/.test(shard))
      throw bad(`the file of "${name}" is ${JSON.stringify(shard)}, no name of a file beside it`);
    shards.set(name, shard);
  }
  const notes = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [];
  return { shards, metadata: Object.fromEntries(notes.map(([key, x]) => [key, String(x)])) };
}

const noTensor = (file: string, name: string, index?: string): DataError =>
  new DataError({
    subject: index ?? file,
    problem: `there is no tensor "${name}"${index ? ` in ${file}, where the index has it` : ""}.`,
    fix: index ? "take all files from the same place." : "name one that the file has.",
  });

const shrunk = (subject: string): DataError =>
  new DataError({
    subject,
    problem: "the file has become shorter while it was read.",
    fix: "wait until it is written, or copy it again.",
  });

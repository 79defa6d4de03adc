/** Text of a file or of bytes in chunks, and the kind of a file by its first bytes. */
import { ConfigError, DataError, FormatError } from "../../base/index.ts";
import { readBytes, reasonOf, unreadable } from "../../formats/files.ts";

/** Text that can be iterated more than once. */
export interface TextSource {
  /** Its name in errors. */
  readonly name: string;
  readonly encoding: string;
  readonly isGzip: boolean;
  /** The text from its beginning, in chunks of any length. */
  readonly pieces: () => AsyncIterable<string>;
}

/** Kinds of files that are not text, by their first bytes. */
const binary: readonly [start: readonly number[], kind: string, fix: string][] = [
  [[0x50, 0x41, 0x52, 0x31], "a Parquet file", "readTable reads it."],
  [
    [0x93, 0x4e, 0x55, 0x4d],
    "a NumPy array (.npy)",
    "readNpy reads it; as a table write it with numpy.savetxt.",
  ],
  [[0x89, 0x48, 0x44, 0x46], "an HDF5 file", "write its table as CSV."],
  [[0xd0, 0xcf, 0x11, 0xe0], "a workbook of old Excel (.xls)", "save the sheet as CSV UTF-8."],
  [[0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], "an SQLite database", "export the table as CSV."],
  [[0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], "an Arrow file", "readTable reads it."],
  [[0x42, 0x5a, 0x68], "a bzip2 archive", "unpack it, or pack it with gzip."],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "an xz archive", "unpack it, or pack it with gzip."],
  [[0x28, 0xb5, 0x2f, 0xfd], "a zstd archive", "unpack it, or pack it with gzip."],
  [[0x37, 0x7a, 0xbc, 0xaf], "a 7z archive", "unpack it, or pack it with gzip."],
  [[0x25, 0x50, 0x44, 0x46], "a PDF document", "give the table itself as CSV."],
  [[0x89, 0x50, 0x4e, 0x47], "a picture (PNG)", "give a table as CSV, or a folder of pictures."],
  [[0xff, 0xd8, 0xff], "a picture (JPEG)", "give a table as CSV, or a folder of pictures."],
];

/** How many bytes of a file are examined to decide what it is. */
const headBytes = 4096;
/**
 * The size of the chunks of a file: small enough that their text stays in the young generation of
 * the garbage collector.
 */
const pieceBytes = 1 << 16;

/** Of {@link openText}. */
export interface OpenTextOptions {
  readonly encoding?: string | undefined;
  /** The name of bytes in errors. */
  readonly name?: string | undefined;
  /** Whether JSON is welcome. */
  readonly json?: boolean | undefined;
}

/**
 * Opens a file as text: gzip or not, UTF-8 or UTF-16 by its byte order mark, else UTF-8, or in the
 * given `encoding`.
 *
 * @param encoding a label of the Encoding Standard: `latin1`, `windows-1252`, `utf-16le`,
 * `shift_jis`, …
 * @throws {FormatError} if it is not text. @throws {DataError} if it cannot be read.
 */
export async function openText(
  given: string | Uint8Array,
  { encoding, name = "CSV", json = false }: OpenTextOptions = {},
): Promise<TextSource> {
  const source = typeof given === "string" ? given : name;
  const from = typeof given === "string" ? await walkable(given) : given;
  const isGzip = isGzipped(await first(rawBytes(from), source));
  const bytes = () => (isGzip ? inflated(from, source) : rawBytes(from));
  const head = isGzip ? await first(bytes(), source) : await first(rawBytes(from), source);
  if (!(json && looksLikeJson(bareText(head)))) refuseBinary(head, source, isGzip);
  const used = encoding === undefined ? markedEncoding(head) : knownEncoding(encoding);
  if (used === "utf-8" && head.length > 3 && looksWide(head)) throw unmarkedWide(source);
  const decode = used === "utf-8" ? utf8Pieces : (all: Bytes) => otherPieces(all, used, source);
  return {
    ...{ name: source, encoding: used, isGzip },
    pieces: () => decode(guarded(bytes(), source), source),
  };
}

/** A file that can be read twice; for a pipe, which cannot, its bytes. */
async function walkable(path: string): Promise<string | Uint8Array> {
  const { stat } = await import("node:fs/promises");
  const found = await stat(path).catch(() => undefined);
  return !found || found.isFile() || found.isDirectory() ? path : readBytes(path);
}

type Bytes = AsyncIterable<Uint8Array>;

async function* rawBytes(from: string | Uint8Array): Bytes {
  if (typeof from !== "string")
    for (let at = 0; at < from.length; at += pieceBytes) yield from.subarray(at, at + pieceBytes);
  else {
    const { createReadStream } = await import("node:fs");
    yield* createReadStream(from, { highWaterMark: pieceBytes });
  }
}

async function* inflated(from: string | Uint8Array, source: string): Bytes {
  const { Readable } = await import("node:stream");
  const { createGunzip } = await import("node:zlib");
  const raw = Readable.from(guarded(rawBytes(from), source));
  const gunzip = createGunzip({ chunkSize: pieceBytes });
  raw.on("error", (thrown) => gunzip.destroy(thrown));
  yield* raw.pipe(gunzip);
}

/** The bytes, with read errors converted to ours. */
async function* guarded(bytes: Bytes, source: string): Bytes {
  try {
    yield* bytes;
  } catch (thrown) {
    if (thrown instanceof DataError || thrown instanceof FormatError) throw thrown;
    if (!/^Z_/.test((thrown as { code?: string }).code ?? "")) throw unreadable(source, thrown);
    throw new DataError({
      subject: source,
      problem: `the gzip stream is torn (${reasonOf(thrown)}).`,
      fix: "download or copy the file again.",
    });
  }
}

/** The first bytes of a file, or of what it holds as gzip. @throws {DataError} if it cannot be read. */
export async function headOf(from: string | Uint8Array, source: string): Promise<Uint8Array> {
  const head = await first(rawBytes(from), source);
  return isGzipped(head) ? first(inflated(from, source), source) : head;
}

async function first(bytes: Bytes, source: string): Promise<Uint8Array> {
  for await (const piece of guarded(bytes, source)) return piece.subarray(0, headBytes);
  return new Uint8Array();
}

const begins = (head: Uint8Array, start: readonly number[]): boolean =>
  start.every((byte, i) => head[i] === byte);
const isGzipped = (head: Uint8Array): boolean => begins(head, [0x1f, 0x8b]);

/** The first letters of what may be text. */
const bareText = (head: Uint8Array): string =>
  new TextDecoder().decode(head.subarray(0, 200)).trimStart();

/** Whether a text begins as an object, or a list of objects, of JSON does. */
export const looksLikeJson = (text: string): boolean => /^(\[\s*)?\{\s*"/.test(text);

function refuseBinary(head: Uint8Array, source: string, isGzip: boolean): void {
  const refuse = (kind: string, fix: string) => {
    const problem = `${isGzip ? "this is gzip of" : "this is"} ${kind}, not a table of text.`;
    throw new FormatError({ subject: source, problem, fix });
  };
  if (begins(head, [0x50, 0x4b, 3, 4])) {
    const names = new TextDecoder("latin1").decode(head);
    if (/xl\/|\[Content_Types\]\.xml/.test(names))
      refuse("an Excel workbook (.xlsx)", "save the sheet as CSV UTF-8.");
    if (/mimetypeapplication\/vnd\.oasis/.test(names))
      refuse("an OpenDocument file", "save the sheet as CSV in UTF-8.");
    refuse("a zip archive", "unpack it and give the file inside; .csv.gz is read as it is.");
  }
  if (begins(head.subarray(257), [0x75, 0x73, 0x74, 0x61, 0x72]))
    refuse("a tar archive", "unpack it; an archive of pictures ends in .tar or .tar.gz.");
  const text = bareText(head);
  if (/^<(!doctype html|html|\?xml)/i.test(text))
    refuse("a page of HTML or XML", "save the table as CSV.");
  if (looksLikeJson(text)) refuse("JSON", "readTable reads it.");
  if (text.startsWith("version https://git-lfs"))
    refuse("a pointer of Git LFS to the file", "fetch the file itself with git lfs pull.");
  const found = binary.find(([start]) => begins(head, start));
  if (found) refuse(found[1], found[2]);
}

function markedEncoding(head: Uint8Array): string {
  if (begins(head, [0xff, 0xfe])) return "utf-16le";
  return begins(head, [0xfe, 0xff]) ? "utf-16be" : "utf-8";
}

function knownEncoding(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    throw new ConfigError({
      subject: "encoding",
      problem: `"${label}" is no encoding that is known here.`,
      fix: 'give one such as "utf-8", "utf-16le", "latin1" or "shift_jis".',
    });
  }
}

/** Whether every second byte is 0, as in UTF-16 of western text. */
function looksWide(head: Uint8Array): boolean {
  const zeros = [0, 0];
  head.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2]!++;
  });
  return Math.max(...zeros) > 0.4 * (head.length / 2);
}

const unmarkedWide = (source: string): FormatError =>
  new FormatError({
    subject: source,
    problem: "every second byte is 0: this is UTF-16 without a byte order mark.",
    fix: 'pass encoding: "utf-16le" or "utf-16be", or save the table as UTF-8.',
  });

const notText = (source: string, encoding: string): FormatError =>
  new FormatError({
    subject: source,
    problem: `the file is not ${encoding === "utf-8" ? "UTF-8" : encoding} text.`,
    fix:
      encoding === "utf-8"
        ? 'pass encoding: "latin1" for a file of western Windows, or save the table as CSV in UTF-8.'
        : "name the encoding that the file was written in.",
  });

const mark = "\ufeff";

/**
 * UTF-8 split after line ends, where no character is cut: chunks of ASCII take a byte per
 * character.
 */
async function* utf8Pieces(bytes: Bytes, source: string): AsyncIterable<string> {
  const { Buffer, isAscii, isUtf8 } = await import("node:buffer");
  let rest = Buffer.alloc(0);
  let isFirst = true;
  const text = (whole: Buffer): string => {
    if (!isUtf8(whole)) throw notText(source, "utf-8");
    const decoded = whole.toString(isAscii(whole) ? "latin1" : "utf8");
    const bare = isFirst && decoded.startsWith(mark) ? decoded.slice(1) : decoded;
    isFirst = false;
    return bare;
  };
  for await (const piece of bytes) {
    const all = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    const cut = all.lastIndexOf(0x0a) + 1;
    if (cut > 0) yield text(all.subarray(0, cut));
    rest = cut === all.length ? Buffer.alloc(0) : Buffer.from(all.subarray(cut));
  }
  if (rest.length > 0) yield text(rest);
}

async function* otherPieces(bytes: Bytes, encoding: string, source: string) {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decode = (piece?: Uint8Array) => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined });
    } catch {
      throw notText(source, encoding);
    }
  };
  for await (const piece of bytes) yield decode(piece);
  yield decode();
}

/** Text in memory. */
export const textOf = (text: string, name: string): TextSource => ({
  ...{ name, encoding: "utf-8", isGzip: false },
  async *pieces() {
    const bare = text.startsWith(mark) ? text.slice(1) : text;
    for (let at = 0; at < bare.length; at += pieceBytes) yield bare.slice(at, at + pieceBytes);
  },
});

import { DataError, FormatError, type Shape } from "../base/index.ts";
import { reasonOf } from "./files.ts";

/** One tensor as described by the header; `begin` and `end` count from the end of the header. */
export interface Entry {
  readonly name: string;
  /** The name of the element type in the file, such as `F32`. */
  readonly code: string;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: Entry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the values begin in the file. */
  readonly start: number;
}

/** The reference implementation's limit: a larger header is an attack, not a model. */
const maxHeader = 100_000_000;

/**
 * Reads and checks the header; afterwards every entry's range lies in the file and overlaps no
 * other.
 *
 * @param bytes of the file, or of its header alone. @param total the size of the file.
 */
export function parseHeader(bytes: Uint8Array, source: string, total = bytes.length): Header {
  const length = headerLength(bytes, source, total);
  const { __metadata__, ...tensors } = parseObject(bytes.subarray(8, 8 + length), source);
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, source));
  checkRanges(entries, total - 8 - length, source);
  return { entries, metadata: parseMetadata(__metadata__, source), start: 8 + length };
}

/** The number of bytes of the header, from the first 8 of a file of `total` bytes. */
export function headerLength(bytes: Uint8Array, source: string, total: number): number {
  if (bytes.length < 8)
    throw new FormatError({
      subject: source,
      problem: `not a safetensors file: it has ${total} bytes, the header's length alone takes 8.`,
      fix: "give a file that safetensors wrote.",
    });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(maxHeader))
    throw new FormatError({
      subject: source,
      problem: `not a safetensors file: its header would have ${length} bytes, at most ${maxHeader} are allowed.`,
      fix: "give a file that safetensors wrote.",
    });
  if (length > BigInt(total - 8))
    throw new DataError({
      subject: source,
      problem: `truncated: the header has ${length} bytes, only ${total - 8} follow.`,
      fix: "download or copy the file again.",
    });
  return Number(length);
}

function parseObject(text: Uint8Array, source: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (thrown) {
    throw badHeader(source, `the header is not JSON (${reasonOf(thrown)}).`);
  }
  if (!isObject(value)) throw badHeader(source, "the header is not a JSON object.");
  return value;
}

function parseEntry(name: string, value: unknown, source: string): Entry {
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : {};
  if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2)
    throw badHeader(
      source,
      `tensor "${name}" is ${JSON.stringify(value)?.slice(0, 200)}, expected { dtype, shape, data_offsets: [begin, end] } of whole numbers.`,
    );
  return { name, code: dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function parseMetadata(value: unknown, source: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every((text) => typeof text === "string"))
    throw badHeader(source, "__metadata__ is not a map of strings.");
  return value as Record<string, string>;
}

/** The ranges, in order, must fill the values exactly: no overlap, no hole, nothing outside. */
function checkRanges(entries: readonly Entry[], total: number, source: string): void {
  let reached = 0;
  for (const { name, begin, end } of [...entries].sort(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    if (end < begin) throw badHeader(source, `tensor "${name}" ends at ${end}, before ${begin}.`);
    if (begin < reached)
      throw badHeader(source, `tensor "${name}" overlaps another: ${begin} < ${reached}.`);
    if (begin > reached)
      throw badHeader(source, `bytes ${reached} to ${begin} belong to no tensor.`);
    reached = end;
  }
  if (reached === total) return;
  throw new DataError({
    subject: source,
    problem: `${reached > total ? "truncated" : "trailing bytes"}: the tensors take ${reached} bytes of values, the file has ${total}.`,
    fix: "download or copy the file again.",
  });
}

const badHeader = (source: string, problem: string): FormatError =>
  new FormatError({
    subject: source,
    problem,
    fix: "the file was written wrongly: save it again.",
  });

const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && !Array.isArray(x);

const isSizes = (x: unknown): x is number[] =>
  Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);

import { DataError, FormatError, type HostArray } from "../base/index.ts";
import { crc32 } from "./crc.ts";

/**
 * The metadata entries for checksums, CRC-32 in eight hexadecimal digits: of each tensor's bytes,
 * as a JSON object by name, and of the header's own bytes with the digits of this entry as zeros. A
 * file with only one of them is damaged, so no single change can hide both.
 */
const tensorsKey = "gradus.crc32";
const headerKey = "gradus.crc32.header";
const unknown = "00000000";
/** The text before the header's digits. Inside a string the quotes would be escaped. */
const mark = `"${headerKey}":"`;

const hex = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, "0");

/** The entries for these tensors, with the header's checksum still to be filled in. */
export function checksumNotes(
  tensors: ReadonlyMap<string, HostArray>,
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const taken = [tensorsKey, headerKey].find((key) => Object.hasOwn(metadata, key));
  if (taken !== undefined)
    throw new FormatError({
      subject: "encodeSafetensors",
      problem: `the metadata have a note "${taken}", which is kept for checksums.`,
      fix: "rename the note.",
    });
  // by hand, because an object would lose a tensor called `__proto__`
  const sums = [...tensors].map(([name, { data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return `${JSON.stringify(name)}:"${hex(bytes)}"`;
  });
  return { [tensorsKey]: `{${sums.join(",")}}`, [headerKey]: unknown };
}

/** Fills in the checksum of a complete header. */
export function sealHeader(header: Uint8Array): void {
  const sum = new TextEncoder().encode(hex(header));
  header.set(sum, digitsAt(header));
}

/**
 * The checksums of a file's tensors by name, and its other metadata; no checksums for files of
 * other programs.
 */
export function takeChecksums(
  metadata: Readonly<Record<string, string>>,
  header: Uint8Array,
  source: string,
): { sums: ReadonlyMap<string, string> | undefined; notes: Readonly<Record<string, string>> } {
  const { [tensorsKey]: tensors, [headerKey]: own, ...notes } = metadata;
  if (tensors === undefined && own === undefined) return { sums: undefined, notes };
  if (tensors === undefined || own === undefined)
    throw damaged(source, `of its two notes on checksums "${own ? tensorsKey : headerKey}" lacks`);
  checkHeader(header, own, source);
  return { sums: parseSums(tensors, source), notes };
}

function checkHeader(header: Uint8Array, expected: string, source: string): void {
  const at = digitsAt(header);
  const open = new Uint8Array(header);
  if (at >= 0) open.set(new TextEncoder().encode(unknown), at);
  const found = hex(open);
  if (at < 0 || found !== expected)
    throw damaged(source, `its header has the checksum ${found}, and ${expected} was written down`);
}

/** @throws {DataError} if a tensor's bytes do not match their checksum. */
export function checkTensor(
  name: string,
  bytes: Uint8Array,
  sums: ReadonlyMap<string, string>,
  source: string,
): void {
  const expected = sums.get(name);
  const found = hex(bytes);
  if (found === expected) return;
  throw damaged(
    source,
    `tensor "${name}" has the checksum ${found}, and ${expected ?? "none"} was written down`,
  );
}

function parseSums(text: string, source: string): ReadonlyMap<string, string> {
  try {
    return new Map(Object.entries(JSON.parse(text)));
  } catch {
    throw damaged(source, `its note "${tensorsKey}" is not JSON`);
  }
}

/** Where the digits of the header's checksum begin; −1 if there are none. */
function digitsAt(header: Uint8Array): number {
  const at = new TextDecoder("latin1").decode(header).lastIndexOf(mark);
  return at < 0 || at + mark.length + unknown.length > header.length ? -1 : at + mark.length;
}

const damaged = (subject: string, problem: string): DataError =>
  new DataError({
    subject,
    problem: `the file is damaged: ${problem}.`,
    fix: `take another copy of it. (A program that changes such a file must drop its notes "${tensorsKey}" and "${headerKey}".)`,
  });

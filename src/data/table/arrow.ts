/** Arrow's IPC files and streams (Feather), by flechette. */
import { DataError } from "../../base/index.ts";
import { reasonOf } from "../../formats/files.ts";
import { decodeLz4 } from "./lz4.ts";
import type { ValueColumns } from "./records.ts";

/** Bytes of a buffer that is unpacked at once. */
const mostBytes = 2 ** 30;

/** The most rows for each byte of a file, packed well. */
const mostPerByte = 2 ** 10;

/** @throws {Error} for a file that lies about its size. */
export function checkRows(rows: number, bytes: number): void {
  if (rows >= 0 && rows <= mostPerByte * bytes) return;
  throw new Error(`${rows} rows are announced in ${bytes} bytes`);
}

/** Whether bytes begin as a file of Arrow's does, or a stream: a continuation and a schema. */
export function isArrow(head: Uint8Array): boolean {
  const isFile = [..."ARROW1"].every((letter, i) => head[i] === letter.charCodeAt(0));
  const isStream = head.length > 8 && [0, 1, 2, 3].every((i) => head[i] === 0xff);
  return isFile || (isStream && head[7] === 0 && head[6] === 0 && head[4]! % 8 === 0);
}

/** The columns of a file in memory. @throws {DataError} if it is damaged. */
export async function readArrow(bytes: Uint8Array, source: string): Promise<ValueColumns> {
  const { CompressionType, setCompressionCodec, tableFromIPC } = await import("@uwdata/flechette");
  const { decompressZstd } = await import("hyparquet-compressors");
  const codec = (decode: (input: Uint8Array, length: number) => Uint8Array) => ({
    encode: (input: Uint8Array) => input, // nothing is written
    decode(input: Uint8Array, length: number) {
      if (!(length >= 0 && length <= mostBytes)) throw new Error(`a buffer of ${length} bytes`);
      return decode(input, length);
    },
  });
  setCompressionCodec(CompressionType.LZ4_FRAME, codec(decodeLz4));
  setCompressionCodec(
    CompressionType.ZSTD,
    codec((input, length) => decompressZstd(input, new Uint8Array(length))),
  );
  try {
    const table = tableFromIPC(bytes, { useDate: true, useBigInt: true });
    checkRows(table.numRows, bytes.length);
    return {
      kind: "Arrow",
      size: table.numRows,
      columns: table.schema.fields.map(({ name }, i) => ({
        name,
        values: table.getChildAt(i).toArray() as ArrayLike<unknown>,
      })),
    };
  } catch (thrown) {
    throw new DataError({
      subject: source,
      problem: `the Arrow file cannot be read (${reasonOf(thrown)}).`,
      fix: "write, download or copy it again.",
    });
  }
}

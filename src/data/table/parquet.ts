/** Parquet files, by hyparquet. */
import { DataError } from "../../base/index.ts";
import { reasonOf } from "../../formats/files.ts";
import { checkRows } from "./arrow.ts";
import type { ValueColumns } from "./records.ts";

/** Bytes of a page that is unpacked at once. */
const mostPage = 2 ** 30;

/** The columns of a file in memory. @throws {DataError} if it is damaged. */
export async function readParquet(bytes: Uint8Array, source: string): Promise<ValueColumns> {
  const { parquetMetadataAsync, parquetRead, parquetSchema } = await import("hyparquet");
  const { compressors } = await import("hyparquet-compressors");
  const file = bytes.buffer.slice(
    bytes.byteOffset,
    bytes.byteOffset + bytes.byteLength,
  ) as ArrayBuffer;
  try {
    const metadata = await parquetMetadataAsync(file);
    const size = Number(metadata.num_rows);
    checkRows(size, bytes.length);
    const names = parquetSchema(metadata).children.map(({ element }) => element.name);
    const columns = new Map(names.map((name) => [name, [] as unknown[]]));
    await parquetRead({
      ...{ file, metadata, compressors: limited(compressors) },
      onChunk({ columnName, columnData, rowStart }) {
        const values = columns.get(columnName);
        if (values)
          for (let i = 0; i < columnData.length; i++) values[rowStart + i] = columnData[i];
      },
    });
    const short = [...columns].find(([, values]) => values.length !== size);
    if (short) throw new Error(`column "${short[0]}" has ${short[1].length} of ${size} values`);
    return {
      kind: "Parquet",
      size,
      columns: [...columns].map(([name, values]) => ({ name, values })),
    };
  } catch (thrown) {
    throw new DataError({
      subject: source,
      problem: `the Parquet file cannot be read (${reasonOf(thrown)}).`,
      fix: "write, download or copy it again.",
    });
  }
}

type Unpack = (input: Uint8Array, outputLength: number) => Uint8Array;

/** A page may not announce more than this. */
const limited = <T extends object>(compressors: T): T =>
  Object.fromEntries(
    Object.entries(compressors).map(([name, unpack]: [string, Unpack]) => [
      name,
      (input: Uint8Array, length: number) => {
        if (!(length >= 0 && length <= mostPage)) throw new Error(`a page of ${length} bytes`);
        return unpack(input, length);
      },
    ]),
  ) as T;

/** Tables of Parquet, Arrow and JSON. The files are pandas' and pyarrow's: tools/fixtures/table-files.py. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { fitTable, prepareTable, readTable, type Table } from "gradus/data";
import { describe, expect, test } from "vitest";

const fixture: Record<string, string> & { tables: Record<string, string> } = JSON.parse(
  readFileSync("test/data/table/typed.json", "utf8"),
);
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const textBytes = (text: string) => new TextEncoder().encode(text);

/** The first three rows, missing cells as null. */
const head = ({ columns }: Table) =>
  Object.fromEntries(
    columns.map((column) => [
      column.name,
      [0, 1, 2].map((row) => {
        if (column.type === "empty") return null;
        if (column.type === "text") return column.words[column.codes[row]!] ?? null;
        const value = column.values[row]!;
        return Number.isNaN(value) ? null : value;
      }),
    ]),
  );

const penguins = {
  species: ["Adelie", "Gentoo", null],
  bill: [39.5, null, 41.25],
  mass: [3000, 3001, 3002],
  wide: [null, 2 ** 40, 2],
  ringed: ["true", "false", "true"],
};

test.each(Object.entries(fixture.tables))("%s", async (name, base64) => {
  const table = await readTable(bytesOf(base64));
  expect(table.size).toBe(300);
  expect(head(table)).toEqual({ ...penguins, kind: penguins.species });
  const mass = table.columns[2]!;
  expect(mass.type === "number" && [...mass.values]).toEqual(
    Array.from({ length: 300 }, (_, i) => 3000 + i),
  );
  expect(table.notes).toEqual([`300 rows, 6 columns, ${name.split(",")[0]}`]);
});

test.each(["Parquet, snappy", "Arrow, lz4"])(
  "%s that is cut off is one clear error",
  async (name) => {
    const bytes = bytesOf(fixture.tables[name]!);
    for (const part of [0.1, 0.5, 0.9])
      await expect(readTable(bytes.subarray(0, part * bytes.length))).rejects.toThrow(
        /CSV: the (Parquet|Arrow) file cannot be read/,
      );
  },
);

const rows = [0, 1, 2].map((row) =>
  Object.fromEntries(Object.entries(penguins).map(([name, values]) => [name, values[row]])),
);
const lines = rows.map((row) => JSON.stringify(row)).join("\n");

describe("JSON", () => {
  test.each([
    ["lines", textBytes(`${lines}\n`)],
    ["lines, gzip, blank ones, a byte-order mark", gzipSync(`\ufeff\n${lines}\r\n\r\n`)],
    ["a list", textBytes(JSON.stringify(rows, null, 2))],
  ])("%s", async (_, bytes) => {
    expect(head(await readTable(bytes))).toEqual(penguins);
  });
  test("keys that are absent are missing; words of missing are", async () => {
    const table = await readTable(
      textBytes('{"a": 1, "b": "NA"}\n{"b": 2, "c": "x"}\n{"a": -99}'),
      {
        na: ["NA", "-99"],
      },
    );
    expect(head(table)).toEqual({ a: [1, null, null], b: [null, 2, null], c: [null, "x", null] });
  });
  test.each([
    ['{"a": 1}\n{"a": 2', /line 2 is not JSON/],
    ['{"a": 1}\n[2]', /line 2 is no object/],
    ['[{"a": 1}, 2]', /item 1 of the list is no object/],
    ['{"a": {"b": 1}}', /row 1, column "a" \(index 0\) holds a record, \{"b":1\}/],
    ['{"a": 1}\n{"a": 2}\n{"a": "x"}', /row 3, column "a" \(index 0\): "x" is not a finite number/],
    ['[{"a": 1}', /it is not JSON/],
  ])("%s", async (text, message) => {
    await expect(readTable(textBytes(text))).rejects.toThrow(message);
  });
});

test("dates, lists, integers beyond 2^53 and options of text are errors with a way out", async () => {
  const dates = bytesOf(fixture.dates!);
  await expect(readTable(dates)).rejects.toThrow(
    /column "when" \(index 0\) holds dates, such as 2024-01-05[\s\S]*drop: \["when"\]/,
  );
  expect((await readTable(dates, { drop: ["when"] })).columns).toHaveLength(1);
  const asText = await readTable(dates, { types: { when: "text" } });
  expect(head(asText).when![0]).toBe("2024-01-05T00:00:00.000Z");
  await expect(readTable(bytesOf(fixture.lists!))).rejects.toThrow(/holds a list/);
  await expect(readTable(bytesOf(fixture.big!))).rejects.toThrow(
    /1152921504606846977 is beyond 2\^53/,
  );
  await expect(readTable(dates, { delimiter: ";" })).rejects.toThrow(
    /delimiter is for tables of text, and this is Parquet/,
  );
});

test("a preparation that was fitted on CSV prepares Parquet", async () => {
  const csv = await readTable(textBytes("mass;bill;species\n3000;1,5;Adelie\n3001;2,5;Gentoo\n"));
  const preparation = fitTable(csv, { target: "species", standardize: false });
  const { tableLike } = await import("../../../src/data/preparation/prepare-table.ts");
  const parquet = await readTable(bytesOf(fixture.tables["Parquet, snappy"]!), {
    like: tableLike(preparation),
  });
  expect(prepareTable(preparation, parquet, Int32Array.of(0)).inputs.data).toEqual(
    Float32Array.of(3000, 39.5),
  );
});

test("a date column of CSV is refused as an input, unless it is meant as categories", async () => {
  const csv = "when,x,y\n2024-01-05,1,a\n2024-01-06,2,b\n2024-01-07,3,a\n";
  const table = await readTable(textBytes(csv));
  expect(() => fitTable(table, { target: "y" })).toThrow(
    /column "when" holds dates, such as "2024-01-05"[\s\S]*drop: \["when"\]/,
  );
  expect(fitTable(table, { target: "y", drop: ["when"] }).inputShape).toEqual([1]);
  const meant = await readTable(textBytes(csv), { types: { when: "text" } });
  expect(fitTable(meant, { target: "y" }).inputShape).toEqual([4]);
});

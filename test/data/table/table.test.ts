import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { type Column, parseTable, readTable, type Table, type TableOptions } from "gradus/data";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, DataError, FormatError, type GradusError } from "../../../src/base/index.ts";

/** The values of a table, column by column: null where one is missing. */
const valuesOf = ({ columns }: Table) =>
  Object.fromEntries(
    columns.map((column: Column) => [
      column.name,
      column.type === "number"
        ? Array.from(column.values, (x) => (Number.isNaN(x) ? null : x))
        : column.type === "text"
          ? Array.from(column.codes, (code) => column.words[code] ?? null)
          : [],
    ]),
  );
const values = async (text: string, options: TableOptions = {}) =>
  valuesOf(await parseTable(text, options));
const notes = async (text: string, options: TableOptions = {}) =>
  (await parseTable(text, options)).notes;
const error = (text: string, options: TableOptions = {}): Promise<GradusError> =>
  parseTable(text, options).then(
    () => expect.fail("no error"),
    (thrown) => thrown as GradusError,
  );
const rows = (n: number, row: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => row(i)).join("\n");

// The right values are what a person reads; pandas 2 reads the same where it is said so.
describe("headers", () => {
  const header = async (text: string) => (await parseTable(text)).format;

  test("a table of texts alone: no name comes again, values do", async () => {
    const text = `outlook,windy,play\n${rows(6, (i) => ["sunny,false,no", "rainy,true,yes"][i % 2]!)}`;
    expect(await header(text)).toMatchObject({ header: true, names: ["outlook", "windy", "play"] });
    // the mushrooms of UCI: letters, of which the first row's come again
    expect(await header("p,x,s\ne,x,y\np,b,s\ne,x,s")).toMatchObject({ header: false });
  });
  test("a header without rows is a header, not one row of text", async () => {
    await expect(parseTable("a,b,label\n")).rejects.toThrow("no row of data below the header");
    expect(await header("red,red,blue")).toMatchObject({ header: false });
    expect(await header("5.1,3.5,setosa")).toMatchObject({ header: false });
  });
  test("names that count the columns, as pandas writes them", async () => {
    expect((await header("0,1,2\n0.9,0.2,0\n0.1,0.3,1")).header).toBe(true);
    expect((await header("1,2,3,label\n0.4,0.3,0,0\n0.3,0.6,1,1")).names).toEqual([
      ...["1", "2", "3", "label"],
    ]);
    expect((await header("0,1,2\n1,2,3\n2,3,4")).header).toBe(false); // rows that count, too
    expect((await header("0,1\n1,0")).header).toBe(false);
  });
  test("years as names", async () => {
    expect((await header("land,2019,2020\nAT,8.1,8.2\nDE,80,81.5")).header).toBe(true);
    expect((await header("AT,2019,1\nDE,2020,2")).header).toBe(false);
    const bank =
      '"Source","WDI",\n\n"Land","Code","1960","1961",\n"Aruba","ABW","5.5","",\n"Chad","TCD","7","8",';
    expect((await parseTable(bank)).format).toMatchObject({
      header: true,
      names: ["Land", "Code", "1960", "1961", "column 4"],
    });
  });
  test("above a column with words for missing values", async () => {
    const text = "age,label\nunknown,a\n1,b\n2,a\n3,b";
    expect((await header(text)).header).toBe(true);
    expect((await values(text)).age).toEqual([null, 1, 2, 3]);
  });
  test("that are given twice or not at all", async () => {
    const text = "a,a,,y\n1,2,3,u\n4,5,6,v";
    expect((await header(text)).names).toEqual(["a", "a.1", "column 2", "y"]);
    expect(await notes(text)).toEqual([
      "2 rows, 4 columns, header yes, parted by commas",
      'without a name in the header: "column 2"',
      'named like a column before: "a.1"',
    ]);
  });
  test("of R, which lacks a name for the row's", async () => {
    expect(await values('"x" "y"\n"1" 5 6\n"2" 7 8')).toEqual({
      row: [1, 2],
      x: [5, 7],
      y: [6, 8],
    });
  });
  test("in a comment", async () => {
    expect(await values("# made by hand\n#a,b,y\n1,2,3\n4,5,6")).toEqual({
      ...{ a: [1, 4], b: [2, 5], y: [3, 6] },
    });
  });
});

describe("what parts cells and rows", () => {
  const same = { a: [1, 3], b: ["u", "v"], c: [2, 4] };
  test.each([",", ";", "\t", "|", " "])("%j", async (delimiter) => {
    expect(await values("a,b,c\n1,u,2\n3,v,4".replaceAll(",", delimiter))).toEqual(same);
  });
  test("a line sep=, titles, comments and blank lines are left out and said", async () => {
    expect(await values("sep=;\na;b;c\n1;u;2\n3;v;4")).toEqual(same);
    const text = "Report of May\n\n# by hand\na,b,c\n1,u,2\n\n# half\n3,v,4\n,,\n";
    expect(await values(text)).toEqual(same);
    expect(await notes(text)).toContain(
      "left out: 1 line above the table, 2 comments, 3 blank lines",
    );
    expect(await values("My sales,,\n,,\na,b,c\n1,u,2\n3,v,4")).toEqual(same);
  });
  test("line ends of three kinds in one file", async () => {
    expect(await values("a,b,c\r\n1,u,2\r3,v,4\n")).toEqual(same);
  });
  test("semicolons between cells that hold commas, quoted and not", async () => {
    expect(await values('a;b\n1;"u, w"\n2;v, x')).toEqual({ a: [1, 2], b: ["u, w", "v, x"] });
  });
  test("runs of spaces, as in the tables of UCI", async () => {
    expect(await values("  0.1   2  5\n  0.3  14  6\n")).toEqual({
      x0: [0.1, 0.3],
      x1: [2, 14],
      x2: [5, 6],
    });
  });
  test("a delimiter at the end of rows, with a name and without", async () => {
    expect(await values("a,b\n1,2,\n3,4,")).toEqual({ a: [1, 3], b: [2, 4] });
    const named = await parseTable("a,b,\n1,2,\n3,4,");
    expect(named.columns.map(({ type }) => type)).toEqual(["number", "number", "empty"]);
    expect(named.notes).toContain("column 2: holds no value and is not used");
  });
  test("a quote inside a bare cell is a character", async () => {
    expect(await values('size,y\n5" pipe,1\n6" pipe,2')).toEqual({
      size: ['5" pipe', '6" pipe'],
      y: [1, 2],
    });
  });
  test("quoted cells over several lines; the line of an error counts them", async () => {
    expect((await error('a,y\n"u\nv",1\nw,2,3')).problem).toBe(
      "line 4 has 3 cells, the first row has 2.",
    );
  });
  test("text behind a closing quote, and a delimiter that is none", async () => {
    expect(await error('a,b\n"x"y,1\n"z",2', { delimiter: "," })).toBeInstanceOf(FormatError);
    expect((await error("a,b\n1,2", { delimiter: "xy" })).subject).toBe("delimiter");
  });
  test("any pieces of a text give the same table", async () => {
    const text = 'a,b\n1,"x ""y"", z"\r\n2,"two\nlines"\n3,plain\n';
    const whole = await values(text);
    expect(whole).toEqual({ a: [1, 2, 3], b: ['x "y", z', "two\nlines", "plain"] });
    const long = text + rows(20_000, (i) => `${i},"${i % 2 ? "x" : "y"} ""q"" \r\n end"`);
    const table = await parseTable(long);
    expect(table.size).toBe(20_003);
    expect(valuesOf(table).b!.at(-1)).toBe('x "q" \r\n end');
  });
  test("rows that hold nothing but their first cell", async () => {
    expect(await values('"k","",""\n"l","",""', { header: false })).toMatchObject({
      x0: ["k", "l"],
    });
    expect((await parseTable("note,,\na,b,c\n1,2,3\n4,5,6")).format.names).toEqual([
      ...["a", "b", "c"],
    ]);
  });
  test("any table that is written with quotes is read back", async () => {
    const cell = fc.string({ maxLength: 6 }).map((text) => text.replace(/[\s\0]/g, "_"));
    const grid = fc.array(fc.tuple(cell, cell, cell), { minLength: 2, maxLength: 20 });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(grid, async (cells) => {
        // without gaps above them, rows of a first cell alone would be titles
        const text = [["k", "a", "b", "c"], ...cells.map((row) => ["k", ...row])]
          .map((row) => row.map(quoted).join(","))
          .join("\n");
        const types = { x0: "text", x1: "text", x2: "text", x3: "text" } as const;
        const read = await values(text, { header: false, delimiter: ",", types, na: [] });
        cells.forEach((row, n) => {
          row.forEach((c, k) => {
            expect(read[`x${k + 1}`]![n + 1]).toBe(c === "" ? null : c.trim());
          });
        });
      }),
    );
  });
});

describe("numbers", () => {
  const numbers = async (cells: string[], options: TableOptions = {}) =>
    (
      await values(["x;y", ...cells.map((cell) => `${cell};k`)].join("\n"), {
        delimiter: ";",
        ...options,
      })
    ).x;

  test("as programs write them, in float64", async () => {
    const cells = ["123456783", "-2.5", "+.5", "4.", "1e-3", "1700000001", "0.1234567890123456789"];
    expect(await numbers(cells)).toEqual(cells.map(Number));
  });
  test("any double is read to the last bit", async () => {
    const list = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(list, async (xs) => {
        const own = xs.map((x) => x + 0); // "-0" is written "0"
        const text = ["v", ...own.map(String)].join("\n");
        expect((await values(text, { header: true, decimal: "." })).v).toEqual(own);
      }),
    );
  });
  test("U+2212, thousands, currencies, percent, underscores", async () => {
    expect(await numbers(["\u22123", "5"])).toEqual([-3, 5]);
    expect(await numbers(["1,100.5", "20"])).toEqual([1100.5, 20]);
    expect(await numbers(["1 100", "20\u202f000"])).toEqual([1100, 20_000]);
    expect(await numbers(["$1,100", "-$5", "7"], { decimal: "." })).toEqual([1100, -5, 7]);
    expect(await numbers(["12%", "3.5 %"])).toEqual([12, 3.5]);
    expect(await numbers(["1_000", "2"])).toEqual([1000, 2]);
    expect(await values('price,y\n"1,100",a\n"10,139",b')).toMatchObject({ price: [1100, 10_139] });
    expect(await notes('price,y\n"1,100",a\n"10,139",b')).toContain(
      "price: thousands are grouped, as in 1,100",
    );
  });
  test("decimal commas, between semicolons also of three digits", async () => {
    expect(await values("a;b\n10,25;u\n1,5;v")).toMatchObject({ a: [10.25, 1.5] });
    expect(await values("a;b\n30,072;u\n2,295;v")).toMatchObject({ a: [30.072, 2.295] });
    expect(await values("a;b\n1.234,5;u\n2,5;v")).toMatchObject({ a: [1234.5, 2.5] });
    expect(await values('a,b\n"1,5",u\n"2,75",v')).toMatchObject({ a: [1.5, 2.75] });
  });
  test("U+2212 says nothing about the mark, and no group of thousands begins with 0", async () => {
    const text = "a,y\n0.858,p\n1.482,p\n\u22120.503,n\n\u22121.477,n";
    expect(await values(text)).toMatchObject({ a: [0.858, 1.482, -0.503, -1.477] });
    expect(await values("a\tb\n0,125\tu\n0,250\tv")).toMatchObject({ a: [0.125, 0.25] });
    expect(await values("a\tb\n0.125\tu\n1.250\tv")).toMatchObject({ a: [0.125, 1.25] });
    expect(await notes("a;b\n0.125;u\n1.250;v")).toHaveLength(1);
  });
  test("a point that may stand between thousands, and zeros in front, are said", async () => {
    // pandas reads 6.42 and 1234
    expect(await values("v;y\n6.420;a\n9.352;b")).toMatchObject({ v: [6.42, 9.352] });
    expect(await notes("v;y\n6.420;a\n9.352;b")).toContain(
      "6.420 is read as 6.42; with data.decimal=, it is 6420",
    );
    expect(await values("zip,y\n01234,a\n99999,b")).toMatchObject({ zip: [1234, 99_999] });
    expect(await notes("zip,y\n01234,a\n99999,b")).toContain(
      "zip: 01234 is the number 1234; data.types=zip:text keeps zeros in front",
    );
    expect(await notes("a,y\n0,1\n10,2")).toHaveLength(1);
  });
  test("thousands are said to be grouped where they are", async () => {
    expect(await notes("a;b\n1000036,820;u\n1,5;v")).toHaveLength(1);
    expect(await notes("a;b\n1,5;u\n1.000.036,820;v")).toContain(
      "a: thousands are grouped, as in 1.000.036,820",
    );
  });
  test("what can mean two numbers is asked about", async () => {
    expect((await error("a\tb\n1,234\tu\n5,678\tv")).problem).toBe(
      '"1,234" (line 2) can mean 1234 or 1.234.',
    );
    expect(await values("a\tb\n1,234\tu", { decimal: "," })).toMatchObject({ a: [1.234] });
    expect(await error("a;b\n1,5;0.5\n2,5;0.25")).toBeInstanceOf(ConfigError);
  });
  test("beyond 2^53 they are refused, or texts", async () => {
    const text = "id,y\n9007199254740993,1\n9007199254740995,2";
    expect((await error(text)).problem).toMatch(
      /^line 2, column "id" \(index 0\): 9007199254740993 is beyond 2\^53/,
    );
    expect(await values(text, { types: { id: "text" } })).toMatchObject({
      id: ["9007199254740993", "9007199254740995"],
    });
    expect(await values("id,y\n9007199254740992,1\n100000000000000000000,2")).toMatchObject({
      id: [2 ** 53, 1e20],
    });
  });
  test("of mixed units are refused", async () => {
    expect(await error("x;y\n12%;1\n0.5;2\n1;3", { delimiter: ";" })).toBeInstanceOf(DataError);
    expect((await error("x;y\n$1;1\n€2;2")).problem).toMatch(/mixes numbers with "\$" and "€"/);
  });
  test("a slip among numbers is named with its line", async () => {
    expect((await error("x,y\n1,2\noops,4\n5,6")).problem).toBe(
      'line 3, column "x" (index 0): "oops" is not a finite number.',
    );
    expect(await error("x,y\n1,2\n1e999,4\n5,6")).toBeInstanceOf(DataError);
    const { where = "" } = await error("x,y\n1,2\noops,4\n5,6"); // frames of Node are nobody's line
    expect(where).not.toContain("process/task_queues");
  });
});

describe("missing values", () => {
  test("words in a column of numbers, in any case; said how often", async () => {
    const text = `x,y\n${["-", "None", "#N/A", "nan", "?", "unknown", ""].map((w) => `${w},1`).join("\n")}\n${rows(9, (i) => `${i},2`)}`;
    expect((await values(text)).x!.slice(0, 8)).toEqual([...Array(7).fill(null), 0]);
    expect((await notes(text)).join("\n")).toMatch(/x: read as missing: "-" 1×, "None" 1×/);
  });
  test("Namibia, sodium, Null and None stay in a column of text, unless it says otherwise", async () => {
    const text = "k,y\nNA,1\nDE,2\nNa,3\nNull,4\nNone,5\n?,6\nNA,7";
    expect((await values(text)).k).toEqual(["NA", "DE", "Na", "Null", "None", null, "NA"]);
    expect((await notes(text)).join("\n")).toMatch(/k: kept as text, not as missing: "NA" 2×/);
    expect((await values(text, { na: { k: ["NA"] } })).k!.slice(0, 3)).toEqual([null, "DE", "Na"]);
    expect((await values(text, { na: ["None"] })).k!.slice(4)).toEqual([null, "?", "NA"]);
  });
  test("numbers that mean missing", async () => {
    expect((await values("x,y\n-99,1\n5,-99", { na: ["-99"] })).x).toEqual([null, 5]);
    expect(await values("x,y\n-99,1\n5,-99", { na: { x: ["-99"] } })).toEqual({
      x: [null, 5],
      y: [1, -99],
    });
    await expect(parseTable("x,y\n1,2", { header: true, na: { z: ["-"] } })).rejects.toThrow(
      'no column "z"',
    );
  });
});

describe("columns by name and index", () => {
  const drop = async (text: string, column: string | number) =>
    (await parseTable(text, { drop: [column] })).columns.map(({ name }) => name);
  test("a number is a name, then an index; both is an error", async () => {
    const text = "0,1,2\n0.5,0.25,0\n0.1,0.3,1";
    expect(await drop(text, 2)).toEqual(["0", "1"]); // name and index of the same
    expect(await drop("a,b,c\n1,2,3", 2)).toEqual(["a", "b"]);
    expect(await drop("2019,2020,y\n1,2,u\n3,4,v", 2020)).toEqual(["2019", "y"]);
    await expect(drop("1,2,3,label\n0.4,0.3,0,0\n0.3,0.6,1,1", 2)).rejects.toThrow(
      '2 is the name of the column with index 1, and the index of the column "3"',
    );
  });
});

describe("files", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gradus-table-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (bytes: Uint8Array | string, name = "t.csv") => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };
  const text = "größe,y\n1,ä\n2,ö\n";
  const expected = { größe: [1, 2], y: ["ä", "ö"] };

  test("UTF-8 with and without a mark, UTF-16 by its mark, Latin-1 by option, gzip", async () => {
    const utf16 = Buffer.from(`\ufeff${text}`, "utf16le");
    for (const bytes of [text, `\ufeff${text}`, utf16, Buffer.from(utf16).swap16(), gzipSync(text)])
      expect(valuesOf(await readTable(await file(bytes)))).toEqual(expected);
    const latin = await file(Buffer.from(text, "latin1"));
    await expect(readTable(latin)).rejects.toThrow(/not UTF-8 text[\s\S]*encoding: "latin1"/);
    expect(valuesOf(await readTable(latin, { encoding: "latin1" }))).toEqual(expected);
    const unmarked = await file(Buffer.from("abc,y\n1,2\n3,4\n", "utf16le"));
    await expect(readTable(unmarked)).rejects.toThrow("UTF-16 without a byte order mark");
    await expect(readTable(latin, { encoding: "klingon" })).rejects.toThrow(
      '"klingon" is no encoding',
    );
    expect(valuesOf(await readTable(Buffer.from(text), { name: "standard input" }))).toEqual(
      expected,
    );
  });
  test.each([
    ["PK\u0003\u0004............xl/workbook.xml", "an Excel workbook"],
    ["PK\u0003\u0004............table.csv", "a zip archive"],
    ["\u0093NUMPY\u0001\u0000", "a NumPy array"],
    ["\u0089PNG\r\n", "a picture"],
    ["SQLite format 3\u0000", "an SQLite database"],
    ["<!DOCTYPE html>\n<html>", "a page of HTML or XML"],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1", "a pointer of Git LFS"],
  ])("%j is told from text", async (start, kind) => {
    const path = await file(Buffer.from(start, "latin1"), "data.csv");
    await expect(readTable(path)).rejects.toThrow(`this is ${kind}`);
  });
  test("a torn gzip, no file, a folder, an empty one", async () => {
    const packed = gzipSync(rows(5000, (i) => `${i},${(i * 7919) % 10_007}`));
    await expect(readTable(await file(packed.subarray(0, packed.length - 20)))).rejects.toThrow(
      DataError,
    );
    await expect(readTable(join(folder, "absent.csv"))).rejects.toThrow("there is no such file");
    await expect(readTable(folder)).rejects.toThrow(DataError);
    await expect(readTable(await file(""))).rejects.toThrow("no row of data");
  });
  test("a quote that never closes ends soon, with its line", async () => {
    const path = await file(
      `a,b\n1,"2\n${rows(400_000, (i) => `${i},some more text for a long file`)}`,
    );
    await expect(readTable(path, { delimiter: "," })).rejects.toThrow(
      /quote that opens on line 2 or below/,
    );
  });
});

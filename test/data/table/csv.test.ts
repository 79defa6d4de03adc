import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  type CsvOptions,
  fitStandardization,
  numericFeatures,
  parseCsv,
  readCsv,
  standardize,
} from "gradus/data";
import { describe, expect, test } from "vitest";
import {
  ConfigError,
  DataError,
  FormatError,
  GradusError,
  hostArray,
} from "../../../src/base/index.ts";
import { testOnRealData } from "../real-data.ts";

describe("columns", () => {
  test("numbers are inputs, the last column the class, numbered alphabetically", async () => {
    const csv = await parseCsv("1,2.5,yes\n-3,.4e1,no\n5,6,yes\n");
    expect(csv.inputs).toEqual(hostArray([3, 2], Float32Array.of(1, 2.5, -3, 4, 5, 6)));
    expect(csv.targets).toEqual(hostArray([3], Int32Array.of(1, 0, 1)));
    expect(csv).toMatchObject({ size: 3, classes: ["no", "yes"], features: ["x0", "x1"] });
  });
  test("classes that are numbers are in numeric order: 10 after 9", async () => {
    const csv = await parseCsv("1,10\n1,9\n1,10");
    expect(csv.classes).toEqual(["9", "10"]);
    expect([...csv.targets.data]).toEqual([1, 0, 1]);
  });
  test("regression keeps the number", async () => {
    const csv = await parseCsv("1,10.5\n1,9", { task: "regression" });
    expect(csv.targets).toEqual(hostArray([2], Float32Array.of(10.5, 9)));
    expect(csv).not.toHaveProperty("classes");
  });
  test("text inputs become one column per category", async () => {
    const csv = await parseCsv("color,w,y\nred,1,0\nblue,2,1\nred,3,1");
    expect(csv.features).toEqual(["color=blue", "color=red", "w"]);
    expect([...csv.inputs.data]).toEqual([0, 1, 1, 1, 0, 2, 0, 1, 3]);
    expect(csv.preparation.inputs).toMatchObject({
      columns: [{ categories: ["blue", "red"] }, { type: "number", mean: 0, std: 1 }],
    });
  });
  test("target and dropped columns by name, by index and from the end", async () => {
    const text = "id,kind,a,b\n7,u,1,2\n8,v,3,4";
    const expected = await parseCsv(text, { target: "kind", drop: ["id"] });
    expect(expected.features).toEqual(["a", "b"]);
    expect([...expected.inputs.data]).toEqual([1, 2, 3, 4]);
    expect(await parseCsv(text, { target: 1, drop: [0] })).toEqual(expected);
    expect(await parseCsv(text, { target: -3, drop: [-4] })).toEqual(expected);
  });
  test("quotes, a delimiter inside them, CRLF, blank lines, a BOM and spaces are understood", async () => {
    const csv = await parseCsv('\uFEFF"a, b",y\r\n1 ,"say ""hi"""\r\n\r\n2,no\r\n');
    expect(csv.features).toEqual(["a, b"]);
    expect(csv.classes).toEqual(["no", 'say "hi"']);
  });
  test.each([";", "\t"])("the delimiter %j is found", async (delimiter) => {
    const csv = await parseCsv("a,b,y\n1,2,0".replaceAll(",", delimiter));
    expect(csv.features).toEqual(["a", "b"]);
  });
});

describe("header", () => {
  const namesOf = async (text: string, header?: CsvOptions["header"]) =>
    (await parseCsv(text, header === undefined ? {} : { header })).features;

  test("auto: text over numbers is a header, also where cells are missing below", async () => {
    expect(await namesOf("a,b,y\n1,2,u\n3,4,v")).toEqual(["a", "b"]);
    await expect(parseCsv("a,b,y\n?,2,u\n3,4,v")).rejects.toThrow('column "a"');
  });
  test("auto: numbers on top, or text all the way down, are data", async () => {
    expect(await namesOf("1,2,u\n3,4,v")).toEqual(["x0", "x1"]);
    expect(await namesOf("u,v\nu,w")).toEqual(["x0=u"]);
  });
  test("true and false overrule", async () => {
    expect(await namesOf("u,y\nv,w", true)).toEqual(["u=v"]);
    expect(await namesOf("u,1\nv,2", false)).toEqual(["x0=u", "x0=v"]);
  });
});

describe("missing cells", () => {
  const text = "a,b,y\n1,2,u\n3,NA,v\n5,6,\n7,8,u";

  test.each(["", "?", "NA", "n/a", "NaN", "null"])("%j is an error with line and column", (word) =>
    expect(parseCsv(`a,b,y\n1,2,u\n3,${word},v`, {}, "t.csv")).rejects.toThrow(
      't.csv: line 3, column "b" (index 1): the value is missing.',
    ),
  );
  test("the line counts what a quoted cell spans", async () => {
    await expect(parseCsv('1,"u\nv"\n,w')).rejects.toThrow("line 3,");
  });
  test("dropMissing leaves such rows out, targets included", async () => {
    const csv = await parseCsv(text, { dropMissing: true });
    expect([...csv.inputs.data]).toEqual([1, 2, 7, 8]);
    expect(csv.classes).toEqual(["u"]);
  });
  test("gaps in dropped columns do not matter", async () => {
    const csv = await parseCsv("1,?,u\n2,?,v", { drop: [1] });
    expect([...csv.inputs.data]).toEqual([1, 2]);
  });
  test("a table of which no row is whole is an error all the same", () =>
    expect(parseCsv("1,?,3\n?,2,3", { dropMissing: true })).rejects.toThrow(
      "each of its 2 rows has a missing value",
    ));
});

describe("filling gaps", () => {
  const text = "a,b,k,y\n1,2,u,0\n?,2,v,1\n7,,v,0\n1,9,,1";
  const values = async (fill: "mean" | "median" | "mode") => {
    const { inputs, features } = await parseCsv(text, { fill });
    expect(features).toEqual(["a", "b", "k=u", "k=v"]);
    const at = (row: number, column: number) => inputs.data[4 * row + column];
    expect([at(3, 2), at(3, 3)]).toEqual([0, 1]); // the commonest category
    return [at(1, 0), at(2, 1)];
  };
  test("mean, median and mode of a column's numbers; the commonest text", async () => {
    expect(await values("mean")).toEqual([3, Math.fround(13 / 3)]);
    expect(await values("median")).toEqual([1, 2]);
    expect(await values("mode")).toEqual([1, 2]);
    const even = await parseCsv("1,0\n2,0\n5,0\n9,0\n?,1", { fill: "median" });
    expect(even.inputs.data[4]).toBe(3.5);
  });
  test("a test set takes the values of its training set", async () => {
    const train = await parseCsv(text, { fill: "mean" });
    const held = await parseCsv("a,b,k,y\n?,100,?,1\n50,1,u,0", { like: train });
    expect([...held.inputs.data.slice(0, 4)]).toEqual([3, 100, 0, 1]);
  });
  test("a missing target is not filled, and a column of gaps cannot be", async () => {
    await expect(parseCsv("1,0\n2,?", { fill: "mean" })).rejects.toThrow('column "x1" (index 1)');
    expect((await parseCsv("1,0\n?,?", { fill: "mean", dropMissing: true })).size).toBe(1);
    await expect(parseCsv("?,0\n?,1", { fill: "mean" })).rejects.toThrow("no column is left");
    await expect(parseCsv("?,0\n1,1", { fill: "max" as "mean" })).rejects.toThrow(ConfigError);
  });
});

describe("categories that training has not seen", () => {
  test("are the input column=other, if asked for", async () => {
    const train = await parseCsv("red,1,u\nblue,2,v", { other: true });
    expect(train.features).toEqual(["x0=blue", "x0=red", "x0=other", "x1"]);
    expect([...train.inputs.data]).toEqual([0, 1, 0, 1, 1, 0, 0, 2]);
    const held = await parseCsv("pink,9,u", { like: train });
    expect([...held.inputs.data]).toEqual([0, 0, 1, 9]);
    const strict = await parseCsv("red,1,u\nblue,2,v");
    await expect(parseCsv("pink,9,u", { like: strict })).rejects.toThrow('"pink" is not one of');
    await expect(parseCsv("red,9,w", { like: train })).rejects.toThrow('"w" is not one of');
  });
});

test("numbers are standardized, categories stay 0 and 1", async () => {
  const csv = await parseCsv("red,1,u\nblue,3,v");
  const scale = fitStandardization(csv.inputs, numericFeatures(csv));
  expect([...standardize(csv, scale).inputs.data]).toEqual([0, 1, -1, 1, 0, 1]);
});

describe("a test set like its training set", () => {
  test("classes and categories keep their numbers though some are absent", async () => {
    const train = await parseCsv("red,1,u\nblue,2,v\ngreen,3,w");
    const held = await parseCsv("red,9,w", { like: train });
    expect(held.features).toEqual(train.features);
    expect([...held.inputs.data]).toEqual([0, 0, 1, 9]);
    expect([...held.targets.data]).toEqual([2]);
  });
  test("what training has not seen is an error", async () => {
    const train = await parseCsv("red,1,u\nblue,2,v");
    await expect(parseCsv("pink,9,u", { like: train })).rejects.toThrow(
      'line 1, column "x0" (index 0): "pink" is not one of blue, red',
    );
    await expect(parseCsv("red,9,x", { like: train })).rejects.toThrow('"x" is not one of u, v');
    await expect(parseCsv("red,u", { like: train })).rejects.toThrow(
      "missing: x2; of another type: x1 (text, was number)",
    );
  });
  test("columns are told apart by their names, where both tables have some", async () => {
    const train = await parseCsv("a,b,y\n1,2,u\n3,4,v");
    await expect(parseCsv("a,c,y\n1,2,u", { like: train })).rejects.toThrow(
      "its columns are not those of the training; missing: b; not known: c.",
    );
    expect([...(await parseCsv("5,6,v", { like: train })).inputs.data]).toEqual([5, 6]);
  });
  test("a target that is dropped is an error", async () => {
    await expect(parseCsv("a,b,y\n1,2,0", { drop: ["y"] })).rejects.toThrow(
      'the column "y" is dropped, and is the target',
    );
  });
});

const wrong: [text: string, options: CsvOptions, error: typeof GradusError, message: string][] = [
  ["", {}, DataError, "no row of data"],
  ["a,b\n", { header: true }, DataError, "no row of data below the header"],
  ["1,2\n3", {}, FormatError, "line 2 has 1 cells, the first row has 2"],
  ['1,"2\n3,4', {}, FormatError, "a quote that opens on line 1 or below does not close"],
  ["1\n2", {}, DataError, "no column is left"],
  ["1,2\n3,4", { target: 2 }, ConfigError, "no column 2 among 2: x0, x1"],
  ["aa,bb\n3,4", { target: "ab" }, ConfigError, 'no column "ab" among 2: aa, bb'],
  ["1,2\n3,oops\n5,6", { target: 0 }, DataError, 'line 2, column "x1" (index 1): "oops"'],
  ["1,2\n1e99,4\n5,6", {}, DataError, "1e+99 is not a number that float32 holds"],
  ["1,2\n3,u", { task: "regression" }, ConfigError, '"u", which is not a number'],
  ["1,0.5\n2,1", {}, ConfigError, 'the target column "x1" holds 0.5, which is not a class'],
  [
    Array.from({ length: 65 }, (_, i) => `name ${i},0`).join("\n"),
    {},
    DataError,
    'column "x0" holds 65 different texts',
  ],
];
describe("what cannot be read", () => {
  for (const [text, options, error, message] of wrong)
    test(`${JSON.stringify(text.slice(0, 20))}: ${message}`, async () => {
      const thrown = await parseCsv(text, options).catch((e: unknown) => e);
      expect(thrown).toBeInstanceOf(error);
      expect((thrown as GradusError).problem).toContain(message);
    });

  test("any text ends in a split or in our own error", async () => {
    const cell = fc.oneof(fc.constantFrom("1", "-2.5", "a", "?", '"', "", "\u0000"), fc.string());
    const lines = fc.array(fc.array(cell, { maxLength: 4 }).map((cells) => cells.join(",")));
    await fc.assert(
      fc.asyncProperty(lines, async (list) => {
        const result = await parseCsv(list.join("\n")).catch((e: unknown) => e);
        if (result instanceof Error) expect(result).toBeInstanceOf(GradusError);
      }),
    );
  });

  test("a file that is missing or not UTF-8", async () => {
    const folder = await mkdtemp(join(tmpdir(), "gradus-csv-"));
    await expect(readCsv(join(folder, "absent.csv"))).rejects.toThrow(DataError);
    await writeFile(join(folder, "latin.csv"), Uint8Array.of(0x31, 0x2c, 0xe9));
    await expect(readCsv(join(folder, "latin.csv"))).rejects.toThrow("not UTF-8 text");
    await rm(folder, { recursive: true });
  });
});

describe("real tables", () => {
  testOnRealData("iris: no header, three classes of fifty", "tabular/iris.csv", async (path) => {
    const { inputs, targets, classes } = await readCsv(path);
    expect(inputs.shape).toEqual([150, 4]);
    expect(classes).toEqual(["Iris-setosa", "Iris-versicolor", "Iris-virginica"]);
    for (const k of [0, 1, 2]) expect(targets.data.filter((t) => t === k)).toHaveLength(50);
  });
  testOnRealData("penguins: header, categories, gaps", "tabular/penguins.csv", async (path) => {
    await expect(readCsv(path, { target: "species" })).rejects.toThrow(
      'line 5, column "bill_length_mm" (index 2): the value is missing',
    );
    const penguins = await readCsv(path, { target: "species", dropMissing: true });
    expect(penguins.inputs.shape).toEqual([333, 9]); // 3 islands, 4 measures, 2 sexes
    expect(penguins.classes).toEqual(["Adelie", "Chinstrap", "Gentoo"]);
  });
  testOnRealData("penguins: filled", "tabular/penguins.csv", async (path) => {
    const penguins = await readCsv(path, { target: "species", fill: "median" });
    expect(penguins.inputs.shape).toEqual([344, 9]);
  });
  testOnRealData("wine and its quality: all numbers", "tabular", async (path) => {
    const wine = await readCsv(join(path, "wine.csv"));
    expect([wine.inputs.shape, wine.classes]).toEqual([
      [178, 13],
      ["1", "2", "3"],
    ]);
    const [red, white] = await Promise.all(
      ["red", "white"].map((color) => readCsv(join(path, `winequality-${color}.csv`))),
    );
    expect([red!.inputs.shape, white!.inputs.shape]).toEqual([
      [1599, 11],
      [4898, 11],
    ]);
    expect([red!.classes!.join(""), white!.classes!.join("")]).toEqual(["345678", "3456789"]);
    const air = join(path, "airline-passengers.csv");
    const passengers = await readCsv(air, { task: "regression", drop: [] }).catch((e) => e.message);
    expect(passengers).toContain('drop: ["Month"]'); // dates are no categories
  });
  testOnRealData("abalone: regression on rings", "tabular/abalone.csv", async (path) => {
    const { features, targets } = await readCsv(path, { task: "regression" });
    expect(features.slice(0, 4)).toEqual(["x0=F", "x0=I", "x0=M", "x1"]);
    expect([...targets.data.slice(0, 3)]).toEqual([15, 7, 9]);
  });
  testOnRealData("wdbc: the target is the second column", "wdbc/wdbc.data", async (path) => {
    const { inputs, targets, classes } = await readCsv(path, { target: 1, drop: [0] });
    expect(inputs.shape).toEqual([569, 30]);
    expect(classes).toEqual(["B", "M"]);
    expect(targets.data.filter((t) => t === 1)).toHaveLength(212); // as wdbc.names says
  });
  testOnRealData("optdigits: the test set like the training set", "optdigits", async (path) => {
    const train = await readCsv(join(path, "optdigits.tra"));
    const held = await readCsv(join(path, "optdigits.tes"), { like: train });
    expect([train.inputs.shape, held.inputs.shape]).toEqual([
      [3823, 64],
      [1797, 64],
    ]);
    expect(train.classes).toEqual(Array.from("0123456789"));
  });
  testOnRealData(
    "dates are refused as inputs",
    "tabular/daily-min-temperatures.csv",
    async (path) => {
      await expect(readCsv(path, { task: "regression" })).rejects.toThrow('drop: ["Date"]');
    },
  );
});

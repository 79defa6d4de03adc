import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  classesOf,
  completeRows,
  digits,
  type FitTableOptions,
  fitImages,
  fitTable,
  type ImageInputs,
  makeSplit,
  type Preparation,
  parseCsv,
  parseTable,
  prepareImages,
  prepareInputs,
  prepareSound,
  prepareTable,
  readImageFolder,
  readPreparation,
  readTable,
  readTableFor,
  readWavFolder,
  soundImages,
  type TableInputs,
  targetColumn,
  taskOf,
  usableRows,
} from "gradus/data";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostArray } from "../../src/base/index.ts";

const rows = (n: number, row: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => row(i)).join("\n");
const fit = async (text: string, options: FitTableOptions = {}) =>
  fitTable(await parseTable(text), options);
const columnsOf = ({ inputs }: Preparation) => (inputs as TableInputs).columns;

describe("fitted on training rows", () => {
  test("mean, deviation and fill value, by hand", async () => {
    const text = "x,k,y\n1,u,0\n,v,1\n4,v,0\n1e6,,1";
    const preparation = await fit(text, { fill: "mean", rows: [0, 1, 2], used: [0, 1, 2, 3] });
    // known 1 and 4, mean 2.5, which fills the gap: deviation √((1.5² + 0 + 1.5²)/3) = √1.5
    expect(columnsOf(preparation)).toEqual([
      { name: "x", type: "number", mean: 2.5, std: Math.sqrt(1.5), fill: 2.5 },
      { name: "k", type: "text", categories: ["u", "v"], other: false, fill: "v" },
    ]);
  });
  test("a value in a row that is held out moves nothing", async () => {
    const at = (last: string) =>
      fit(`x,y\n1,a\n2,b\n3,a\n${last},b`, { fill: "median", rows: [0, 1, 2] });
    expect(await at("1e9")).toEqual(await at("5"));
  });
  test("median of an even count, and the commonest, the smallest of equals", async () => {
    const text = "x,y\n4,0\n1,0\n2,0\n9,0\n,1";
    const fillOf = async (fill: "median" | "mode", body = text) =>
      columnsOf(await fit(body, { fill }))[0]!.fill;
    expect(await fillOf("median")).toBe(3);
    expect(await fillOf("mode", "x,y\n3,0\n2,0\n3,0\n2,0\n,1")).toBe(2);
  });
  test("large numbers with small differences stay apart", async () => {
    const table = await parseTable(
      `cents,y\n${rows(20, (i) => `${123456780 + 3 * (i % 2)},${i % 2}`)}`,
    );
    const { inputs } = prepareTable(fitTable(table), table);
    expect([...inputs.data.slice(0, 2)]).toEqual([-1, 1]); // (x − 123456781.5) / 1.5
    await expect(
      parseCsv(`cents,y\n${rows(20, (i) => `${123456780 + 3 * (i % 2)},${i % 2}`)}`),
    ).rejects.toThrow(
      /float32 moves values of column "cents" .* by up to [34]; their standard deviation is 1\.5/,
    );
  });
});

describe("what is to be predicted", () => {
  const decided = async (target: string[], options: FitTableOptions = {}) => {
    const table = await parseTable(`x,y\n${target.map((y, i) => `${i}.5,${y}`).join("\n")}`, {
      header: true,
    });
    return { table, preparation: fitTable(table, options) };
  };
  test("texts and few whole numbers are classes; 1 and 1.0 are one", async () => {
    const { table, preparation } = await decided(["1", "1.0", "0", "0.0", "10", "9"]);
    expect(classesOf(preparation)).toEqual(["0", "1", "9", "10"]);
    expect([...prepareTable(preparation, table).targets.data]).toEqual([1, 1, 0, 0, 3, 2]);
  });
  test("more than 20 whole numbers are quantities, which is explained", async () => {
    const { table, preparation } = await decided(
      Array.from({ length: 52 }, (_, i) => String(i % 26)),
    );
    expect(preparation.target.task).toBe("regression");
    expect(taskOf(targetColumn(table, undefined)).why).toBe(
      "26 different whole numbers, more than 20",
    );
    expect(classesOf(fitTable(table, { task: "classification" })).length).toBe(26);
  });
  test("the last column that holds a value; a scale on request", async () => {
    const table = await parseTable("x,y,\n1,0.5,\n2,2.5,");
    expect(fitTable(table, { scaleTarget: true }).target).toEqual({
      ...{ task: "regression", column: "y", scale: { mean: 1.5, std: 1 } },
    });
    await expect(fit("x,y\n1,a\n2,b", { scaleTarget: true })).rejects.toThrow(
      "classes have no scale",
    );
    await expect(fit("x,y\n1,\n2,", { target: "y" })).rejects.toThrow(
      'the target column "y" holds no value',
    );
    await expect(fit(`x,y\n${rows(70, (i) => `${i},n${i}`)}`)).rejects.toThrow(
      "70 different texts in 70 rows",
    );
  });
});

describe("other tables", () => {
  const text = "a,b,k,y\n1,10,u,no\n2,20,v,yes\n3,30,u,no";
  test("by name, in any order, with columns more; without names by their order", async () => {
    const preparation = await fit(text);
    const expected = prepareTable(preparation, await parseTable(text));
    const turned = "id,y,k,b,a\n7,no,u,10,1\n8,yes,v,20,2\n9,no,u,30,3";
    expect(prepareTable(preparation, await parseTable(turned))).toEqual(expected);
    const bare = Buffer.from("1,10,u\n2,20,v\n3,30,u");
    expect(prepareInputs(preparation, await readTableFor(preparation, bare))).toEqual(
      expected.inputs,
    );
    const one = await readTableFor(preparation, Buffer.from("b,k,a\n30,u,3"));
    expect([...prepareInputs(preparation, one).data]).toEqual([...expected.inputs.data.slice(8)]);
  });
  test("texts that look like numbers stay texts, and words are missing as they were", async () => {
    const table = await parseTable("zip,x,y\n01,1,0\n1,2,1\n01,-99,0", {
      types: { zip: "text" },
      na: { x: ["-99"] },
    });
    const preparation = fitTable(table, { fill: "mean" });
    const later = await readTableFor(preparation, Buffer.from("zip,x,y\n1,-99,1\n01,2,0"));
    const { data } = prepareInputs(preparation, later);
    expect([data[0], data[1], data[3], data[4]]).toEqual([0, 1, 1, 0]); // zip=01, zip=1
    expect(data[2]).toBe(0); // the mean
  });
  test("a file in the encoding and with the decimal mark of the training's", async () => {
    const latin = (s: string) => Buffer.from(s, "latin1");
    const given = { encoding: "latin1", decimal: "," } as const;
    const preparation = fitTable(await readTable(latin("größe;y\n1,5;ä\n2,5;ö"), given));
    const { targets } = prepareTable(
      preparation,
      await readTableFor(preparation, latin("y;größe\nö;2,5")),
    );
    expect([...targets.data]).toEqual([1]);
  });
  test("rows with a gap that nothing fills are counted by column", async () => {
    const table = await parseTable("a,b,y\n1,,u\n2,3,v\n,4,u\n5,6,");
    const { rows, gaps } = usableRows(table, { target: "y" });
    expect([...rows]).toEqual([1]);
    expect(Object.fromEntries(gaps)).toEqual({ a: 1, b: 1, y: 1 });
    const preparation = fitTable(table, { target: "y", used: rows });
    expect([...completeRows(preparation, table, { target: false }).rows]).toEqual([1, 3]);
    expect(() => prepareTable(preparation, table)).toThrow(
      'line 4, column "a" (index 0): the value is missing',
    );
  });
});

describe("kept as JSON", () => {
  test("it is the same, and a field that is not right is named", async () => {
    const preparation = await fit("a,k,y\n1,u,0.5\n2,v,1.5", { scaleTarget: true, fill: "mode" });
    const json = JSON.stringify(preparation);
    expect(readPreparation(JSON.parse(json))).toEqual(preparation);
    const wrong = (change: (p: Record<string, never>) => void) => {
      const copy = JSON.parse(json);
      change(copy);
      return () => readPreparation(copy, "run/config.json");
    };
    expect(wrong((p) => Object.assign(p, { version: 9 }))).toThrow("it is of version 9");
    expect(wrong((p) => Object.assign(p.inputs!, { columns: [{ name: "a" }] }))).toThrow(
      '"inputs.columns" is',
    );
    expect(wrong((p) => Object.assign(p, { target: { task: "ranking" } }))).toThrow(
      '"target.task" is "ranking"',
    );
    expect(() => readPreparation(null)).toThrow("preparation");
  });
});

/** A WAV file of 16 bits and 8000 Hz. */
function wav(samples: Float32Array): Buffer {
  const file = Buffer.alloc(44 + 2 * samples.length);
  file.write("RIFF....WAVEfmt ");
  file.writeUInt32LE(36 + 2 * samples.length, 4);
  for (const [at, value] of [
    [16, 16],
    [24, 8000],
    [28, 16_000],
    [40, 2 * samples.length],
  ] as const)
    file.writeUInt32LE(value, at);
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    file.writeUInt16LE(value, at);
  file.write("data", 36);
  samples.forEach((x, t) => {
    file.writeInt16LE(Math.round(32_767 * x), 44 + 2 * t);
  });
  return file;
}

describe("pictures and recordings", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gradus-preparation-"));
    for (const [name, light] of [
      ["a", 30],
      ["b", 220],
    ] as const) {
      await mkdir(join(folder, "pictures", name), { recursive: true });
      await mkdir(join(folder, "sound", name), { recursive: true });
      for (let n = 0; n < 3; n++) {
        const pixels = Uint8Array.from({ length: 24 * 12 }, (_, i) => light + ((i * (n + 3)) % 30));
        await sharp(pixels, { raw: { width: 24, height: 12, channels: 1 } })
          .png()
          .toFile(join(folder, "pictures", name, `${n}.png`));
        const samples = Float32Array.from(
          { length: 700 + 60 * n },
          (_, t) => Math.sin(t / (n + light / 20)) / 2,
        );
        await writeFile(join(folder, "sound", name, `${n}.wav`), wav(samples));
      }
    }
  });
  afterAll(() => rm(folder, { recursive: true }));
  const target = { task: "classification", column: null, classes: ["a", "b"] } as const;

  test("a folder's pictures come again as training read them", async () => {
    const { train } = await readImageFolder(join(folder, "pictures"), { size: 8, test: 0 });
    const inputs = fitImages(train, "cover");
    expect(inputs).toEqual({ kind: "images", fit: "cover", polarity: "as-is" });
    const inputShape = train.inputs.shape.slice(1);
    const preparation: Preparation = { version: 1, inputs, inputShape, target };
    const again = await prepareImages(preparation, join(folder, "pictures"));
    expect(again.inputs).toEqual(train.inputs);
    expect(again.names[5]).toBe(join(folder, "pictures/b/2.png"));
  });
  test("arrays are light on dark only if none is light at its border", async () => {
    expect(fitImages(digits({ train: 50, test: 0, seed: 1 }).train, "contain").polarity).toBe(
      "light-on-dark",
    );
    const light = hostArray([2, 1, 2, 2], Float32Array.of(0, 0, 0, 0.2, 1, 1, 1, 0.9));
    const mixed = fitImages(makeSplit(light, hostArray([2], Int32Array.of(0, 1))), "contain");
    expect(mixed.polarity).toBe("as-is");
    const seen = async (inputs: ImageInputs) =>
      prepareImages(
        { version: 1, inputs, inputShape: [1, 8, 8], target },
        join(folder, "pictures/b/0.png"),
      );
    expect((await seen(mixed)).inputs.data[0]).toBeGreaterThan(0.8);
    const inverted = await seen({ ...mixed, polarity: "light-on-dark" });
    expect(inverted.inputs.data[0]).toBeLessThan(0.2);
    expect(inverted.notes[0]).toMatch(/b\/0\.png: dark on light, inverted/);
  });
  test("recordings come again as training read them", async () => {
    const { train, sampleRate } = await readWavFolder(join(folder, "sound"), { test: 0 });
    const [, length] = train.inputs.shape as [number, number];
    const images = soundImages(train.inputs, { sampleRate, mels: 20 });
    const inputs = { kind: "sound", sampleRate, length, mels: 20 } as const;
    const preparation: Preparation = {
      version: 1,
      inputs,
      inputShape: images.shape.slice(1),
      target,
    };
    expect((await prepareSound(preparation, join(folder, "sound"))).inputs).toEqual(images);
    const other = { ...preparation, inputs: { ...inputs, sampleRate: 16_000 } };
    await expect(prepareSound(other, join(folder, "sound/a/0.wav"))).rejects.toThrow(
      "8000 samples per second",
    );
    await expect(prepareImages(preparation, "x.png")).rejects.toThrow("are no images");
  });
});

import { appendFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  completeRows,
  prepareInputs,
  prepareTable,
  readPreparation,
  readTableFor,
} from "gradus/data";
import { predict } from "gradus/train";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { openRun } from "../../src/cli/run/stored-run.ts";
import { gradus, isFast, workIn } from "./support.ts";

workIn();

/** The rows of one table, in two halves: 1 is told by x2 > x1 + 100, and x2 is not of the size of x1. */
const rows = Array.from({ length: 120 }, (_, n) => {
  const [x1, gap] = [((n * 37) % 50) / 10, n % 2 ? 3 : -3];
  return { x1, x2: 100 + x1 + gap + ((n * 13) % 10) / 5, color: n % 3 ? "red" : "blue", gap };
});
const table = (part: typeof rows, columns: readonly (keyof (typeof rows)[0] | "label" | "y")[]) =>
  [
    columns.join(","),
    ...part.map((row) =>
      columns
        .map((name) =>
          name === "label"
            ? row.gap > 0
              ? "yes"
              : "no"
            : name === "y"
              ? 1000 * row.x1
              : row[name],
        )
        .join(","),
    ),
  ].join("\n");

const json = async (line: string) => JSON.parse((await gradus(`${line} --json`)).out);
const accuracy = async (line: string) => (await json(`evaluate ${line}`)).test.accuracy;

describe.runIf(isFast)("a table is prepared as the training prepared it", () => {
  beforeAll(async () => {
    await writeFile("first.csv", table(rows.slice(0, 60), ["x1", "x2", "color", "label"]));
    await writeFile("second.csv", table(rows.slice(60), ["x1", "x2", "color", "label"]));
    await gradus("train --data first.csv --run run --epochs 40 --lr 0.01");
  });
  /** What the library says of the second half, by the preparation that the run keeps. */
  const byLibrary = async (path: string) => {
    const { data } = JSON.parse(await readFile("run/config.json", "utf8"));
    const preparation = readPreparation(data.preparation);
    const { model } = await openRun("run");
    const inputs = prepareInputs(preparation, await readTableFor(preparation, path));
    return { preparation, outputs: await predict(model, inputs) };
  };

  test("evaluate, report and predict agree with the library, however the columns lie", async () => {
    await writeFile("turned.csv", table(rows.slice(60), ["label", "color", "x2", "x1"]));
    const { outputs, preparation } = await byLibrary("second.csv");
    const chosen = [...outputs.argmax({ axis: 1 }).dataSync()];
    const right =
      rows.slice(60).filter(({ gap }, n) => (gap > 0 ? 1 : 0) === chosen[n]).length / 60;
    expect(right).toBeGreaterThan(0.9);
    expect(preparation.target).toMatchObject({ column: "label", classes: ["no", "yes"] });
    expect(await accuracy("run --data second.csv")).toBeCloseTo(right, 10);
    expect(await accuracy("run --data turned.csv")).toBeCloseTo(right, 10);
    for (const file of ["second.csv", "turned.csv"]) {
      const { predictions } = await json(`predict run ${file}`);
      expect(predictions.length).toBe(60);
      expect(predictions.map((p: { prediction: string }) => p.prediction)).toEqual(
        chosen.map((k) => ["no", "yes"][k]),
      );
      const probabilities = outputs.softmax().toArray() as number[][];
      expect(predictions[7].probabilities.yes).toBe(probabilities[7]![1]);
    }
    const held = prepareTable(preparation, await readTableFor(preparation, "second.csv"));
    expect(held.size).toBe(60);
  });
  test("rows of one class alone are measured by the scale of the training", async () => {
    const ones = rows.slice(60).filter(({ gap }) => gap > 0);
    await writeFile("ones.csv", table(ones, ["x1", "x2", "color", "label"]));
    expect(await accuracy("run --data ones.csv")).toBeGreaterThan(0.9);
  });
  test("rows without the target and with a gap are predicted, the others said", async () => {
    await writeFile("bare.csv", "x2,color,x1\n103,red,0\n,red,1\n97,blue,0\n");
    const { out, error } = await gradus("predict run bare.csv --csv");
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toBe("source,row,prediction,no,yes");
    expect(lines[1]).toMatch(/^bare\.csv,1,yes,/);
    expect(lines[2]).toBe("bare.csv,2,,,");
    expect(lines[3]).toMatch(/^bare\.csv,3,no,/);
    expect(error).toBe("note: 1 of 3 rows have no prediction, as `x2` is missing in them\n");
  });
  test("categories, classes and columns that count the rows are said", async () => {
    const counted = table(rows.slice(0, 60), ["color", "x1", "x2", "label"]).split("\n");
    await writeFile(
      "counted.csv",
      counted.map((row, n) => (n ? `${n},${row}` : `,${row}`)).join("\n"),
    );
    const { out } = await gradus("train --data counted.csv --epochs 1 --run counted");
    expect(out).toContain('without a name in the header: "column 0"');
    expect(out).toContain("categories, an input for each: color (blue, red)");
    expect(out).toContain(
      "column 0: counts the rows, and is an input like others; 'data.drop=column 0' leaves it out",
    );
    expect(out).toContain("target `label` (the last column): 2 classes, no, yes");
  });
  test("classes of numbers are chosen by any spelling of them", async () => {
    const codes = rows.slice(0, 60).map(({ x1, x2 }, n) => `${x1},${x2},0${1 + (n % 3)}`);
    await writeFile("codes.csv", `x1,x2,code\n${codes.join("\n")}\n`);
    const command = "train --data codes.csv --epochs 1";
    const { out } = await gradus(`${command} --classes 01,02 --run codes`);
    expect(out).toContain("2 classes, 1, 2");
    const texts = await gradus(`${command} data.types=code:text --classes 01,02 --run texts`);
    expect(texts.out).toContain("2 classes, 01, 02");
    expect((await json("evaluate codes")).test).toEqual((await json("evaluate texts")).test);
  });
  test("fixes name settings as they are written on the command line", async () => {
    await writeFile("slip.csv", "x1,y\n1,a\n2,b\nthree and more,a\n4,b\n5,a\n6,b\n7,a\n");
    expect((await gradus("train --data slip.csv")).error).toContain(
      "fix: correct the cell, list it as missing with 'data.na=three and more', or read the column as text with data.types=x1:text.",
    );
  });
  test("other columns are listed: missing, not known, of another type", async () => {
    await writeFile("odd.csv", "x1,foo,color,label\nlow,2,red,no\nhigh,3,red,yes\n");
    expect((await gradus("predict run odd.csv")).error).toBe(
      "error: odd.csv: its columns are not those of the training; missing: x2; not known: foo; of another type: x1 (text, was number).\n" +
        "  fix: give a file with the same columns, in any order.\n",
    );
  });
  test("the same file by another spelling is cut alike, and from another folder", async () => {
    const own = await json("evaluate run");
    for (const path of ["./first.csv", resolve("first.csv")])
      expect((await json(`evaluate run --data ${path}`)).test).toEqual(own.test);
    await writeFile("copy.csv", await readFile("first.csv"));
    expect((await json("evaluate run --data copy.csv")).test).toEqual(own.test);
    expect((await gradus("evaluate run --data copy.csv")).error).toBe(
      "note: copy.csv holds the data of the training; measured are the examples that it held out for testing\n",
    );
    expect((await gradus("evaluate run --data ./first.csv")).error).toBe("");
    await mkdir("elsewhere", { recursive: true });
    const here = process.cwd();
    process.chdir("elsewhere");
    const there = await json("evaluate ../run");
    process.chdir(here);
    expect(there.test).toEqual(own.test);
  });
  test("data that are gone are said to be, by every command", async () => {
    await writeFile("gone.csv", table(rows.slice(0, 60), ["x1", "x2", "color", "label"]));
    await gradus("train --data gone.csv --run gone --epochs 1");
    await rename("gone.csv", "moved.csv");
    for (const line of [
      "evaluate gone",
      "report gone",
      "landscape gone",
      "train --resume gone --epochs 2",
    ])
      expect((await gradus(line)).error).toContain(
        "the data that the run was trained on are no longer there.",
      );
    expect((await gradus("train --resume gone --epochs 2 --data moved.csv")).code).toBe(0);
  });
  test("data that have changed are said to have, and are not trained on further", async () => {
    await writeFile("grows.csv", await readFile("first.csv"));
    await gradus("train --data grows.csv --run grown --epochs 1");
    await appendFile("grows.csv", "\n1,2,red,no");
    expect((await gradus("evaluate grown")).error).toMatch(
      /^note: grows\.csv has changed since the training; its rows are cut anew/,
    );
    expect((await gradus("train --resume grown --epochs 2")).error).toMatch(
      /grows\.csv: the data have changed since grown began/,
    );
  });
  test("a network that goes on keeps the scale of its inputs", async () => {
    await gradus("train --from run --data second.csv --epochs 1 --run next");
    const inputs = async (run: string) =>
      JSON.parse(await readFile(`${run}/config.json`, "utf8")).data.preparation.inputs;
    expect(await inputs("next")).toEqual(await inputs("run"));
  });
  test("paths in a configuration are those from its folder", async () => {
    await mkdir("project", { recursive: true });
    await writeFile("project/own.csv", await readFile("first.csv"));
    await writeFile("project/config.yaml", "data: { source: own.csv }\ntraining: { epochs: 1 }\n");
    const { code, out } = await gradus("train project/config.yaml --run configured");
    expect([code, out]).toEqual([0, expect.stringContaining("project/own.csv: 43 to train")]);
    expect((await gradus("train configured/config.json --run again")).code).toBe(0);
  });
});

describe.runIf(isFast)("numbers to predict", () => {
  test("are scaled on request, and scaled back", async () => {
    await writeFile("numbers.csv", table(rows, ["x1", "x2", "y"]));
    await writeFile("points.csv", "x1,x2\n0,100\n2.5,102.5\n4.9,104.9\n");
    await gradus(
      "train data=numbers.csv scaleTarget=true task=regression --run num --epochs 60 --lr 0.01",
    );
    const { target } = JSON.parse(await readFile("num/config.json", "utf8")).data.preparation;
    expect(target.scale.mean).toBeGreaterThan(1000); // y is 1000 · x1, from 0 to 4900
    const { predictions } = await json("predict num points.csv");
    const values = predictions.map((p: { prediction: number }) => p.prediction);
    [0, 2500, 4900].forEach((y, n) => {
      expect(Math.abs(values[n] - y)).toBeLessThan(700); // without the scale back, 2 would be much
    });
    const { test: measured } = await json("evaluate num --metrics meanAbsoluteError,r2");
    expect(measured.meanAbsoluteError).toBeLessThan(300); // in the units of y, not in deviations
    expect(measured.r2).toBeGreaterThan(0.95);
    const html = await readFile("num/report.html", "utf8");
    expect(html).toMatch(/mean absolute error/i);
  });
  test("have no scale where they are classes", async () => {
    await writeFile("few.csv", table(rows.slice(0, 30), ["x1", "x2", "label"]));
    const { code, error } = await gradus("train data=few.csv scaleTarget=true");
    expect([code, error]).toEqual([1, expect.stringMatching(/classes have no scale/)]);
  });
});

describe.runIf(isFast)("pictures are prepared as the training prepared them", () => {
  /** Wide pictures: what tells the class lies where a cut in the middle leaves it. */
  beforeAll(async () => {
    const [width, height] = [48, 24];
    for (const [part, count] of [
      ["train", 60],
      ["test", 24],
    ] as const)
      for (let n = 0; n < count; n++) {
        const isLeft = n % 2 === 1;
        const pixels = Uint8Array.from({ length: width * height }, (_, i) => 200 + ((i * n) % 37));
        for (let y = 8; y < 16; y++)
          for (let x = 0; x < 8; x++) pixels[y * width + (isLeft ? 14 : 26) + x] = 0;
        const folder = `pictures/${part}/${isLeft ? "left" : "right"}`;
        await mkdir(folder, { recursive: true });
        await sharp(pixels, { raw: { width, height, channels: 1 } })
          .png()
          .toFile(`${folder}/${n}.png`);
      }
    await gradus("train data=pictures data.size=24 model=mlp --run seen --epochs 15 --lr 0.003");
  });
  test("predict sees what evaluate sees: cut alike, and not inverted", async () => {
    expect(await accuracy("seen")).toBe(1);
    const { predictions } = await json("predict seen pictures/test");
    expect(predictions.length).toBe(24);
    for (const { source, prediction } of predictions) expect(source.split("/")[2]).toBe(prediction);
    const two = await gradus(
      "predict seen pictures/test/left/1.png pictures/test/right/2.png --csv",
    );
    expect(two.out).toMatch(/^source,prediction,left,right\n\S+1\.png,left,.*\n\S+2\.png,right,/);
  });
});

test.runIf(isFast)("a row that is left out is counted with its column", async () => {
  const gaps = rows.map((row, n) => ({ ...row, x1: n % 10 === 0 ? Number.NaN : row.x1 }));
  await writeFile("gaps.csv", table(gaps, ["x1", "x2", "label"]).replaceAll("NaN", ""));
  const { out, error } = await gradus("train --data gaps.csv --epochs 1 --run gaps");
  expect(out).toContain(
    "120 rows, 3 columns, header yes, parted by commas; 108 rows used, 12 left out: `x1` empty\n",
  );
  expect(error).toMatch(/^warning: 12 of 120 rows are left out, as `x1` is missing/);
  const { preparation } = JSON.parse(await readFile("gaps/config.json", "utf8")).data;
  expect(completeRows(preparation, await readTableFor(preparation, "gaps.csv")).rows.length).toBe(
    108,
  );
});

test("a pipe is refused where data are read twice, and a broken link is left to the reader", async () => {
  const { symlink } = await import("node:fs/promises");
  const { execFileSync } = await import("node:child_process");
  execFileSync("mkfifo", ["pipe.csv"]);
  const { code, error } = await gradus("train --data pipe.csv");
  expect([code, error]).toEqual([1, expect.stringMatching(/^error: pipe\.csv: this is a pipe/)]);
  await mkdir("linked/a", { recursive: true });
  await symlink("nowhere.png", "linked/a/1.png");
  const broken = await gradus("train --data linked");
  expect(broken.error).toMatch(/^error: (?!internal).*1\.png/);
});

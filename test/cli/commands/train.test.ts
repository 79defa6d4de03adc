import { existsSync, readdirSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { gradus, isFast, workIn, writeImages } from "../support.ts";

workIn();
beforeAll(() => writeImages("bars", 200));

const small = "--model mlp --epochs 2 --batch-size 50";
const runs = () => (existsSync("runs") ? readdirSync("runs").sort() : []);

describe.runIf(isFast)("gradus train", () => {
  test("trains, says what it does, where the results are and what to try next", async () => {
    const { code, out, error } = await gradus(`train --data bars ${small}`);
    expect([code, error]).toEqual([0, ""]);
    const numbers = (text: string) => text.replace(/\d+(\.\d+(e[+-]\d+)?|(?=m?s\b))/g, "#");
    expect(numbers(out)).toBe(
      numbers(`data   bars: 180 to train, 20 to validate, 50 to test; [1, 8, 8] in 4 classes
model  mlp, 50052 parameters
train  adam, lr 0.001, batches of 50, seed 0, native engine
run    runs/bars-mlp

Epoch 1/2  4/4 0.1s 9.9ms/step - loss: 1.1 - accuracy: 0.2 - val_loss: 1.1 - val_accuracy: 0.3
Epoch 2/2  4/4 0.1s 9.9ms/step - loss: 1.1 - accuracy: 0.2 - val_loss: 1.1 - val_accuracy: 0.3

ended  all 2 epochs are done, in 0.1s
test   accuracy 99.00 %, loss 0.1 (weights of epoch 2)
report runs/bars-mlp/report.html
run    runs/bars-mlp

try next
  gradus evaluate runs/bars-mlp
  gradus predict runs/bars-mlp image.png
  gradus summary runs/bars-mlp
  gradus landscape runs/bars-mlp
`).replace("native engine", /(\w+ engine)/.exec(out)![0]),
    );
    const files = readdirSync("runs/bars-mlp").sort();
    expect(files.filter((name) => !name.startsWith("events.out.tfevents."))).toEqual([
      "best.safetensors",
      "config.json",
      "last.safetensors",
      "metrics.csv",
      "metrics.jsonl",
      "report.html",
      "trajectory.safetensors",
    ]);
    expect(files.length).toBe(8);
  });

  test("--json: one object per line, the last the end", async () => {
    const { code, out } = await gradus(`train --data bars ${small} --run json-run --json`);
    expect(code).toBe(0);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(["begin", "epoch", "epoch", "end"]);
    expect(events.at(-1)).toEqual({
      event: "end",
      run: "json-run",
      test: { loss: expect.any(Number), accuracy: expect.any(Number) },
      seconds: expect.any(Number),
    });
    expect(Object.keys(events.at(-1))).toEqual(["event", "run", "test", "seconds"]);
    expect(Object.keys(events[1])).toEqual([
      "event",
      "epoch",
      "loss",
      "accuracy",
      "val_loss",
      "val_accuracy",
      "lr",
      "seconds",
    ]);
  });

  test("on a terminal a line moves, and each epoch stays", async () => {
    const drawn: string[] = [];
    await gradus("train --data xor --epochs 2 --run live", drawn);
    const kept = drawn.filter((_, i) => drawn[i + 1] === "⏎");
    expect(kept.map((line) => line.slice(0, 30))).toEqual([
      "Epoch 1/2  45/45 ━━━━━━━━━━━━ ",
      "Epoch 2/2  45/45 ━━━━━━━━━━━━ ",
    ]);
    expect(drawn[0]).toMatch(/^Epoch 1\/2 {3}1\/45 {14}\S+ \S+ms\/step - loss: \d/);
  });

  test("--dev-run goes through every part and leaves nothing", async () => {
    const before = runs();
    const { code, out } = await gradus("train --data bars --dev-run");
    expect(code).toBe(0);
    expect(out).toMatch(/180 to train|Epoch 1\/1 {2}3\/3/);
    expect(out).toMatch(/a dev run: all parts work, nothing is saved\n$/);
    expect(runs()).toEqual(before);
  });

  test.each(["moons", "circles", "spirals", "blobs", "xor"])("--data %s", async (name) => {
    const { code, out } = await gradus(`train --data ${name} --epochs 1 --run ${name} --json`);
    expect([code, JSON.parse(out.trimEnd().split("\n").at(-1)!).event]).toEqual([0, "end"]);
  });

  test("a run goes on for more epochs, and a finished one ends at once", async () => {
    await gradus(`train --data bars ${small} --run more`);
    const done = await gradus("train --resume more");
    expect(done.out).toMatch(/ended {2}all 2 epochs are done/);
    const { code, out } = await gradus("train --resume more --epochs 3");
    expect(code).toBe(0);
    expect(out).toMatch(/run {4}more, going on in epoch 3 after batch 0\n\nEpoch 3\/3 /);
    expect((await readFile("more/metrics.jsonl", "utf8")).trimEnd().split("\n").length).toBe(3);
  });
});

describe.runIf(isFast)("tables", () => {
  const rows = (n: number) =>
    Array.from({ length: n }, (_, i) => `${i % 7},${(i * 3) % 11},${i % 2 ? "red" : "blue"}`);
  beforeAll(async () => {
    const named = rows(200).map((row, i) => `${row},${i % 7 > 3 ? "big" : "small"}`);
    await writeFile("sizes.csv", ["a,b,color,size", ...named].join("\n"));
    const numbers = rows(200).map((row, i) => `${row},${(i % 7) + 0.5}`);
    await writeFile("numbers.csv", ["a,b,color,y", ...numbers].join("\n"));
  });
  test("classes: other rows of the same table are measured with the same numbering", async () => {
    await gradus("train --data sizes.csv --run sizes --epochs 20 --lr 0.01");
    const own = await gradus("evaluate sizes");
    expect(own.out).toMatch(/^sizes\.csv: loss: \S+ - accuracy: \d\.\d+ - examples: 40\n$/);
    await writeFile("new.csv", "a,b,color,size\n6,1,blue,big\n1,1,blue,small\n5,9,blue,big\n");
    const other = await gradus("evaluate sizes --data new.csv");
    expect(other.out).toMatch(/^new\.csv: loss: \S+ - accuracy: 1\.0000 - examples: 3\n$/);
  });
  test("other columns, other data, too few rows are refused", async () => {
    await writeFile("odd.csv", "a,c,color,size\n6,1,blue,big\n1,1,blue,small\n");
    const error = async (line: string) => (await gradus(line)).error;
    expect(await error("evaluate sizes --data odd.csv")).toMatch(
      /odd\.csv: its columns are not those of the training; missing: b; not known: c/,
    );
    expect(await error("evaluate sizes --data moons")).toMatch(
      /moons: the network was trained on a table, sizes\.csv, and this is none/,
    );
    expect(await error("train --data odd.csv")).toMatch(/odd\.csv: 2 examples, too few to hold/);
  });
  test("a category that the training has not seen is named", async () => {
    await writeFile("odd.csv", "a,b,color,size\n6,1,green,big\n1,1,blue,small\n");
    const { code, error } = await gradus("evaluate sizes --data odd.csv");
    expect([code, error]).toEqual([1, expect.stringMatching(/"green" is not one of blue, red/)]);
  });
  test("numbers to predict: no accuracy", async () => {
    const { code, out } = await gradus("train --data numbers.csv --run numbers --epochs 2 --json");
    expect(code).toBe(0);
    const end = JSON.parse(out.trimEnd().split("\n").at(-1)!);
    expect(Object.keys(end.test)).toEqual(["loss"]);
  });
});

describe("one clear message, exit code 1, nothing left behind", () => {
  const failing = (line: string, ...messages: (string | RegExp)[]) =>
    test(line || "(nothing)", async () => {
      const before = runs();
      const { code, out, error } = await gradus(line);
      expect(code).toBe(1);
      for (const message of messages) expect(error).toMatch(message);
      expect(error).not.toMatch(/^\s+at |node_modules|internal/m);
      expect(error.match(/error: /g)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(out).not.toMatch(/ended/);
      expect(runs()).toEqual(before);
    });
  failing("", /Usage: gradus/);
  failing("tran", "unknown command 'tran'", "Did you mean train?");
  failing("train --epohcs 3", "unknown option '--epohcs'", "Did you mean --epochs?");
  failing("train now", "now: a configuration ends in .yaml");
  failing("train --lr", "'--lr <x>' argument missing");
  failing("train --epochs -1", '--epochs: "-1" is not a whole number of 1 or more', "--epochs 5");
  failing("train --epochs 2.5", '--epochs: "2.5" is not');
  failing("train --batch-size 0", '--batch-size: "0" is not a whole number of 1 or more');
  failing("train --lr abc", '--lr: "abc" is not a number above 0', "--lr 0.001");
  failing("train --lr NaN", '--lr: "NaN" is not a number above 0');
  failing("train --seed x", '--seed: "x" is not a whole number of 0 or more');
  failing(
    "train --model cnov",
    '--model: "cnov" is not one of conv, mlp, lenet',
    "did you mean --model conv",
  );
  failing("train --optimizer adm", "did you mean --optimizer adam");
  failing("train --data moon", '--data: "moon" is no set', "did you mean --data moons");
  failing("train --data no/such/folder", /no folder and no file/);
  failing("train --data moons --model lenet", "not images", 'use the model "mlp"');
  failing("train --data bars --lr 1e6", "the loss grew from", "with lr 9", "fix: lower lr");
  failing("train --data bars --lr 1e30 --optimizer sgd", /the loss (became|grew)/, "fix: lower lr");
  failing("train --resume no/run", "no/run: there is no such folder");
  failing("train --data moons --classes 0,0", '"0" is named twice');
  failing("train --data moons --classes 1", 'moons: all its examples are of one class, "1"');
  failing("train --data moons --target x", "data.target: it is for a table");
  failing("train --data moons data.size=8", "data.size: it is for a folder or archive of images");
  failing("train --data bars --augment crop:-3", "randomCrop: padding is -3");
  failing("train --data bars --augment blur", 'data.augment: "blur" is not one of crop, flip');
  failing("train --data moons hidden=[1e9]", /tensor: a count of \d+ elements or bytes is more/);
  failing("train --unfreeze 3", "name a run with --from");
  failing("evaluate", "missing required argument 'run'");
});

describe("data that are torn", () => {
  const torn = async (change: () => Promise<unknown>): Promise<string> => {
    await writeImages("torn", 40);
    await change();
    const before = runs();
    const { code, error } = await gradus("train --data torn --model mlp");
    await rm("torn", { recursive: true });
    expect(code).toBe(1);
    expect(runs()).toEqual(before);
    expect(error).toMatch(/^error: torn[^\n]*\n {2}fix: [^\n]*\n$/);
    return error;
  };
  const [images, labels] = ["torn/train-images-idx3-ubyte", "torn/train-labels-idx1-ubyte.gz"];
  test("a truncated gzip", async () => {
    const bytes = await readFile("bars/train-labels-idx1-ubyte.gz");
    const error = await torn(() => writeFile(labels, bytes.subarray(0, bytes.length - 9)));
    expect(error).toMatch(/train-labels-idx1-ubyte\.gz: .*(truncated|torn|unexpected end)/i);
  });
  test("a wrong magic", async () => {
    const error = await torn(() => writeFile(images, "GIF89a this is no IDX"));
    expect(error).toMatch(/not an IDX file.* starts with 0x47 0x49/);
  });
  test("labels that are not as many as the images", async () => {
    const bytes = await readFile("bars/train-labels-idx1-ubyte.gz");
    expect(await torn(() => writeFile(labels, bytes))).toMatch(/200 labels for 40 images/);
  });
  test("a file that is missing", async () => {
    expect(await torn(() => rm(images))).toMatch(/no file train-images\*/);
  });
});

describe.runIf(isFast)("a run that is damaged", () => {
  beforeAll(async () => {
    await gradus(`train --data bars ${small} --run whole`);
  });
  const damaged = async (file: string, content: string | Uint8Array, line: string) => {
    const before = await readFile(file);
    await writeFile(file, content);
    const { code, error } = await gradus(line);
    await writeFile(file, before);
    expect(code).toBe(1);
    expect(error).toMatch(/^error: whole\/[^\n]*\n {2}fix: [^\n]*\n$/);
    return error;
  };
  test("its config is no JSON, or lacks a field", async () => {
    const text = await readFile("whole/config.json", "utf8");
    expect(await damaged("whole/config.json", text.slice(0, 50), "evaluate whole")).toMatch(
      /not JSON/,
    );
    const { settings, ...rest } = JSON.parse(text);
    const without = JSON.stringify({ ...rest, settings: { ...settings, training: {} } });
    expect(await damaged("whole/config.json", without, "summary whole")).toMatch(
      /"settings\.training\.epochs" is missing/,
    );
    const other = text.replaceAll('"mlp"', '"lenet"');
    await damagedModel(other);
  });
  /** The model that the config names does not take the images, which is told before the weights are read. */
  const damagedModel = async (config: string) => {
    const before = await readFile("whole/config.json");
    await writeFile("whole/config.json", config);
    const { code, error } = await gradus("evaluate whole");
    await writeFile("whole/config.json", before);
    expect([code, error]).toEqual([1, expect.stringMatching(/lenet: .* are not images/)]);
  };
  test("its checkpoint is torn", async () => {
    const bytes = await readFile("whole/last.safetensors");
    const half = bytes.subarray(0, bytes.length / 2);
    expect(await damaged("whole/last.safetensors", half, "train --resume whole")).toMatch(
      /truncated/,
    );
    expect(await damaged("whole/best.safetensors", half, "evaluate whole")).toMatch(/truncated/);
  });
  test("its model is built otherwise now", async () => {
    const text = await readFile("whole/config.json", "utf8");
    const { model, ...rest } = JSON.parse(text);
    const other = { ...model, options: { ...model.options, hidden: [7] } };
    for (const line of ["evaluate whole", "train --resume whole --epochs 3"])
      expect(
        await damaged("whole/config.json", JSON.stringify({ ...rest, model: other }), line),
      ).toMatch(
        /weights do not fit the model "mlp" .*\[256, 64\].*\[7, 64\].*else use gradus \d\.\d\.\d/s,
      );
  });
  test("what a killed process left goes when the run goes on", async () => {
    const torn = `whole/.last.safetensors.${crypto.randomUUID()}.tmp`;
    await writeFile(torn, "");
    expect((await gradus("train --resume whole")).code).toBe(0);
    expect(existsSync(torn)).toBe(false);
  });
  test("what may not change is named", async () => {
    const { code, error } = await gradus("train --resume whole --batch-size 7");
    expect([code, error]).toEqual([1, expect.stringMatching(/--batch-size: cannot be changed/)]);
  });
  test.each([
    ["--run other", /--run: a run that goes on stays in its folder/],
    ["--dev-run", /--dev-run: a run that goes on stays/],
    [
      "--epochs 1",
      /--epochs: 1 epoch in all, but whole has 2 behind it\.\n {2}fix: give more, such as --epochs 4/,
    ],
    ["--data moons", /moons: these are not the data of whole, which were bars: \[1, 8, 8\] in 4/],
  ])("%s does not go with --resume", async (flag, message) => {
    const before = await readFile("whole/config.json", "utf8");
    const { code, error } = await gradus(`train --resume whole ${flag}`);
    expect([code, error]).toEqual([1, expect.stringMatching(message)]);
    expect(await readFile("whole/config.json", "utf8")).toBe(before);
  });
  test("toys of one shape are not each other's data", async () => {
    await gradus("train --data moons --epochs 1 --run moon");
    const { code, error } = await gradus("train --resume moon --data circles --epochs 2");
    expect([code, error]).toEqual([1, expect.stringMatching(/circles: these are not the data/)]);
  });
  test("a folder that holds something is not written to", async () => {
    const { code, error } = await gradus(`train --data bars ${small} --run whole`);
    expect([code, error]).toEqual([1, expect.stringMatching(/whole: there is something already/)]);
  });
});

import { writeFile } from "node:fs/promises";
import { NumericError } from "gradus";
import { beforeAll, describe, expect, test } from "vitest";
import { describeError } from "../../src/cli/terminal/errors.ts";
import { word } from "../../src/cli/terminal/invocation.ts";
import { duration, showLogs } from "../../src/train/progress.ts";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

workIn();
beforeAll(async () => {
  if (!isFast) return;
  await writeImages("bars", 200);
  await gradus("train --data bars --epochs 6 --lr 0.01 --batch-size 20 --run bars-run");
  const { default: sharp } = await import("sharp");
  const side = 40; // a dark bar on paper, larger than the network's images
  const pixels = new Uint8Array(side * side).fill(240);
  pixels.fill(20, 20 * side, 25 * side); // the height of class 2's bar
  await sharp(pixels, { raw: { width: side, height: side, channels: 1 } })
    .png()
    .toFile("bar.png");
});

describe.runIf(isFast)("gradus evaluate", () => {
  test("measures the test part, as training did", async () => {
    const { code, out } = await gradus("evaluate bars-run");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^bars: loss: \S+ - accuracy: 1\.0000 - examples: 50\n$/),
    ]);
  });
  test("--json", async () => {
    const { out } = await gradus("evaluate bars-run --json");
    expect(JSON.parse(out)).toEqual({
      event: "evaluate",
      run: "bars-run",
      data: "bars",
      test: { loss: expect.any(Number), accuracy: 1 },
    });
  });
  test("other data of the same kind, and none of another", async () => {
    await writeImages("others", 20);
    expect((await gradus("evaluate bars-run --data others")).out).toMatch(/examples: 5\n/);
    await writeImages("large", 20, { side: 12 });
    const { code, error } = await gradus("evaluate bars-run --data large");
    expect([code, error]).toEqual([
      1,
      expect.stringMatching(/large: its examples are \[1, 12, 12\].* trained on \[1, 8, 8\]/),
    ]);
  });
});

describe.runIf(isFast)("gradus predict", () => {
  test("ranks the classes, and turns ink on paper into light on dark", async () => {
    const { code, out } = await gradus("predict bars-run bar.png");
    const lines = out.trimEnd().split("\n");
    expect([code, lines.length, lines[0]!.slice(0, 1)]).toEqual([0, 4, "2"]);
    const shares = lines.map((line) => Number(/([\d.]+) %/.exec(line)![1]));
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(100, 1);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
  });
  test("a file that is no image, or not there", async () => {
    expect((await gradus("predict bars-run none.png")).error).toMatch(
      /none\.png: there is no such file/,
    );
    const { code, error } = await gradus("predict bars-run bars-run/config.json");
    expect([code, error]).toEqual([1, expect.stringMatching(/config\.json: not an image/)]);
  });
  test("a network that was not trained on images", async () => {
    await gradus("train --data xor --epochs 1 --run xor-run");
    const { code, error } = await gradus("predict xor-run bar.png");
    expect([code, error]).toEqual([1, expect.stringMatching(/bar\.png: this is a picture/)]);
    await writeFile("three.csv", "1,2,3\n4,5,6\n");
    expect((await gradus("predict xor-run three.csv")).error).toMatch(/takes examples of \[2\]/);
    await writeFile("two.csv", "0,0.9\n1,1.1\n");
    const lines = (await gradus("predict xor-run two.csv --csv")).out.trimEnd().split("\n");
    expect(lines.map((line) => line.split(",").slice(0, 2).join())).toEqual([
      "source,row",
      "two.csv,1",
      "two.csv,2",
    ]);
  });
});

describe("gradus summary", () => {
  test("of a model: layers, shapes, parameters, units, connections, totals", async () => {
    const { code, out } = await gradus("summary lenet");
    expect(code).toBe(0);
    expect(out).toMatch(/^layer +kind +output +parameters +units +connections +sees\n/);
    expect(out).toMatch(/layers\.1 +Conv2d +\[8, 24, 24\] +208 +4,608 +115,200 +5×5\n/);
    expect(out).toMatch(/\ntotal +45,278 /);
    expect(out).toMatch(/input \[1, 28, 28\], 45278 trainable parameters/);
  });
  test("of an input of one's own, wide: the table of the textbook, its costs and fields", async () => {
    const { out } = await gradus("summary lenet --input 3,32,32 --wide");
    expect(out).toMatch(
      /layers\.4 +Conv2d +\[16, 10, 10\] +3,216 +3,200 +1,600 +320,000 +960,000 .* 14×14 +2×2\n/,
    );
    expect(out).toMatch(/\ntotal +62,958 /);
    expect((await gradus("summary lenet --input 3,,32")).error).toMatch(
      /"3,,32" is not a list of sizes/,
    );
  });
  test("of AlexNet, for the images of its paper, in less than its rows", async () => {
    const { out } = await gradus("summary alexnet --json");
    const { inputShape, rows, totals } = JSON.parse(out);
    expect(inputShape).toEqual([3, 227, 227]);
    expect(rows[1]).toMatchObject({ kind: "Conv2d", units: 290_400 });
    const parts = JSON.parse((await gradus("summary alexnet --json --depth 1")).out).rows;
    expect(parts.map(({ path }: { path: string }) => path)).toEqual(["features", "classifier"]);
    expect(totals.parameters).toBe(60_965_224);
    expect((await gradus("summary alexnet")).out).toMatch(/232\.6 MiB of parameters/);
    expect((await gradus("summary alexnet --depth 0")).error).toMatch(/--depth/);
  });
  test.runIf(isFast)("of a run: for its own inputs", async () => {
    expect((await gradus("summary bars-run")).out).toMatch(/input \[1, 8, 8\]/);
  });
  test("of an autoencoder, which has no classes", async () => {
    expect((await gradus("summary unpooling-autoencoder")).out).toMatch(/MaxUnpool2d/);
    expect((await gradus("summary conv-autoencoder --input 3,9,9")).out).toMatch(/3, 9, 9/);
  });
  test("of what is neither", async () => {
    expect((await gradus("summary lenat")).error).toMatch(/did you mean lenet/);
  });
});

describe("gradus doctor", () => {
  test("names versions, engines and the one in use", async () => {
    const { code, out } = await gradus("doctor");
    expect(code).toBe(0);
    for (const name of ["gradus", "node", "processor", "native", "reference", "in use"])
      expect(out).toMatch(new RegExp(`^${name} +\\S`, "m"));
    expect(out).toContain(process.version);
  });
  test("--program prints a training step", async () => {
    const { out } = await gradus("doctor --program");
    expect(out).toMatch(/graph of a training step[\s\S]*= matmul /);
    expect(out).toMatch(/program of it[\s\S]*s0 input f32\[128\][\s\S]*matmul \[32, 3/);
  });
});

describe("help", () => {
  test("of all, of a command, and the version", async () => {
    const help = await gradus("--help");
    expect(help.code).toBe(0);
    for (const name of ["train", "evaluate", "predict", "summary", "doctor"])
      expect(help.out).toContain(name);
    expect((await gradus("train --help")).out).toMatch(/--resume <run>/);
    expect((await gradus("help train")).out).toMatch(/--resume <run>/);
    expect((await gradus("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("errors as a user reads them", () => {
  const error = new NumericError({
    subject: "fit",
    problem: "NaN.",
    where: "step 3",
    fix: "stop.",
  });
  test("ours: no stack, unless it is asked for", () => {
    expect(describeError(error, false)).toBe("error: fit: NaN.\n  in step 3\n  fix: stop.");
    expect(describeError(error, true)).toMatch(/fix: stop\.\n\s+at /);
  });
  test("no line of our own program", () => {
    const { message } = new NumericError({ subject: "fit", problem: "NaN.", fix: "stop." });
    expect(message).toMatch(/\n {2}in \//);
    const bare = new NumericError({ subject: "fit", problem: "NaN.", fix: "stop." });
    expect(describeError(bare, false)).toBe("error: fit: NaN.\n  fix: stop.");
  });
  test("those that we did not foresee are marked", () => {
    expect(describeError(new TypeError("x is not a function"), false)).toMatch(
      /^error: internal: TypeError: x is not a function\n {2}fix: please report/,
    );
    expect(describeError("thrown text", false)).toMatch(/^error: internal: thrown text/);
  });
});

describe("numbers as a user reads them", () => {
  test.each([
    [0.04, "0.0s"],
    [9.94, "9.9s"],
    [9.96, "10s"],
    [59.6, "1m00s"],
    [125, "2m05s"],
    [3661, "1h01m"],
  ])("%d seconds: %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
  test("small and large ones in powers of ten, lr not at all", () => {
    expect(showLogs({ loss: 0.00012345, accuracy: 0, val_loss: 123456, lr: 1 })).toBe(
      "loss: 1.23e-4 - accuracy: 0.0000 - val_loss: 1.23e+5",
    );
  });
  test("paths in quotes where the shell would cut them", () => {
    expect([word("runs/a-b2"), word("my runs"), word("it's")]).toEqual([
      "runs/a-b2",
      "'my runs'",
      "'it'\\''s'",
    ]);
  });
});

import { readFile, writeFile } from "node:fs/promises";
import { zeros } from "gradus";
import { type Autoencoder, createModel, modelNames } from "gradus/models";
import { loadCheckpoint } from "gradus/train";
import { beforeAll, describe, expect, test } from "vitest";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

workIn();

const names = modelNames.filter((name) => name.endsWith("-autoencoder"));
const page = (run: string) => readFile(`${run}/report.html`, "utf8");
const trained = async (line: string) => {
  const { code, error, out } = await gradus(`train --epochs 1 ${line}`);
  expect([code, error]).toEqual([0, ""]);
  return out;
};

describe.runIf(isFast)("autoencoders on images", () => {
  beforeAll(async () => {
    await writeImages("bars", 60, { side: 8 });
  });
  test.each(names)("%s trains, and its report shows what comes back", async (name) => {
    const out = await trained(`--data bars --model ${name} --run ${name}`);
    expect(out).toMatch(/test +loss \S+ - meanSquaredError \S+/);
    const html = await page(name);
    for (const heading of ["Reconstructions", "Worst and best", "Errors", "Beside PCA", "Code"])
      expect(html).toContain(`<h2>${heading}</h2>`);
    expect(html).toContain("by t-SNE");
  });
  test("the embedded digits need no --data", async () => {
    await trained("examples=100 --model undercomplete-autoencoder model.code=2 --run digits");
    expect(await page("digits")).toContain("by its two numbers");
  });
  test("what a kind has of its own is on its page", async () => {
    expect(await page("linear-autoencoder")).toContain("Principal angles");
    expect(await page("deep-autoencoder")).not.toContain("Principal angles");
    expect(await page("variational-autoencoder")).toMatch(/<h2>Samples.*<h2>Walks/s);
    expect(await page("masked-autoencoder")).toContain("what is left of it");
    expect(await page("denoising-autoencoder")).toContain("with noise as in training");
  });
  test("options of the model are settings, and others are refused", async () => {
    const line = "--data bars model.code=5 model.likelihood=bernoulli model.beta=2";
    await trained(`${line} --model variational-autoencoder --run options`);
    const { settings, model } = JSON.parse(await readFile("options/config.json", "utf8"));
    const given = { code: 5, likelihood: "bernoulli", beta: 2 };
    expect([settings.model, model.options]).toEqual([
      { name: "variational-autoencoder", ...given },
      { inputShape: [1, 8, 8], seed: 0, ...given },
    ]);
    const { error } = await gradus("train --data bars --model conv-autoencoder model.beta=2");
    expect(error).toMatch(/model\.beta: conv-autoencoder has no such option; it has model\.code/);
    const classifier = await gradus("train --data bars --model conv model.code=2");
    expect(classifier.error).toMatch(/model\.code: conv has no such option/);
    const wide = await gradus("train --data bars --model conv-autoencoder model.code=64");
    expect(wide.error).toMatch(/a code of 64 is no bottleneck for examples of 64 numbers/);
  });
  test("a run goes on, begins another, and is repeated to the last bit", async () => {
    const run = "denoising-autoencoder";
    const tensors = async (path: string) =>
      (await loadCheckpoint(`${path}/last.safetensors`)).tensors;
    await gradus(`train ${run}/config.json --run again`);
    for (const [path, { data }] of await tensors(run))
      expect((await tensors("again")).get(path)!.data, path).toEqual(data);
    expect((await gradus(`train --resume ${run} --epochs 2`)).error).toBe("");
    await trained(`--data bars --from ${run} --run on`);
    const { error } = await gradus(`train --data bars --from ${run} model.code=3`);
    expect(error).toMatch(/model\.code: the network of .* is made already/);
  });
  test("flips change the target with the example", async () => {
    await trained("--data bars --model linear-autoencoder --augment flip --run flipped");
    const mixed = await gradus("train --data bars --model linear-autoencoder --augment mixup");
    expect(mixed.error).toMatch(/augment \(mixup\): targets are float32/);
  });
});

describe.runIf(isFast)("images of other sizes", () => {
  test("odd ones come back in their size, or an error has the numbers", async () => {
    await writeImages("odd", 24, { side: 27, classes: 2 });
    await trained("--data odd --model unpooling-autoencoder --run odd-unpooling");
    const { error } = await gradus("train --data odd --model masked-autoencoder");
    expect(error).toMatch(/images of \[27, 27\] cannot be cut into patches of 4×4/);
  });
  test("27 × 31 and three channels, by every model that convolves", () => {
    for (const inputShape of [
      [1, 27, 31],
      [3, 32, 32],
    ])
      for (const name of ["conv", "unpooling", "denoising"] as const) {
        const model = createModel({ name: `${name}-autoencoder`, options: { inputShape } });
        const x = zeros([2, ...inputShape]);
        expect((model as Autoencoder).reconstruct(x).shape).toEqual(x.shape);
      }
  });
});

describe.runIf(isFast)("what else runs take", () => {
  test("predict gives errors and codes, and a picture", async () => {
    const { default: sharp } = await import("sharp");
    const pixels = new Uint8Array(64).fill(0, 0, 64);
    for (const file of ["a.png", "b.png"])
      await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
        .png()
        .toFile(file);
    const { out, error } = await gradus("predict conv-autoencoder a.png b.png --picture back.png");
    expect(error).toBe("");
    const [header, ...rows] = out.trimEnd().split("\n");
    expect(header).toMatch(/^source,error,z0,.*,z31$/);
    expect(rows.map((line) => line.split(",").length)).toEqual([34, 34]);
    expect(await sharp("back.png").metadata()).toMatchObject({ width: 16, height: 18 });
    const wrong = await gradus("predict bars-run a.png --picture x.png");
    expect(wrong.code).toBe(1);
  });
  test("evaluate takes other data whatever their classes, of the same shape", async () => {
    await writeImages("two", 20, { classes: 2 });
    await writeImages("large", 20, { side: 12 });
    expect((await gradus("evaluate conv-autoencoder --data two")).out).toMatch(/examples: 5\n/);
    expect((await gradus("evaluate conv-autoencoder --data large")).error).toMatch(
      /its examples are \[1, 12, 12\], the network was trained on \[1, 8, 8\]/,
    );
    expect((await gradus("evaluate conv-autoencoder --metrics accuracy")).error).toMatch(
      /accuracy: the objective is regression/,
    );
    expect((await gradus("report conv-autoencoder --data two")).code).toBe(0);
  });
  test("embed maps the codes of a run, and refuses a classifier", async () => {
    expect((await gradus("embed deep-autoencoder --out map")).code).toBe(0);
    expect((await readFile("map.csv", "utf8")).split("\n").length).toBe(1 + 15 + 1);
    await trained("--data bars --run classifier");
    const { error } = await gradus("embed classifier");
    expect(error).toMatch(/classifier: it holds the model "conv", and a map is of data/);
  });
});

describe.runIf(isFast)("autoencoders on tables and points", () => {
  test("a table without its target is enough to measure and predict", async () => {
    const rows = Array.from({ length: 40 }, (_, n) => `${n % 7},${(n * 3) % 11},${n % 5},${n % 2}`);
    await writeFile("t.csv", `a,b,c,y\n${rows.join("\n")}`);
    await trained("--data t.csv --model deep-autoencoder --run table");
    expect(await page("table")).toMatch(/[abc]: \S+ → \S+/);
    await writeFile("new.csv", "a,b,c\n1,2,3\n4,,6");
    const { out } = await gradus("predict table new.csv");
    expect(out.split("\n")[0]).toBe("source,row,error,z0");
    expect(out.split("\n")[2]).toBe("new.csv,2,,");
    expect((await gradus("evaluate table --data new.csv")).out).toMatch(/examples: 1/);
  });
  test("numbers to predict and a single class are labels like others", async () => {
    const rows = Array.from({ length: 30 }, (_, n) => `${n % 7},${(n * 3) % 11},${n * 0.37}`);
    await writeFile("r.csv", `a,b,y\n${rows.join("\n")}`);
    await trained("--data r.csv --model sparse-autoencoder --run numbers");
    const one = Array.from({ length: 30 }, (_, n) => `${n % 7},${(n * 3) % 11},normal`);
    await writeFile("one.csv", `a,b,y\n${one.join("\n")}`);
    await trained("--data one.csv --model sparse-autoencoder --run one");
    expect((await gradus("train --data one.csv")).error).toMatch(
      /all its examples are of one class/,
    );
  });
  test("points of the plane are drawn with where they come back", async () => {
    await trained("--data moons --model variational-autoencoder --run plane");
    expect(await page("plane")).toContain("Test examples and their reconstructions");
    await trained("--data moons --model linear-autoencoder --run line");
    expect((await gradus("landscape line --points 3 --samples 8")).error).toBe("");
    const { error } = await gradus("train --data moons --model conv-autoencoder");
    expect(error).toMatch(/examples of \[2\] are not images .* of at least 4×4/s);
  });
  test("texts are refused", async () => {
    await writeFile("t.txt", "to be or not to be\nthat is the question\n".repeat(20));
    const { error } = await gradus("train --data t.txt --model deep-autoencoder");
    expect(error).toMatch(/"deep-autoencoder" takes numbers, and t\.txt is read as text/);
  });
});

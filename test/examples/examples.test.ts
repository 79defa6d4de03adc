/** Every example runs, quickly, where its data are, and says what it should. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cifar10 } from "../../examples/cifar10.mjs";
import { denoise } from "../../examples/denoise.mjs";
import { fewLabels } from "../../examples/few-labels.mjs";
import { shakespeare } from "../../examples/shakespeare.mjs";
import { spokenDigits } from "../../examples/spoken-digits.mjs";
import { tabular } from "../../examples/tabular/tabular.mjs";
import { testOnRealData } from "../data/real-data.ts";

const home = process.cwd();
beforeAll(async () => process.chdir(await mkdtemp(join(tmpdir(), "gradus-examples-"))));
afterAll(() => process.chdir(home));

/** Runs an example and gives its result with what it printed. */
async function quickly<R>(
  run: (call: { data: string; quick: boolean; print: (text: string) => void }) => Promise<R>,
  data: string,
): Promise<{ result: R; printed: string }> {
  const lines: string[] = [];
  const result = await run({ data, quick: true, print: (line) => lines.push(line) });
  return { result, printed: lines.join("\n") };
}

testOnRealData("denoise: less error than the noise, and a picture", "mnist", async (path) => {
  const { result, printed } = await quickly(denoise, path);
  expect(result.noisy).toBeCloseTo(0.25, 2); // the variance of the noise
  expect(result.restored).toBeLessThan(result.noisy);
  expect(printed).toContain("epoch 1/1");
  const png = await readFile("runs/denoise.png");
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([12 * 28 * 3, 3 * 28 * 3]);
});

testOnRealData("few labels: every start learns, and is drawn", "mnist", async (path) => {
  const { result } = await quickly(fewLabels, path);
  expect(result.map(({ pretext, labels }) => [pretext, labels])).toEqual(
    ["none", "rotation", "contrastive"].flatMap((pretext) => [
      [pretext, 10],
      [pretext, 100],
    ]),
  );
  for (const { accuracy } of result) expect(accuracy).toBeGreaterThan(0.2); // chance is 0.1
  expect(await readFile("runs/few-labels.svg", "utf8")).toMatch(/^<svg/);
});

testOnRealData("spoken digits: far above chance", "fsdd/fsdd.tar.gz", async (path) => {
  const { result, printed } = await quickly(spokenDigits, path);
  expect(result.accuracy).toBeGreaterThan(0.5);
  expect(printed).toContain("2700 recordings to learn from, 300 to judge by");
});

testOnRealData("shakespeare: better than guessing", "text/tinyshakespeare.txt", async (path) => {
  const { result } = await quickly(shakespeare, path);
  expect(result.bits).toBeLessThan(Math.log2(65));
  expect(result.trigram).toBeLessThan(4);
  expect(result.sample).toMatch(/^ROMEO:\n/);
  expect(result.sample).toHaveLength(7 + 40);
});

testOnRealData(
  "tabular: above chance, rows as scikit-learn needs them",
  "wdbc/wdbc.data",
  async (path) => {
    const { result } = await quickly(tabular, join(path, "../.."));
    expect(result.wine).toBeGreaterThan(0.8);
    expect(result.wdbc).toBeGreaterThan(0.9);
    const written = JSON.parse(await readFile("runs/tabular.json", "utf8"));
    expect(written.iris.shape).toEqual([150, 4]);
    expect(written.iris.inputs).toHaveLength(600);
    expect(new Set(written.iris.runs[0].test).size).toBe(45);
    expect(written.abalone.classes).toBeNull();
  },
);

testOnRealData(
  "cifar10: tells aeroplanes from frogs",
  "cifar10/cifar10-jpg.tar.gz",
  async (path) => {
    const { result, printed } = await quickly(cifar10, path);
    expect(result.accuracy).toBeGreaterThan(0.6);
    expect(printed).toContain("512 images to learn from, 256 to judge by, 2 classes");
  },
);

test("an example starts if it is the file that was started, and asks for its data", async () => {
  const support = pathToFileURL(join(home, "examples/support.mjs")).href;
  const run = "async ({ data, quick }) => console.log(data, quick)";
  await writeFile(
    "one.mjs",
    `import { main } from "${support}"; await main(import.meta.url, ${run});`,
  );
  await writeFile("two.mjs", 'import "./one.mjs";');
  const start = (...words: string[]) => spawnSync("node", words, { encoding: "utf8" });
  expect(start("one.mjs", "--quick", "mnist").stdout).toMatch(/^mnist true\n0 s, 0 s of processor/);
  expect(start("two.mjs", "mnist").stdout).toBe("");
  const { status, stderr } = start("one.mjs", "--quick");
  expect([status, stderr]).toEqual([2, expect.stringMatching(/^usage: node .*one\.mjs DATA/)]);
});

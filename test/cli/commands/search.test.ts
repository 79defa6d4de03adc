import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { gradus, isFast, workIn, writeImages } from "../support.ts";

workIn();
beforeAll(() => writeImages("bars", 100));

const settings = "data=bars model=mlp hidden=[8] epochs=4 batchSize=30";
const lines = async (path: string) => (await readFile(path, "utf8")).trimEnd().split("\n");

describe.runIf(isFast)("gradus search", () => {
  const grid = `search ${settings} --over lr=[1e-5,0.01] --over optimizer=[adam,sgd] --method grid`;

  test("tries all points of a grid and keeps the best as a configuration", async () => {
    const { code, out, error } = await gradus(`${grid} --out grid`);
    expect([code, error]).toEqual([0, ""]);
    expect(out).toMatch(/ {3}0 {2}\d\.\d+ {2}lr 0\.00001, optimizer adam\n/);
    expect(out).toMatch(/\nbest {3}\d\.\d+ {2}lr 0\.01, optimizer \w+\nmade {3}4 of 4 trials now/);
    const table = (await lines("grid.jsonl")).slice(1).map((line) => JSON.parse(line));
    expect(table.length).toBe(4);
    const best = parse(await readFile("grid.yaml", "utf8"));
    expect(best.training.lr).toBe(0.01);
    expect(best.model).toEqual({ name: "mlp", hidden: [8] });
    const least = Math.min(...table.map(({ value }) => value));
    await gradus("train grid.yaml --run best");
    const epochs = (await lines("best/metrics.jsonl")).map((line) => JSON.parse(line).val_loss);
    expect(Math.min(...epochs)).toBe(least);
  });
  test("goes on where it was broken off, to the same table", async () => {
    const whole = await readFile("grid.jsonl", "utf8");
    await writeFile("cut.jsonl", whole.split("\n").slice(0, 3).join("\n"));
    const { out } = await gradus(`${grid} --out cut`);
    expect(out).toMatch(/made {3}2 of 4 trials now/);
    expect(await readFile("cut.jsonl", "utf8")).toBe(whole);
  });
  test("halving gives the better ones more epochs", async () => {
    const line = `search ${settings} --over lr=log(1e-4,0.1) --method halving --trials 9 --json --out half epochs=9 --monitor val_accuracy`;
    const { code, out, error } = await gradus(line);
    expect([code, error]).toEqual([0, ""]);
    const events = out
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text));
    const budgets = events.filter(({ event }) => event === "trial").map(({ budget }) => budget);
    expect(budgets).toEqual([...Array(9).fill(1), 3, 3, 3, 9]);
    expect(events.at(-1).best.budget).toBe(9);
  });
  test("lists of lists, and what diverges", async () => {
    const line = `search ${settings.replace(" hidden=[8]", "")} --over hidden=[[4],[6,5]] --over lr=[1e30] --method grid --out odd`;
    const { code, error } = await gradus(line);
    expect([code, error]).toEqual([1, expect.stringMatching(/no trial came to a finite value/)]);
    const table = (await lines("odd.jsonl")).slice(1).map((text) => JSON.parse(text));
    expect(table.map(({ parameters }) => parameters["model.hidden"])).toEqual([[4], [6, 5]]);
  });
});

describe.runIf(isFast)("a table of another search", () => {
  const base =
    "search data=points.csv model=mlp hidden=[4] epochs=1 batchSize=30 --over lr=[0.01] --method grid --out other";
  const points = (sign: number) =>
    `a,b,class\n${Array.from({ length: 60 }, (_, n) => `${n},${sign * n * n},${n % 2 ? "x" : "y"}\n`).join("")}`;
  beforeAll(async () => {
    await writeFile("points.csv", points(1));
    expect((await gradus(base)).error).toBe("");
  });
  test.each([
    ["model", `${base} model=mlp hidden=[5]`, /its model\.hidden is \[4\], here \[5\]/],
    ["epochs", `${base} epochs=2`, /its training\.epochs is 1, here 2/],
    ["monitor", `${base} --monitor val_accuracy`, /its monitor is "val_loss", here "val_accuracy"/],
    [
      "data",
      base.replace("points.csv", "moons"),
      /its data\.source is "[^"]*points\.csv", here "moons"/,
    ],
    ["space", `${base} --over batchSize=[30,60]`, /its space is .*here .*batchSize/],
  ])("of another %s refuses, without a trial", async (_, line, message) => {
    const before = await readFile("other.jsonl", "utf8");
    const { code, error } = await gradus(line.replace(/ hidden=\[4\](?=.* hidden=)/, ""));
    expect([code, error]).toEqual([1, expect.stringMatching(message)]);
    expect(await readFile("other.jsonl", "utf8")).toBe(before);
  });
  test("of a file whose content changed refuses; of the same, it has all trials", async () => {
    expect((await gradus(base)).out).toMatch(/made {3}0 of 1 trials now/);
    await writeFile("points.csv", points(-1));
    const { code, error } = await gradus(base);
    expect([code, error]).toEqual([1, expect.stringMatching(/its content is "/)]);
    await writeFile("points.csv", points(1));
  });
  test("while another process has it refuses", async () => {
    await writeFile("other.jsonl.lock", "{}");
    const { code, error } = await gradus(base);
    expect([code, error]).toEqual([1, expect.stringMatching(/other\.jsonl: another process/)]);
    await rm("other.jsonl.lock");
  });
});

describe("what cannot be searched", () => {
  const failing = (line: string, message: RegExp) =>
    test(line, async () => {
      const { code, error } = await gradus(line);
      expect([code, error]).toEqual([1, expect.stringMatching(message)]);
      expect(error).not.toMatch(/internal/);
      expect(existsSync("search.jsonl")).toBe(false);
    });
  failing("search data=bars", /nothing is searched over/);
  failing("search data=bars --over lrr=[1]", /there is no setting "lrr"/);
  failing("search data=bars --over lr", /there is no = between/);
  failing("search data=bars --over lr=[1] --over training.lr=[2]", /named twice/);
  failing("search data=bars --over lr=0.1", /"0\.1" is not one of log\(low,high\)/);
  failing("search data=bars --over lr=log(1,0)", /the range is 1 … 0/);
  failing("search data=bars --over lr=log(1e-3,1) --method grid", /continuum/);
  failing("search data=bars --over lr=[fast]", /"fast" is not a number above 0/);
  failing("search data=bars --over lr=[1] --method best", /--method: "best" is not one of random/);
});

describe.runIf(isFast)("gradus find-lr", () => {
  test("names two rates and draws the sweep", async () => {
    const { code, out, error } = await gradus(`find-lr ${settings} --steps 60 --out sweep`);
    expect([code, error]).toEqual([0, ""]);
    const [steepest, tenth] = [...out.matchAll(/lr (\S+)\n/g)].map(([, lr]) => Number(lr));
    for (const lr of [steepest!, tenth!]) {
      expect(lr).toBeGreaterThan(1e-5);
      expect(lr).toBeLessThanOrEqual(1);
    }
    expect(await readFile("sweep.svg", "utf8")).toMatch(/^<svg [\s\S]*steepest descent/);
    expect((await readFile("sweep.png")).subarray(1, 4).toString()).toBe("PNG");
  });
  test("as JSON: every point", async () => {
    const { out } = await gradus(`find-lr ${settings} --steps 20 --to 0.1 --json --out sweep`);
    const { points } = JSON.parse(out);
    expect(points[0].lr).toBeCloseTo(1e-6, 12);
    expect(points.at(-1).lr).toBeCloseTo(0.1, 6);
  });
});

import { readFile, rm, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { gradus, isFast, workIn, writeImages } from "../support.ts";

workIn();
beforeAll(async () => {
  await writeImages("bars", 200);
  const rows = Array.from({ length: 120 }, (_, i) => `${i % 7},${(i * 3) % 11},${(i % 7) * 2 + 1}`);
  await writeFile("numbers.csv", ["a,b,y", ...rows.map((row) => `${row}.5`)].join("\n"));
});

const page = async (run: string) => readFile(`${run}/report.html`, "utf8");
const pictures = (html: string) => html.match(/<img src="data:image\/png;base64,/g)?.length ?? 0;

describe.runIf(isFast)("report.html", () => {
  test("of images: curves, confusion matrices, scores, mistakes, filters, sizes, units", async () => {
    await gradus("train --data bars --model mlp --epochs 1 --lr 1e-9 --run bad");
    const html = await page("bad");
    for (const heading of [
      "Training",
      "Confusion matrix",
      "Scores per class",
      "Worst mistakes",
      "Filters of the first layer",
      "Sizes",
      "Gradients and units",
      "Configuration",
    ])
      expect(html).toContain(`<h2>${heading}</h2>`);
    expect(html).toMatch(/\d+ taken for \d+, \d+\.\d %/);
    expect(pictures(html)).toBe(32 + (html.match(/taken for [^"<]*<\/figcaption>/g)?.length ?? 0));
    expect(html.match(/<svg /g)!.length).toBeGreaterThanOrEqual(4);
    expect(html, "nothing is loaded from elsewhere").not.toMatch(/(src|href)="(?!data:)/);
    expect(html).toContain("50,052"); // parameters
  });
  test("is written again by its command, with the accuracy that evaluate gives", async () => {
    await gradus("train --data bars --model mlp --epochs 2 --run good");
    const before = await page("good");
    await rm("good/report.html");
    const { code, out } = await gradus("report good");
    expect([code, out]).toEqual([0, "good/report.html\n"]);
    expect(await page("good")).toBe(before);
    const { accuracy } = JSON.parse((await gradus("evaluate good --json")).out).test;
    expect(before).toContain(`<b>${(100 * accuracy).toFixed(2)} %</b><span>test accuracy</span>`);
  });
  test("evaluate measures what is asked for", async () => {
    const { out } = await gradus("evaluate good --metrics accuracy,f1,recall --json");
    expect(Object.keys(JSON.parse(out).test)).toEqual(["loss", "accuracy", "f1", "recall"]);
    const { code, error } = await gradus("evaluate good --metrics acuracy");
    expect([code, error]).toEqual([1, expect.stringMatching(/did you mean --metrics accuracy/)]);
  });
  test("of numbers: predictions against truth", async () => {
    await gradus("train --data numbers.csv task=regression --epochs 30 --lr 0.01 --run numbers");
    const html = await page("numbers");
    expect(html).toContain("Predicted against true");
    expect(Number(/<b>([-\d.]+)<\/b><span>R²/.exec(html)![1])).toBeGreaterThan(0.5);
  });
  test("of a folder that is no run", async () => {
    const { code, error } = await gradus("report bars");
    expect([code, error]).toEqual([1, expect.stringMatching(/not the folder of a run/)]);
  });
});

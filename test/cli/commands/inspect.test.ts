/** Pages of `gradus inspect`: what is on them, for whom, and that they work by keyboard. */
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { bySign, colored, photograph, Sheet, shrink, strip } from "../../../src/cli/pages/sheet.ts";
import { gradus, isFast, workIn, writeImages } from "../support.ts";

workIn();
const evil = `<img src=x onerror=alert(1)>`;
beforeAll(async () => {
  await writeImages("bars", 200);
  const rows = Array.from(
    { length: 240 },
    (_, i) => `${i % 7},${i % 3 ? "u" : '"<b>"'},${i % 7 > 3 ? evil : "no"}`,
  );
  await writeFile("table.csv", [`a,"<script>x",kind`, ...rows].join("\n"));
  await writeFile("rows.csv", [`a,"<script>x",kind`, ...rows.slice(0, 5)].join("\n"));
  const numbers = Array.from({ length: 60 }, (_, i) => `${i % 7},${(i * 3) % 11},${i % 7}.5`);
  await writeFile("numbers.csv", ["a,b,y", ...numbers].join("\n"));
  await writeFile("play.txt", "to be or not to be\nthat is the question\n".repeat(60));
});

const page = (file: string) => readFile(file, "utf8");
const headings = (html: string) => [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, h]) => h);
const count = (html: string, pattern: RegExp) => html.match(pattern)?.length ?? 0;
const all = [
  ...["What the answer rests on", "The net", "Units and gradients", "Confusion matrix"],
  ...["Which classes are alike", "What the layers know"],
];

describe.runIf(isFast)("a page of inspect", () => {
  test("of a convolutional net: all there is to see, in one file", async () => {
    await gradus("train --data bars --model conv --epochs 1 --run conv");
    const { code, out } = await gradus("inspect conv --images 3 --units 4 --examples 50");
    expect([code, out]).toEqual([0, expect.stringMatching(/page +conv\/inspect\.html/)]);
    const html = await page("conv/inspect.html");
    expect(headings(html)).toEqual(all);
    for (const name of [
      "saliency",
      "integrated gradients",
      "SmoothGrad",
      "occlusion",
      "Grad-CAM",
      "deconvnet",
    ])
      expect(html).toContain(`aria-label="${name} of the chosen example"`);
    expect(count(html, /type="radio"/g)).toBe(3);
    // of the 9 layers that compute something, 4 units each: weights, maps, patches
    expect(
      count(html, /aria-label="what unit \d+ of [\w.]+ computes of the chosen example"/g),
    ).toBe(36);
    expect(count(html, /aria-label="weights of unit \d+ of features\.layers\.1"/g)).toBe(4);
    expect(count(html, /answers to most in \d test examples"/g)).toBeGreaterThan(20);
    expect(html.replaceAll(/url\(data:[^)]*\)/g, "")).not.toMatch(/url\(|(src|href)="(?!#)/);
    expect(count(html, /role="img"/g)).toBe(count(html, /role="img" aria-label="[^"]/g));
  });
  test("of images of one's own, as JSON", async () => {
    await sharp({ create: { width: 8, height: 8, channels: 3, background: "#888" } }).toFile(
      "grey.png",
    );
    const { code, out } = await gradus("inspect conv grey.png --examples 20 --out own.html --json");
    expect(code).toBe(0);
    const json = JSON.parse(out);
    expect(json).toMatchObject({
      event: "inspect",
      page: "own.html",
      examples: [{ name: "grey.png" }],
    });
    expect(json.layers[1]).toMatchObject({
      path: "features.layers.1",
      kind: "Conv2d",
      outputShape: [16, 8, 8],
    });
    expect(await page("own.html")).toContain("grey.png: predicted");
  });
  test("of a table: no pictures, and names from the file are text and no markup", async () => {
    await gradus("train --data table.csv --epochs 2 --run table");
    await gradus("inspect table --examples 60");
    const html = await page("table/inspect.html");
    expect(headings(html)).toEqual(all);
    expect(html).not.toMatch(/Grad-CAM|deconvnet/);
    expect(html).not.toContain(evil);
    expect(html).not.toContain("<script>x");
    expect(html).toContain("&lt;script&gt;x=&lt;b&gt;</th>");
    const { error } = await gradus("inspect table rows.csv --images 2 --out rows.html");
    expect(error).toContain("the first 2 of 5 examples are shown");
    expect(count(await page("rows.html"), /rows\.csv row \d: predicted/g)).toBe(2);
  });
  test("of numbers and of texts: what makes no sense is absent", async () => {
    await gradus("train --data numbers.csv task=regression --epochs 3 --run numbers");
    await gradus("inspect numbers");
    const numbers = await page("numbers/inspect.html");
    expect(headings(numbers)).toEqual(all.slice(0, 3));
    await gradus("train --data play.txt --epochs 1 --run text");
    await gradus("inspect text --examples 60");
    const text = await page("text/inspect.html");
    expect(headings(text)).toEqual(all);
    expect(text).toContain(`<th scope="col" title="`);
    expect(text).not.toContain("saliency</th>"); // characters have no gradient
  });
  test("of an autoencoder: reconstructions in place of attributions", async () => {
    await gradus("train --data bars --model conv-autoencoder --epochs 1 --run auto");
    const { out } = await gradus("inspect auto --images 2 --units 3 --examples 40 --json");
    const { examples, layers } = JSON.parse(out);
    expect(examples).toEqual([
      { name: "test example 0", error: expect.any(Number) },
      { name: "test example 25", error: expect.any(Number) },
    ]);
    expect(layers.at(-1).outputShape).toEqual([1, 8, 8]);
    const html = await page("auto/inspect.html");
    expect(headings(html)).toEqual(["Reconstruction", "The net", "Units and gradients", all[5]]);
    expect(html).toContain('aria-label="reconstruction of the chosen example"');
    const shown = Number(/test example 25: the mean .* is ([\d.]+)\./.exec(html)![1]);
    expect(shown).toBeCloseTo(examples[1].error, 3);
  });
  test("says what it cannot do, and leaves no part of a file", async () => {
    await gradus("train --data table.csv --model logistic-regression --run learner");
    const learner = await gradus("inspect learner");
    expect([learner.code, learner.error]).toEqual([1, expect.stringContaining("holds a learner")]);
    const nowhere = await gradus("inspect conv --examples 20 --images 1 --out none/page.html");
    expect([nowhere.code, nowhere.error]).toEqual([1, expect.stringContaining("none/page.html")]);
    const wrong = await gradus("inspect conv rows.csv");
    expect(wrong.code).toBe(1);
    const none = await gradus("inspect conv --units 0");
    expect([none.code, none.error]).toEqual([1, expect.stringContaining("--units")]);
    expect((await readdir(".")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
  test.runIf(existsSync(chromium))("works by keyboard, and fits a phone", async () => {
    const playwright = await import("playwright-core");
    const args = ["--no-sandbox", "--disable-gpu", "--no-first-run"];
    const browser = await playwright.chromium.launch({ executablePath: chromium, args });
    try {
      const view = await browser.newPage({ viewport: { width: 390, height: 800 } });
      const errors: unknown[] = [];
      view.on("pageerror", (error) => errors.push(error));
      await view.goto(`file://${process.cwd()}/conv/inspect.html`);
      const { keyboard } = view;
      const chosen = () => view.locator(".of:visible").first().textContent();
      const first = await chosen();
      await keyboard.press("Tab");
      await keyboard.press("ArrowRight");
      expect(await chosen()).not.toBe(first);
      expect(await view.evaluate("document.documentElement.scrollWidth")).toBe(390);
      const cells = view.locator(".cells button");
      await cells.first().focus();
      await keyboard.press("End");
      await keyboard.press("Enter");
      const label = await cells.last().getAttribute("aria-label");
      expect(await view.locator("#cell h3").textContent()).toContain(label);
      expect(await view.locator("#cell [role=img]").count()).toBe(
        Number(/: (\d+)/.exec(label!)![1]),
      );
      await view.locator(".net a").nth(2).focus();
      await keyboard.press("Enter");
      expect(await view.locator("details").nth(2).getAttribute("open")).toBe("");
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

describe("a sheet of pictures", () => {
  const plain = (value: number) =>
    photograph({ channels: 1, height: 1, width: 2, values: [value, 1] });
  test("holds each tile where its element looks for it", async () => {
    const sheet = new Sheet("s", 3, 2);
    for (const column of [0, 1, 2])
      for (const row of [0, 1]) sheet.put(column, plain((2 * column + row) / 10), row);
    const [, base64] = /base64,([^)]*)/.exec(await sheet.style())!;
    const { data, info } = await sharp(Buffer.from(base64!, "base64"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([6, 2]);
    const red = (x: number, y: number) => data[(y * info.width + x) * info.channels]! / 255;
    for (const column of [0, 1, 2])
      for (const row of [0, 1])
        expect(red(2 * column, row)).toBeCloseTo((2 * column + row) / 10, 2);
    // background-position: 50 % of 3 tiles is the second; the chosen row of 2 is 0 % or 100 %
    expect(sheet.element(1, "<", "1rem")).toContain(
      "background-position:50.0000% calc((0 + var(--chosen)) * 100.000000%)",
    );
    expect(sheet.element(1, "<", "1rem")).toContain('aria-label="&lt;"');
  });
  test("tiles: means of blocks, colors of signs, gaps between", () => {
    const small = shrink({ channels: 1, height: 2, width: 4, values: [1, 3, 5, 5, 1, 3, 5, 9] }, 2);
    expect([small.height, small.width, ...Array.from(small.values)]).toEqual([1, 2, 2, 6]);
    expect(bySign(2)(0)).toEqual([1, 1, 1]);
    expect(bySign(2)(2)).toEqual([0.7, expect.closeTo(0.09), expect.closeTo(0.17)]);
    const tile = colored({ channels: 1, height: 1, width: 1, values: [0] }, () => [0, 0, 0]);
    expect([...strip([tile, tile]).rgb]).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0]);
  });
});

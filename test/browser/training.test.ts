import fs from "node:fs";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hasWasm } from "../support/engines.ts";
import { bundle, noBrowser, open, serve } from "./support.ts";
import type { Losses } from "./training.ts";

const skipped = noBrowser ?? (hasWasm ? undefined : "the WebAssembly engine is not there");
if (skipped) console.info(`browser tests skipped: ${skipped}`);

/** The same training in Node, on an engine of its own. */
async function trainInNode(isa: string): Promise<Losses> {
  setFlagsFromString("--experimental-wasm-relaxed-simd"); // a flag of Node 20
  vi.stubEnv("GRADUS_ENGINE", "wasm");
  vi.stubEnv("GRADUS_ISA", isa);
  vi.resetModules();
  const { train } = await import("./training.ts");
  return train();
}

describe.skipIf(skipped !== undefined)("in Chromium", () => {
  let page: Page;
  let browser: Browser;
  let problems: string[];
  let files: string;
  let site: { url: string; close: () => void };

  beforeAll(async () => {
    files = await bundle("index.html");
    site = await serve(files);
    ({ page, browser, problems } = await open(site.url));
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await browser?.close();
    site?.close();
    if (files) fs.rmSync(files, { recursive: true });
  });

  for (const isa of ["simd128", "relaxed-simd"])
    test(`${isa}: a perceptron and a convolutional net learn as in Node, to the last bit`, async () => {
      await page.goto(site.url);
      const choice = isa === "simd128" ? '"simd128"' : "";
      const losses = await page.evaluate<Losses>(`train(${choice})`);
      expect(problems).toEqual([]);
      expect(losses.isa).toBe(isa);
      expect(losses.mlp.at(-1)).toBeLessThan(0.2);
      expect(losses.conv.at(-1)).toBeLessThan(1);
      expect(losses).toEqual(await trainInNode(isa));
    });

  test("a value that is read before the engine is there is an error that says what to do", async () => {
    await page.goto(site.url);
    const read = page.evaluate("gradus.tensor([1]).item()");
    await expect(read).rejects.toThrow("call `await loadEngine()` first");
    expect(await page.evaluate("gradus.loadEngine().then(() => gradus.tensor([1]).item())")).toBe(
      1,
    );
  });

  test("core and engine take less than 400 KB, compressed", async () => {
    const core = await bundle("core.ts");
    const sizes = filesBelow(core).map((file) => ({
      name: path.extname(file),
      relaxed: path.basename(file).includes("relaxed"),
      kilobytes: gzipSync(fs.readFileSync(file), { level: 9 }).length / 1000,
    }));
    fs.rmSync(core, { recursive: true });
    // a browser fetches one of the two modules
    const total = sizes.reduce((sum, { relaxed, kilobytes }) => sum + (relaxed ? 0 : kilobytes), 0);
    const parts = sizes.map(({ name, kilobytes }) => `${name} ${kilobytes.toFixed(1)}`).join(", ");
    console.info(`core and engine for a browser: ${total.toFixed(0)} KB gzip (${parts})`);
    expect(sizes.length).toBe(3);
    expect(total).toBeLessThan(400);
  });
});

const filesBelow = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

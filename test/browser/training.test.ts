import fs from "node:fs";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hasWasm } from "../support/engines.ts";
import { bundle, noBrowser, open, root, type Site, serve } from "./support.ts";
import type { Losses } from "./training.ts";

const skipped = noBrowser ?? (hasWasm ? undefined : "the WebAssembly engine is not there");
if (skipped) console.info(`browser tests skipped: ${skipped}`);

/** The same training in Node, on an engine of its own with one thread. */
async function trainInNode(isa: string): Promise<Losses> {
  setFlagsFromString("--experimental-wasm-relaxed-simd"); // a flag of Node 20
  vi.stubEnv("GRADUS_ENGINE", "wasm");
  vi.stubEnv("GRADUS_ISA", isa);
  vi.stubEnv("GRADUS_THREADS", "1");
  vi.resetModules();
  const { train } = await import("./training.ts");
  return train();
}

describe.skipIf(skipped !== undefined)("in Chromium", () => {
  let page: Page;
  let browser: Browser;
  let problems: string[];
  let files: string;
  let site: Site;
  let isolated: Site;

  beforeAll(async () => {
    files = await bundle("index.html");
    site = await serve(files, { isolated: false });
    isolated = await serve(files, { isolated: true });
    ({ page, browser, problems } = await open(site.url));
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await browser?.close();
    site?.close();
    isolated?.close();
    if (files) fs.rmSync(files, { recursive: true });
  });

  const trainIn = async (where: Site, options: object): Promise<Losses> => {
    await page.goto(where.url);
    const losses = await page.evaluate<Losses>(`train(${JSON.stringify(options)})`);
    expect(problems).toEqual([]);
    return losses;
  };

  for (const isa of ["simd128", "relaxed-simd"])
    test(`${isa}: a perceptron and LeNet learn as in Node, to the last bit, on one thread or two`, async () => {
      const inNode = await trainInNode(isa);
      expect(inNode).toMatchObject({ isa, threads: 1 });
      expect(inNode.mlp.at(-1)).toBeLessThan(0.2);
      expect(inNode.conv.at(-1)).toBeLessThan(inNode.conv[0]! / 2);
      expect(await trainIn(site, { isa })).toEqual(inNode);
      expect(await trainIn(isolated, { isa, threads: 1 })).toEqual(inNode);
      expect(await trainIn(isolated, { isa, threads: 2 })).toEqual({ ...inNode, threads: 2 });
    });

  test("a page has the processor's threads if it is isolated, else one, whatever it asks for", async () => {
    expect((await trainIn(site, { threads: 2 })).threads).toBe(1);
    const { threads } = await trainIn(isolated, {});
    expect(threads).toBe(Math.min(await page.evaluate<number>("navigator.hardwareConcurrency"), 8));
  });

  test("a worker of a page computes as the page does", async () => {
    const inPage = await trainIn(isolated, { threads: 2 });
    expect(await page.evaluate("trainInWorker({ threads: 2 })")).toEqual(inPage);
    await page.goto(site.url);
    expect(await page.evaluate("trainInWorker({})")).toEqual({ ...inPage, threads: 1 });
    expect(problems).toEqual([]);
  });

  test("an isolated page that forbids such workers has one thread, and the same results", async () => {
    await page.route(isolated.url, async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers(), "content-security-policy": "worker-src 'none'" };
      await route.fulfill({ response, headers });
    });
    await page.goto(isolated.url);
    const { threads, mlp } = await page.evaluate<Losses>("train({ threads: 2 })");
    await page.unroute(isolated.url);
    expect(problems.splice(0).join()).toContain("worker-src 'none'");
    expect(threads).toBe(1);
    expect(mlp).toEqual((await trainIn(site, {})).mlp);
  });

  test("a value that is read before the engine is there is an error that says what to do", async () => {
    await page.goto(site.url);
    const read = page.evaluate("gradus.tensor([1]).item()");
    await expect(read).rejects.toThrow("call `await loadEngine()` first");
    expect(await page.evaluate("gradus.loadEngine().then(() => gradus.tensor([1]).item())")).toBe(
      1,
    );
  });

  test("the built library trains the same, bundled once more", async () => {
    const built = await bundle("index.html", "dist");
    const where = await serve(built, { isolated: true });
    expect(await trainIn(where, { threads: 2 })).toEqual(await trainIn(isolated, { threads: 2 }));
    where.close();
    fs.rmSync(built, { recursive: true });
  });

  test("the built library finds its engine in a page without any bundler", async () => {
    const package_ = await serve(root, { isolated: false });
    await page.route(package_.url, (route) =>
      route.fulfill({ contentType: "text/html", body: "<link rel=icon href=data:,>" }),
    );
    await page.goto(package_.url);
    const found = page.evaluate(`import("/dist/index.js").then(async (gradus) => {
      await gradus.loadEngine();
      return [gradus.engineInfo().name, gradus.tensor([1, 2]).sum().item()];
    })`);
    expect(await found).toEqual(["wasm", 3]);
    expect(problems).toEqual([]);
    await page.unroute(package_.url);
    package_.close();
  });

  test.each(["src", "dist"] as const)(
    "core and engine of %s take less than 400 KB, compressed",
    async (from) => {
      const core = await bundle("core.ts", from);
      const sizes = filesBelow(core).map((file) => ({
        name: path.extname(file),
        fetched: !/relaxed|threads/.test(path.basename(file)),
        kilobytes: gzipSync(fs.readFileSync(file), { level: 9 }).length / 1000,
      }));
      fs.rmSync(core, { recursive: true });
      // a browser fetches one of the four modules, which are equally large
      const total = sizes.reduce(
        (sum, { fetched, kilobytes }) => sum + (fetched ? kilobytes : 0),
        0,
      );
      const parts = sizes
        .map(({ name, kilobytes }) => `${name} ${kilobytes.toFixed(1)}`)
        .join(", ");
      console.info(`core and engine for a browser: ${total.toFixed(0)} KB gzip (${parts})`);
      expect(sizes.length).toBe(5);
      expect(total).toBeLessThan(400);
    },
  );
});

const filesBelow = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

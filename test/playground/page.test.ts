import { spawnSync } from "node:child_process";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codeOf } from "../../playground/src/state/code.ts";
import { fromHash } from "../../playground/src/state/url.ts";
import {
  playgroundFolder,
  type Served,
  serveFolder,
} from "../../src/cli/pages/playground/server.ts";
import { noBrowser, open, root } from "../browser/support.ts";
import { hasWasm } from "../support/engines.ts";

const skipped = noBrowser ?? (hasWasm ? undefined : "the WebAssembly engine is not there");
if (skipped) console.info(`playground tests skipped: ${skipped}`);

describe.skipIf(skipped !== undefined)("the playground in Chromium", () => {
  let served: Served;
  let page: Page;
  let browser: Browser;
  let problems: string[];

  beforeAll(async () => {
    served = await serveFolder(await playgroundFolder(), 0);
    ({ page, browser, problems } = await open(served.url));
  });
  afterAll(async () => {
    await browser?.close();
    served?.server.close();
  });

  /** The state of the page's training, once a frame with this is there. */
  const until = (condition: string): Promise<unknown> =>
    page.waitForFunction(`(({ state }) => state.frame && (${condition}))(playground)`, null, {
      timeout: 20_000,
    });
  const visit = async (hash: string): Promise<void> => {
    await page.evaluate(`playground.visit(${JSON.stringify(hash)})`);
    await until("state.frame.step === 0 && state.about");
  };

  test("a net learns the moons, and its state survives a reload through the address", async () => {
    await until("state.frame.step === 0");
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await until("state.frame.test.accuracy >= 0.97");
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("button", { name: "One unit more in layer 1" }).click();
    await until("state.settings.layers[0].units === 7 && state.frame.step === 0");
    expect(new URL(page.url()).hash).toBe("#v=1&net=7.tanh,4.tanh");
    await page.reload();
    await until("state.settings.layers[0].units === 7");
    await page.goBack();
    await until("state.settings.layers[0].units === 6");
    expect(problems).toEqual([]);
  });

  test("an earlier step has the same bits again", async () => {
    await visit("#v=1&data=spiral");
    const losses = `playground.ask((worker) => worker.losses())`;
    const weights = `JSON.stringify(playground.state.frame.parameters.map(({ values }) => [...values]))`;
    await page.evaluate("playground.advance(137)");
    await until("state.frame.step === 137");
    const [before, then] = [await page.evaluate(losses), await page.evaluate(weights)];
    await page.evaluate("playground.advance(400)");
    await until("state.frame.step === 537");
    const all = await page.evaluate<number[]>(losses);
    expect(all.slice(0, 137)).toEqual(before);
    await page.evaluate("playground.goTo(137)");
    await until("state.frame.step === 137");
    expect(await page.evaluate(weights)).toBe(then);
    await page.evaluate("playground.advance(400)");
    await until("state.frame.step === 537");
    expect(await page.evaluate(losses)).toEqual(all);
  });

  test.each([
    "#v=1&net=16.tanh,16.tanh",
    "#v=1&data=blobs&classes=4&loss=hinge&rule=momentum&lr=0.01&l2=0.001&net=8.relu",
    "#v=1&data=waves&loss=huber&rule=rmsprop&lr=0.005&l1=0.0001&net=8.elu",
  ])("the code of %s, run in Node, has the same losses bit for bit", async (hash) => {
    await visit(hash);
    await page.evaluate("playground.advance(40)");
    await until("state.frame.step === 40");
    const inPage = await page.evaluate<number[]>("playground.ask((worker) => worker.losses())");
    const epochs = Math.ceil(
      40 / (await page.evaluate<number>("playground.state.about.batchesPerEpoch")),
    );
    const code = `${codeOf(fromHash(hash), epochs)}console.log(JSON.stringify(losses));`;
    const env = { ...process.env, GRADUS_ENGINE: "wasm", GRADUS_ISA: "simd128" };
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module"], {
      ...{ input: code, env, cwd: root, encoding: "utf8" },
    });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(JSON.parse(stdout.trim().split("\n").at(-1)!).slice(0, 40)).toEqual(inPage);
  });

  test("axe finds nothing serious, light or dark", async () => {
    await visit("#v=1");
    await page.addScriptTag({ path: `${root}/node_modules/axe-core/axe.min.js` });
    for (const theme of ["light", "dark"]) {
      await page.evaluate(`document.documentElement.dataset.theme = "${theme}"`);
      const found = await page.evaluate<string[]>(
        `axe.run().then(({ violations }) => violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html)))`,
      );
      expect(found).toEqual([]);
    }
  });

  test("keys alone choose a unit, change a weight and train", async () => {
    await visit("#v=1");
    await page.getByRole("button", { name: "Layer 1, unit 1" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    const field = page.getByRole("spinbutton", { name: "from 3" });
    await field.fill("2.5");
    await field.press("Enter");
    await until(
      `state.frame.parameters.find(({ path }) => path === "layers.2.weight").values[6 + 2] === 2.5`,
    );
    await page.getByRole("button", { name: "One epoch" }).focus();
    await page.keyboard.press("Enter");
    await until("state.frame.step === state.about.batchesPerEpoch");
  });

  test("a phone of 390 pixels has nothing beyond its right edge", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await visit("#v=1&net=16.tanh,16.tanh");
    const width = "document.documentElement.scrollWidth";
    expect(await page.evaluate<number>(width)).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 1360, height: 900 });
  });
});

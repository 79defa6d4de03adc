/**
 * Measures the built playground in Chromium: sizes, time to the first interaction, steps a second.
 *
 *   npm run build && npm run build:playground && node bench/playground.mjs
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const root = new URL("../", import.meta.url);
const assets = new URL("dist/playground/assets/", root);
const moons = "#v=1&net=16.tanh,16.tanh";

/** Script, style and the one engine that a page fetches, compressed. */
function kilobytes() {
  const fetched = fs.readdirSync(assets).filter((name) => !/relaxed|threads/.test(name));
  const sizes = fetched.map((name) => gzipSync(fs.readFileSync(new URL(name, assets))).length);
  return sizes.reduce((sum, size) => sum + size, 0) / 1000;
}

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const server = spawn(process.execPath, ["dist/cli/main.js", "play", "--no-open", "--port", "0"], {
  cwd: root,
});
/** @type {string} */
const url = await new Promise((resolve) =>
  server.stdout.on("data", (text) => resolve(/http\S+/.exec(String(text))?.[0] ?? "")),
);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage();
const loads = [];
for (let i = 0; i < 5; i++) {
  await page.goto("about:blank");
  const begin = performance.now();
  await page.goto(url + moons);
  await page.waitForSelector("button.main:enabled");
  loads.push(performance.now() - begin);
}
/** @type {number[]} */
const rates = [];
for (let i = 0; i < 6; i++)
  rates.push(await page.evaluate("playground.ask((worker) => worker.measure(1500))"));
rates.shift(); // compiles
console.log(
  `${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, load ${os.loadavg()[0]?.toFixed(1)}`,
);
console.log(`script, style and engine, gzip: ${kilobytes().toFixed(0)} KB`);
console.log(
  `first interaction: ${median(loads)?.toFixed(0)} ms (${loads.map(Math.round).join(", ")})`,
);
console.log(
  `moons 2-16-16-1, batches of 20: ${median(rates)?.toFixed(0)} steps/s (${rates.map(Math.round).join(", ")})`,
);
await browser.close();
server.kill();

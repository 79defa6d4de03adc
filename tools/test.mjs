#!/usr/bin/env node
/**
 * `npm test`: builds, lint, imports, sizes, types, kernel tests and the reference of the API, two at
 * a time and each to its end, then the unit tests. The last line is `N passed, N failed`: every unit
 * test counts, and each other step counts as one. Arguments go to vitest: `npm test -- test/tools`.
 */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
// npm puts this folder on PATH; so may this file be run by hand.
process.env.PATH = [path.resolve("node_modules/.bin"), process.env.PATH].join(path.delimiter);

let passed = 0;
let failed = 0;

/** Runs a command with its output on ours. @param {string} command @param {string[]} args @returns {boolean} whether it succeeded */
const run = (command, ...args) => spawnSync(command, args, { stdio: "inherit" }).status === 0;

/** Runs a command and collects its output. @param {string} program @param {string[]} args @returns {Promise<{ ok: boolean, output: string }>} */
const collect = (program, ...args) =>
  new Promise((resolve) => {
    let output = "";
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    child.on("error", (error) => resolve({ ok: false, output: String(error) }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });

/** A step that counts as one test. @param {string} name @param {string} program @param {string[]} args */
async function step(name, program, ...args) {
  const { ok, output } = await collect(program, ...args);
  console.log(`\n— ${name}\n${output.trimEnd()}${ok ? "" : `\n${name} failed`}`);
  if (ok) passed++;
  else failed++;
}

/** The unit tests, counted from vitest's own report. */
function unitTests() {
  console.log("\n— unit tests");
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-test-"));
  const report = path.join(folder, "report.json");
  const ok = run(
    "vitest",
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  );
  const before = failed;
  if (fs.existsSync(report)) {
    /** @type {{ numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} */
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(
      fs.readFileSync(report, "utf8"),
    );
    passed += numPassedTests;
    // A file that does not load has no test to fail: it counts as one.
    const broken = testResults.filter(
      (file) =>
        file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
    );
    failed += numFailedTests + broken.length;
  }
  // A crash or an unhandled error outside any test.
  if (!ok && failed === before) failed++;
  fs.rmSync(folder, { recursive: true });
}

/** The API reference. typedoc is a separate package, installed when first needed. */
async function reference() {
  const docs = ["--silent", "--no-audit", "--no-fund", "--prefix", "tools/docs"];
  const typedoc = "tools/docs/node_modules/typedoc";
  if (fs.existsSync(typedoc) || (await collect("npm", "ci", ...docs)).ok)
    await step("reference of the API", "npm", "run", ...docs, "check");
  else console.log("The reference of the API is not checked: typedoc cannot be installed.");
}

/** What commands, benches and some tests run, then the types of everything. */
async function build() {
  await step("build", process.execPath, "tools/bundle.mjs");
  await step("declarations", "tsc", "-p", "tsconfig.build.json");
  await step("declarations of the experiments", "tsc", "-p", "tsconfig.experiments.json");
  await step("types", "tsc", "-p", "tsconfig.json");
  await step("types of the playground", "tsc", "-p", "playground/tsconfig.json");
}

// The tests use the kernel and the command line of this working tree, not of the last installation.
run(process.execPath, "tools/build-native.mjs");
// Two at a time: most have one thread, and some wait for the network.
const steps = [
  async () => {
    console.log((await collect(process.execPath, "tools/build-wasm.mjs")).output.trimEnd());
    if (fs.existsSync("build/wasm/gradus.wasm"))
      await step("playground", "vite", "build", "-c", "playground/vite.config.ts");
  },
  build,
  reference,
  () => step("lint", "biome", "check", "--error-on-warnings", "."),
  () => step("imports", process.execPath, "tools/check-imports.mjs"),
  () => step("sizes", process.execPath, "tools/check-sizes.mjs"),
];
if (fs.existsSync("kernel/Makefile"))
  steps.push(() =>
    step("kernel", "make", "--silent", `-j${os.availableParallelism()}`, "-C", "kernel", "test"),
  );
await Promise.all(
  [0, 1].map(async () => {
    for (let next = steps.shift(); next; next = steps.shift()) await next();
  }),
);
unitTests();

console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

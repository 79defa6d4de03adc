#!/usr/bin/env node
/**
 * `npm test`: lint, imports, sizes, types, build, kernel tests, docstrings, unit tests, in order,
 * each to its end, with live output. The last line is `N passed, N failed`: every unit test counts,
 * and each other step counts as one. Arguments go to vitest: `npm test -- test/tools`.
 */
import { spawnSync } from "node:child_process";
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

/** A step that counts as one test. @param {string} name @param {string} command @param {string[]} args */
function step(name, command, ...args) {
  console.log(`\n— ${name}`);
  const ok = run(command, ...args);
  if (ok) passed++;
  else failed++;
  if (!ok) console.log(`${name} failed`);
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

// The tests use the kernel and the command line of this working tree, not of the last installation.
run(process.execPath, "tools/build-native.mjs");
run(process.execPath, "tools/build-wasm.mjs");
step("lint", "biome", "check", "--error-on-warnings", ".");
step("imports", process.execPath, "tools/check-imports.mjs");
step("sizes", process.execPath, "tools/check-sizes.mjs");
step("types", "tsc", "-p", "tsconfig.json");
step("build", process.execPath, "tools/bundle.mjs");
step("declarations", "tsc", "-p", "tsconfig.build.json");
step("declarations of the experiments", "tsc", "-p", "tsconfig.experiments.json");
if (fs.existsSync("kernel/Makefile"))
  step("kernel", "make", "--silent", `-j${os.availableParallelism()}`, "-C", "kernel", "test");
// typedoc is a separate package, installed when first needed.
const quiet = ["--silent", "--no-audit", "--no-fund", "--prefix", "tools/docs"];
if (fs.existsSync("tools/docs/node_modules/typedoc") || run("npm", "ci", ...quiet))
  step("reference of the API", "npm", "run", "--silent", "--prefix", "tools/docs", "check");
else console.log("The reference of the API is not checked: typedoc cannot be installed.");
unitTests();

console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

#!/usr/bin/env node
/**
 * Tests that take too long for every commit: `npm run nightly`, or `npm run nightly -- kills tsan`
 * for some of it. Each step runs even if earlier ones failed, and leaves its output in
 * build/nightly/<step>.log. With other seeds: `SEED=7 npm run nightly`.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
// npm puts this folder on PATH; so may this file be run by hand.
process.env.PATH = [path.resolve("node_modules/.bin"), process.env.PATH].join(path.delimiter);

const seed = Number(process.env.SEED ?? Math.floor(Date.now() / 86_400_000));

/** @type {Record<string, { what: string, env?: Record<string, unknown>, command: string }>} */
const steps = {
  files: {
    what: "10⁶ damaged files of each format",
    env: { GRADUS_FUZZ: 1_000_000, GRADUS_FUZZ_SEED: seed },
    command: "vitest run test/fuzz",
  },
  api: {
    what: "1000 calls of each operation, 1000 random graphs, on every engine",
    env: { GRADUS_FUZZ: 1000 },
    command:
      "vitest run test/graph test/tensor/api-fuzz.test.ts test/tensor/arguments.test.ts test/runtime/portable.test.ts",
  },
  kills: {
    what: "100 kills of trainings",
    env: { GRADUS_KILLS: 100 },
    command: "vitest run test/cli/kill.test.ts",
  },
  sanitize: {
    what: "the engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer",
    command: "make -C kernel sanitize",
  },
  tsan: { what: "threads and programs under ThreadSanitizer", command: "make -C kernel tsan" },
  programs: {
    what: "10⁵ mutated and 10⁵ extreme programs per instruction set, sanitized",
    env: { FIRST: seed * 1_000_000 },
    command: "make -C kernel fuzz",
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in steps));
if (unknown !== undefined) {
  console.error(`There is no step "${unknown}"; the steps are ${Object.keys(steps).join(", ")}.`);
  process.exit(1);
}

fs.mkdirSync("build/nightly", { recursive: true });
console.log(`seed ${seed}`);
for (const [name, { what, env = {}, command }] of Object.entries(steps)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const log = `build/nightly/${name}.log`;
  const began = performance.now();
  const file = fs.openSync(log, "w");
  const [program = "", ...words] = command.split(" ");
  const variables = Object.entries(env).map(([key, value]) => [key, String(value)]);
  const { status } = spawnSync(program, words, {
    env: { ...process.env, ...Object.fromEntries(variables) },
    stdio: ["ignore", file, file],
  });
  fs.closeSync(file);
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  console.log(`${status === 0 ? "passed" : "FAILED"}  ${name}: ${what} (${minutes} min, ${log})`);
  if (status !== 0) process.exitCode = 1;
}

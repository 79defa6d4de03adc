#!/usr/bin/env node
/**
 * Writes docs/onnx-support.md: which operators of ONNX there are, and what becomes of its node vectors.
 * It runs the test of the vectors, which must be in the folder that GRADUS_DATA names.
 *
 *   node tools/onnx-support.mjs
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "gradus-onnx-")), "verdicts.json");
execFileSync("npx", ["vitest", "run", "test/onnx/vectors.test.ts", "-t", "node vectors"], {
  cwd: root,
  env: { ...process.env, GRADUS_ONNX_VERDICTS: file },
  stdio: "inherit",
});
/** @type {{ verdicts: { name: string, kind: string, reason: string }[], used: [string, string[]][], known: string[] }} */
const { verdicts, used, known } = JSON.parse(fs.readFileSync(file, "utf8"));

const operatorsOf = new Map(used);
const typed = verdicts.filter(({ kind }) => kind !== "type");
const passed = typed.filter(({ kind }) => kind === "passes");

/** @param {string} operator */
function score(operator) {
  const all = typed.filter(({ name }) => operatorsOf.get(name)?.includes(operator));
  const good = all.filter(({ kind }) => kind === "passes");
  return all.length ? `${good.length} of ${all.length}` : "–";
}
const isRandom = (/** @type {string} */ name) => /bernoulli|training_dropout/.test(name);
/** @param {{ name: string, kind: string, reason: string }} verdict */
const reasonOf = ({ name, kind, reason }) =>
  isRandom(name) && kind === "differs" ? "draws random numbers, which cannot be the same" : reason;

const table = [...known]
  .sort((a, b) => a.localeCompare(b))
  .map((name) => `| ${name} | ${score(name)} |`);
const rest = typed
  .filter(({ kind }) => kind !== "passes")
  .sort((a, b) => a.name.localeCompare(b.name))
  .map((verdict) => `| ${verdict.name} | ${reasonOf(verdict)} |`);
/** @type {Map<string, number>} */
const foreign = new Map();
for (const { kind, reason } of verdicts)
  if (kind === "type") foreign.set(reason, (foreign.get(reason) ?? 0) + 1);

const text = `# ONNX support

Written by \`node tools/onnx-support.mjs\` from the operators of \`src/onnx/operators/\` and the node vectors of ONNX.

Versions 7 to 28 of ONNX's operators are read, version 18 is written. Tensors hold float32, float64, int32 and bool; float16 and bfloat16 are computed in float32, integers of other widths in int32, and an integer beyond int32 is an error. Shape arithmetic of constants is exact in 64 bits.

Of ${verdicts.length} node vectors, ${typed.length} have element types that are read here, and ${passed.length} of these pass (${((100 * passed.length) / typed.length).toFixed(1)} %). The others are named [below](#vectors-that-do-not-pass).

## Operators

“Vectors” counts those in which the operator occurs.

| operator | vectors |
|---|---|
${table.join("\n")}

## Vectors that do not pass

| vector | why |
|---|---|
${rest.join("\n")}

## Element types that are not read

| type | vectors |
|---|---|
${[...foreign]
  .sort(([a], [b]) => a.localeCompare(b))
  .map(([type, count]) => `| ${type} | ${count} |`)
  .join("\n")}
`;
fs.writeFileSync(path.join(root, "docs/onnx-support.md"), text);

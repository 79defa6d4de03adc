#!/usr/bin/env node
/**
 * Writes the support matrix of docs/ops.md from the op records: `node tools/support-matrix.mjs`. A
 * test fails when the page is not current.
 */
import fs from "node:fs";
import { fileURLToPath } from "node:url";

const page = new URL("../docs/ops.md", import.meta.url);

/** @type {Record<string, string>} */
const short = { float32: "f32", float64: "f64", int32: "i32", bool: "bool" };
/** @type {Record<string, string>} */
const linear = { together: "yes", each: "in each input" };

/**
 * One row per record.
 * @param {readonly { name: string, formula: string, dtypes: readonly string[], differentiable: boolean, linearity: string | null }[]} ops
 * @returns {string}
 */
export function supportMatrix(ops) {
  const rows = ops.map(({ name, formula, dtypes, differentiable, linearity }) =>
    [
      `\`${name}\``,
      formula.replaceAll("|", "\\|"),
      dtypes.map((d) => short[d]).join(" "),
      differentiable ? "yes" : "",
      linear[linearity ?? ""] ?? "",
    ].join(" | "),
  );
  const table = ["op | formula | dtypes | derivative | linear", "---|---|---|---|---", ...rows];
  return table.map((row) => `| ${row} |`).join("\n");
}

/** Replaces the text between the marks. @param {string} text @param {string} matrix */
export function withMatrix(text, matrix) {
  const [start, end] = ["<!-- support matrix", "<!-- /support matrix -->"];
  const from = text.indexOf("\n", text.indexOf(start)) + 1;
  const to = text.indexOf(end);
  if (from === 0 || to < 0) throw new Error("docs/ops.md has no place for the support matrix");
  return `${text.slice(0, from)}${matrix}\n${text.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { runnerImport } = await import("vite");
  const records = fileURLToPath(new URL("../src/ops/index.ts", import.meta.url));
  const { module } = await runnerImport(records);
  const { ops } = /** @type {typeof import("../src/ops/index.ts")} */ (module);
  fs.writeFileSync(page, withMatrix(fs.readFileSync(page, "utf8"), supportMatrix(ops)));
}

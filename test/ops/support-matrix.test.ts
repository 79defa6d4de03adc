import fs from "node:fs";
import { expect, test } from "vitest";
import { ops } from "../../src/ops/index.ts";
import { supportMatrix, withMatrix } from "../../tools/support-matrix.mjs";

test("the support matrix in docs/ops.md is current (else: node tools/support-matrix.mjs)", () => {
  const page = fs.readFileSync(new URL("../../docs/ops.md", import.meta.url), "utf8");
  expect(withMatrix(page, supportMatrix(ops))).toBe(page);
});

import fs from "node:fs";
import { expect, test } from "vitest";
import { opcodes } from "../../src/runtime/opcodes.ts";
import { headerPath, opcodesHeader } from "../../tools/generate-opcodes.mjs";

test("kernel/src/opcodes.h is what tools/generate-opcodes.mjs writes", () => {
  expect(fs.readFileSync(headerPath, "utf8")).toBe(opcodesHeader(opcodes));
});

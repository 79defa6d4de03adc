import fs from "node:fs";
import { expect, test } from "vitest";
import { convAlgorithms, winogradLimits } from "../../src/runtime/conv-algorithms.ts";
import { convAlgorithmsHeader, headerPath } from "../../tools/generate-conv-algorithms.mjs";

test("kernel/src/conv_algorithms.h is what tools/generate-conv-algorithms.mjs writes", () => {
  const header = convAlgorithmsHeader(convAlgorithms, winogradLimits);
  expect(fs.readFileSync(headerPath, "utf8")).toBe(header);
});

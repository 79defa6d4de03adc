import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "vitest";

const root = resolve(process.env.GRADUS_DATA ?? join(import.meta.dirname, "../../../shared/data"));

/** A test on a real data set, given its path; skipped, with the reason, where the set is not. */
export function testOnRealData(what: string, path: string, f: (path: string) => Promise<void>) {
  const whole = join(root, path);
  const present = existsSync(whole);
  if (!present) console.warn(`skipped "${what}": no ${path} in the folder that GRADUS_DATA names`);
  test.skipIf(!present)(what, () => f(whole));
}

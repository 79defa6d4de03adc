import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFileAtomic, writeIdx, writeSafetensors } from "gradus/formats";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DataError, hostArray } from "../../src/base/index.ts";
import { plan } from "../support/failing-disk.ts";

vi.mock("node:fs/promises", async (original) =>
  (await import("../support/failing-disk.ts")).failingDisk(await original()),
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradus-disk-"));
});
afterEach(async () => {
  plan.fails = 0;
  await rm(folder, { recursive: true });
});

const writers: [what: string, write: (path: string) => Promise<void>][] = [
  ["a text", (path) => writeFileAtomic(path, "new".repeat(1000))],
  [
    "weights",
    (path) => writeSafetensors(path, new Map([["w", hostArray([2], Float32Array.of(1, 2))]])),
  ],
  [
    "a compressed set",
    (path) => writeIdx(`${path}.gz`, { dtypeCode: 8, shape: [2], data: Uint8Array.of(1, 2) }),
  ],
];
for (const [what, write] of writers)
  for (const code of ["ENOSPC", "EIO", "EDQUOT"])
    test(`${what}, ${code} at every step: the old file is whole, nothing else is left`, async () => {
      const path = join(folder, "x");
      const target = what === "a compressed set" ? `${path}.gz` : path;
      await writeFile(target, "old");
      let failures = 0;
      for (let n = 1; ; n++) {
        Object.assign(plan, { fails: n, calls: 0, code });
        const thrown = await write(path).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (plan.calls < n) break; // it was written before the n-th step
        failures++;
        expect(thrown).toBeInstanceOf(DataError);
        expect((thrown as DataError).message).toMatch(
          new RegExp(`x(.gz)?: the file cannot be written \\(${code}.*space`, "s"),
        );
        expect(await readFile(target, "utf8")).toBe("old");
        expect(await readdir(folder)).toHaveLength(1);
      }
      expect(failures).toBe(5); // open, write, flush, close, rename
      expect(await readFile(target, "utf8")).not.toBe("old");
    });

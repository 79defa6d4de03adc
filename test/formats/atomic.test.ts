import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "gradus/formats";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataError } from "../../src/base/index.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradus-atomic-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("replaces the old content and leaves nothing else in the folder", async () => {
  const path = join(folder, "config.json");
  await writeFileAtomic(path, "old and longer");
  await writeFileAtomic(path, new TextEncoder().encode("new"));
  expect(await readFile(path, "utf8")).toBe("new");
  expect(await readdir(folder)).toEqual(["config.json"]);
});

test("a failed write leaves the target as it was and no temporary file", async () => {
  const path = join(folder, "taken");
  await mkdir(join(path, "inside"), { recursive: true }); // a file cannot be renamed over a folder
  await expect(writeFileAtomic(path, "x")).rejects.toThrow(DataError);
  expect(await readdir(folder)).toEqual(["taken"]);
  expect(await readdir(path)).toEqual(["inside"]);
});

test("a missing folder is named, with what to do", async () => {
  const path = join(folder, "absent", "x.json");
  const thrown = await writeFileAtomic(path, "x").catch((error: unknown) => error);
  expect(thrown).toMatchObject({ subject: path, fix: expect.stringContaining("folder exists") });
  expect((thrown as DataError).problem).toContain("ENOENT");
});

test("many writers at once: the file is always one of their contents, whole", async () => {
  const path = join(folder, "contested");
  const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
  expect(contents).toContain(await readFile(path, "utf8"));
  expect(await readdir(folder)).toEqual(["contested"]);
});

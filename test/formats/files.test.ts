import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "gradus";
import { readBytes } from "gradus/formats";
import { afterAll, expect, test } from "vitest";
import { unreadable } from "../../src/formats/files.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("missing, a folder, forbidden and broken are four messages", async () => {
  mkdirSync(join(folder, "inner"));
  writeFileSync(join(folder, "plain"), "x");
  const failing = (name: string) => expect(readBytes(join(folder, name))).rejects;
  await failing("absent").toThrow(/absent: there is no such file/);
  await failing("plain/inner").toThrow(/no such file: part of the path is no folder/);
  await failing("inner").toThrow(/inner: this is a folder, not a file/);
  const error = unreadable("x", Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
  expect(error).toBeInstanceOf(DataError);
  expect(error.message).toMatch(/the file cannot be read \(EIO: i\/o error\)/);
});

// root may read everything
test.runIf(process.getuid?.() !== 0)("no permission, from the system itself", async () => {
  writeFileSync(join(folder, "secret"), "x");
  chmodSync(join(folder, "secret"), 0);
  await expect(readBytes(join(folder, "secret"))).rejects.toThrow(/no permission to read it/);
});
test("no permission, by its code", () => {
  const error = unreadable("secret", Object.assign(new Error(), { code: "EACCES" }));
  expect(error.message).toMatch(/^secret: there is no permission to read it/);
});

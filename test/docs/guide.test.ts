/** Checks the types of the guide, and runs each chapter: its TypeScript as one program, then its commands. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { manualSeed } from "gradus/nn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandsOf, gradus, programOf } from "./pages.ts";
import { check, writeSampleFiles } from "./support.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guide = path.join(root, "docs/guide");
const generated = path.join(root, `test/.generated/guide-${process.pid}`);
const chapters = fs.readdirSync(guide).filter((file) => /^\d+-.*\.md$/.test(file));
const fileOf = (chapter: string) => path.join(generated, `${chapter}.ts`);
const pageOf = (chapter: string) => fs.readFileSync(path.join(guide, chapter), "utf8");

const home = process.cwd();
beforeAll(async () => {
  fs.mkdirSync(generated, { recursive: true });
  for (const chapter of chapters) fs.writeFileSync(fileOf(chapter), programOf(pageOf(chapter)));
  const files = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-guide-"));
  await writeSampleFiles(files);
  process.chdir(files); // programs and commands name files as a reader in their folder would
});
afterAll(() => {
  const files = process.cwd();
  process.chdir(home);
  fs.rmSync(files, { recursive: true });
  fs.rmSync(generated, { recursive: true, force: true });
});

for (const chapter of chapters)
  describe(chapter, () => {
    const page = pageOf(chapter);
    if (/^```ts$/m.test(page))
      test("the program does what it says", async () => {
        manualSeed(0); // as in a process of its own
        await import(/* @vite-ignore */ fileOf(chapter));
      });
    for (const { line, output: shown } of commandsOf(page))
      test(line, async () => {
        const { code, output } = await gradus(line);
        expect(code, output).toBe(0);
        expect(output.trim()).not.toBe("");
        if (shown) check(output, shown);
      });
  });

test("the programs have no type error under plain `strict`", () => {
  const options = { noUnusedLocals: false, noUncheckedIndexedAccess: false };
  const config = { extends: "../../../tsconfig.json", compilerOptions: options, include: ["*.ts"] };
  fs.writeFileSync(path.join(generated, "tsconfig.json"), JSON.stringify(config));
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", generated], { encoding: "utf8" });
  // The library itself is checked elsewhere, under stricter options.
  expect(stdout.split("\n").filter((line) => line.includes(".md.ts"))).toEqual([]);
});

test("the index names every chapter, and every link between pages leads somewhere", () => {
  const index = pageOf("README.md");
  for (const chapter of chapters) expect(index).toContain(`(${chapter})`);
  for (const file of ["README.md", ...chapters])
    for (const [, target] of pageOf(file).matchAll(/\]\(([^)#:]+)\)/g))
      expect(fs.existsSync(path.join(guide, target!)), `${file}: ${target}`).toBe(true);
});

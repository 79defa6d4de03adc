/**
 * Runs every `@example` of the sources. A line `expression; // value` claims that the expression,
 * read as plain values, is that value; `…` in the value stands for more digits or more text.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { importsFor, rewriteClaims, writeSampleFiles } from "./support.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = path.join(root, `test/.generated/examples-${process.pid}`);

const home = process.cwd();
beforeAll(async () => {
  fs.mkdirSync(folder, { recursive: true });
  const files = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-examples-"));
  await writeSampleFiles(files);
  process.chdir(files); // examples name files as a user in their folder would
});
afterAll(() => {
  process.chdir(home);
  fs.rmSync(folder, { recursive: true, force: true });
});

const sources = fs
  .readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"));

/** The code after `@example`, up to the next tag or the end of the comment. */
function examplesOf(text: string): { code: string; line: number }[] {
  const found: { code: string; line: number }[] = [];
  for (const comment of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const lines = comment[0]
      .slice(3, -2)
      .split("\n")
      .map((l) => l.replace(/^\s*\*? ?/, ""));
    const start = lines.findIndex((l) => l.startsWith("@example"));
    if (start < 0) continue;
    const end = lines.findIndex((l, i) => i > start && /^@\w/.test(l));
    const code = lines
      .slice(start + 1, end < 0 ? undefined : end)
      .filter((l) => !l.startsWith("```"))
      .join("\n");
    found.push({ code, line: text.slice(0, comment.index).split("\n").length + start });
  }
  return found;
}

for (const file of sources) {
  const examples = examplesOf(fs.readFileSync(path.join(root, "src", file), "utf8"));
  if (examples.length === 0) continue;
  describe(`src/${file}`, () => {
    for (const { code, line } of examples)
      test(`example on line ${line}`, async () => {
        const target = path.join(folder, `${file.replace(/\W/g, "-")}-${line}.ts`);
        fs.writeFileSync(
          target,
          `${importsFor(code, `gradus/${file.split("/")[0]}`)}\n${rewriteClaims(code)}\nexport {};\n`,
        );
        await import(/* @vite-ignore */ target);
      });
  });
}

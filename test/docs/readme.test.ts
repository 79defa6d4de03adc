/** Runs every block of the README: TypeScript as modules, shell commands with the built command line. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { blocksOf, commandsOf } from "./pages.ts";
import { rewriteClaims } from "./support.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
const blocks = blocksOf(readme);

blocks
  .filter(({ language }) => language === "ts")
  .forEach(({ code }, i) => {
    test(`TypeScript block ${i + 1}: ${code.split("\n")[0]}`, async () => {
      const folder = path.join(root, "test/.generated/readme");
      fs.mkdirSync(folder, { recursive: true });
      const file = path.join(folder, `block-${i + 1}.ts`);
      const head = `import { check } from "../../docs/support.ts";\n`;
      fs.writeFileSync(file, head + rewriteClaims(code));
      const home = process.cwd();
      const work = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-readme-"));
      process.chdir(work); // what a block saves stays out of the repository
      await import(/* @vite-ignore */ file).finally(() => process.chdir(home));
      fs.rmSync(work, { recursive: true });
      fs.rmSync(file);
    });
  });

const commands = commandsOf(readme).map(({ line }) => line);

test("the two commands are the package's own scripts", () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  const own = commands.filter((line) => line.startsWith("npm "));
  expect(own).toEqual(["npm ci && npm start", "npm ci && npm test"]);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test"]));
});

test("the command line's tour runs", () => {
  const main = path.join(root, "dist/cli/main.js");
  expect(fs.existsSync(main), "npm run build first").toBe(true);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-readme-"));
  const tour = commands.filter((line) => line.startsWith("npx gradus "));
  expect(tour.length).toBeGreaterThan(3);
  for (const line of tour) {
    const args = line.split(" ").slice(2);
    const output = execFileSync(process.execPath, [main, ...args], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(output.trim()).not.toBe("");
  }
  fs.rmSync(folder, { recursive: true });
});

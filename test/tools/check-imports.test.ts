import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkImports, importsOf, table } from "../../tools/check-imports.mjs";

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-imports-"));
});
afterEach(() => fs.rmSync(root, { recursive: true }));

/** Writes a tree of files and returns what the tool says about it. */
function check(files: Record<string, string>): string[] {
  const manifest = {
    name: "gradus",
    dependencies: { sharp: "1" },
    devDependencies: { vitest: "1" },
  };
  for (const [name, text] of Object.entries({
    "package.json": JSON.stringify(manifest),
    ...files,
  })) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  return checkImports(root);
}

test("every row names only rows above it, so the folders cannot form a cycle", () => {
  const folders = Object.keys(table);
  for (const [at, folder] of folders.entries())
    for (const imported of table[folder]!) expect(folders.slice(0, at)).toContain(imported);
});

test("a good tree has no problem", () => {
  const problems = check({
    "src/index.ts": 'export { a } from "./nn/a.ts";\n',
    "src/nn/a.ts": 'import fs from "node:fs";\nimport { b } from "../base/b.ts";\n',
    "src/base/b.ts": 'import type { c } from "./c.ts";\n',
    "src/base/c.ts": 'const b = await import("./b.ts");\n', // later, when it is called
    "src/data/image.ts": 'const sharp = await import("sharp");\n',
    "test/a.test.ts": 'import { test } from "vitest";\nimport { a } from "gradus/nn";\n',
    "playground/package.json": '{ "dependencies": { "preact": "1" } }',
    "playground/app.tsx": 'import { h } from "preact";\nimport { a } from "gradus";\n',
  });
  expect(problems).toEqual([]);
});

test.each([
  ["the wrong way", "src/base/a.ts", "../nn/b.ts", "base may import no other folder"],
  ["the wrong way, past a sibling", "src/formats/a.ts", "../nn/b.ts", "formats may import base"],
  ["the public face from inside", "src/nn/a.ts", "../index.ts", "src/index.ts is for users"],
  ["out of src", "src/nn/a.ts", "../../tools/x.ts", "src/ imports nothing outside src/"],
  ["the package by name from inside", "src/nn/a.ts", "gradus", "by its relative path"],
  ["an undeclared package", "src/data/a.ts", "left-pad/x", "does not declare left-pad"],
  ["a development package", "src/data/a.ts", "vitest", "does not declare vitest"],
  [
    "a package in the core",
    "src/nn/a.ts",
    "sharp",
    "only data, draw, onnx, cli may load npm packages",
  ],
  ["an undeclared package in a test", "test/a.ts", "@x/y/z", "does not declare @x/y"],
  ["the sources from the playground", "playground/a.ts", "../src/index.ts", "public package"],
])("%s is refused", (_, file, specifier, why) => {
  for (const text of [
    `import { x } from "${specifier}";\n`,
    `import type { x } from "${specifier}";\n`,
    `export {\n  x,\n  y,\n} from "${specifier}";\n`,
    `export * from "${specifier}";\n`,
    `import "${specifier}";\n`,
    `const x = await import("${specifier}");\n`,
  ]) {
    const problems = check({ [file]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${file}:1: import "${specifier}": `);
    expect(problems[0]).toContain(why);
  }
});

test("a cycle of files is named once, file by file", () => {
  const problems = check({
    "src/nn/a.ts": 'import { b } from "./b.ts";\n',
    "src/nn/b.ts": 'import { c } from "./c.ts";\n',
    "src/nn/c.ts": 'export * from "./a.ts";\n',
  });
  expect(problems).toEqual(["cycle: src/nn/a.ts → src/nn/b.ts → src/nn/c.ts → src/nn/a.ts"]);
});

test("a cycle of types alone is one, too", () => {
  const problems = check({
    "src/nn/a.ts": 'import type { B } from "./b.ts";\n',
    "src/nn/b.ts": 'import { type A, a } from "./a.ts";\n',
  });
  expect(problems).toEqual(["cycle: src/nn/a.ts → src/nn/b.ts → src/nn/a.ts"]);
});

test("a folder without a row, and a file outside all folders, are refused", () => {
  const problems = check({ "src/utils/a.ts": "", "src/helper.ts": "" });
  expect(problems.join("\n")).toContain("src/utils has no row");
  expect(problems.join("\n")).toContain("src/helper.ts: only index.ts stands in src/");
});

test("text that only looks like an import is none", () => {
  const text = [
    ' * import { x } from "a";',
    '// import("b")',
    'const said = "import from";',
    'export const from = "c";',
    'export function load(name: string) { return Array.from("d"); }',
  ].join("\n");
  expect(importsOf(text)).toEqual([]);
});

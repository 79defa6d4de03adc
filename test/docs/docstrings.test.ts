/** Every public name has a docstring; `npm run docs` checks methods and links, too, and needs a package for it. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { exports } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
/** `./nn` → `src/nn/index.ts`. Experiments are programs to run. */
const entries: string[] = Object.keys(exports)
  .filter((name) => !["./package.json", "./experiments"].includes(name))
  .map((name) => path.join(root, "src", name, "index.ts"));

const read = (file: string) => fs.readFileSync(file, "utf8");

/** What a file hands on: names, or all (`*`), from another. */
function* reexports(file: string): Generator<{ names: string[] | "*"; from: string }> {
  const clause = /^export\s+(?:type\s+)?(?:\{([^}]*)\}|\*)\s+from\s+"([^"]+)"/gm;
  for (const [, list, from] of read(file).matchAll(clause)) {
    const names = list?.split(",").map((name) => name.trim().replace(/^type\s+/, ""));
    yield { names: names?.filter(Boolean) ?? "*", from: path.resolve(path.dirname(file), from!) };
  }
}

const kinds = "(?:abstract |async )*(?:class|function|const|interface|type)";

/** Whether the docstring of a name stands above its declaration; undefined where it is not declared here. */
function isDescribed(file: string, name: string): boolean | undefined {
  const found = [...read(file).matchAll(new RegExp(`^export ${kinds} ${name}\\b`, "gm"))];
  if (found.length > 0)
    return found.some(({ index }) => read(file).slice(0, index).trimEnd().endsWith("*/"));
  for (const { names, from } of reexports(file)) {
    if (names !== "*" && !names.includes(name)) continue;
    const there = isDescribed(from, name);
    if (there !== undefined) return there;
  }
  return undefined;
}

const declaredIn = (file: string): string[] =>
  [...read(file).matchAll(new RegExp(`^export ${kinds} ([\\w$]+)`, "gm"))].map(([, name]) => name!);

for (const entry of entries)
  test(`every name of ${path.relative(root, entry)} has a docstring`, () => {
    const handedOn = [...reexports(entry)].flatMap(({ names }) => names);
    expect(handedOn, "names are listed one by one").not.toContain("*");
    const names = [...handedOn, ...declaredIn(entry)];
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !isDescribed(entry, name))).toEqual([]);
  });

test("the reference is made of the same entries", () => {
  const { entryPoints } = JSON.parse(read(path.join(root, "tools/docs/typedoc.json")));
  const files = entryPoints.map((file: string) => path.resolve(root, "tools/docs", file));
  expect(files).toEqual(entries);
});

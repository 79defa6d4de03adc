/** The pages at the root name what is there. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (page: string) => fs.readFileSync(path.join(root, page), "utf8");
const pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/guide/README.md"];

for (const page of pages)
  test(`${page}: links lead somewhere`, () => {
    for (const [, target] of read(page).matchAll(/\]\(([^)#:]+)\)/g))
      expect(fs.existsSync(path.join(root, path.dirname(page), target!)), target).toBe(true);
  });

test("the map names every folder of src, and files that are there", () => {
  const map = read("ARCHITECTURE.md");
  for (const folder of fs.readdirSync(path.join(root, "src")).filter((f) => !f.includes(".")))
    expect(map, folder).toContain(`\`${folder}/`);
  for (const [, folder, files] of map.matchAll(/^\| `([a-z]+)\/`[^|]*\|[^|]*\| (.*) \|$/gm))
    for (const [, file] of files!.matchAll(/`([\w./-]+)`/g)) {
      const places = [`src/${folder}/${file}`, `${folder}/${file}`];
      expect(
        places.filter((place) => fs.existsSync(path.join(root, place))),
        `${folder}/${file}`,
      ).toHaveLength(1);
    }
});

test("the README names every command, and no other", () => {
  const commands = [...read("src/cli/program.ts").matchAll(/^ {2}"?([a-z-]+)"?: \{$/gm)];
  const readme = read("README.md");
  const told = [...readme.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([a-z-]+)[^`]*`/g)].map(([, name]) => name),
  );
  const shown = [...readme.matchAll(/npx gradus ([a-z-]+)/g)].map(([, name]) => name);
  expect(new Set([...told, ...shown].filter((name) => !name!.startsWith("-")))).toEqual(
    new Set(commands.map(([, name]) => name)),
  );
});

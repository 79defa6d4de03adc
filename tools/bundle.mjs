#!/usr/bin/env node
/**
 * Writes the JavaScript of dist/ from src/ and experiments/: few files, so that a program starts
 * quickly. One build for everything that package.json exports, so that no module is in two files
 * with separate states. tsc adds the declarations afterwards.
 *
 *   dist/chunks/base.js, core.js         what all need; the engine, up to `tensor`
 *   dist/chunks/nn.js, …                 one file for each folder that is public
 *   dist/index.js, dist/nn/index.js, …   what package.json exports, out of chunks
 *   dist/cli/, dist/experiments/         commands and claims, loaded when they are called
 *
 * Every file but dist/index.js is one folder deep, as in src/: `import.meta.url` leads from either
 * to build/ and to package.json.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { table } from "./check-imports.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { bin, dependencies, exports } = JSON.parse(
  fs.readFileSync(path.join(root, "package.json"), "utf8"),
);

/** `./dist/nn/index.js` → `nn/index`. @param {string} file */
const nameOf = (file) => file.replace(/^\.\/dist\/|\.js$/g, "");

/** @type {string[]} */
const entries = [
  ...Object.values(exports).flatMap((entry) => entry.default ?? []),
  ...Object.values(bin),
].map(nameOf);

/** A separate file, which threads run; `data/augment/pool.ts` looks for it beside itself. */
const worker = "src/data/augment/worker.ts";

/** `src/nn/linear.ts` → `nn`; `experiments/codes.ts` → `experiments`. @param {string} id */
function folderOf(id) {
  const [top, folder, ...rest] = path.relative(root, id).split(path.sep);
  return top === "src" && rest.length > 0 ? folder : top;
}

/** Folders that package.json exports, each after those that it imports. */
const isPublic = (/** @type {string} */ folder) => entries.includes(`${folder}/index`);
const publicFolders = Object.keys(table).filter(isPublic);
/** Their modules are put together by what is loaded together. */
const loadedWhenCalled = ["cli", "experiments"];
const separate = new Set([...publicFolders, ...loadedWhenCalled]);

/** @param {(folder: string | undefined) => boolean} belongs */
const modulesOf = (belongs) => (/** @type {string} */ id) =>
  belongs(folderOf(id)) && id !== path.join(root, worker);

const bundle = await rolldown({
  cwd: root,
  input: {
    ...Object.fromEntries(
      entries.map((name) => [name, /^experiments\//.test(name) ? `${name}.ts` : `src/${name}.ts`]),
    ),
    "chunks/worker": worker,
  },
  // its `paths` say where gradus and gradus/nn lie
  tsconfig: path.join(root, "tsconfig.json"),
  platform: "neutral",
  external: [/^node:/, ...Object.keys(dependencies).map((name) => new RegExp(`^${name}(/|$)`))],
  onLog(_level, log) {
    throw new Error(log.message);
  },
});
// The playground lies there, too, and has a build of its own.
const dist = path.join(root, "dist");
for (const name of fs.existsSync(dist) ? fs.readdirSync(dist) : [])
  if (name !== "playground") fs.rmSync(path.join(dist, name), { recursive: true });
await bundle.write({
  dir: dist,
  sourcemap: true,
  sourcemapExcludeSources: true, // the package holds them
  chunkFileNames: ({ facadeModuleId, moduleIds }) => {
    const folder = folderOf(facadeModuleId ?? moduleIds[0] ?? "") ?? "";
    return `${loadedWhenCalled.includes(folder) ? folder : "chunks"}/[name].js`;
  },
  codeSplitting: {
    // A group includes what it imports, unless an earlier one has it. Readers of files and the
    // augmentation threads need no engine.
    groups: [
      { name: "base", test: modulesOf((folder) => folder === "base") },
      { name: "augment", test: /augment[\\/]apply\.ts$/ },
      { name: "core", test: modulesOf((folder) => !separate.has(folder ?? "")) },
      ...publicFolders.map((name) => ({ name, test: modulesOf((folder) => folder === name) })),
    ],
  },
});

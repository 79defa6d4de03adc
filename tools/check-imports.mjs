#!/usr/bin/env node
/**
 * Checks who imports whom. It fails on - an import that the table below does not allow, - a cycle
 * of files that import each other, even for types only, - an npm package that package.json does not
 * declare, or that the core must not need, - a folder of src/ that the table does not know.
 *
 * The table is documentation and data for this tool: a row is a folder of src/ and the folders that
 * it may import, all of them in rows above it. The order is the pipeline:
 *
 *   base → graph → runtime → ops → autodiff → compiler → tensor → nn → optim → train → learn → inspect → lab
 *
 * with some folders beside it. `formats` reads and writes bytes (safetensors, npy, …) as plain
 * arrays and so needs only `base`; `data` makes batches of tensors from files and so needs `tensor`
 * but no layer. Therefore both can be used by `train` and all that follows. `draw` makes figures
 * and pages from numbers and does not depend on tensors. `onnx` makes modules of ONNX files and
 * files of modules. `models` are composed of layers, one per file, and import only tensors,
 * layers and the formats of weights. src/index.ts is the public entry and may import everything but the commands.
 *
 * A new folder gets a row here and in the design page, in the same commit.
 */
import fs from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const engine = ["base", "graph", "runtime", "ops", "autodiff", "compiler"];
const training = [...engine, "formats", "tensor", "data", "nn", "optim"];

/** Folder of src/ → the folders of src/ that it may import. @type {Record<string, string[]>} */
export const table = {
  base: [],
  formats: ["base"],
  graph: ["base"],
  runtime: ["base", "graph"],
  ops: ["base", "graph", "runtime"],
  autodiff: ["base", "graph", "ops"],
  compiler: ["base", "graph", "runtime", "ops"],
  tensor: engine,
  data: ["base", "formats", "tensor"],
  draw: ["base", "formats"],
  nn: [...engine, "tensor"],
  optim: [...engine, "tensor", "nn"],
  train: training,
  learn: [...training, "train"],
  inspect: [...training, "train", "learn"],
  lab: [...training, "train", "learn", "inspect"],
  models: ["base", "formats", "tensor", "nn"],
  onnx: [...engine, "formats", "tensor", "nn"],
  cli: [...training, "train", "learn", "inspect", "lab", "models", "onnx", "draw"],
};

/**
 * The folders whose code may load npm packages at run time; all others work with none installed.
 */
const mayLoadPackages = ["data", "draw", "onnx", "cli"];

/** Folders beside src/ that hold code; they may import src/ and each other, but never be imported by it. */
const outside = ["test", "tools", "bench", "examples", "experiments"];

/**
 * One import: where it stands and what it names. `isDeferred` is true for `import()`, which makes no cycle.
 * @typedef {{ specifier: string, line: number, isDeferred: boolean }} Import
 */

/**
 * The imports of a source text. Biome has formatted it, so a statement starts its line and a comment
 * line starts with `*` or `//`; that spares a parser.
 * @param {string} text @returns {Import[]}
 */
export function importsOf(text) {
  /** @type {Import[]} */
  const found = [];
  const lineOf = (/** @type {number} */ at) => text.slice(0, at).split("\n").length;
  const fromClause =
    /^(import|export)\s+(type\s+)?(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)?\s*from\s*["']([^"']+)["']/gm;
  for (const match of text.matchAll(fromClause))
    found.push({ specifier: match[3] ?? "", line: lineOf(match.index), isDeferred: false });
  for (const match of text.matchAll(/^import\s*["']([^"']+)["']/gm))
    found.push({ specifier: match[1] ?? "", line: lineOf(match.index), isDeferred: false });
  for (const match of text.matchAll(/^(.*)\bimport\(\s*["']([^"']+)["']/gm)) {
    const before = (match[1] ?? "").replace(/(["'`]).*?\1/g, "");
    const inComment = /^\s*\*|\/\/|\/\*/.test(before);
    const inString = /["'`]/.test(before);
    if (!inComment && !inString)
      found.push({ specifier: match[2] ?? "", line: lineOf(match.index), isDeferred: true });
  }
  return found;
}

/** Every source file below a folder, as paths with `/`. @param {string} root @param {string} folder @param {RegExp} ending @returns {string[]} */
export function filesBelow(root, folder, ending = /\.(ts|tsx|mts|js|jsx|mjs)$/) {
  const at = path.join(root, folder);
  if (!fs.existsSync(at)) return [];
  return fs.readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return ["node_modules", "dist", "build"].includes(entry.name)
        ? []
        : filesBelow(root, name, ending);
    return ending.test(entry.name) ? [name] : [];
  });
}

/** `src/nn/linear.ts` → `nn`; `src/index.ts` → `index`; anything else → its first folder, marked. @param {string} file */
function home(file) {
  const [top, folder, ...rest] = file.split("/");
  if (top !== "src") return { top: top ?? "", folder: "" };
  return { top: "src", folder: rest.length ? (folder ?? "") : "index" };
}

/**
 * Why `file` may not import `target` (both relative to the root), or undefined.
 * @param {string} file @param {string} target @returns {string | undefined}
 */
function wrongWay(file, target) {
  const from = home(file);
  const to = home(target);
  if (from.top === "playground" && to.top !== "playground")
    return "the playground imports only the public package";
  if (from.top !== "src") return undefined;
  if (to.top !== "src") return "src/ imports nothing outside src/";
  if (to.folder === "index") return "src/index.ts is for users; import the folder that defines it";
  if (from.folder === "index")
    return to.folder === "cli" ? "src/index.ts exports no command" : undefined;
  if (from.folder === to.folder || table[from.folder]?.includes(to.folder)) return undefined;
  const allowed = table[from.folder]?.join(", ") || "no other folder";
  return `${from.folder} may import ${allowed}`;
}

/**
 * Why `file` may not import the package `name`, or undefined.
 * @param {string} file @param {string} name @param {Manifest} manifest @returns {string | undefined}
 */
function wrongPackage(file, name, manifest) {
  const { top, folder } = home(file);
  if (name === manifest.name)
    return top === "src" ? "inside src/, import the file by its relative path" : undefined;
  const { dependencies, devDependencies } = manifest;
  const declared = top === "src" ? dependencies : { ...dependencies, ...devDependencies };
  if (!Object.hasOwn(declared ?? {}, name)) return `package.json does not declare ${name}`;
  if (top === "src" && !mayLoadPackages.includes(folder))
    return `only ${mayLoadPackages.join(", ")} may load npm packages`;
  return undefined;
}

/** @typedef {{ name?: string, dependencies?: Record<string, string>, devDependencies?: Record<string, string> }} Manifest */

/** @param {string} file @returns {Manifest} */
const readManifest = (file) =>
  fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};

/**
 * Cycles in the graph of files, each once, as the list of its files.
 * @param {Map<string, string[]>} edges
 */
function cycles(edges) {
  /** @type {string[][]} */
  const found = [];
  const done = new Set();
  /** @type {string[]} */
  const trail = [];
  const visit = (/** @type {string} */ file) => {
    const seen = trail.indexOf(file);
    if (seen >= 0) found.push([...trail.slice(seen), file]);
    if (seen >= 0 || done.has(file)) return;
    trail.push(file);
    for (const next of edges.get(file) ?? []) visit(next);
    trail.pop();
    done.add(file);
  };
  for (const file of edges.keys()) visit(file);
  return found;
}

/**
 * All that is wrong in the tree at `root`, one line each, `file:line: import "x": why`.
 * @param {string} root @returns {string[]}
 */
export function checkImports(root) {
  /** @type {string[]} */
  const problems = [];
  const main = readManifest(path.join(root, "package.json"));
  const play = {
    name: main.name ?? "",
    devDependencies: main.devDependencies ?? {},
    ...readManifest(path.join(root, "playground/package.json")),
  };
  if (main.name) play.dependencies = { ...play.dependencies, [main.name]: "the package itself" };
  /** @type {Map<string, string[]>} */
  const edges = new Map();
  for (const file of ["src", "playground", ...outside].flatMap((top) => filesBelow(root, top))) {
    const { top, folder } = home(file);
    if (top === "src" && folder === "index" && file !== "src/index.ts")
      problems.push(`${file}: only index.ts stands in src/ itself; give this file a folder`);
    if (top === "src" && folder !== "index" && !(folder in table))
      problems.push(`${file}: src/${folder} has no row in the table of tools/check-imports.mjs`);
    /** @type {string[]} */
    const targets = [];
    for (const { specifier, line, isDeferred } of importsOf(
      fs.readFileSync(path.join(root, file), "utf8"),
    )) {
      if (isBuiltin(specifier)) continue;
      const relative = specifier.startsWith(".");
      const target = path.posix.join(path.posix.dirname(file), specifier);
      if (relative && !isDeferred) targets.push(target);
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      const why = relative
        ? wrongWay(file, target)
        : wrongPackage(file, name, top === "playground" ? play : main);
      if (why) problems.push(`${file}:${line}: import "${specifier}": ${why}`);
    }
    edges.set(file, targets);
  }
  for (const cycle of cycles(edges)) problems.push(`cycle: ${cycle.join(" → ")}`);
  return problems;
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const problems = checkImports(root);
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length ? `imports: ${problems.length} wrong.` : "imports: all point the right way.",
  );
  process.exitCode = problems.length ? 1 : 0;
}

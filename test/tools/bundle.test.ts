import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { hasNative, hasWasm } from "../support/engines.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = path.join(root, "dist");
const { bin, exports } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));

/** `./dist/nn/index.js` for each name that users import. */
const entries = Object.values<{ default?: string }>(exports).flatMap(
  (entry) => entry.default ?? [],
);
const fileOf = (entry: string) => path.join(root, entry);
/** `src/nn/index.ts`, or `experiments/index.ts`. */
const sourceOf = (entry: string) =>
  fileOf(entry.replace(/^\.\/dist\/(?!experiments)/, "src/").replace("./dist/", "")).replace(
    /js$/,
    "ts",
  );
const load = (files: string[]): Promise<Record<string, unknown>[]> =>
  Promise.all(files.map((file) => import(pathToFileURL(file).href)));

const isBuilt = fs.existsSync(path.join(dist, "chunks/core.js"));
if (!isBuilt) console.warn("skipped: the built library, which is not built");

/** The files that are loaded with one, itself among them, and the packages that they import. */
function closure(file: string, files = new Set<string>(), packages = new Set<string>()) {
  files.add(file);
  const text = fs.readFileSync(file, "utf8");
  for (const [, target = ""] of text.matchAll(
    /^(?:import|export)\b[^;("']*?["']([^"']+)["'];$/gm,
  )) {
    const next = path.resolve(path.dirname(file), target);
    if (!target.startsWith(".")) packages.add(target);
    else if (!files.has(next)) closure(next, files, packages);
  }
  return { files: [...files], packages: [...packages] };
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-bundle-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** A file of the built library, as a program names it. */
const at = (file: string) => JSON.stringify(pathToFileURL(path.join(dist, file)).href);

/** What a program prints in a process of its own. */
function run(program: string, env: Record<string, string> = {}): string {
  const file = path.join(folder, "program.mjs");
  fs.writeFileSync(file, program);
  const { GRADUS_ENGINE: _, ...inherited } = process.env;
  const options = { encoding: "utf8", cwd: folder, env: { ...inherited, ...env } } as const;
  return execFileSync(process.execPath, [file], options).trim();
}

describe.runIf(isBuilt)("the built library", () => {
  test("holds every module once: none has a state of its own in two files", () => {
    const maps = fs
      .readdirSync(dist, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".js.map"));
    const modules = maps.flatMap((name) => {
      const { sources } = JSON.parse(fs.readFileSync(path.join(dist, name), "utf8"));
      return (sources as string[]).map((source) => path.resolve(dist, path.dirname(name), source));
    });
    expect(modules.length).toBeGreaterThan(200);
    expect(modules.filter((module, i) => modules.indexOf(module) !== i)).toEqual([]);
    expect(modules.filter((module) => !fs.existsSync(module))).toEqual([]);
  });

  test("exports what the sources export, and classes keep their names", async () => {
    const built = await load(entries.map(fileOf));
    const sources = await load(entries.map(sourceOf));
    const names = (part: Record<string, unknown>) =>
      Object.entries(part).map(([key, value]) => [key, (value as { name?: unknown })?.name]);
    expect(built.map((part) => names(part).sort())).toEqual(
      sources.map((part) => names(part).sort()),
    );
  });

  test("has one tensor, one engine and one kind of error, whichever entry they come through", () => {
    const program = `
      import { FormatError, setEngine, ShapeError, Tensor, tensor, Variable } from ${at("index.js")};
      import { Linear } from ${at("nn/index.js")};
      import { decodeIdx } from ${at("formats/index.js")};
      import { loadExperiment } from ${at("experiments/index.js")};
      setEngine("reference");
      const layer = new Linear(2, 3);
      const thrown = (f) => { try { f(); } catch (error) { return error; } };
      console.log(
        layer.forward(tensor([[1, 2]])) instanceof Tensor,
        layer.weight instanceof Variable,
        thrown(() => layer.forward(tensor([[1, 2, 3]]))) instanceof ShapeError,
        thrown(() => decodeIdx(new Uint8Array(1))) instanceof FormatError,
      );
      const { summary } = await (await loadExperiment("E22")).run({ quick: true, seed: 0, progress() {} });
      console.log(typeof summary);
      process.argv = [process.execPath, "gradus", "doctor"];
      await import(${at("cli/main.js")}); // it uses the engine that was chosen above`;
    expect(run(program)).toMatch(/^true true true true\nstring\n[\s\S]*in use +reference$/);
  });

  test("names the user's line in an error, and none of its own", () => {
    const program = `
      import { tensor } from ${at("index.js")};
      try {
        tensor([1, 2]).add(tensor([1, 2, 3]));
      } catch (error) {
        console.log(error.where);
      }`;
    expect(run(program)).toMatch(/program\.mjs:4$/);
  });

  const sum = `
    import { engineInfo, tensor } from ${at("index.js")};
    const { name, threads } = engineInfo();
    console.log(name, threads, tensor([1, 2]).sum().item());`;
  test.runIf(hasNative)("finds the native engine", () => {
    expect(run(sum, { GRADUS_ENGINE: "native", GRADUS_THREADS: "1" })).toBe("native 1 3");
  });
  test.runIf(hasWasm).each(["1", "2"])("finds the WebAssembly engine of %s threads", (threads) => {
    const env = { GRADUS_ENGINE: "wasm", GRADUS_THREADS: threads };
    expect(run(sum, env)).toBe(`wasm ${threads} 3`);
  });

  test("loads few files, and npm packages only when they are needed", () => {
    for (const entry of entries) {
      const { files, packages } = closure(fileOf(entry));
      // itself, a chunk for each public folder at most, and what these share
      expect(files.length, entry).toBeLessThanOrEqual(entries.length + 1);
      // what decodes protobufs is loaded with the one entry that reads them
      const own = packages.filter((name) => !name.startsWith("@bufbuild/protobuf"));
      expect(entry.includes("/onnx/") ? own : packages, entry).toEqual([]);
    }
    const thread = closure(path.join(dist, "chunks/worker.js"));
    for (const { files } of [thread, closure(path.join(dist, "formats/index.js"))])
      expect(files.map((file) => path.basename(file))).not.toContain("core.js");
    const { packages } = closure(fileOf(bin.gradus));
    expect(packages.filter((name) => !name.startsWith("node:"))).toEqual(["commander"]);
  });
});

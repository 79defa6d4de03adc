#!/usr/bin/env node
/**
 * Builds the WebAssembly engine: build/wasm/gradus.wasm (128-bit SIMD) and gradus-relaxed.wasm (the
 * same with relaxed SIMD in matrix products), and each of them again as gradus-….threads.wasm, for
 * memory that workers share. Runs before tests and before packing, and at
 * installation where there is no native engine (`--unless-native`: it takes a minute, and Node does
 * not need both). Only what changed is compiled, by hashes of a file, its includes and its flags.
 *
 * The compiler is @yowasp/clang, a development dependency. Where it is missing the build is one line
 * and exit 0. GRADUS_WASM=skip does nothing; GRADUS_WASM=require makes a failure exit 1.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";

if (isMainThread) process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

const toolchain = "@yowasp/clang";
const out = "build/wasm";
const objects = `${out}/objects`;
/** Each worker runs a complete compiler, some 400 MB. */
const maxWorkers = 2;

const target = "--target=wasm32-wasip1";
const compileFlags = [
  target,
  ...["-std=c++17", "-O3", "-msimd128", "-fno-exceptions", "-fno-rtti"],
  "-ffp-contract=off", // a fused multiply-add only where the source asks: results agree between engines
  ...["-fno-math-errno", "-DGRADUS_ISA=simd128", "-Ikernel", "-Ikernel/src"],
  // No speculative stores: an object serves modules with and without threads.
  ...["-mthread-model", "posix"],
];
/** For files that use <atomic>, in modules with threads: all other code is the same in both. */
const atomicFlags = ["-matomics", "-mbulk-memory"];
const linkFlags = [
  target,
  "-mexec-model=reactor", // a library: `_initialize` runs the constructors once
  "-Wl,--strip-all",
  "-Wl,--max-memory=4294967296", // all that 32-bit addresses reach; it grows to that only when asked
  "-Wl,-z,stack-size=1048576", // below the data, so that overflow traps
  "-Wl,--stack-first",
  "-Wl,--export=__stack_pointer", // restored after a call that trapped, and set in workers
];
/**
 * The memory is imported, with the initial size of src/runtime/wasm-threads.ts. Features are not
 * checked because the C library has no atomics; the kernel calls its allocator on one thread only,
 * and the rest of it has no state. Every worker sets its own stack pointer.
 */
const sharedLinkFlags = [
  ...[
    "-Wl,--shared-memory",
    "-Wl,--import-memory",
    "-Wl,--export-memory",
    "-Wl,--no-check-features",
  ],
  "-Wl,--initial-memory=4194304",
];

/**
 * A module to build. Relaxed multiply-adds round once or twice depending on the processor, so only
 * products use them: everything else is the same code, with the same results, in both.
 */
const products = ["gemm/gemm", "gemm/micro_kernels", "conv/conv", "conv/winograd"].map(
  (name) => `kernel/simd/${name}.cc`,
);
const modules = [
  { file: "gradus.wasm", relaxed: [], threads: false },
  { file: "gradus-relaxed.wasm", relaxed: products, threads: false },
  { file: "gradus.threads.wasm", relaxed: [], threads: true },
  { file: "gradus-relaxed.threads.wasm", relaxed: products, threads: true },
];

/**
 * A translation unit to compile. @typedef {{ files: string[], flags: string[], object: string }}
 * Job
 */

/** Why there is no module, in a few words. */
class NotBuilt extends Error {}

/**
 * The files that kernel/bindings/wasm replaces: the choice of an instruction set at run time, and
 * threads.
 */
const replaced = ["kernel/src/isa.cc", "kernel/src/threads.cc"];

/** The pool that a module leaves out. @param {boolean} threads */
const otherPool = (threads) => `kernel/bindings/wasm/pool_${threads ? "alone" : "shared"}.cc`;

/** The .cc files that a module is made of. @param {boolean} threads */
function sources(threads) {
  const left = [...replaced, otherPool(threads)];
  return ["kernel/src", "kernel/simd", "kernel/bindings/wasm"]
    .flatMap((folder) =>
      fs
        .readdirSync(folder, { encoding: "utf8", recursive: true })
        .map((name) => `${folder}/${name}`),
    )
    .filter((file) => file.endsWith(".cc") && !left.includes(file))
    .sort();
}

/** A file and all that it includes by quotes. @param {string} file @param {Map<string, string>} found */
function withIncludes(file, found = new Map()) {
  if (found.has(file)) return found;
  const text = fs.readFileSync(file, "utf8");
  found.set(file, text);
  for (const [, name] of text.matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)) {
    const places = [path.posix.dirname(file), "kernel", "kernel/src"];
    const place = places.find((folder) => fs.existsSync(path.posix.join(folder, String(name))));
    if (place) withIncludes(path.posix.join(place, String(name)), found);
  }
  return found;
}

/** @param {string} source */
const usesAtomics = (source) =>
  [...withIncludes(source).values()].some((text) => /^\s*#\s*include\s*<atomic>/m.test(text));

/**
 * The sources in translation units. Files of kernel/src spend most of their time on the standard headers, so those
 * of a folder are compiled as one unit; kernel/simd has large files, which two workers share better one by one.
 * @param {string[]} sources
 */
function unitsOf(sources) {
  /** @type {Map<string, string[]>} */
  const units = new Map();
  for (const source of sources) {
    const shared = source.startsWith("kernel/src/") && !usesAtomics(source);
    const unit = shared ? path.posix.dirname(source) : source;
    units.set(unit, [...(units.get(unit) ?? []), source]);
  }
  return [...units.values()];
}

/** @param {string} version of the compiler @param {string[]} files @param {string[]} flags @returns {Job} */
function jobOf(version, files, flags) {
  const hash = createHash("sha256").update(JSON.stringify([version, flags]));
  for (const file of files)
    for (const [name, text] of withIncludes(file)) hash.update(`\0${name}\0${text}`);
  return { files, flags, object: `${hash.digest("hex").slice(0, 32)}.o` };
}

/** Files as the tree of folders that the compiler works in. @param {Map<string, string | Uint8Array>} files */
function treeOf(files) {
  /** @type {Record<string, any>} */
  const tree = {};
  for (const [name, content] of files) {
    const folders = name.split("/");
    const leaf = String(folders.pop());
    let at = tree;
    for (const folder of folders) at = at[folder] ??= {};
    at[leaf] = content;
  }
  return tree;
}

/** Whether the compiler itself has been loaded. */
let prepared = false;

/**
 * Runs the compiler on files in memory and returns the file that it wrote.
 * @param {string[]} args @param {Map<string, string | Uint8Array>} files @param {string} result
 */
async function clang(args, files, result) {
  const { commands } = await import("@yowasp/clang");
  const run = commands["clang++"];
  if (!prepared) await run(undefined, undefined, { fetchProgress: () => {} }); // its default prints
  prepared = true;
  const decoder = new TextDecoder();
  let said = "";
  const stderr = (/** @type {Uint8Array | null} */ bytes) => {
    if (bytes) said += decoder.decode(bytes, { stream: true });
  };
  try {
    const tree = await run([...args, "-o", result], treeOf(files), { stderr });
    return /** @type {Uint8Array} */ (/** @type {Record<string, unknown>} */ (tree)[result]);
  } catch (error) {
    throw new Error(said || String(error));
  }
}

/** Compiles one unit into the folder of objects. @param {Job} job */
async function compile({ files, flags, object }) {
  const texts = new Map(files.flatMap((file) => [...withIncludes(file)]));
  texts.set("unit.cc", files.map((file) => `#include "${file}"\n`).join(""));
  write(`${objects}/${object}`, await clang([...flags, "-I.", "-c", "unit.cc"], texts, "result.o"));
}

/** Writes a file atomically. @param {string} file @param {Uint8Array} bytes */
function write(file, bytes) {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, bytes);
  fs.renameSync(temporary, file);
}

/** Compiles all jobs, each worker taking the next one when it is done. @param {Job[]} jobs */
async function compileAll(jobs) {
  const queue = [...jobs];
  const workers = Array.from({ length: Math.min(maxWorkers, jobs.length) }, () => {
    const worker = new Worker(fileURLToPath(import.meta.url));
    return new Promise((resolve, reject) => {
      const next = () => {
        const job = queue.shift();
        if (job) worker.postMessage(job);
        else resolve(worker.terminate());
      };
      worker.on("message", (/** @type {string | null} */ problem) => {
        if (problem === null) return next();
        queue.length = 0;
        void worker.terminate();
        reject(new NotBuilt(problem));
      });
      worker.on("error", reject);
      next();
    });
  });
  const results = await Promise.allSettled(workers);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Builds what is out of date. @returns the names of the modules that are new */
async function build() {
  if (!fs.existsSync("kernel/bindings/wasm")) throw new NotBuilt("no kernel sources here");
  const manifest = `node_modules/${toolchain}/package.json`;
  if (!fs.existsSync(manifest)) throw new NotBuilt(`${toolchain} is not installed`);
  const { version } = JSON.parse(fs.readFileSync(manifest, "utf8"));
  fs.mkdirSync(objects, { recursive: true });

  const plans = modules.map(({ file, relaxed, threads }) => {
    const flags = [...linkFlags, ...(threads ? sharedLinkFlags : [])];
    const jobs = unitsOf(sources(threads)).map((unit) =>
      jobOf(version, unit, [
        ...compileFlags,
        ...(unit.some((source) => relaxed.includes(source)) ? ["-mrelaxed-simd"] : []),
        ...(threads && unit.some(usesAtomics) ? atomicFlags : []),
      ]),
    );
    const stamp = JSON.stringify([flags, jobs.map((job) => job.object)]);
    return { file: `${out}/${file}`, flags, jobs, stamp };
  });
  const stale = plans.filter(({ file, stamp }) => {
    const old = `${file}.stamp`;
    return !(fs.existsSync(file) && fs.existsSync(old) && fs.readFileSync(old, "utf8") === stamp);
  });
  /** @type {Map<string, Job>} */
  const missing = new Map();
  for (const job of stale.flatMap((plan) => plan.jobs))
    if (!fs.existsSync(`${objects}/${job.object}`)) missing.set(job.object, job);
  await compileAll([...missing.values()]);

  for (const { file, flags, jobs, stamp } of stale) {
    const files = new Map(
      jobs.map(({ object }) => [object, fs.readFileSync(`${objects}/${object}`)]),
    );
    write(file, await clang([...flags, ...files.keys()], files, "result.wasm"));
    fs.writeFileSync(`${file}.stamp`, stamp);
  }
  const used = new Set(plans.flatMap(({ jobs }) => jobs.map((job) => job.object)));
  const dayAgo = Date.now() - 24 * 3_600_000; // another build may be about to link what is younger
  for (const name of fs.readdirSync(objects)) {
    const file = `${objects}/${name}`;
    if (!used.has(name) && fs.statSync(file).mtimeMs < dayAgo) fs.rmSync(file, { force: true });
  }
  return stale.map(({ file }) => file);
}

async function main() {
  const wish = process.env.GRADUS_WASM;
  if (wish === "skip") return;
  const spare =
    process.argv.includes("--unless-native") && fs.existsSync("build/Release/gradus.node");
  if (spare && wish !== "require") return;
  const start = performance.now();
  try {
    const built = await build();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const sizes = built.map((file) => {
      const bytes = fs.readFileSync(file);
      const kilobytes = (/** @type {Uint8Array} */ b) => `${(b.length / 1000).toFixed(0)} KB`;
      return `${path.basename(file)} ${kilobytes(bytes)}, gzip ${kilobytes(gzipSync(bytes))}`;
    });
    const what = built.length ? `built in ${seconds} s (${sizes.join("; ")})` : "is up to date";
    console.log(`gradus: WebAssembly engine ${what}.`);
  } catch (error) {
    // A stale module would contradict the next line.
    for (const { file } of modules) fs.rmSync(`${out}/${file}`, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    console.log(`gradus: WebAssembly engine not built (${why}).`);
    if (wish === "require") process.exitCode = 1;
  }
}

if (isMainThread) await main();
else
  parentPort?.on("message", (/** @type {Job} */ job) =>
    compile(job).then(
      () => parentPort?.postMessage(null),
      (error) => parentPort?.postMessage(`${job.files.join(", ")}: ${error.message}`),
    ),
  );

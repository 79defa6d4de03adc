#!/usr/bin/env node
/**
 * Builds the native engine, build/Release/gradus.node. Runs at installation, and again after every
 * edit of the kernel: only what changed is compiled.
 *
 * gradus installs without a compiler, so a failed build is one line and exit 0. The whole log is in
 * build/native.log. GRADUS_NATIVE=skip does nothing; GRADUS_NATIVE=require makes a failure exit 1.
 *
 * Only the instruction sets are built that this machine can run; all of them with `--all`.
 *
 * `--sources <folder>` prints the folder's .cc files instead: binding.gyp lists its sources so.
 * `--sets` prints the instruction sets beyond the general one of the last build, for kernel/Makefile.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const log = "build/native.log";
const addon = "build/Release/gradus.node";
const stampFile = "build/native.stamp";
/** Long enough for one slow core; a download of headers that hangs is still ended. */
const timeLimit = { configure: 3 * 60_000, build: 20 * 60_000 };

/** Why there is no native engine, in a few words. */
class NotBuilt extends Error {}

/**
 * The .cc files in a folder and below it, sorted, so that the link order is the same everywhere.
 * @param {string} folder
 */
function sources(folder) {
  if (!fs.existsSync(folder)) return [];
  const names = fs.readdirSync(folder, { encoding: "utf8", recursive: true });
  return names
    .filter((name) => name.endsWith(".cc"))
    .sort()
    .map((name) => `${folder}/${name}`);
}

/** What each instruction set beyond the general one of x86-64 needs, as Linux names it; isa.cc asks for the same. */
const needs = {
  avx2: ["avx2", "fma", "f16c"],
  avx512: ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"],
};

const setNames = /** @type {(keyof typeof needs)[]} */ (Object.keys(needs));

/** The instruction sets to build: those of this machine; all where it does not say, or if all are wanted. @param {boolean} all */
function instructionSets(all) {
  if (process.arch !== "x64") return [];
  const info = "/proc/cpuinfo";
  if (all || !fs.existsSync(info)) return setNames;
  const flags = /^flags\s*:(.*)$/m.exec(fs.readFileSync(info, "utf8"))?.[1]?.split(" ");
  if (!flags) return setNames;
  return setNames.filter((name) => needs[name].every((flag) => flags.includes(flag)));
}

/** The sets of the last build, which the kernel's tests link; without one, those that a build would have. */
function builtSets() {
  if (!fs.existsSync(stampFile)) return instructionSets(false);
  const stamp = fs.readFileSync(stampFile, "utf8").split("\n");
  return setNames.filter((name) => stamp.includes(`-D${name}=1`));
}

/** The first command that runs, or undefined. @param {(string | undefined)[]} commands */
function firstThatRuns(commands) {
  for (const command of commands) {
    if (!command) continue;
    // CXX may contain a launcher and flags: "ccache g++".
    const [program, ...args] = command.trim().split(/\s+/);
    const ran = spawnSync(/** @type {string} */ (program), [...args, "--version"], {
      stdio: "ignore",
    });
    if (ran.status === 0) return command;
  }
  return undefined;
}

/** npm's own node-gyp: named by npm in a lifecycle script, else beside the running Node. */
function findNodeGyp() {
  const bin = path.dirname(process.execPath);
  const npms = ["../lib/node_modules/npm", "node_modules/npm", "../share/nodejs/npm"];
  const places = [
    process.env.npm_config_node_gyp,
    ...npms.map((npm) => path.join(bin, npm, "node_modules/node-gyp/bin/node-gyp.js")),
    path.join(bin, "../share/nodejs/node-gyp/bin/node-gyp.js"), // Debian's npm package
  ];
  const found = places.find((place) => place && fs.existsSync(place));
  if (!found) throw new NotBuilt("node-gyp not found");
  return found;
}

/** Where Node's headers are, if they came with Node: then nothing is downloaded. */
function findHeaders() {
  const prefix = path.dirname(path.dirname(process.execPath));
  return fs.existsSync(path.join(prefix, "include/node/node_api.h")) ? prefix : undefined;
}

/** Checks for missing tools before a build starts. */
function checkTools() {
  if (process.platform === "win32") throw new NotBuilt("the kernels need GCC or Clang");
  const cxx = firstThatRuns([process.env.CXX, "c++", "g++", "clang++"]);
  if (!cxx) throw new NotBuilt("no C++ compiler found");
  const { PYTHON, npm_config_python } = process.env;
  if (!firstThatRuns([npm_config_python, PYTHON, "python3", "python"]))
    throw new NotBuilt("no Python found");
  if (!firstThatRuns([process.env.MAKE, "make", "gmake"])) throw new NotBuilt("no make found");
  return cxx;
}

/** The first error of the compiler, linker or node-gyp in the log, shortened to a clause. @param {string} fallback */
function reasonFromLog(fallback) {
  const text = fs.readFileSync(log, "utf8").replaceAll(`${root}/`, "");
  const found =
    /\berror:\s*(.+)|\b(undefined symbol: .+|undefined reference to .+)|gyp ERR! stack Error:\s*(.+)/i.exec(
      text,
    );
  const words = (found?.[1] ?? found?.[2] ?? found?.[3] ?? fallback).trim();
  return words.length > 80 ? `${words.slice(0, 79)}…` : words;
}

/**
 * Runs Node on arguments, its output appended to the log.
 * @param {string} what the step, for the message
 * @param {string[]} args
 * @param {number} timeout in ms
 * @param {NodeJS.ProcessEnv} env
 */
function step(what, args, timeout, env) {
  const out = fs.openSync(log, "a");
  fs.writeSync(out, `\n$ node ${args.join(" ")}\n`);
  const ran = spawnSync(process.execPath, args, { stdio: ["ignore", out, out], timeout, env });
  fs.closeSync(out);
  if (/** @type {NodeJS.ErrnoException | undefined} */ (ran.error)?.code === "ETIMEDOUT")
    throw new NotBuilt(`${what} took more than ${timeout / 60_000} minutes`);
  if (ran.status !== 0) throw new NotBuilt(reasonFromLog(`${what} failed`));
}

/** The inputs of the configuration; the Makefile itself tracks changes of sources and headers. */
function configurationStamp(/** @type {string[]} */ configure, /** @type {string} */ cxx) {
  const files = ["kernel/src", "kernel/simd"].flatMap(sources);
  const gyp = fs.readFileSync("binding.gyp", "utf8");
  return [process.version, process.arch, cxx, ...configure, ...files, gyp].join("\n");
}

/** @param {boolean} all */
function build(all) {
  if (!fs.existsSync("kernel/bindings/node/addon.cc")) throw new NotBuilt("no kernel sources here");
  const cxx = checkTools();
  fs.mkdirSync("build", { recursive: true });
  const before = fs.statSync(addon, { throwIfNoEntry: false })?.mtimeMs;

  const nodeGyp = findNodeGyp();
  const headers = findHeaders();
  const nodedir = headers ? [`--nodedir=${headers}`] : [];
  // Warnings are errors in a checkout, but not in an installed package, which has no tests.
  const werror = fs.existsSync("test") ? 1 : 0;
  const sets = instructionSets(all);
  const isBuilt = setNames.map((name) => `-D${name}=${sets.includes(name) ? 1 : 0}`);
  const configure = [nodeGyp, "configure", ...nodedir, "--", `-Dwerror=${werror}`, ...isBuilt];
  const env = { ...process.env, CXX: cxx };

  const stamp = configurationStamp(configure, cxx);
  const configured =
    fs.existsSync("build/Makefile") &&
    fs.existsSync(stampFile) &&
    fs.readFileSync(stampFile, "utf8") === stamp;
  if (!configured) {
    step("configuration", configure, timeLimit.configure, env);
    fs.writeFileSync(stampFile, stamp);
  }
  step("compilation", [nodeGyp, "build", "--jobs=max", ...nodedir], timeLimit.build, env);
  // A missing symbol shows only now.
  step("loading", ["-p", `require("./${addon}") && "loaded"`], 60_000, env);
  return fs.statSync(addon).mtimeMs !== before;
}

function main() {
  const wish = process.env.GRADUS_NATIVE;
  if (wish === "skip") return;
  fs.rmSync(log, { force: true });
  const start = performance.now();
  try {
    const built = build(process.argv.includes("--all"));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`gradus: native engine ${built ? `built in ${seconds} s` : "is up to date"}.`);
  } catch (error) {
    // A stale addon would contradict the next line.
    fs.rmSync(addon, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    const seeLog = fs.existsSync(log) ? `; log in ${log}` : "";
    console.log(
      `gradus: native engine not built (${why}${seeLog}); gradus runs on WebAssembly, more slowly.`,
    );
    if (wish === "require") process.exitCode = 1;
  }
}

process.chdir(root);
if (process.argv[2] === "--sources") console.log(sources(String(process.argv[3])).join("\n"));
else if (process.argv[2] === "--sets") console.log(builtSets().join(" "));
else main();

/** A description of the machine. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The processor, its caches apart, as the system names it. */
export function machine() {
  const [cpu] = os.cpus();
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.arch()}`,
    node: process.version,
  };
}

/** The version of gradus: the last commit, with + for changes since. */
export function revision() {
  const git = (/** @type {string[]} */ ...args) =>
    spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout?.trim() ?? "";
  const changed = git("status", "--porcelain", "--untracked-files=no", "src", "kernel") !== "";
  return `${git("rev-parse", "--short", "HEAD") || "unknown"}${changed ? "+" : ""}`;
}

/**
 * GFLOP/s of independent multiply-adds in registers, measured now by `peak.cc`: an upper bound for
 * matrix products. `null` without a C++ compiler.
 * @param {number} threads
 * @returns {{ float32: number, float64: number } | null}
 */
export function peakOf(threads) {
  const program = path.join(root, "build/bench/peak");
  const source = path.join(root, "bench/peak.cc");
  if (!fs.existsSync(program) || fs.statSync(program).mtimeMs < fs.statSync(source).mtimeMs) {
    fs.mkdirSync(path.dirname(program), { recursive: true });
    const built = spawnSync(process.env.CXX ?? "c++", [
      "-std=c++17",
      "-O2",
      "-pthread",
      source,
      "-o",
      program,
    ]);
    if (built.status !== 0) return null;
  }
  const { status, stdout } = spawnSync(program, [String(threads)], { encoding: "utf8" });
  return status === 0 ? JSON.parse(stdout) : null;
}

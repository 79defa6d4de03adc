#!/usr/bin/env node
/**
 * Checks the C++ of kernel/ and bench/: its format by clang-format (`.clang-format`), kernel/src
 * and kernel/simd also by clang-tidy (`.clang-tidy`). A tool that is not installed, or too old, is
 * reported and skipped: `pip install clang-format clang-tidy` has both. `--write` formats instead.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** The first version with all settings that the configurations use. */
const leastVersion = 20;
const generated = ["conv_algorithms", "instructions", "opcodes"].map(
  (name) => `kernel/src/${name}.h`,
);

/** The C++ files below some folders. @param {string[]} folders @param {RegExp} extension */
const filesOf = (folders, extension = /\.(cc|h)$/) =>
  folders
    .flatMap((folder) =>
      fs
        .readdirSync(folder, { encoding: "utf8", recursive: true })
        .map((name) => `${folder}/${name}`),
    )
    .filter((file) => extension.test(file) && !generated.includes(file))
    .sort();

/** Whether a tool can be used; says why if not. @param {string} tool @param {string} checks */
function has(tool, checks) {
  const { status, stdout } = spawnSync(tool, ["--version"], { encoding: "utf8" });
  const version = Number(/version (\d+)/.exec(stdout ?? "")?.[1] ?? 0);
  if (status === 0 && version >= leastVersion) return true;
  const why = status === 0 ? `${version} is older than ${leastVersion}` : "is not installed";
  console.log(`kernel: ${tool} ${why}: ${checks} not checked.`);
  return false;
}

/** Runs a tool on files and says what it finds. @param {string} tool @param {string[]} args */
function passes(tool, args) {
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: "utf8" });
  if (status !== 0) console.error(`${stdout}${stderr}`.trim());
  return status === 0;
}

const format = process.argv.includes("--write") ? ["-i"] : ["--dry-run", "-Werror"];
let ok = true;
if (has("clang-format", "its format is"))
  ok = passes("clang-format", [...format, ...filesOf(["kernel", "bench"])]);
if (!process.argv.includes("--write") && has("clang-tidy", "its code is")) {
  const flags = ["--", "-std=c++17", "-Ikernel", "-Ikernel/src", "-DGRADUS_ISA=baseline"];
  const files = filesOf(["kernel/src", "kernel/simd"], /\.cc$/);
  ok = passes("clang-tidy", ["--quiet", ...files, ...flags]) && ok;
}
if (!ok) process.exitCode = 1;

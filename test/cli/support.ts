import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { engineInfo } from "gradus";
import { idxTypes, writeIdx } from "gradus/formats";
import { afterAll } from "vitest";
import { run } from "../../src/cli/program.ts";
import type { LiveLine } from "../../src/cli/terminal/terminal.ts";

/** What a command left: its exit code and all that it wrote. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** Whether training takes seconds here; on the reference engine it takes minutes. */
export const isFast = engineInfo().name !== "reference";

/** A folder that the tests of the file work in, removed after them. */
export function workIn(): string {
  const home = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "gradus-cli-"));
  delete process.env.npm_command; // else commands are suggested as npx runs them
  process.chdir(folder); // run folders go to ./runs, as a user sees it
  afterAll(async () => {
    process.chdir(home);
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Runs a command line in this process, on a pipe, or on a live terminal that keeps what is drawn. */
export async function gradus(line: string, drawn?: string[]): Promise<Outcome> {
  const text = { out: "", error: "" };
  const live: LiveLine = {
    draw: (frame) => void drawn?.push(frame),
    keep: () => void drawn?.push("⏎"),
  };
  const code = await run(line.split(" ").filter(Boolean), {
    out: (x) => {
      text.out += `${x}\n`;
    },
    error: (x) => {
      text.error += `${x}\n`;
    },
    colors: false,
    ...(drawn && { live: () => live }),
  });
  return { code, ...text };
}

/** The command line as it is shipped. */
export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/**
 * Runs a command line as a process of its own. `watch` sees its output as it comes, and may send
 * signals.
 */
export function spawned(
  line: string,
  watch: (out: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
  env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [main, ...line.split(" ")], {
    env: { ...process.env, ...env },
  });
  const text = { out: "", error: "" };
  child.stdout.on("data", (chunk) => {
    text.out += chunk;
    watch(text.out, (signal) => child.kill(signal));
  });
  child.stderr.on("data", (chunk) => {
    text.error += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, ...text }));
  });
}

/** Writes a folder of IDX files, as MNIST's: `size` training images of bars, one place per class. */
export async function writeImages(folder: string, size: number, { side = 8, classes = 4 } = {}) {
  const { mkdir } = await import("node:fs/promises");
  await mkdir(folder, { recursive: true });
  for (const [part, count] of [
    ["train", size],
    ["t10k", Math.ceil(size / 4)],
  ] as const) {
    const images = new Uint8Array(count * side * side);
    const labels = Uint8Array.from({ length: count }, (_, n) => n % classes);
    labels.forEach((label, n) => {
      for (let x = 0; x < side; x++) images[(n * side + 2 * label) * side + x] = 255 - (n % 50);
    });
    const code = idxTypes.ubyte;
    await writeIdx(join(folder, `${part}-images-idx3-ubyte`), {
      dtypeCode: code,
      shape: [count, side, side],
      data: images,
    });
    await writeIdx(join(folder, `${part}-labels-idx1-ubyte.gz`), {
      dtypeCode: code,
      shape: [count],
      data: labels,
    });
  }
}

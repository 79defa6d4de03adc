import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { isFast, main, spawned, workIn, writeImages } from "./support.ts";

/** A kill and what is done again takes a second or more; `GRADUS_KILLS=100` tries more moments. */
const kills = Number(process.env.GRADUS_KILLS ?? 10);
const line = "train --data bars --model mlp --epochs 6 --batch-size 4";

workIn();
beforeAll(async () => {
  expect(existsSync(main), "npm run build first").toBe(true);
  await writeImages("bars", 400);
});

/**
 * Runs a command and kills it by a signal that cannot be caught, some milliseconds after its first
 * output; whether it ended before.
 */
function endsBefore(words: string, milliseconds: number): Promise<boolean> {
  const child = spawn(process.execPath, [main, ...words.split(" ")], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), milliseconds));
  return new Promise((resolve) => child.on("close", (code) => resolve(code === 0)));
}

/** The same moments in every run. */
let seed = 1;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

const read = (run: string, name: string) => readFileSync(`${run}/${name}`);
const metrics = (run: string) =>
  read(run, "metrics.jsonl")
    .toString()
    .replace(/,"seconds":[\d.]+/g, "");

test.skipIf(!isFast)(
  `killed at ${kills} moments and resumed each time, trainings end with the same bytes`,
  { timeout: 1000 * (60 + 4 * kills) },
  async () => {
    const began = performance.now();
    expect((await spawned(`${line} --run whole`)).code).toBe(0);
    const whole = performance.now() - began;
    let killed = 0;
    for (let run = 0; killed < kills; run++) {
      // Before its first checkpoint a training has nothing to go on from, and begins anew elsewhere.
      let path = `parts${run}`;
      for (let ended = false; !ended; ) {
        const isBegun = existsSync(`${path}/last.safetensors`);
        if (!isBegun) path = `parts${run}-${killed}`;
        const words = isBegun ? `train --resume ${path}` : `${line} --run ${path}`;
        ended = await endsBefore(words, killed < kills ? 0.3 * whole * random() : 1e6);
        if (!ended) killed++;
      }
      for (const name of ["last.safetensors", "best.safetensors"])
        expect(read(path, name).equals(read("whole", name)), `${path}/${name}`).toBe(true);
      expect(metrics(path)).toBe(metrics("whole"));
    }
    expect(killed).toBe(kills);
  },
);

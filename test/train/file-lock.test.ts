import { fork } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { DataError } from "gradus";
import { xor } from "gradus/data";
import { Linear } from "gradus/nn";
import { fit, RunFolder, RunRecorder } from "gradus/train";
import { expect, test } from "vitest";
import { acquireLock } from "../../src/train/file-lock.ts";
import { temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const file = (name: string) => `${folder}/${name}`;

/** A process that lives until it is told to end, and its id. */
async function other() {
  await writeFile(file("wait.mjs"), "process.send('here'); process.on('message', () => {});");
  const child = fork(file("wait.mjs"));
  await new Promise((resolve) => child.once("message", resolve));
  const end = () =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGKILL");
    });
  return { pid: child.pid!, end };
}

test("one holder at a time; given back, the file is gone and the next gets it", async () => {
  const path = file("a.lock");
  const release = await acquireLock(path, "a");
  await expect(acquireLock(path, "a")).rejects.toThrow(
    /^a: this process has been writing there since .*\n(.*\n)?.*fix: .*remove .*a\.lock/,
  );
  await release();
  await release(); // twice is no harm
  expect(existsSync(path)).toBe(false);
  await (await acquireLock(path, "a"))();
});

test("of many at once exactly one gets a lock that a killed process left", async () => {
  const path = file("b.lock");
  const { pid, end } = await other();
  const stale = { token: "t", host: hostname(), pid, began: "", since: "then" };
  await writeFile(path, JSON.stringify(stale));
  await expect(acquireLock(path, "b")).rejects.toThrow(`b: process ${pid} has been writing`);
  await end();
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(path, "b")));
  const got = tries.filter(({ status }) => status === "fulfilled");
  expect(got.length).toBe(1);
  for (const one of got) if (one.status === "fulfilled") await one.value();
  expect(readdirSync(folder).filter((name) => name.startsWith("b.lock"))).toEqual([]);
});

test.runIf(process.platform === "linux")(
  "a process with the same number that began at another time is another",
  async () => {
    const path = file("c.lock");
    const { pid, end } = await other();
    const left = { token: "t", host: hostname(), pid, began: "another boot 1", since: "then" };
    await writeFile(path, JSON.stringify(left));
    await (await acquireLock(path, "c"))();
    await end();
  },
);

test("another host's lock and one that cannot be read are left alone", async () => {
  const path = file("d.lock");
  const far = { token: "t", host: "elsewhere", pid: 1, began: "", since: "then" };
  await writeFile(path, JSON.stringify(far));
  await expect(acquireLock(path, "d")).rejects.toThrow(/process 1 on elsewhere/);
  await writeFile(path, "{");
  await expect(acquireLock(path, "d")).rejects.toThrow(/another process is writing there/);
  expect(await readFile(path, "utf8")).toBe("{");
});

test("two trainings into one run folder: the second refuses, and the first is not disturbed", async () => {
  const run = await RunFolder.create(folder, "run");
  await run.writeConfig({});
  const again = await RunFolder.open(run.path);
  let refused: unknown;
  await fit(new Linear(2, 2), xor(), {
    epochs: 2,
    callbacks: [
      new RunRecorder(run),
      {
        async onEpochEnd(epoch: number) {
          if (epoch > 0) return;
          const second = { epochs: 1, callbacks: [new RunRecorder(again)] };
          refused = await fit(new Linear(2, 2), xor(), second).catch((error) => error);
        },
      },
    ],
  });
  expect(refused).toBeInstanceOf(DataError);
  expect((await run.readMetrics()).length).toBe(2);
  expect(existsSync(`${run.path}/run.lock`)).toBe(false);
  await fit(new Linear(2, 2), xor(), { epochs: 1, callbacks: [new RunRecorder(again)] });
});

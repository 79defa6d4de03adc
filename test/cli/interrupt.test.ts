import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { interruptible } from "../../src/cli/terminal/interrupt.ts";
import { isFast, main, type Outcome, spawned, workIn, writeImages } from "./support.ts";

workIn();
beforeAll(async () => {
  expect(existsSync(main), "npm run build first").toBe(true);
  await writeImages("bars", 2000);
});

const line = "train --data bars --model mlp --epochs 4 --batch-size 4";
/** The metrics without the times. */
const metrics = (run: string) =>
  readFileSync(`${run}/metrics.jsonl`, "utf8").replace(/,"seconds":[\d.]+/g, "");

describe.runIf(isFast)("Ctrl-C", () => {
  test("finishes the step and saves; resumed, the run ends with the same bytes", async () => {
    await spawned(`${line} --run whole`);
    let sent = false;
    const stopped = await spawned(`${line} --run parts`, (out, kill) => {
      if (!sent && /Epoch 1\/4/.test(out)) kill("SIGINT"); // somewhere in the second epoch
      sent ||= /Epoch 1\/4/.test(out);
    });
    expect(stopped.code).toBe(130);
    expect(stopped.error).toMatch(/interrupted: finishing this step/);
    const [, epoch, batch] = /stopped in epoch (\d) after batch (\d+)/.exec(stopped.out) ?? [];
    expect(Number(epoch)).toBeGreaterThanOrEqual(2);
    expect(Number(batch)).toBeGreaterThanOrEqual(0);
    expect(stopped.out).toMatch(/saved in parts\nresume: .* train --resume parts\n$/);
    expect(readdirSync("parts").some((name) => name.endsWith(".tmp"))).toBe(false);

    const resumed = await spawned("train --resume parts");
    expect(resumed.code).toBe(0);
    for (const name of ["last.safetensors", "best.safetensors"])
      expect(readFileSync(`parts/${name}`).equals(readFileSync(`whole/${name}`))).toBe(true);
    expect(metrics("parts")).toBe(metrics("whole"));
  });

  test.each([
    ["SIGTERM", 143, /asked to end \(SIGTERM\): finishing this step/],
    ["SIGHUP", 129, /the terminal was closed \(SIGHUP\): finishing/],
  ] as const)("%s does the same, with exit code %i", async (signal, code, said) => {
    const run = `by-${signal}`;
    let sent = false;
    const stopped = await spawned(`${line} --run ${run}`, (out, kill) => {
      if (!sent && /Epoch 1\/4/.test(out)) kill(signal);
      sent ||= /Epoch 1\/4/.test(out);
    });
    expect([stopped.code, stopped.error]).toEqual([code, expect.stringMatching(said)]);
    expect((await spawned(`train --resume ${run}`)).code).toBe(0);
    expect(
      readFileSync(`${run}/last.safetensors`).equals(readFileSync("whole/last.safetensors")),
    ).toBe(true);
  });

  const hasPython = spawnSync("python3", ["-c", "import pty"]).status === 0;
  test.runIf(hasPython)("a terminal that goes away is an end in order, with its exit code", () => {
    // the training has a terminal of its own, which is closed when the first epoch is saved
    const program = [
      "import os, pty, sys, time",
      "pid, terminal = pty.fork()",
      "if pid == 0: os.execv(sys.argv[1], sys.argv[1:])",
      "while not os.path.exists('away/last.safetensors'): os.read(terminal, 4096)",
      "os.close(terminal)",
      "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
    ].join("\n");
    const command = [
      process.execPath,
      main,
      ...line.split(" "),
      "--epochs",
      "500",
      "--run",
      "away",
    ];
    const { stdout } = spawnSync("python3", ["-c", program, ...command], { timeout: 50_000 });
    expect(String(stdout).trim()).toBe("129"); // 128 + SIGHUP
    expect(existsSync("away/run.lock")).toBe(false);
  });

  test("a second training into the folder of one that runs refuses; one that was killed does not count", async () => {
    const seconds: Promise<Outcome>[] = [];
    const first = await spawned(`${line} --run owned`, (out, kill) => {
      if (!/Epoch 1\/4/.test(out) || seconds.length > 0) return;
      seconds.push(spawned("train --resume owned"), spawned(`${line} --run owned`));
      void Promise.all(seconds).then(() => kill("SIGKILL"));
    });
    const [resumed, anew] = await Promise.all(seconds);
    expect(resumed).toMatchObject({
      code: 1,
      error: /^error: owned: process \d+ has been writing/,
    });
    expect(anew).toMatchObject({ code: 1, error: /there is something already/ });
    if (first.code === null) expect(existsSync("owned/run.lock")).toBe(true); // else it was the faster
    expect((await spawned("train --resume owned")).code).toBe(0);
    expect(
      readFileSync("owned/last.safetensors").equals(readFileSync("whole/last.safetensors")),
    ).toBe(true);
  });

  test("twice ends the process at once; afterwards it is as it was", async () => {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const before = process.listeners("SIGINT");
    const said: string[] = [];
    const terminal = { out: () => {}, error: (text: string) => said.push(text), colors: false };
    const heard = await interruptible({ ...terminal }, async ({ signal }) => {
      const states = [signal.aborted];
      process.emit("SIGINT");
      states.push(signal.aborted, exit.mock.calls.length > 0);
      process.emit("SIGINT");
      return states;
    });
    expect(heard).toEqual([false, true, false]);
    expect(exit.mock.calls).toEqual([[130]]);
    expect(said[0]).toMatch(/Ctrl-C again to stop at once/);
    expect(process.listeners("SIGINT")).toEqual(before);
    exit.mockRestore();
  });
});

describe("as a process", () => {
  test("errors go to standard error, with the exit code", async () => {
    const { code, out, error } = await spawned("train --epochs -1");
    expect([code, out]).toEqual([1, ""]);
    expect(error).toBe(
      'error: --epochs: "-1" is not a whole number of 1 or more.\n  fix: give one, such as --epochs 5.\n',
    );
  });
  test("GRADUS_DEBUG=1 shows the stack", async () => {
    const env = { GRADUS_DEBUG: "1" };
    const { error } = await spawned("train --epochs -1", undefined, env);
    expect(error).toMatch(/\n\s+at .*dist\/cli\/.*\.js:\d+/);
  });
  test("on a pipe no escape sequences", async () => {
    const { out } = await spawned("train --data xor --epochs 1 --run plain");
    expect(out).toMatch(/Epoch 1\/1/);
    expect(out.includes("\u001b")).toBe(false);
  });
  test("a reader that goes away early is no error", () => {
    const command = `"${process.execPath}" "${main}" train --help | head -n 1`;
    const { stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
    expect([stdout, stderr]).toEqual(["Usage: gradus train [options] [settings...]\n", ""]);
  });
  test("a training whose reader goes away ends in its folder, with its report", () => {
    const command = `"${process.execPath}" "${main}" train --data xor --epochs 30 --run piped | head -n 1; echo $?`;
    const { stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
    expect([stdout, stderr]).toEqual([expect.stringMatching(/^data .*\n0\n$/), ""]);
    expect(readFileSync("piped/metrics.jsonl", "utf8").trimEnd().split("\n").length).toBe(30);
    expect(existsSync("piped/report.html")).toBe(true);
  });
  test.runIf(existsSync("/dev/full"))("a full disk under the log", () => {
    const into = (words: string) =>
      spawnSync("sh", ["-c", `"${process.execPath}" "${main}" ${words} > /dev/full`], {
        encoding: "utf8",
      });
    const training = into("train --data xor --epochs 2 --run logged");
    expect(training.status).toBe(0);
    expect(training.stderr).toMatch(/^warning: standard output cannot be written \(ENOSPC.*\n$/);
    expect(existsSync("logged/report.html")).toBe(true);
    expect(into("config print").status).toBe(1); // its output was all there is
  });
});

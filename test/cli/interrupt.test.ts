import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { interruptible } from "../../src/cli/interrupt.ts";
import { isFast, main, spawned, workIn, writeImages } from "./support.ts";

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

  test("twice ends the process at once; afterwards it is as it was", async () => {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const before = process.listeners("SIGINT");
    const said: string[] = [];
    const terminal = { out: () => {}, error: (text: string) => said.push(text), colors: false };
    const heard = await interruptible({ ...terminal }, async (signal) => {
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
});

import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { overlapped } from "../../src/train/overlap.ts";

/** Items whose making is written down. */
function* made(log: string[], count: number): Generator<number> {
  for (let i = 0; i < count; i++) {
    log.push(`make ${i}`);
    yield i;
  }
}

describe("overlapped", () => {
  test("makes the next item while the present one runs, and reports in order", async () => {
    const log: string[] = [];
    const start = async (i: number) => {
      log.push(`start ${i}`);
      await sleep(5);
      log.push(`end ${i}`);
      return 10 * i;
    };
    const results: number[] = [];
    for await (const { result } of overlapped(made(log, 3), start)) results.push(result);
    expect(results).toEqual([0, 10, 20]);
    expect(log.join(", ")).toBe(
      "make 0, start 0, make 1, end 0, start 1, make 2, end 1, start 2, end 2",
    );
  });
  test("runs nothing ahead: after the loop is left, nothing is under way", async () => {
    const log: string[] = [];
    for await (const { item } of overlapped(made(log, 5), async () => {})) if (item === 1) break;
    expect(log).toEqual(["make 0", "make 1", "make 2"]);
  });
  test("waits for the run when the next item cannot be made", async () => {
    let ended = false;
    const items = (function* () {
      yield 0;
      throw new Error("torn file");
    })();
    const start = async () => {
      await sleep(5);
      ended = true;
    };
    const walk = async () => {
      for await (const _ of overlapped(items, start)) expect.unreachable();
    };
    await expect(walk()).rejects.toThrow("torn file");
    expect(ended).toBe(true);
  });
  test("passes on the failure of a run", async () => {
    const walk = async () => {
      for await (const _ of overlapped([1], () => Promise.reject(new Error("no memory"))))
        expect.unreachable();
    };
    await expect(walk()).rejects.toThrow("no memory");
  });
});

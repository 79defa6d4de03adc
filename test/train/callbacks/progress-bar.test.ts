import { moons } from "gradus/data";
import { fit, ProgressBar, type Screen } from "gradus/train";
import { afterEach, expect, test, vi } from "vitest";
import { liveLine } from "../../../src/train/progress.ts";
import { smallNet } from "../support.ts";

afterEach(() => vi.restoreAllMocks());

const data = moons({ size: 60, seed: 1 });
const options = { epochs: 2, batchSize: 20 };
const done = (epoch: number, bar: string) =>
  new RegExp(
    `^Epoch ${epoch}/2  3/3${bar} [\\d.]+s [\\d.]+ms/step - loss: \\d\\.\\d{4} - accuracy: [01]\\.\\d{4}$`,
  );

test("without a terminal, progress: true writes a line per epoch to the console", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await fit(smallNet(), data, { ...options, progress: true });
  expect(log.mock.calls).toEqual([
    [expect.stringMatching(done(1, ""))],
    [expect.stringMatching(done(2, ""))],
  ]);
});

test("on a terminal a line moves, and stays when its epoch is done", async () => {
  const frames: string[] = [];
  const screen: Screen = {
    out: () => expect.unreachable(),
    live: () => ({ draw: (text) => frames.push(text), keep: () => frames.push("kept") }),
    colors: false,
  };
  await fit(smallNet(), data, { ...options, callbacks: new ProgressBar({ screen }) });
  const kept = frames.flatMap((text, n) => (text === "kept" ? [frames[n - 1]] : []));
  expect(kept).toEqual([
    expect.stringMatching(done(1, " ━{12}")),
    expect.stringMatching(done(2, " ━{12}")),
  ]);
  expect(frames.length).toBeGreaterThan(4); // the first batch is drawn at once
  expect(frames[0]).toMatch(/^Epoch 1\/2 {2}1\/3 ━{4} {8} /);
});

test("a training that fails leaves its line, and the error after it", async () => {
  const frames: string[] = [];
  const line = { draw: () => {}, keep: () => frames.push("kept") };
  const screen: Screen = { out: () => {}, live: () => line, colors: true };
  const failing = { onBatchEnd: () => Promise.reject(new Error("disk")) };
  const bar = new ProgressBar({ screen });
  await expect(fit(smallNet(), data, { ...options, callbacks: [bar, failing] })).rejects.toThrow(
    "disk",
  );
  expect(frames).toEqual(["kept"]);
});

test("a line that is too wide is cut without its colors counted, and ends its rest", () => {
  const written: string[] = [];
  const stream = { columns: 5, write: (text: string) => written.push(text) };
  liveLine(stream).draw("a\x1b[36mbc\x1b[39mdef");
  liveLine(stream).keep();
  expect(written).toEqual(["\ra\x1b[36mbc\x1b[39md\x1b[K", "\n"]);
});

test("what is no yes or no is refused", async () => {
  await expect(fit(smallNet(), data, { progress: "bar" as never })).rejects.toThrow(
    /fit: .*progress.*bar/,
  );
});

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, DataError, FormatError } from "gradus";
import { moons } from "gradus/data";
import {
  type Callback,
  fit,
  loadCheckpoint,
  RunFolder,
  RunRecorder,
  TerminateOnNaN,
} from "gradus/train";
import { describe, expect, test, vi } from "vitest";
import { smallNet, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);

describe("RunFolder", () => {
  test("numbers: name, name2, name3, also when they are made at once", async () => {
    const parent = at("numbered");
    const made = await Promise.all(Array.from({ length: 5 }, () => RunFolder.create(parent, "a")));
    expect(made.map((run) => run.path).sort()).toEqual(
      ["a", "a2", "a3", "a4", "a5"].map((name) => join(parent, name)),
    );
  });
  test("a parent that is a file is an error, not an endless search", async () => {
    await writeFile(at("file"), "");
    await expect(RunFolder.create(at("file"), "a")).rejects.toThrow(DataError);
  });
  test("takes a folder that is new or empty, and no other", async () => {
    await mkdir(at("empty"));
    expect((await RunFolder.at(at("empty"))).path).toBe(at("empty"));
    expect((await RunFolder.at(at("new", "deep"))).path).toBe(at("new", "deep"));
    await writeFile(at("empty", "thesis.txt"), "");
    await expect(RunFolder.at(at("empty"))).rejects.toThrow(ConfigError);
    await expect(RunFolder.at(at("empty"))).rejects.toThrow(/something already \(thesis\.txt\)/);
  });
  test("opens only what is a run", async () => {
    const run = await RunFolder.create(folder, "opened");
    await expect(RunFolder.open(run.path)).rejects.toThrow(DataError);
    await run.writeConfig({ a: [1, null, "x"] });
    expect(await (await RunFolder.open(run.path)).readConfig()).toEqual({ a: [1, null, "x"] });
  });
  test("a config or metrics that are no JSON are a FormatError with the line", async () => {
    const run = await RunFolder.create(folder, "broken");
    await writeFile(run.file("config.json"), '{"a": ');
    await expect(run.readConfig()).rejects.toThrow(FormatError);
    await writeFile(run.file("config.json"), "[]");
    await expect(run.readConfig()).rejects.toThrow(/expected a JSON object, found \[\]/);
    await writeFile(run.file("metrics.jsonl"), '{"epoch":1}\n{"epo');
    await expect(run.readMetrics()).rejects.toThrow(/metrics\.jsonl line 2: not JSON/);
  });
  test("numbers that JSON has not come back in config and metrics", async () => {
    const run = await RunFolder.create(folder, "numbers");
    const numbers = {
      a: Number.POSITIVE_INFINITY,
      b: Number.NEGATIVE_INFINITY,
      c: -0,
      d: Number.NaN,
    };
    await run.writeConfig({ numbers, text: "Infinity" });
    await run.writeMetrics([numbers]);
    expect(await run.readConfig()).toStrictEqual({ numbers, text: "Infinity" });
    expect(await run.readMetrics()).toStrictEqual([numbers]);
  });
  test("what a killed process left half-written is removed, and nothing else", async () => {
    const run = await RunFolder.create(folder, "killed");
    const torn = `.last.safetensors.${crypto.randomUUID()}.tmp`;
    for (const name of ["config.json", torn, ".hidden.tmp", "notes.tmp"])
      await writeFile(join(run.path, name), "");
    await run.removeTorn();
    expect((await readdir(run.path)).sort()).toEqual([".hidden.tmp", "config.json", "notes.tmp"]);
  });
  test("discards what holds no checkpoint, and never a file that is not ours", async () => {
    const run = await RunFolder.create(folder, "discarded");
    await run.writeConfig({});
    await writeFile(join(run.path, "notes.txt"), "mine");
    expect(await run.discard()).toBe(true);
    expect(await readdir(run.path)).toEqual(["notes.txt"]);
    await writeFile(run.file("last.safetensors"), "");
    expect(await run.discard()).toBe(false);
  });
});

describe("RunRecorder", () => {
  const data = moons({ size: 20 });
  const options = { epochs: 3, batchSize: 8, validation: moons({ size: 8, seed: 2 }) };
  const linesOf = async (run: RunFolder) => {
    const text = await readFile(run.file("metrics.jsonl"), "utf8");
    return text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  test("writes a line per epoch, the best weights and the last state, and nothing else", async () => {
    const run = await RunFolder.create(folder, "recorded");
    const history = await fit(smallNet(), data, { ...options, callbacks: [new RunRecorder(run)] });
    expect((await readdir(run.path)).sort()).toEqual([
      "best.safetensors",
      "last.safetensors",
      "metrics.csv",
      "metrics.jsonl",
    ]);
    const lines = await linesOf(run);
    expect(lines.map(({ seconds: _, ...logs }) => logs)).toEqual(
      history.epochs.map((logs, i) => ({ epoch: i + 1, ...logs })),
    );
    const best = history.best("val_loss")!.epoch;
    expect((await loadCheckpoint(run.file("best.safetensors"))).position.epoch).toBe(best + 1);
    expect((await loadCheckpoint(run.file("last.safetensors"))).position.epoch).toBe(3);
  });
  test("a metrics.csv that cannot be written ends nothing", async () => {
    const run = await RunFolder.create(folder, "no-table");
    await mkdir(run.file("metrics.csv"));
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const callbacks = [new RunRecorder(run)];
    expect((await fit(smallNet(), data, { ...options, callbacks })).epochs).toHaveLength(3);
    expect(String(warn.mock.calls[0])).toMatch(
      /metrics.csv cannot be written, and training goes on/,
    );
    warn.mockRestore();
    expect((await loadCheckpoint(run.file("last.safetensors"))).position.epoch).toBe(3);
    expect(await run.readMetrics()).toHaveLength(3);
  });
  test("keeps the very step of an error in an epoch, and goes on from it to the same lines", async () => {
    const run = await RunFolder.create(folder, "failing");
    const fail: Callback = {
      onBatchEnd(_batch, _logs, { position }) {
        if (position.step === 5) throw new Error("power cut");
      },
    };
    const callbacks = [new RunRecorder(run), fail];
    await expect(fit(smallNet(), data, { ...options, callbacks })).rejects.toThrow("power cut");
    const last = await loadCheckpoint(run.file("last.safetensors"));
    expect(last.position).toMatchObject({ epoch: 1, batch: 2, step: 5 });
    const resumed = { ...options, callbacks: [new RunRecorder(run)], resume: last };
    const history = await fit(smallNet(), data, resumed);
    const lines = await linesOf(run);
    expect(lines.map(({ epoch, loss }) => [epoch, loss])).toEqual(
      (await fit(smallNet(), data, options)).epochs.map(({ loss }, i) => [i + 1, loss]),
    );
    expect(history.epochs.length).toBe(3);
  });
  test("saves nothing of a training whose loss is NaN, and keeps the epochs before", async () => {
    const run = await RunFolder.create(folder, "nan");
    const lr = (step: number) => (step < 3 ? 0.01 : 1e38);
    const callbacks = [new TerminateOnNaN(), new RunRecorder(run)];
    await expect(fit(smallNet(), data, { ...options, lr, callbacks })).rejects.toThrow(
      /became (NaN|Infinity)/,
    );
    expect((await loadCheckpoint(run.file("last.safetensors"))).position.epoch).toBe(1);
    expect((await linesOf(run)).length).toBe(1);
  });
});

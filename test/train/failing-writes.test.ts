import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineInfo } from "gradus";
import { xor } from "gradus/data";
import { mlp } from "gradus/models";
import { fit, loadCheckpoint, RunFolder, RunRecorder } from "gradus/train";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { GradusError } from "../../src/base/index.ts";
import { plan } from "../support/failing-disk.ts";

vi.mock("node:fs/promises", async (original) =>
  (await import("../support/failing-disk.ts")).failingDisk(await original()),
);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gradus-disk-"));
});
afterAll(() => rm(root, { recursive: true }));

const data = xor({ size: 12 });
const net = () => mlp({ inputShape: [2], classes: 2, hidden: [3], seed: 1 });

/** Trains into the folder, going on from what is there. */
async function train(path: string): Promise<void> {
  const isThere = await RunFolder.open(path).catch(() => undefined);
  const folder = isThere ?? (await RunFolder.at(path));
  await folder.removeTorn();
  if (!isThere) await folder.writeConfig({});
  const resume = (await folder.has("last.safetensors"))
    ? await loadCheckpoint(folder.file("last.safetensors"))
    : undefined;
  await fit(net(), data, {
    ...{ epochs: 3, batchSize: 6, validation: data, seed: 3 },
    ...(resume && { resume }),
    callbacks: [new RunRecorder(folder)],
  });
}

const metricsOf = async (path: string) =>
  (await readFile(join(path, "metrics.jsonl"), "utf8")).replace(/"seconds":[^,}]*/g, "");
const bytesOf = async (path: string) =>
  Promise.all(["last", "best"].map((name) => readFile(join(path, `${name}.safetensors`))));

test.skipIf(engineInfo().name === "reference")(
  "a training whose n-th write fails leaves whole files, and goes on to the same bytes, for every n",
  async () => {
    const whole = join(root, "whole");
    await train(whole);
    const expected = await bytesOf(whole);
    const count = plan.calls;
    expect(count).toBeGreaterThan(50);
    for (let n = 1; n <= count; n++) {
      const path = join(root, `n${n}`);
      Object.assign(plan, { fails: n, calls: 0 });
      const thrown = await train(path).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (thrown !== undefined) expect(thrown, `call ${n}`).toBeInstanceOf(GradusError);
      plan.fails = 0;
      const names = await readdir(path).catch(() => []);
      expect(names.filter((name) => name.endsWith(".tmp"))).toEqual([]);
      for (const name of names.filter((name) => name.endsWith(".safetensors")))
        await loadCheckpoint(join(path, name)); // whole, by its checksums
      await train(path);
      const same = (await bytesOf(path)).map((bytes, i) => bytes.equals(expected[i]!));
      expect(same, `call ${n}`).toEqual([true, true]);
      expect(await metricsOf(path), `call ${n}`).toBe(await metricsOf(whole));
    }
  },
);

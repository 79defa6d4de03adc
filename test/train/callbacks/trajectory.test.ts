/** What a training leaves of its path: which steps, how many, the same after an interruption. */
import { mkdtempSync, rmSync } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { xor } from "gradus/data";
import { Linear, Sequential, seeded, Tanh } from "gradus/nn";
import { momentum } from "gradus/optim";
import {
  type Callback,
  fit,
  readTrajectory,
  saveCheckpoint,
  TrajectoryRecorder,
} from "gradus/train";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "gradus-trajectory-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const net = () => seeded(1, () => new Sequential(new Linear(2, 3), new Tanh(), new Linear(3, 2)));
const data = xor({ size: 40 });
const train = (path: string, epochs: number, callbacks: Callback[] = [], resume?: string) => {
  const model = net();
  const options = { epochs, batchSize: 10, optimizer: momentum(), resume };
  return fit(model, data, {
    ...options,
    callbacks: [new TrajectoryRecorder(path), ...callbacks],
  }).then(() => model);
};

test("a short training leaves every step, from the first weights to the last", async () => {
  const model = await train(at("short"), 2);
  const { steps, points, parameters } = (await readTrajectory(at("short")))!;
  expect(steps).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(parameters.map(({ path, shape }) => [path, shape])).toEqual([
    ["layers.0.weight", [3, 2]],
    ["layers.0.bias", [3]],
    ["layers.2.weight", [2, 3]],
    ["layers.2.bias", [2]],
  ]);
  const first = net().parameters();
  expect([...points[0]!.subarray(0, 6)]).toEqual([...first["layers.0.weight"]!.value.dataSync()]);
  expect([...points[8]!.subarray(9, 15)]).toEqual([
    ...model.parameters()["layers.2.weight"]!.value.dataSync(),
  ]);
});

test("a longer one is thinned to 40 points and its end", async () => {
  await train(at("long"), 23); // 92 steps
  const { steps } = (await readTrajectory(at("long")))!;
  expect(steps).toEqual(Array.from({ length: 24 }, (_, i) => 4 * i));
});

test("broken off and resumed, the file is the same to the byte", async () => {
  await train(at("whole"), 25);
  const stop: Callback = {
    onBatchEnd: (_batch, _logs, training) => {
      if (training.position.step === 50) training.stop("enough");
    },
    onTrainEnd: (training) => saveCheckpoint(at("checkpoint"), training),
  };
  await train(at("parts"), 25, [stop]);
  expect((await readTrajectory(at("parts")))!.steps.at(-1)).toBe(50);
  await train(at("parts"), 25, [], at("checkpoint"));
  expect(await readFile(at("parts"))).toEqual(await readFile(at("whole")));
});

test("killed between the checkpoint and the file of an epoch, it is the same to the byte", async () => {
  await train(at("all"), 25);
  for (const killed of [1, 2, 9, 10, 11, 20]) {
    const file = at(`killed${killed}`);
    const checkpoint = at(`at${killed}`);
    const torn = at(`torn${killed}`);
    const kill: Callback = {
      saves: true, // before the file of the trajectory, which is optional
      async onEpochEnd(epoch, _logs, training) {
        if (epoch !== killed - 1) return;
        if (killed > 1) await copyFile(file, torn);
        await saveCheckpoint(checkpoint, training);
      },
    };
    await train(file, killed, [kill]);
    await train(torn, 25, [], checkpoint); // the file of the epoch before, or none
    expect(await readFile(torn)).toEqual(await readFile(at("all")));
  }
});

test("no file is no trajectory, and another file is refused", async () => {
  expect(await readTrajectory(at("nothing"))).toBeUndefined();
  await expect(readTrajectory(at("checkpoint"))).rejects.toThrow(
    /not a trajectory.*gradus checkpoint/s,
  );
});

import { readFile } from "node:fs/promises";
import { moons, xor } from "gradus/data";
import { Linear } from "gradus/nn";
import {
  type Callback,
  CSVLogger,
  EarlyStopping,
  evaluate,
  type FitOptions,
  fit,
  LearningRateScheduler,
  loadCheckpoint,
  ModelCheckpoint,
  ReduceLROnPlateau,
  saveCheckpoint,
} from "gradus/train";
import { describe, expect, test } from "vitest";
import { smallNet, stateOf, temporaryFolder } from "../support.ts";

const folder = temporaryFolder();

/** Makes the history say what a test wants. */
const pretending = (losses: readonly number[]): Callback => ({
  quantities: ["val_loss"],
  onEpochEnd(epoch, logs, { history }) {
    history.epochs[epoch] = { ...logs, val_loss: losses[epoch]! };
  },
});

describe("EarlyStopping means by its options what Keras does", () => {
  const epochs = async (
    losses: number[],
    options: ConstructorParameters<typeof EarlyStopping>[0],
  ) => {
    const callbacks = [pretending(losses), new EarlyStopping(options)];
    const history = await fit(new Linear(2, 2), xor(), { epochs: losses.length, callbacks });
    return history.epochs.length;
  };
  test("startFromEpoch: what was before is neither best nor waited for", async () => {
    expect(await epochs([1, 2, 3, 4, 5], { patience: 2, startFromEpoch: 2 })).toBe(5);
    expect(await epochs([1, 2, 9, 8, 7], { patience: 1, startFromEpoch: 2 })).toBe(5);
    expect(await epochs([1, 2, 3, 4, 5], { patience: 1, startFromEpoch: 2 })).toBe(4);
  });
  test("baseline: improvements that do not better it do not count", async () => {
    expect(await epochs([9, 8, 7, 6], { patience: 2, baseline: 5 })).toBe(2);
    expect(await epochs([9, 4, 3, 2], { patience: 2, baseline: 5 })).toBe(4);
    expect(await epochs([9, 4, 4, 4, 4], { patience: 2, baseline: 5 })).toBe(4);
  });
  test("NaN is no improvement", async () => {
    expect(await epochs([3, Number.NaN, Number.NaN, 2], { patience: 2 })).toBe(3);
  });
  test("a wrong number says so", () => {
    expect(() => new EarlyStopping({ startFromEpoch: 0.5 })).toThrow(/startFromEpoch is 0.5/);
  });
});

describe("restoreBestWeights", () => {
  const data = moons({ size: 40, noise: 0.1 });
  const validation = moons({ size: 20, noise: 0.1, seed: 1 });
  const lr = (step: number) => (step < 10 ? 0.02 : 5); // two good epochs, then ruin
  const options = { epochs: 6, batchSize: 8, validation, lr } satisfies FitOptions;
  const stopping = () => new EarlyStopping({ patience: 3, restoreBestWeights: true });
  test("gives the model its best epoch back, and files its last", async () => {
    const model = smallNet();
    const path = `${folder}/last.safetensors`;
    const last: Callback = { onTrainEnd: (training) => saveCheckpoint(path, training) };
    const history = await fit(model, data, { ...options, callbacks: [stopping(), last] });
    expect([history.epochs.length, history.best("val_loss")?.epoch]).toEqual([5, 1]);
    expect((await evaluate(model, validation)).loss).toBe(history.epochs[1]!.val_loss);
    const { tensors } = await loadCheckpoint(path);
    expect([...tensors.get("layers.0.weight")!.data]).not.toEqual(
      stateOf(model)["layers.0.weight"],
    );
    expect([...tensors.keys()].some((name) => name.startsWith("callbacks"))).toBe(false);
  });
  test("across a resumption", async () => {
    const path = `${folder}/best-resumed.safetensors`;
    const whole = smallNet();
    await fit(whole, data, { ...options, callbacks: [stopping()] });
    // it is broken off in an epoch after the best one
    const controller = new AbortController();
    const stop: Callback = {
      onBatchEnd: (_batch, _logs, { position }) => position.step === 18 && controller.abort(),
      onTrainEnd: (training) => saveCheckpoint(path, training),
    };
    const { signal } = controller;
    const first = smallNet();
    await fit(first, data, { ...options, signal, callbacks: [stopping(), stop] });
    const resumed = smallNet();
    await fit(resumed, data, { ...options, resume: path, callbacks: [stopping()] });
    expect(stateOf(resumed)).toEqual(stateOf(whole));
    expect(stateOf(first)).not.toEqual(stateOf(whole)); // interrupted: the model stays where it was
  });
});

describe("ReduceLROnPlateau", () => {
  const rates = async (
    losses: number[],
    options: ConstructorParameters<typeof ReduceLROnPlateau>[0],
  ) => {
    const callbacks = [pretending(losses), new ReduceLROnPlateau(options)];
    const history = await fit(new Linear(2, 2), xor(), { epochs: losses.length, lr: 8, callbacks });
    return history.get("lr");
  };
  test("falls after `patience` epochs without improvement, by Keras' count", async () => {
    const options = { factor: 0.5, patience: 2 };
    expect(await rates([5, 5, 5, 5, 5, 5], options)).toEqual([8, 8, 8, 4, 4, 2]);
    expect(await rates([5, 4, 4, 3, 3, 3, 3], options)).toEqual([8, 8, 8, 8, 8, 8, 4]);
    expect(await rates([5, 5, 5, 5], { factor: 0.5, patience: 1 })).toEqual([8, 8, 4, 2]);
  });
  test("puts up with small changes, cools down, and stops at minLr", async () => {
    expect(await rates([5, 4.9, 4.8, 4.7], { factor: 0.5, patience: 2, minDelta: 1 })).toEqual([
      8, 8, 8, 4,
    ]);
    const cool = { factor: 0.5, patience: 1, cooldown: 2 };
    expect(await rates([5, 5, 5, 5, 5, 5], cool)).toEqual([8, 8, 4, 4, 2, 2]);
    const least = { factor: 0.5, patience: 1, minLr: 3 };
    expect(await rates([5, 5, 5, 5], least)).toEqual([8, 8, 4, 3]);
  });
  test("and a schedule of steps exclude each other", async () => {
    const callbacks = [pretending([1, 1, 1]), new ReduceLROnPlateau({ patience: 1 })];
    const training = fit(new Linear(2, 2), xor(), { lr: () => 0.1, callbacks });
    await expect(training).rejects.toThrow(/sets lr to 0.01.*, and lr is a schedule/);
    expect(() => new ReduceLROnPlateau({ factor: 1 })).toThrow(/factor is 1/);
  });
});

test("LearningRateScheduler is asked at each epoch, with the rate so far", async () => {
  const callbacks = [new LearningRateScheduler((epoch, lr) => (epoch === 0 ? lr : lr / 2))];
  const history = await fit(new Linear(2, 2), xor(), { epochs: 3, lr: 4, callbacks });
  expect(history.get("lr")).toEqual([4, 2, 1]);
});

test("CSVLogger writes a row per epoch, and on resumption those of the whole training", async () => {
  const path = `${folder}/log.csv`;
  const checkpoint = `${folder}/csv.safetensors`;
  const run = (epochs: number, callbacks: Callback[], resume?: string) =>
    fit(smallNet(), xor(), { epochs, callbacks, resume });
  await run(2, [new CSVLogger(path, { separator: ";" }), new ModelCheckpoint(checkpoint)]);
  const history = await run(3, [new CSVLogger(path, { separator: ";" })], checkpoint);
  const lines = (await readFile(path, "utf8")).split("\n");
  expect(lines.slice(0, 1)).toEqual(["epoch;loss;accuracy;lr"]);
  expect(lines.slice(1)).toEqual([
    ...history.epochs.map(({ loss, accuracy, lr }, n) => [n + 1, loss, accuracy, lr].join(";")),
    "",
  ]);
});

describe("a training with callbacks that remember is the same to the last bit when resumed", () => {
  const data = moons({ size: 50, noise: 0.1 });
  const validation = moons({ size: 20, noise: 0.1, seed: 1 });
  const options = { epochs: 5, batchSize: 8, seed: 5, lr: 0.3, validation } satisfies FitOptions;
  /** Two plateaus of the same kind, and savers on both sides of them. */
  const callbacks = (path: string, step: number): Callback[] => [
    new ModelCheckpoint(`${path}.epoch`),
    new ReduceLROnPlateau({ factor: 0.5, patience: 1, minDelta: 0.5, cooldown: 1 }),
    new LearningRateScheduler((epoch, lr) => lr * (epoch === 3 ? 0.9 : 1)),
    new ReduceLROnPlateau({ monitor: "loss", factor: 0.9, patience: 2, minDelta: 0.1 }),
    {
      onBatchEnd(_batch, _logs, training) {
        if (training.position.step === step) training.stop("the test stops it");
      },
      onTrainEnd: (training) => saveCheckpoint(path, training),
    },
  ];
  const run = async (name: string, step: number, resume?: string) => {
    const path = `${folder}/${name}.safetensors`;
    await fit(smallNet(), data, { ...options, callbacks: callbacks(path, step), resume });
    return path;
  };
  test.each([
    ["in an epoch", 17, ""],
    ["at the end of an epoch, from the file of a saver that comes first", 14, ".epoch"],
  ])("%s", async (_, step, suffix) => {
    const whole = await run("whole", -1);
    const stopped = (await run(`part-${step}`, step + (suffix ? 1 : 0))) + suffix;
    const { position, states } = await loadCheckpoint(stopped);
    expect(position.lr).toBeLessThan(0.3);
    expect(Object.keys(states)).toEqual(["ReduceLROnPlateau", "ReduceLROnPlateau2"]);
    const resumed = await run(`rest-${step}`, -1, stopped);
    expect((await readFile(resumed)).equals(await readFile(whole))).toBe(true);
  });
});

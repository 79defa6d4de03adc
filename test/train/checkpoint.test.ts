import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, engineInfo, FormatError, type Shape, type Tensor } from "gradus";
import { blobs, moons } from "gradus/data";
import { decodeSafetensors, writeSafetensors } from "gradus/formats";
import { Linear, Sequential } from "gradus/nn";
import { adam, cosine, Optimizer, sgd } from "gradus/optim";
import {
  type Callback,
  EarlyStopping,
  evaluate,
  type FitOptions,
  fit,
  History,
  loadCheckpoint,
  ModelCheckpoint,
  restore,
  saveCheckpoint,
  type Training,
} from "gradus/train";
import { describe, expect, test, vi } from "vitest";
import { smallNet, stateOf, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const data = moons({ size: 50, noise: 0.1 });
const validation = moons({ size: 20, noise: 0.1, seed: 1 });

/** 4 epochs of 7 batches, the last of 2 examples: dropout, Adam and a schedule, with metrics. */
const options: FitOptions = {
  epochs: 4,
  batchSize: 8,
  seed: 5,
  lr: cosine(0.01, { steps: 28 }),
  validation,
};

/** Saves when training ends, and ends it after so many steps. */
const stopAt = (step: number, path: string): Callback => ({
  onBatchEnd(_batch, _logs, training) {
    if (training.position.step === step) training.stop("the test stops it");
  },
  onTrainEnd: (training) => saveCheckpoint(path, training),
});

/** Trains in one go, or in sessions that end after the given steps; all that comes of it. */
async function train(sessions: readonly number[]): Promise<{
  model: Record<string, number[]>;
  optimizer: Record<string, number[]>;
  epochs: History["epochs"];
  position: unknown;
}> {
  const path = file(`${["stopped", ...sessions].join("-")}.safetensors`);
  for (const [i, step] of [...sessions, Number.POSITIVE_INFINITY].entries()) {
    const model = smallNet(); // each session is a process of its own: nothing is left but the file
    const resume = i > 0 ? { resume: path } : {};
    await fit(model, data, { ...options, ...resume, callbacks: [stopAt(step, path)] });
  }
  const { position, history } = await loadCheckpoint(path);
  const model = smallNet();
  const optimizer = new Optimizer(model, adam());
  restore(await loadCheckpoint(path), { model, optimizer });
  const memory = Object.entries(optimizer.state()).map(([name, x]) => [
    name,
    [...x.value.dataSync()],
  ]);
  return {
    model: stateOf(model),
    optimizer: Object.fromEntries(memory),
    epochs: history.epochs,
    position,
  };
}

describe("a resumed training ends bit-identical to one that never stopped", () => {
  test.each([
    ["after epoch 2", [14]],
    ["in the middle of an epoch", [9]],
    ["before the smaller last batch", [6]],
    ["twice, once after one step", [1, 17]],
  ])("%s", async (_, sessions) => {
    const whole = await train([]);
    expect(whole.position).toEqual({
      epoch: 4,
      batch: 0,
      step: 28,
      sums: { examples: 0, sums: {} },
    });
    expect(await train(sessions)).toEqual(whole);
  });

  test("and its file has the same bytes", async () => {
    await train([]);
    await train([11]);
    const [a, b] = [file("stopped.safetensors"), file("stopped-11.safetensors")];
    expect((await readFile(a)).equals(await readFile(b))).toBe(true);
  });

  test("the random layers are part of it: their counters are in the file", async () => {
    await train([3]);
    const { tensors } = decodeSafetensors(await readFile(file("stopped-3.safetensors")));
    expect([...tensors.keys()]).toContain("layers.2.random.state");
    expect([...tensors.keys()].filter((name) => name.startsWith("optimizer/"))).toContain(
      "optimizer/layers.0.weight.m",
    );
  });
});

test("a training that stopped early does not go on by being resumed", async () => {
  const path = file("early.safetensors");
  // a learning rate of 0: nothing ever improves
  const early = { ...options, lr: 0, epochs: 10 };
  const sessions = async (resume: { resume?: string }) => {
    const callbacks = [new EarlyStopping({ patience: 2 }), stopAt(-1, path)];
    return fit(smallNet(), data, { ...early, ...resume, callbacks });
  };
  const first = await sessions({});
  expect(first.epochs.length).toBe(3);
  const second = await sessions({ resume: path });
  expect(second).toEqual(first);
});

test("ModelCheckpoint keeps the best weights, or each epoch's", async () => {
  const best = file("best.safetensors");
  const model = smallNet();
  const lr = (step: number) => (step < 14 ? 0.02 : 5); // two good epochs, then two that ruin it
  const history = await fit(model, data, {
    ...options,
    lr,
    callbacks: [
      new ModelCheckpoint(best, { saveBestOnly: true, saveWeightsOnly: true }),
      new ModelCheckpoint((epoch) => file(`epoch-${epoch}.safetensors`)),
    ],
  });
  expect(history.best("val_loss")?.epoch).toBe(1);
  restore(await loadCheckpoint(best), { model });
  expect(await evaluate(model, validation)).toEqual({
    loss: history.epochs[1]!.val_loss,
    accuracy: history.epochs[1]!.val_accuracy,
  });
  for (let epoch = 0; epoch < 4; epoch++)
    expect((await loadCheckpoint(file(`epoch-${epoch}.safetensors`))).position.epoch).toBe(
      epoch + 1,
    );
  const { tensors } = await loadCheckpoint(best);
  expect([...tensors.keys()].some((name) => name.startsWith("optimizer/"))).toBe(false);
});

describe("refuses", () => {
  const saved = async (name: string): Promise<string> => {
    const path = file(name);
    await fit(smallNet(), data, { ...options, epochs: 1, callbacks: [stopAt(-1, path)] });
    return path;
  };
  test("a model of another shape, another name, another optimizer, and changes nothing", async () => {
    const checkpoint = await loadCheckpoint(await saved("shapes.safetensors"));
    const refused = (model: Sequential, message: RegExp, optimizer?: Optimizer) => {
      const before = stateOf(model);
      const into = optimizer ? { model, optimizer } : { model };
      expect(() => restore(checkpoint, into)).toThrow(FormatError);
      expect(() => restore(checkpoint, into)).toThrow(message);
      expect(stateOf(model)).toEqual(before);
    };
    refused(smallNet(3), /"layers\.0\.weight" is \[16, 2\] in it and \[16, 3\] in the model/);
    refused(
      new Sequential(new Linear(2, 16)),
      /has "layers\.2\.random\.state", which they have not/,
    );
    refused(new Sequential(...smallNet().layers, new Linear(2, 2)), /has no "layers\.4\.weight"/);
    const model = smallNet();
    refused(
      model,
      /has no "optimizer\/layers\.0\.weight\.vMax"/,
      new Optimizer(model, adam({ amsgrad: true })),
    );
    refused(model, /has "optimizer\/layers\.0\.weight\.m"/, new Optimizer(model, sgd()));
  });
  test("other settings than the training had", async () => {
    const resume = await saved("settings.safetensors");
    const failing = (change: FitOptions, split = data) =>
      expect(fit(smallNet(), split, { ...options, ...change, resume })).rejects;
    await failing({ batchSize: 9 }).toThrow(/with batchSize 8, not 9/);
    await failing({ seed: 6 }).toThrow(/with seed 5, not 6/);
    await failing({}, moons({ size: 51 })).toThrow(/with examples 50, not 51/);
  });
  test("files that are missing, torn, of another kind or with metadata that mean nothing", async () => {
    const path = await saved("whole.safetensors");
    const bytes = await readFile(path);
    await expect(loadCheckpoint(file("none.safetensors"))).rejects.toThrow(DataError);
    for (const length of [0, 7, 100, bytes.length - 1]) {
      await writeFile(file("torn.safetensors"), bytes.subarray(0, length));
      await expect(loadCheckpoint(file("torn.safetensors"))).rejects.toThrow(
        /^(?!internal)[\s\S]*fix: /,
      );
    }
    const { tensors, metadata } = decodeSafetensors(bytes);
    const withMetadata = async (change: Record<string, string>) => {
      await writeSafetensors(file("changed.safetensors"), tensors, { ...metadata, ...change });
      return loadCheckpoint(file("changed.safetensors"));
    };
    await expect(withMetadata({ format: "pt" })).rejects.toThrow(FormatError);
    await expect(withMetadata({ format: "pt" })).rejects.toThrow(/its format is "pt", expected/);
    for (const [name, text] of [
      ["position", "{"],
      ["position", "{}"],
      ["position", '{"epoch":0.5,"batch":0,"step":0,"sums":{"examples":0,"sums":{}}}'],
      ["settings", "[1]"],
      ["history", '{"loss":1}'],
      ["history", "[1]"],
    ] as const)
      await expect(withMetadata({ [name]: text })).rejects.toThrow(FormatError);
  });
});

test("a diverged history comes back with its NaN", async () => {
  const path = file("nan.safetensors");
  const keep: { training?: Training } = {};
  await fit(new Linear(2, 3), blobs(), {
    epochs: 1,
    callbacks: [{ onTrainEnd: (training) => Object.assign(keep, { training }) }],
  });
  keep.training!.history.epochs[0] = { loss: Number.NaN, accuracy: 0.5 };
  await saveCheckpoint(path, keep.training!);
  expect((await loadCheckpoint(path)).history.epochs).toEqual([
    { loss: Number.NaN, accuracy: 0.5 },
  ]);
});

test("a training that goes on where another began says that its bits differ, once", async () => {
  const path = file("elsewhere.safetensors");
  await fit(smallNet(), data, { epochs: 1, callbacks: [new ModelCheckpoint(path)] });
  const { platform, ...checkpoint } = await loadCheckpoint(path);
  const { name, isa } = engineInfo();
  expect(platform).toEqual({ version: "0.1.0", engine: name, ...(isa && { isa }) });
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const resume = (before: typeof platform) =>
    fit(smallNet(), data, { epochs: 1, resume: { ...checkpoint, platform: before } });
  await resume(platform);
  await resume(undefined);
  expect(warn).not.toHaveBeenCalled();
  const other = { ...platform!, engine: "abacus", isa: "beads" };
  await resume(other);
  await resume(other);
  expect(warn).toHaveBeenCalledTimes(1);
  expect(String(warn.mock.calls[0])).toMatch(
    /written by gradus 0.1.0, engine abacus, instruction set beads, and goes on with .*: the last bits will differ/,
  );
  warn.mockRestore();
});

test("numbers that JSON has not come back in history, position, states and config", async () => {
  const numbers = {
    a: Number.POSITIVE_INFINITY,
    b: Number.NEGATIVE_INFINITY,
    c: -0,
    d: Number.NaN,
  };
  const model = new Linear(2, 2);
  const saved = {
    model,
    optimizer: new Optimizer(model, sgd()),
    settings: { seed: 0, batchSize: 1, examples: 4 },
    position: { epoch: 1, batch: 1, step: 5, sums: { examples: 1, sums: numbers } },
    history: new History([numbers]),
    config: { ...numbers, text: "NaN", list: [-0, "-0"] },
    states: { Mine: { json: { best: numbers } } },
  };
  await saveCheckpoint(file("numbers.safetensors"), saved);
  const { position, history, config, states } = await loadCheckpoint(file("numbers.safetensors"));
  expect(position).toStrictEqual(saved.position);
  expect(history.epochs).toStrictEqual([numbers]);
  expect(config).toStrictEqual(saved.config);
  expect(states.Mine!.json).toStrictEqual({ best: numbers });
});

test("a resumed early stopping that watches infinities stops at the same place", async () => {
  // ∞ is best in epoch 1 and never bettered: 3 epochs later it ends; were it NaN, it would end in epoch 3
  const path = file("infinite.safetensors");
  const metrics = { m: (y: Tensor) => y.sum().mul(0).add(Number.POSITIVE_INFINITY) };
  const run = (more: FitOptions, ...others: Callback[]) => {
    const stopping = new EarlyStopping({ monitor: "m", mode: "min", patience: 3 });
    const callbacks = [stopping, ...others];
    return fit(smallNet(), data, { epochs: 9, batchSize: 50, metrics, ...more, callbacks });
  };
  const whole = await run({});
  await run({ epochs: 2 }, new ModelCheckpoint(path));
  const resumed = await run({ resume: path });
  expect(resumed).toEqual(whole);
  expect(whole.epochs).toHaveLength(4);
});

test("the config travels with the checkpoint", async () => {
  const path = file("config.safetensors");
  const config = { model: "mlp", sizes: [2, 16, 2] satisfies Shape };
  await fit(smallNet(), data, { epochs: 1, config, callbacks: [new ModelCheckpoint(path)] });
  expect((await loadCheckpoint(path)).config).toEqual(config);
});

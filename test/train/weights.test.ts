import { hostArray, type Tensor } from "gradus";
import { makeSplit, moons, type Split, xor } from "gradus/data";
import { BatchNorm1d, Linear, type Module, Sequential, seeded, Tanh } from "gradus/nn";
import { Optimizer, sgd } from "gradus/optim";
import { type FitOptions, fit, loadCheckpoint, ModelCheckpoint } from "gradus/train";
import { describe, expect, test } from "vitest";
import { smallNet, stateOf, temporaryFolder } from "./support.ts";

/** One weight w = 0 at inputs 1: the logit is w, and the gradient of cross-entropy σ(0) − y = ½ − y. */
const oneWeight = () => {
  const model = new Linear(1, 1, { bias: false });
  model.weight.value = model.weight.value.mul(0);
  return model;
};
const answers = (...labels: number[]): Split =>
  makeSplit(
    hostArray([labels.length, 1], new Float32Array(labels.length).fill(1)),
    hostArray([labels.length], Int32Array.from(labels)),
  );
/** What one step of rate 1 does to the weight: minus its gradient. */
const moved = async (split: Split, options: FitOptions) => {
  const model = oneWeight();
  const history = await fit(model, split, {
    ...{ epochs: 1, batchSize: split.size, optimizer: sgd(), lr: 1 },
    ...options,
  });
  return [model.weight.value.item(), history.last.loss!];
};

describe("the weighted loss is (1/N) Σ w L, by hand", () => {
  const [yes, no] = [0.5, -0.5]; // minus the gradients of the two answers
  const log2 = Math.log(2);
  test.each<[string, FitOptions, number, number]>([
    ["none", {}, (3 * no + yes) / 4, 1],
    ["by class", { classWeight: { 1: 5 } }, (3 * no + 5 * yes) / 4, 8 / 4],
    ["balanced: 4/(2·3) and 4/(2·1)", { classWeight: "balanced" }, 0, 1],
    ["by example", { sampleWeight: [1, 0, 2, 3] }, (3 * no + 3 * yes) / 4, 6 / 4],
    [
      "both",
      { sampleWeight: [1, 0, 2, 3], classWeight: { 0: 2, 1: 1 } },
      (6 * no + 3 * yes) / 4,
      9 / 4,
    ],
  ])("%s", async (_, options, weight, loss) => {
    const [w, l] = await moved(answers(0, 0, 0, 1), options);
    expect(w).toBeCloseTo(weight, 6);
    expect(l).toBeCloseTo(loss * log2, 6);
  });
  test("one-hot rows weigh as their classes, and weights follow their examples when shuffled", async () => {
    const run = async (options: FitOptions, classWeight: FitOptions["classWeight"]) => {
      const model = smallNet();
      await fit(model, moons({ size: 30 }), { epochs: 2, batchSize: 7, classWeight, ...options });
      return stateOf(model);
    };
    const sampleWeight = Array.from(moons({ size: 30 }).targets.data, (y) => (y === 1 ? 3 : 1));
    expect(await run({}, { 1: 3 })).toEqual(await run({ sampleWeight }, undefined));
    expect(await run({}, { 1: 3 })).not.toEqual(await run({}, undefined));
    const held = { validation: 0.3 };
    expect(await run(held, { 1: 3 })).toEqual(await run({ ...held, sampleWeight }, undefined));
  });
});

describe("weights that mean nothing", () => {
  const failing = (options: FitOptions, split = answers(0, 1)) =>
    expect(fit(oneWeight(), split, options)).rejects;
  test("say so", async () => {
    await failing({ sampleWeight: [1] }).toThrow(/1 sample weights for 2 training examples/);
    await failing({ sampleWeight: [1, 2, 3], validation: 0.5 }).toThrow(/3 sample weights for 2/);
    await failing({ sampleWeight: [1, -1] }).toThrow(/sampleWeight of 1 is -1/);
    await failing({ classWeight: { 2: 1 } }).toThrow(/class 2, of which there is no training/);
    await failing({ classWeight: { 1: Number.NaN } }).toThrow(/class 1 is NaN/);
    await failing({ objective: "regression", classWeight: "balanced" }).toThrow(
      /objective is regression/,
    );
    const loss = (y: Tensor) => y.mean();
    await failing({ loss, sampleWeight: [1, 2] }).toThrow(/weights need the loss of each example/);
  });
});

describe("accumulation", () => {
  const net = () => seeded(2, () => new Sequential(new Linear(2, 8), new Tanh(), new Linear(8, 2)));
  const close = (a: Module, b: Module) => {
    const other = stateOf(b);
    for (const [path, values] of Object.entries(stateOf(a)))
      values.forEach((x, i) => {
        expect(x).toBeCloseTo(other[path]![i]!, 5);
      });
  };
  test("of 3 batches of 4 is a batch of 12, with a smaller last one, and counts one step", async () => {
    const data = moons({ size: 31 }); // updates of 12, 12 and 7 = 4 + 3 examples
    const options = { epochs: 2, lr: 0.05 } satisfies FitOptions;
    const [many, one] = [net(), net()];
    const optimizer = new Optimizer(many, sgd(), { lr: 0.05 });
    const weighted = { classWeight: { 1: 2 }, metrics: ["accuracy"] } satisfies FitOptions;
    const history = await fit(many, data, {
      ...options,
      ...weighted,
      optimizer,
      batchSize: 4,
      accumulate: 3,
    });
    const whole = await fit(one, data, {
      ...options,
      ...weighted,
      optimizer: sgd(),
      batchSize: 12,
    });
    close(many, one);
    expect(optimizer.state().step!.value.item()).toBe(6);
    expect(history.last.accuracy).toBe(whole.last.accuracy);
    expect(history.last.loss).toBeCloseTo(whole.last.loss!, 6);
  });
  const folder = temporaryFolder();
  test("resumes exactly, and only as it began", async () => {
    const data = moons({ size: 31 });
    const path = `${folder}/accumulated.safetensors`;
    const options = { batchSize: 4, accumulate: 3, lr: 0.05 } satisfies FitOptions;
    const [whole, second] = [smallNet(), smallNet()];
    await fit(whole, data, { ...options, epochs: 3 });
    await fit(smallNet(), data, { ...options, epochs: 1, callbacks: [new ModelCheckpoint(path)] });
    expect((await loadCheckpoint(path)).position.step).toBe(3);
    await fit(second, data, { ...options, epochs: 3, resume: path });
    expect(stateOf(second)).toEqual(stateOf(whole));
    const other = fit(smallNet(), data, { batchSize: 4, resume: path });
    await expect(other).rejects.toThrow(/with accumulate 3, not 1/);
    await expect(fit(smallNet(), data, { accumulate: 0 })).rejects.toThrow(/accumulate is 0/);
  });
});

describe("what is frozen", () => {
  test("stays, and normalisation keeps its statistics", async () => {
    const model = seeded(
      1,
      () => new Sequential(new Linear(2, 4), new BatchNorm1d(4), new Tanh(), new Linear(4, 2)),
    );
    model.freeze("layers.0").freeze("layers.1");
    const before = stateOf(model);
    await fit(model, xor({ size: 16 }), { epochs: 2, batchSize: 8, lr: 0.1 });
    const after = stateOf(model);
    for (const path of Object.keys(before))
      if (path.startsWith("layers.3")) expect(after[path]).not.toEqual(before[path]);
      else expect([path, after[path]]).toEqual([path, before[path]]);
    expect(Object.values(model.modules()).every((m) => m.training)).toBe(true);
  });
  test("while free, its statistics move", async () => {
    const model = new Sequential(new Linear(2, 4), new BatchNorm1d(4), new Linear(4, 2));
    model.freeze("layers.0");
    const before = stateOf(model);
    await fit(model, xor({ size: 16 }), { epochs: 1, batchSize: 8 });
    expect(stateOf(model)["layers.1.runningMean"]).not.toEqual(before["layers.1.runningMean"]);
  });
});

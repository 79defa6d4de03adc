import { compile, fromHost, type Tensor } from "gradus";
import { moons, xor } from "gradus/data";
import {
  Linear,
  Module,
  ReLU,
  replaceHead,
  Sequential,
  seeded,
  Tanh,
  valueAndGrad,
} from "gradus/nn";
import { Optimizer, sgd } from "gradus/optim";
import {
  type Callback,
  fit,
  GradualUnfreezing,
  layerwiseLr,
  loadCheckpoint,
  ModelCheckpoint,
  TerminateOnNaN,
} from "gradus/train";
import { describe, expect, test } from "vitest";
import { stateOf, temporaryFolder } from "../support.ts";

const net = () =>
  seeded(
    4,
    () =>
      new Sequential(new Linear(2, 4), new Tanh(), new Linear(4, 4), new Tanh(), new Linear(4, 2)),
  );

/** Features and a classifier, as image models have them. */
class Composed extends Module {
  readonly features = new Sequential(new Linear(2, 4), new ReLU());
  readonly classifier = new Sequential(new Linear(4, 8), new Linear(8, 10, { bias: false }));
  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

describe("replaceHead", () => {
  test("puts a new last layer in its place, of the kind of the old one, and leaves the rest", () => {
    const model = new Composed();
    const before = stateOf(model);
    expect(replaceHead(model, 3)).toBe("classifier.layers.1");
    const { "classifier.layers.1.weight": weight, ...rest } = stateOf(model);
    expect(weight!.length).toBe(24);
    expect("classifier.layers.1.bias" in rest).toBe(false);
    for (const [path, values] of Object.entries(rest)) expect(values).toEqual(before[path]);
    expect(model.forward(fromHost(xor().inputs)).shape).toEqual([4, 3]);
  });
  test("says when there is nothing to replace", () => {
    expect(() => replaceHead(new Sequential(new ReLU()), 3)).toThrow(/no Linear inside Sequential/);
    expect(() => replaceHead(new Linear(2, 2), 3)).toThrow(/no Linear inside Linear 2 → 2/);
    expect(() => replaceHead(new Composed(), 0)).toThrow(/outputs is 0/);
  });
});

test("frozen layers cost no gradient: the step has fewer products", () => {
  const products = (model: Sequential) => {
    const both = valueAndGrad(model, (x: Tensor) => model.forward(x).square().mean());
    const step = compile((x: Tensor) => both(x).grads);
    return step.graph(fromHost(xor().inputs)).match(/matmul/g)!.length;
  };
  // forward: 3 layers; backward: a product for each weight, and one through each layer but the lowest
  expect(products(net())).toBe(3 + 3 + 2);
  expect(products(net().freeze("layers.0"))).toBe(3 + 2 + 1);
  expect(products(net().freeze().unfreeze("layers.4"))).toBe(3 + 1);
});

describe("GradualUnfreezing", () => {
  const schedule = { 1: "layers.2", 3: ["layers.0.weight", "layers.0.bias"] };
  /** Which layers each epoch has moved. */
  const movements = () => {
    const moved: string[][] = [];
    let before: Record<string, number[]> = {};
    const watch: Callback = {
      onEpochBegin: (_, { model }) => {
        before = stateOf(model);
      },
      onEpochEnd: (_epoch, _logs, { model }) => {
        const after = stateOf(model);
        const changed = Object.keys(after).filter((path) => `${after[path]}` !== `${before[path]}`);
        moved.push([...new Set(changed.map((path) => path.split(".")[1]!))]);
      },
    };
    return { moved, watch };
  };
  test("frees part by part, and nothing before its time moves", async () => {
    const { moved, watch } = movements();
    const callbacks = [new GradualUnfreezing({ schedule }), watch];
    await fit(net(), moons({ size: 20 }), { epochs: 4, batchSize: 10, lr: 0.1, callbacks });
    expect(moved).toEqual([["4"], ["2", "4"], ["2", "4"], ["0", "2", "4"]]);
  });
  const folder = temporaryFolder();
  test.each([1, 2])("goes on exactly from the end of epoch %i", async (epochs) => {
    const path = `${folder}/${epochs}.safetensors`;
    const options = { batchSize: 10, lr: 0.1 };
    const run = async (epochs: number, more: Callback[], resume?: string) => {
      const model = net();
      const callbacks = [new GradualUnfreezing({ schedule }), ...more];
      await fit(model, moons({ size: 20 }), { ...options, epochs, callbacks, resume });
      return stateOf(model);
    };
    const whole = await run(4, [new TerminateOnNaN()]);
    await run(epochs, [new ModelCheckpoint(path)]);
    expect((await loadCheckpoint(path)).position.epoch).toBe(epochs);
    expect(await run(4, [], path)).toEqual(whole);
  });
  test("refuses what means nothing", async () => {
    expect(() => new GradualUnfreezing({ schedule: { [-1]: "layers.0" } })).toThrow(/epoch "-1"/);
    const callbacks = [new GradualUnfreezing({ schedule: { 1: "layer.0" } })];
    await expect(fit(net(), xor(), { callbacks })).rejects.toThrow(
      /no parameter .* matches "layer.0"/,
    );
  });
});

test("layerwiseLr: one step of gradient descent moves each layer by its share", async () => {
  const step = async (groups: ReturnType<typeof layerwiseLr>) => {
    const model = net();
    const before = stateOf(model);
    const optimizer = new Optimizer(model, sgd(), { lr: 0.5, groups });
    await fit(model, xor(), { epochs: 1, batchSize: 4, optimizer });
    const after = stateOf(model);
    return (path: string) => after[path]!.map((x, i) => x - before[path]![i]!);
  };
  const [scaled, plain] = [await step(layerwiseLr(net(), 0.5)), await step({})];
  for (const [path, share] of [
    ["layers.0.weight", 0.25],
    ["layers.2.bias", 0.5],
    ["layers.4.weight", 1],
  ] as const)
    scaled(path).forEach((change, i) => {
      expect(change).toBeCloseTo(share * plain(path)[i]!, 6);
    });
  expect(() => layerwiseLr(net(), 0)).toThrow(/decay is 0/);
});

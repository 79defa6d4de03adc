import { join } from "node:path";
import { compile, tensor } from "gradus";
import { xor } from "gradus/data";
import { Linear } from "gradus/nn";
import {
  decayedAverage,
  exponentialMovingAverage,
  Optimizer,
  sgd,
  simpleMovingAverage,
  WeightAverage,
} from "gradus/optim";
import { fit, ModelCheckpoint } from "gradus/train";
import { describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { smallNet, stateOf, temporaryFolder } from "../train/support.ts";

const model1 = () => new Linear(1, 1, { bias: false, dtype: "float64" });
const set = (model: Linear, w: number) => {
  model.weight.value = tensor([[w]], "float64");
};

describe("WeightAverage", () => {
  test("the mean of all, and β w̄ + (1 − β) w from w̄₁ = w₁", () => {
    const model = model1();
    const [mean, decayed] = [new WeightAverage(model), new WeightAverage(model, { decay: 0.75 })];
    for (const w of [8, 4, -6]) {
      set(model, w);
      mean.update();
      decayed.update();
    }
    expect(mean.apply(() => model.weight.value.item())).toBe(2);
    expect(decayed.apply(() => model.weight.value.item())).toBe(0.75 * 7 - 0.25 * 6);
    expect(model.weight.value.item()).toBe(-6);
    expect(mean.count).toBe(3);
  });
  test("swap twice is nothing; the training goes on from its own weights", () => {
    const model = model1();
    const average = new WeightAverage(model, { decay: 0.5 });
    for (const w of [2, 4]) {
      set(model, w);
      average.update();
    }
    average.swap();
    expect(model.weight.value.item()).toBe(3);
    average.swap();
    expect(model.weight.value.item()).toBe(4);
  });
  test("the weights come back when what runs on the average fails, at once or later", async () => {
    const model = model1();
    const average = new WeightAverage(model);
    for (const w of [2, 4]) {
      set(model, w);
      average.update();
    }
    expect(() =>
      average.apply(() => {
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(model.weight.value.item()).toBe(4);
    const later = average.apply(async () => {
      await Promise.resolve();
      return model.weight.value.item();
    });
    expect(await later).toBe(3);
    expect(model.weight.value.item()).toBe(4);
  });
  test("it resumes exactly from its state", () => {
    const model = model1();
    const run = (average: WeightAverage, ws: readonly number[]) => {
      for (const w of ws) {
        set(model, w);
        average.update();
      }
    };
    const [first, second] = [new WeightAverage(model), new WeightAverage(model)];
    run(first, [0.1, 0.7]);
    const { json, arrays } = first.state();
    expect([json, Object.keys(arrays)]).toEqual([2, ["weight"]]);
    second.restore({ json: JSON.parse(JSON.stringify(json)), arrays });
    run(first, [0.3]);
    run(second, [0.3]);
    const read = () => model.weight.value.item();
    expect(second.apply(read)).toBe(first.apply(read));
    expect(second.count).toBe(3);
    expect(() => second.restore({ json: 2 })).toThrow('the state has no "weight".');
    expect(() => second.restore({ json: "2", arrays })).toThrow('the count is "2".');
  });
  test("averaging takes the noise out of a constant rate, in a compiled step", () => {
    const model = model1();
    set(model, 0);
    const optimizer = new Optimizer(model, sgd(), { lr: 0.5 });
    const average = new WeightAverage(model);
    // gradients w − n with noise n = ±1, of mean 0: w goes to and fro between ±1/3
    const step = compile((noise: number) => {
      optimizer.update({ weight: model.weight.value.sub(noise) });
      average.update();
    });
    for (let t = 0; t < 200; t++) step.sync(t % 2 ? -1 : 1);
    expect(Math.abs(model.weight.value.item())).toBeCloseTo(1 / 3, 12);
    expect(Math.abs(average.apply(() => model.weight.value.item()))).toBeLessThan(0.01);
  });
  test("as a callback of fit, it takes every step", async () => {
    const model = new Linear(2, 2);
    const average = new WeightAverage(model, { decay: 0.9 });
    await fit(model, xor(), {
      epochs: 3,
      batchSize: 2,
      callbacks: [average],
      optimizer: sgd(),
      lr: 1,
    });
    expect(average.count).toBe(6);
    const last = [...model.weight.value.dataSync()];
    expect(average.apply(() => [...model.weight.value.dataSync()])).not.toEqual(last);
    expect([...model.weight.value.dataSync()]).toEqual(last);
  });
  test("a resumed fit has the same average, to the bit", async () => {
    const file = join(temporaryFolder(), "half.safetensors");
    const run = async (epochs: number, resume?: string) => {
      const model = smallNet();
      const average = new WeightAverage(model, { decay: 0.9 });
      const callbacks = [average, new ModelCheckpoint(file)];
      await fit(model, xor({ size: 8 }), { epochs, batchSize: 4, callbacks, resume });
      return average.apply(() => stateOf(model));
    };
    const whole = await run(4);
    await run(2);
    expect(await run(4, file)).toEqual(whole);
  });
  test("errors: a decay out of range, and an average of nothing", () => {
    expect(() => new WeightAverage(model1(), { decay: 1 })).toThrow("decay is 1.");
    expect(() => new WeightAverage(model1()).swap()).toThrow("there is no average yet.");
  });
});

describe("series", () => {
  test("the simple one by hand", () => {
    expect(simpleMovingAverage([1, 2, 6, 1, -7], 2)).toEqual([1.5, 4, 3.5, -3]);
    expect(simpleMovingAverage([1, 2], 3)).toEqual([]);
    expect(simpleMovingAverage([Number.NaN, 2, 4, 6], 2).slice(1)).toEqual([3, 5]); // NaN passes by
  });
  test("Roberts': β weighs the new value", () => {
    expect(exponentialMovingAverage([8, 4, 4, 0], 0.25)).toEqual([8, 7, 6.25, 4.6875]);
    expect(exponentialMovingAverage([3, 1], 1)).toEqual([3, 1]);
  });
  test("Adam's: β weighs the old value; the correction makes the first mean the first value", () => {
    const raw = decayedAverage([10, 20, 30], 0.9, { corrected: false });
    expectClose("m", raw, [1, 2.9, 5.61], 1e-15);
    expectClose("m̂", decayedAverage([10, 20, 30], 0.9), [10, 2.9 / 0.19, 5.61 / 0.271], 1e-14);
  });
  test("both forms are one after the first value: β here is 1 − β there", () => {
    const series = [0, 5, -2, 7, 1]; // from 0, where both begin alike
    expectClose(
      "averages",
      exponentialMovingAverage(series, 0.2),
      decayedAverage(series, 0.8, { corrected: false }),
      1e-15,
    );
  });
  test("shares that mean nothing are errors", () => {
    expect(() => simpleMovingAverage([1], 0)).toThrow("the width is 0");
    expect(() => exponentialMovingAverage([1], 0)).toThrow("the new value would weigh 0.");
    expect(() => decayedAverage([1], 1)).toThrow("the new value would weigh 0.");
  });
});

import {
  ConfigError,
  DataError,
  DTypeError,
  hostArray,
  NumericError,
  type Tensor,
  tensor,
} from "gradus";
import { digits, makeSplit, moons, toOneHot, xor } from "gradus/data";
import { Linear, Module, ReLU, Sequential, Tanh } from "gradus/nn";
import { adam, Optimizer, sgd } from "gradus/optim";
import {
  accuracy,
  type Callback,
  CSVLogger,
  EarlyStopping,
  evaluate,
  f1,
  fit,
  loadCheckpoint,
  ModelCheckpoint,
  predict,
  ReduceLROnPlateau,
  regression,
} from "gradus/train";
import { afterEach, describe, expect, test, vi } from "vitest";
import { stateOf, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const net = () => new Linear(2, 2);
/** Plain JavaScript gives anything. */
const failing = (model: unknown, data: unknown, options: unknown = {}) =>
  expect(fit(model as Module, data as never, options as never)).rejects;
const run = (options: unknown) =>
  fit(net(), xor(), { epochs: 1, ...(options as Record<string, unknown>) });

describe("before the first step", () => {
  /** Steps that were made before the error. */
  async function stepsUntil(callback: unknown, options = {}): Promise<[unknown, number]> {
    let steps = 0;
    const count = { onBatchEnd: () => void steps++ };
    const callbacks = [count, callback as Callback];
    const error = await fit(net(), xor(), { epochs: 2, ...options, callbacks }).catch((e) => e);
    return [error, steps];
  }
  test.each([
    ["EarlyStopping", () => new EarlyStopping()],
    ["ReduceLROnPlateau", () => new ReduceLROnPlateau()],
    ["ModelCheckpoint", () => new ModelCheckpoint(`${folder}/a`, { saveBestOnly: true })],
  ])("%s on validation data that are not there", async (name, make) => {
    const [error, steps] = await stepsUntil(make());
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(
      new RegExp(`${name}: it monitors "val_loss", which is not among loss, accuracy, lr\\.`),
    );
    expect(String(error)).toMatch(/fix: give validation data/);
    expect(steps).toBe(0);
  });
  test("a misspelt quantity names the nearest", async () => {
    const stopping = new EarlyStopping({ monitor: "val_acuracy" });
    const [error, steps] = await stepsUntil(stopping, { validation: xor() });
    expect(String(error)).toMatch(/did you mean "val_accuracy"/);
    expect(steps).toBe(0);
  });
  test("a measure of validation alone is there with validation, and a callback may add one", async () => {
    const options = { validation: xor(), metrics: "auc" };
    const [history] = await stepsUntil(new EarlyStopping({ monitor: "val_auc" }), options);
    expect(history).toHaveProperty("epochs");
    const [error] = await stepsUntil(new EarlyStopping({ monitor: "auc" }), options);
    expect(error).toBeInstanceOf(ConfigError);
    const own: Callback = {
      quantities: ["mine"],
      onEpochEnd(epoch, logs, { history }) {
        history.epochs[epoch] = { ...logs, mine: 1 };
      },
    };
    const callbacks = [own, new EarlyStopping({ monitor: "mine", patience: 5 })];
    expect((await fit(net(), xor(), { epochs: 2, callbacks })).get("mine")).toEqual([1, 1]);
  });
  test("a checkpoint without a folder", async () => {
    const [error, steps] = await stepsUntil(new ModelCheckpoint(`${folder}/none/c.safetensors`));
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toMatch(/none is not a folder that exists/);
    expect(steps).toBe(0);
  });
});

describe("one training at a time", () => {
  test("a second fit of the model, or of a part of it, is refused; the first goes on", async () => {
    const model = net();
    const whole = new Sequential(new Linear(2, 2), model);
    const first = fit(model, moons({ size: 64 }), { epochs: 2 });
    await failing(model, xor()).toThrow(/Linear 2 → 2, or a part of it, is being trained/);
    await failing(whole, xor()).toThrow(ConfigError);
    await expect(evaluate(model, xor())).rejects.toThrow(/is being trained/);
    await expect(predict(model, xor().inputs)).rejects.toThrow(/is being trained/);
    expect((await first).epochs).toHaveLength(2);
    expect((await fit(whole, xor(), { epochs: 1 })).epochs).toHaveLength(1);
    expect(await evaluate(model, xor())).toHaveProperty("loss");
  });
  test("a callback may measure; a failed training lets go", async () => {
    const model = net();
    const losses: number[] = [];
    const callbacks = [
      { onEpochEnd: async () => void losses.push((await evaluate(model, xor())).loss!) },
    ];
    await fit(model, xor(), { epochs: 2, callbacks });
    expect(losses).toHaveLength(2);
    const failure = new Error("mine");
    const throwing = () => {
      throw failure;
    };
    await failing(model, xor(), { callbacks: { onBatchEnd: throwing } }).toBe(failure);
    await failing(model, xor(), { callbacks: { check: throwing, onBatchEnd() {} } }).toBe(failure);
    expect((await fit(model, xor(), { epochs: 1 })).epochs).toHaveLength(1);
  });
});

describe("what stands for something is taken", () => {
  test("names and makers of rules", async () => {
    const weights = async (optimizer: unknown) => {
      const model = new Linear(2, 2, { dtype: "float32" });
      model.weight.value = tensor([
        [1, 2],
        [3, 4],
      ]);
      await fit(model, xor(), { epochs: 2, lr: 0.1, ...({ optimizer } as object) });
      return stateOf(model);
    };
    expect(await weights("adam")).toEqual(await weights(adam()));
    expect(await weights(adam)).toEqual(await weights(adam()));
    expect(await weights("sgd")).toEqual(await weights(sgd()));
    expect(new Optimizer(net(), "adamW").rule.name).toBe("adamW");
  });
  test("names of losses choose the objective, and keep its measures", async () => {
    const numbers = makeSplit(xor().inputs, hostArray([4, 2], new Float32Array(8).fill(0.5)));
    const model = net();
    const mse = await evaluate(model, numbers, { loss: "mse" });
    expect(mse).toEqual(await evaluate(model, numbers, { objective: "regression" }));
    const out = (await predict(model, numbers.inputs)).sub(0.5).abs().mean().item();
    expect((await evaluate(model, numbers, { loss: "mae" })).loss).toBeCloseTo(out, 6);
    const classes = await evaluate(model, xor(), { loss: "crossEntropy" });
    expect(classes).toEqual(await evaluate(model, xor()));
    const rows = makeSplit(xor().inputs, toOneHot(xor().targets, 2));
    expect(await evaluate(model, rows, { loss: "crossEntropy" })).toEqual(classes);
    expect(
      Object.keys(await evaluate(model, rows, { loss: "binaryCrossEntropyWithLogits" })),
    ).toEqual(["loss", "accuracy"]);
  });
  test("one metric, one callback", async () => {
    for (const metrics of ["accuracy", accuracy, [accuracy], accuracy()])
      expect(Object.keys((await run({ metrics })).last)).toEqual(["loss", "accuracy", "lr"]);
    expect(Object.keys((await run({ metrics: f1 })).last)).toEqual(["loss", "f1", "lr"]);
    let heard = 0;
    await run({ callbacks: { onEpochEnd: () => heard++ } });
    expect(heard).toBe(1);
  });
});

describe("mistakes are told", () => {
  test.each([
    [{ epoch: 3 }, /fit: unknown option "epoch"(.|\n)*did you mean "epochs"/],
    [{ learningRate: 0.1 }, /unknown option "learningRate"/],
    [3, /the options are 3, not an object/],
    [{ epochs: 0 }, /epochs is 0/],
    [{ epochs: -1 }, /epochs is -1/],
    [{ epochs: 1.5 }, /epochs is 1.5/],
    [{ epochs: "3" }, /epochs is "3"/],
    [{ batchSize: 0 }, /batchSize is 0/],
    [{ batchSize: 2.5 }, /batchSize is 2.5/],
    [{ accumulate: 0 }, /accumulate is 0/],
    [{ lr: "0.01" }, /lr is "0.01"/],
    [{ lr: Number.NaN }, /lr is NaN/],
    [{ lr: () => "0.01" }, /lr is "0.01" in step 1/],
    [{ optimizer: "adm" }, /the optimizer is "adm"(.|\n)*did you mean "adam"/],
    [{ optimizer: Optimizer }, /not an update rule/],
    [{ optimizer: new Optimizer(new Linear(2, 2), sgd()) }, /works on "weight" of another model/],
    [{ loss: "mean_squared" }, /"mean_squared" is no loss/],
    [{ loss: "crossentropy" }, /did you mean "crossEntropy"/],
    [{ loss: 3 }, /3 is no loss/],
    [{ metrics: "acuracy" }, /did you mean "accuracy"/],
    [{ metrics: [3] }, /3 is no metric/],
    [{ metrics: { mine: "accuracy" } }, /"mine" is "accuracy", not a function/],
    [{ callbacks: EarlyStopping }, /callback 0 is the class EarlyStopping, not an instance/],
    [{ callbacks: [() => {}] }, /callback 0 is a function/],
    [{ callbacks: [{}] }, /callback 0 has no method/],
    [{ callbacks: ["csv"] }, /callback 0 is "csv"/],
    [{ callbacks: [{ onEpochend() {} }] }, /"onEpochend", which nothing calls(.|\n)*"onEpochEnd"/],
    [{ validation: 1.5 }, /a fraction of 1.5/],
    [{ validation: { train: xor() } }, /the validation data are a data set/],
    [{ signal: new AbortController() }, /signal is an AbortController/],
    [{ onNaN: "ignore" }, /onNaN is "ignore"/],
    [{ average: 0.9 }, /the options are 0.9/],
    [{ average: { decy: 0.9 } }, /did you mean "decay"/],
  ])("options %j", async (options, message) => {
    const training = fit(net(), xor(), options as never);
    await expect(training).rejects.toThrow(ConfigError);
    await expect(training).rejects.toThrow(message);
  });
  test.each([
    [xor(), net(), /the first argument is data, not a model(.|\n)*fit\(model, data, options\)/],
    [Linear, xor(), /the function Linear, not a model/],
    [net(), Promise.resolve(xor()), /the data are a Promise(.|\n)*await the data first/],
    [net(), undefined, /the data are undefined/],
    [net(), [[0, 1]], /the data are an array/],
    [net(), { inputs: [[0, 1]], targets: [1], size: 1 }, /the inputs of the data are an array/],
    [
      net(),
      { inputs: xor().inputs, targets: ["cat", "owl", "cat", "owl"], size: 4 },
      /the targets of the data are an array(.|\n)*number the classes/,
    ],
    [
      net(),
      { inputs: tensor([[0, 1]]), targets: xor().targets, size: 4 },
      /the inputs of the data are a Tensor(.|\n)*toHost/,
    ],
    [net(), { ...xor(), size: 5 }, /size 5/],
  ])("arguments, case %#", async (model, data, message) => {
    await failing(model, data).toThrow(message);
  });
  test("the same in evaluate, predict and makeSplit", async () => {
    const any = (x: unknown) => x as never;
    await expect(evaluate(any(digits({ train: 2, test: 2 })), any(undefined))).rejects.toThrow(
      /evaluate: the first argument is data(.|\n)*evaluate\(model, split\)/,
    );
    await expect(evaluate(net(), any({ train: xor() }))).rejects.toThrow(/`train` or `test`/);
    await expect(evaluate(net(), xor(), any({ batchsize: 3 }))).rejects.toThrow(/"batchSize"/);
    await expect(predict(net(), any([[0, 1]]))).rejects.toThrow(/the inputs are an array/);
    expect(() => makeSplit(any([[0, 1]]), any([1]))).toThrow(/the inputs are an array/);
  });
  test("class labels as floats", async () => {
    const floats = (...labels: number[]) =>
      makeSplit(xor().inputs, hostArray([4], Float32Array.from(labels)));
    await failing(net(), floats(0, 1, 1, 0)).toThrow(DTypeError);
    await failing(net(), floats(0, 1, 1, 0)).toThrow(/classes are int32/);
  });
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  afterEach(() => warn.mockClear());
  test("labels that a guess takes for numbers, once", async () => {
    const rows = makeSplit(xor().inputs, toOneHot(xor().targets, 2));
    await fit(net(), rows, { epochs: 1 });
    await fit(net(), rows, { epochs: 1 });
    expect(warn.mock.calls.flat().filter((x) => /one-hot rows as float32/.test(x))).toHaveLength(1);
    warn.mockClear();
    await fit(net(), rows, { epochs: 1, objective: regression });
    const numbers = makeSplit(
      xor().inputs,
      hostArray([4, 2], Float32Array.of(0, 1, 1, 1, 0, 0, 1, 0)),
    );
    await fit(net(), numbers, { epochs: 1 });
    expect(warn).not.toHaveBeenCalled();
    const yes = makeSplit(xor().inputs, hostArray([4, 1], Float32Array.of(0, 1, 1, 0)));
    await fit(new Linear(2, 1), yes, { epochs: 1 });
    expect(warn.mock.calls.flat().join()).toMatch(
      /all 0 or 1 as float32(.|\n)*objective: "binary"/,
    );
  });
  test("an optional file that fails is given up, once, and training goes on", async () => {
    const logger = new CSVLogger(`${folder}/none/log.csv`);
    expect((await fit(net(), xor(), { epochs: 3, callbacks: logger })).epochs).toHaveLength(3);
    expect(warn.mock.calls).toHaveLength(1);
    expect(String(warn.mock.calls[0])).toMatch(/CSVLogger: it failed and is given up/);
  });
  test("so is an optional callback whose state cannot be had, and the checkpoint is written", async () => {
    class Forgetful implements Callback {
      readonly optional = true;
      onEpochEnd() {}
      state(): never {
        throw new Error("no memory of it");
      }
    }
    const path = `${folder}/forgetful.safetensors`;
    const callbacks = [new ModelCheckpoint(path), new Forgetful()];
    expect((await fit(net(), xor(), { epochs: 2, callbacks })).epochs).toHaveLength(2);
    expect(warn.mock.calls.map(String)).toEqual([
      expect.stringMatching(/Forgetful: it failed and is given up.*no memory of it/),
    ]);
    expect((await loadCheckpoint(path)).position.epoch).toBe(2);
    const needed = Object.assign(new Forgetful(), { optional: false as never });
    await failing(net(), xor(), { callbacks: [new ModelCheckpoint(path), needed] }).toThrow(
      "no memory of it",
    );
  });
  test("a callback that throws in onError does not silence the later ones", async () => {
    const heard: string[] = [];
    const failure = new Error("first");
    const bad = (name: string) => ({
      onBatchEnd() {
        if (name === "a") throw failure;
      },
      onError() {
        heard.push(name);
        throw new Error(name);
      },
    });
    await failing(net(), xor(), { callbacks: [bad("a"), bad("b"), bad("c")] }).toBe(failure);
    expect(heard).toEqual(["a", "b", "c"]);
  });
});

describe("a loss that is NaN", () => {
  class Root extends Module {
    forward(x: Tensor): Tensor {
      return x.sub(10).sqrt();
    }
  }
  const data = (x: number, y = 0) =>
    makeSplit(
      hostArray([3, 2], Float32Array.of(0, 1, 1, x, 0, 0)),
      hostArray([3, 1], Float32Array.of(0.5, y, 2)),
    );
  const model = () => new Sequential(new Linear(2, 4), new Tanh(), new Linear(4, 1));
  test.each([Number.NaN, Number.POSITIVE_INFINITY])("of an input that is %s", async (x) => {
    const training = fit(new Sequential(new Linear(2, 1), new ReLU()), data(x), { epochs: 3 });
    await expect(training).rejects.toThrow(NumericError);
    await expect(training).rejects.toThrow(
      new RegExp(`value 1 of input 1 is ${x}, and layers\\.0 \\(Linear 2 → 1\\) is the first`),
    );
  });
  test("of a layer", async () => {
    const net = new Sequential(new Linear(2, 4), new Root(), new Linear(4, 1));
    await failing(net, data(0)).toThrow(
      /layers\.1 \(Root\) is the first to give no finite numbers/,
    );
  });
  test("of a loss", async () => {
    const loss = (y: Tensor) => y.mul(0).sub(1).log().sum();
    await failing(model(), data(0), { loss }).toThrow(/it arises in the loss|"layers/);
  });
  test("of a rate that is too high names the layer and the rate", async () => {
    const options = { epochs: 300, lr: 1e8, optimizer: sgd() };
    await failing(new Linear(2, 1), data(3), options).toThrow(
      /with lr 100000000\n {2}fix: lower lr/,
    );
  });
  test("of the validation data", async () => {
    await failing(model(), data(0), { validation: data(Number.NaN) }).toThrow(
      /validation data is NaN after epoch 1/,
    );
  });
  test("and an option goes on, with a warning", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const history = await fit(model(), data(Number.NaN), { epochs: 3, onNaN: "continue" });
    expect(history.get("loss")).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });
});

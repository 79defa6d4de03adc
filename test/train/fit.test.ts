import {
  ConfigError,
  DataError,
  hostArray,
  NumericError,
  ShapeError,
  type Tensor,
  tensor,
} from "gradus";
import { makeSplit, moons, type Split, splitDataset, toOneHot, xor } from "gradus/data";
import { Linear, Parameter, ReLU, Sequential, seeded, Tanh } from "gradus/nn";
import { adam, constant, Optimizer, sgd } from "gradus/optim";
import {
  binary,
  type Callback,
  classification,
  EarlyStopping,
  evaluate,
  fit,
  type Logs,
  TerminateOnDivergence,
  TerminateOnNaN,
} from "gradus/train";
import { describe, expect, test } from "vitest";
import { smallNet, stateOf } from "./support.ts";

const mlp = (outputs: number) =>
  seeded(1, () => new Sequential(new Linear(2, 16), new ReLU(), new Linear(16, outputs)));

describe("learns", () => {
  test("exclusive or, exactly", async () => {
    const model = mlp(2);
    const history = await fit(model, xor(), { epochs: 200, batchSize: 4, lr: 0.05 });
    expect(history.last.accuracy).toBe(1);
    expect(history.stopped).toBe("all 200 epochs are done");
    expect((await evaluate(model, xor())).loss).toBeLessThan(0.01);
  });
  test("two moons, at least 99 % of points it has not seen", async () => {
    const [train, held] = splitDataset(moons({ size: 500, noise: 0.1, seed: 1 }), 0.2, 1);
    const model = mlp(2);
    await fit(model, train, { epochs: 40, batchSize: 20, lr: 0.02, seed: 4 });
    expect((await evaluate(model, held)).accuracy).toBeGreaterThanOrEqual(0.99);
  });
  test("with one logit as well: the binary objective follows from the shape", async () => {
    const model = mlp(1);
    const history = await fit(model, xor(), { epochs: 200, batchSize: 4, lr: 0.05 });
    expect(history.last.accuracy).toBe(1);
    expect(await evaluate(model, xor(), { objective: binary })).toEqual(
      await evaluate(model, xor()),
    );
  });
  test("a line, by squared error: regression follows from float targets", async () => {
    const x = Float32Array.from({ length: 32 }, (_, i) => i / 16 - 1);
    const line = makeSplit(
      hostArray([32, 1], x),
      hostArray(
        [32],
        x.map((v) => 3 * v - 2),
      ),
    );
    const model = new Linear(1, 1);
    const history = await fit(model, line, { epochs: 60, batchSize: 8, optimizer: sgd(), lr: 0.3 });
    expect(history.last.loss).toBeLessThan(1e-6);
    expect(model.weight.value.item()).toBeCloseTo(3, 3);
    expect(Object.keys(history.last)).toEqual(["loss", "lr"]);
  });
});

test("one-hot rows are as good as class indices, when the objective is named", async () => {
  const rows = makeSplit(xor().inputs, toOneHot(xor().targets, 2));
  const options = { epochs: 5, batchSize: 3, lr: 0.05, objective: classification };
  expect(await fit(mlp(2), rows, options)).toEqual(await fit(mlp(2), xor(), options));
});

describe("is the loop that it says", () => {
  test("one step of gradient descent, by hand", async () => {
    // L = mean (w x − y)², w = 0: dL/dw = −2 mean(x y) = −2 (1·2 + 2·4)/2 = −10
    const model = new Linear(1, 1, { bias: false });
    model.weight.value = model.weight.value.mul(0);
    const data = makeSplit(
      hostArray([2, 1], Float32Array.of(1, 2)),
      hostArray([2, 1], Float32Array.of(2, 4)),
    );
    const history = await fit(model, data, { epochs: 1, batchSize: 2, optimizer: sgd(), lr: 0.01 });
    expect(model.weight.value.item()).toBeCloseTo(0.1, 6);
    expect(history.last).toEqual({ loss: 10, lr: 0.01 });
  });
  test("the same seed gives the same bits, another seed others", async () => {
    const run = async (seed: number) => {
      const model = smallNet();
      await fit(model, moons({ size: 50 }), { epochs: 2, batchSize: 8, seed });
      return stateOf(model);
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });
  test("calls back in order, with a smaller last batch, and validates", async () => {
    const calls: string[] = [];
    const callback: Callback = {
      onTrainBegin: () => calls.push("train"),
      onEpochBegin: (epoch) => calls.push(`epoch ${epoch}`),
      onBatchEnd: (batch, _logs, { position }) =>
        calls.push(`batch ${batch} step ${position.step}`),
      onEpochEnd: (epoch, logs) => calls.push(`end ${epoch} ${Object.keys(logs)}`),
      onTrainEnd: ({ history }) => calls.push(history.stopped),
    };
    const callbacks = [callback];
    await fit(mlp(2), xor({ size: 5 }), { epochs: 1, batchSize: 3, validation: xor(), callbacks });
    expect(calls).toEqual([
      "train",
      "epoch 0",
      "batch 0 step 1",
      "batch 1 step 2",
      "end 0 loss,accuracy,val_loss,val_accuracy,lr",
      "the one epoch is done",
    ]);
  });
  test("a schedule is asked for every step, and compiles nothing anew", async () => {
    const asked: number[] = [];
    const lr = (step: number) => {
      asked.push(step);
      return 0.1 / (1 + step);
    };
    const history = await fit(mlp(2), xor({ size: 6 }), { epochs: 2, batchSize: 2, lr });
    expect([...new Set(asked)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(history.get("lr")).toEqual([0.1 / 3, 0.1 / 6]);
  });
  test("an optimizer of one's own brings its learning rate and keeps its state", async () => {
    const model = mlp(2);
    const optimizer = new Optimizer(model, adam(), { lr: 0.05 });
    await fit(model, xor(), { epochs: 3, batchSize: 4, optimizer });
    const history = await fit(model, xor(), { epochs: 2, batchSize: 4, optimizer });
    expect(optimizer.state().step!.value.item()).toBe(5);
    expect(history.last.lr).toBe(0.05);
  });
  test("another loss, other metrics, and a part held out", async () => {
    const loss = (outputs: Tensor) => outputs.square().mean();
    const metrics = { size: (outputs: Tensor) => outputs.abs().sum() };
    const options = { loss, metrics, epochs: 1, validation: 0.25 };
    const history = await fit(new Linear(2, 3), moons({ size: 40 }), options);
    expect(Object.keys(history.last)).toEqual(["loss", "size", "val_loss", "val_size", "lr"]);
  });
  test("leaves each layer in the mode it had after evaluation", async () => {
    const model = smallNet();
    await fit(model, xor(), { epochs: 1, validation: xor() });
    expect(Object.values(model.modules()).every((m) => m.training)).toBe(true);
  });
});

describe("stops", () => {
  /** Losses that a callback pretends, epoch by epoch: what EarlyStopping sees. */
  const stopsAfter = async (
    losses: number[],
    options: { patience?: number; minDelta?: number },
  ) => {
    const pretend: Callback = {
      quantities: ["val_loss"],
      onEpochEnd(epoch, _logs, { history }) {
        history.epochs[epoch] = { val_loss: losses[epoch]! };
      },
    };
    const callbacks = [pretend, new EarlyStopping(options)];
    const history = await fit(new Linear(2, 2), xor(), { epochs: losses.length, callbacks });
    return [history.epochs.length, history.stopped];
  };
  test("when nothing has improved for `patience` epochs", async () => {
    const why = (n: number) => `val_loss has not improved for ${n} epoch${n > 1 ? "s" : ""}`;
    expect(await stopsAfter([5, 4, 4, 3, 3, 3, 2], { patience: 2 })).toEqual([6, why(2)]);
    expect(await stopsAfter([5, 4, 4, 3], {})).toEqual([3, why(1)]);
    expect(await stopsAfter([5, 4.9, 4.8, 4.7], { patience: 2, minDelta: 0.5 })).toEqual([
      3,
      why(2),
    ]);
    expect(await stopsAfter([3, 2, 1], { patience: 1 })).toEqual([3, "all 3 epochs are done"]);
  });
  test("with an error at the first loss that is not finite", async () => {
    const callbacks = [new TerminateOnNaN()];
    const split = withInput(Number.NaN);
    const training = fit(new Linear(2, 2), split, { epochs: 2, callbacks, lr: constant(0.25) });
    await expect(training).rejects.toThrow(NumericError);
    await expect(training).rejects.toThrow(
      /the loss became NaN in epoch 1, batch 1 of 1: value 0 of input 0 is NaN, .*\n {2}in step 1, with lr 0\.25\n {2}fix: leave out/,
    );
  });
  test("with an error that names the example whose gradient, but not whose loss, is NaN", async () => {
    const split = withInput(Number.POSITIVE_INFINITY); // tanh ∞ = 1, and ∞ · 0 is NaN
    const training = (epochs: number, onNaN: "error" | "continue" = "error") => {
      const model = new Sequential(new Linear(2, 4), new Tanh(), new Linear(4, 2));
      return fit(model, split, { epochs, onNaN });
    };
    const said =
      /parameter "layers.0.weight" is the first that is not finite, and value 0 of input 0 is Infinity\./;
    await expect(training(2)).rejects.toThrow(NumericError);
    await expect(training(2)).rejects.toThrow(/in epoch 2, .*: value 0 of input 0 is Infinity/);
    await expect(training(1)).rejects.toThrow(/the weights are NaN.*in step 1,/s);
    await expect(training(1)).rejects.toThrow(said);
    expect((await training(1, "continue")).epochs.length).toBe(1);
  });
  test("with an error when the loss leaves all bounds", async () => {
    const callbacks = [new TerminateOnDivergence()];
    const training = fit(mlp(2), moons(), { callbacks, lr: 1e6 });
    await expect(training).rejects.toThrow(/the loss grew from .* to .*e\+/);
  });
  test("after the present step when the signal fires, and at once before the first", async () => {
    const controller = new AbortController();
    const steps: number[] = [];
    const callback: Callback = {
      onBatchEnd(batch) {
        steps.push(batch);
        if (batch === 1) controller.abort();
      },
    };
    const options = { batchSize: 2, callbacks: [callback], signal: controller.signal };
    const history = await fit(mlp(2), xor({ size: 8 }), options);
    expect([steps, history.stopped, history.epochs]).toEqual([[0, 1], "it was interrupted", []]);
    await fit(mlp(2), xor(), options);
    expect(steps).toEqual([0, 1]);
  });
  test("telling the callbacks of an error, and throwing it on", async () => {
    const heard: unknown[] = [];
    const failure = new Error("disk full");
    const callbacks: Callback[] = [
      {
        onBatchEnd() {
          throw failure;
        },
        onError: (error) => heard.push(error),
      },
    ];
    await expect(fit(mlp(2), xor(), { callbacks })).rejects.toBe(failure);
    expect(heard).toEqual([failure]);
  });
  test("every callback hears of a failure, also when one before fails at that", async () => {
    const failure = new Error("mine");
    const heard: unknown[] = [];
    const callbacks: Callback[] = [
      {
        onBatchEnd() {
          throw failure;
        },
        onError() {
          throw new Error("cannot be written");
        },
      },
      { onError: async () => Promise.reject(new Error("nor this")) },
      { onError: (error) => heard.push(error) },
      { saves: true, onError: (error) => heard.push(error) },
    ];
    await expect(fit(mlp(2), xor(), { callbacks })).rejects.toBe(failure);
    expect(heard).toEqual([failure, failure]);
  });
});

describe("refuses before the first step", () => {
  const failing = (model: Sequential | Linear, data: Split, options = {}) =>
    expect(fit(model, data, options)).rejects;
  test("inputs that the model does not take, naming the layer", async () => {
    await failing(new Sequential(new Linear(3, 2)), xor()).toThrow(ShapeError);
    await failing(new Sequential(new Linear(3, 2)), xor()).toThrow(/layers\.0/);
  });
  test("labels beyond the classes, naming the example", async () => {
    const three = makeSplit(xor().inputs, hostArray([4], Int32Array.of(0, 1, 2, 1)));
    await failing(new Linear(2, 2), three).toThrow(DataError);
    await failing(new Linear(2, 2), three).toThrow(/example 2 is 2, .* 2 classes, 0 to 1/);
    await failing(new Linear(2, 1), three).toThrow(/binary: the target of example 2 is 2/);
  });
  test("as many outputs as the targets have not", async () => {
    const pairs = makeSplit(xor().inputs, hostArray([4, 2], new Float32Array(8)));
    await failing(new Linear(2, 3), pairs).toThrow(/gives \[N, 3\] for targets \[N, 2\]/);
  });
  test("validation data of another kind", async () => {
    const other = makeSplit(
      hostArray([1, 3], new Float32Array(3)),
      hostArray([1], Int32Array.of(0)),
    );
    await failing(new Linear(2, 2), xor(), { validation: other }).toThrow(ShapeError);
  });
  test("a model without parameters, and one that is frozen", async () => {
    await failing(new Sequential(new ReLU()), xor()).toThrow(
      /Sequential has no parameter to learn/,
    );
    await failing(new Linear(2, 2).freeze(), xor()).toThrow(/all parameters \(2\) are frozen/);
    const frozen = new Linear(2, 2).freeze();
    const free = { onEpochBegin: () => void frozen.unfreeze("bias") };
    expect((await fit(frozen, xor(), { epochs: 1, callbacks: [free] })).epochs).toHaveLength(1);
  });
  test("a loss with a parameter that the model does not have", async () => {
    const scale = new Parameter(tensor(1));
    const loss = (y: Tensor) => y.mul(scale.value).sum();
    await failing(new Linear(2, 2), xor(), { loss }).toThrow(
      /uses a trainable parameter of shape \[\] which is not among its parts/,
    );
    scale.trainable = false;
    expect((await fit(new Linear(2, 2), xor(), { epochs: 1, loss })).epochs).toHaveLength(1);
  });
  test("options that mean nothing", async () => {
    await failing(new Linear(2, 2), xor(), { epochs: -1 }).toThrow(ConfigError);
    await failing(new Linear(2, 2), xor(), { batchSize: 0 }).toThrow(/batchSize is 0/);
    expect(() => new EarlyStopping({ patience: -1 })).toThrow(/patience is -1/);
  });
});

const withInput = (x: number): Split => {
  const split = xor();
  const data = Float32Array.from(split.inputs.data);
  data[0] = x;
  return { ...split, inputs: { ...split.inputs, data } };
};

test("logs of batches are averages over the epoch so far", async () => {
  const logs: Logs[] = [];
  const callbacks = [{ onBatchEnd: (_: number, l: Logs) => logs.push(l) }];
  const model = new Linear(2, 2);
  const history = await fit(model, xor({ size: 5 }), { epochs: 1, batchSize: 2, lr: 0, callbacks });
  const whole = await evaluate(model, xor({ size: 5 }));
  expect(logs.length).toBe(3);
  expect(logs.at(-1)!.accuracy).toBe(whole.accuracy);
  expect(history.last.loss).toBeCloseTo(whole.loss!, 6);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a rate of %s is refused", async (lr) => {
  const training = fit(mlp(2), xor(), { epochs: 1, batchSize: 4, lr: () => lr });
  await expect(training).rejects.toThrow(ConfigError);
  await expect(training).rejects.toThrow(`fit: lr is ${lr} in step 1`);
});

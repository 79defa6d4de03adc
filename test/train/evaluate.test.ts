import { ConfigError, fromHost, hostArray, type Tensor } from "gradus";
import { makeSplit, moons, xor } from "gradus/data";
import { Linear, Module } from "gradus/nn";
import { evaluate, predict } from "gradus/train";
import { describe, expect, test } from "vitest";
import { smallNet } from "./support.ts";

/** Passes its inputs through: losses and accuracies can be worked out by hand. */
class Same extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

describe("evaluate", () => {
  test("averages over examples by hand, whatever the batches", async () => {
    // logits [0, 0] cost log 2; [t, 0] cost log(1 + e^−t) when 0 is right
    const logits = hostArray([3, 2], Float32Array.of(0, 0, 3, 0, 0, 3));
    const split = makeSplit(logits, hostArray([3], Int32Array.of(0, 0, 0)));
    const loss = (Math.log(2) + Math.log(1 + Math.exp(-3)) + 3 + Math.log(1 + Math.exp(-3))) / 3;
    for (const batchSize of [1, 2, 3, 100]) {
      const logs = await evaluate(new Same(), split, { batchSize });
      expect(logs.accuracy).toBe(2 / 3); // of equal logits the first counts
      expect(logs.loss).toBeCloseTo(loss, 6);
    }
  });
  test("in evaluation mode: dropout drops nothing, twice the same", async () => {
    const model = smallNet();
    expect(await evaluate(model, moons())).toEqual(await evaluate(model, moons()));
    expect(model.training).toBe(true);
  });
  test("squared error of many targets is the mean over all of them", async () => {
    const outputs = hostArray([2, 2], Float32Array.of(1, 2, 3, 4));
    const targets = hostArray([2, 2], Float32Array.of(0, 2, 3, 2));
    expect(await evaluate(new Same(), makeSplit(outputs, targets))).toEqual({ loss: 5 / 4 });
  });
  test("no example is an error that says so", async () => {
    const none = makeSplit(hostArray([0, 2], new Float32Array()), hostArray([0], new Int32Array()));
    await expect(evaluate(new Same(), none)).rejects.toThrow(ConfigError);
  });
});

describe("predict", () => {
  test("gives what forward gives, row by row, whatever the batches", async () => {
    const model = new Linear(2, 3);
    const { inputs } = moons({ size: 7 });
    const whole = [...model.forward(fromHost(inputs)).dataSync()];
    const agrees = async (x: typeof inputs | Tensor, batchSize: number) => {
      const outputs = await predict(model, x, { batchSize });
      expect(outputs.shape).toEqual([7, 3]);
      outputs.dataSync().forEach((y, i) => {
        expect(y).toBeCloseTo(whole[i]!, 5);
      });
    };
    for (const batchSize of [3, 7, 100]) await agrees(inputs, batchSize);
    await agrees(fromHost(inputs), 3);
  });
  test("of nothing is an error", async () => {
    const none = hostArray([0, 2], new Float32Array());
    await expect(predict(new Linear(2, 3), none)).rejects.toThrow(/there is no example/);
  });
  test("keeps the dtype and any shape of the outputs", async () => {
    const outputs = await predict(new Same(), xor().inputs);
    expect([outputs.dtype, outputs.shape]).toEqual(["float32", [4, 2]]);
  });
});

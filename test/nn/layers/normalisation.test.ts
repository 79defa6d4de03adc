import { compile, setEngine, type Tensor, tensor, zeros } from "gradus";
import {
  BatchNorm1d,
  BatchNorm2d,
  GroupNorm,
  LayerNorm,
  LocalResponseNorm,
  Sequential,
  valueAndGrad,
} from "gradus/nn";
import { Optimizer, sgd } from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("running statistics of a channel that has died are 0 before they are subnormal", () => {
      const layer = new BatchNorm1d(1);
      layer.forward(tensor([[1], [3]]));
      const dead = zeros([2, 1]);
      for (let t = 0; t < 900; t++) layer.forward(dead); // 0.9⁹⁰⁰ is 10⁻⁴¹
      const mean = layer.runningMean.value.item();
      const variance = layer.runningVariance.value.item();
      expect([mean, variance]).toEqual([0, 0]);
      expect(
        layer
          .eval()
          .forward(tensor([[1]]))
          .item(),
      ).toBeCloseTo(1 / Math.sqrt(1e-5), 2);
    });

    test("a compiled training step moves the running statistics as an uncompiled one does", () => {
      const run = (compiled: boolean) => {
        const model = new Sequential(new BatchNorm1d(2, { dtype: "float64" }));
        const optimizer = new Optimizer(model, sgd(), { lr: 0.1 });
        const both = valueAndGrad(model, (x: Tensor) => model.forward(x).square().mul(x).sum());
        const plain = (x: Tensor) => optimizer.update(both(x).grads);
        const step = compile(plain);
        for (let t = 0; t < 3; t++) {
          const x = tensor(
            [
              [t, 1],
              [2, 5 * t],
              [7, 3],
            ],
            "float64",
          );
          if (compiled) step.sync(x);
          else plain(x);
        }
        return Object.values(model.state()).flatMap((v) => [...v.value.dataSync()]);
      };
      const [one, other] = [run(true), run(false)];
      expectClose("state", one, other, 1e-13);
      // by hand, momentum 0.1: batch means 3, 10/3, 11/3 of the first column
      const mean = 0.1 * (11 / 3) + 0.9 * (0.1 * (10 / 3) + 0.9 * 0.3);
      expectClose("running mean", [one[4]!], [mean], 1e-13);
    });
    test("evaluation leaves the statistics alone", () => {
      const layer = new BatchNorm2d(1).eval();
      layer.forward(tensor([[[[5, 6]]]])).evalSync();
      expect(layer.runningMean.value.toArray()).toEqual([0]);
    });
    test("float32: an offset of 10⁴ does not drown the variance", () => {
      const x = tensor([[10001, 9999, 10001, 9999]]);
      expectClose("y", new LayerNorm(4).forward(x).dataSync(), [1, -1, 1, -1], 1e-5);
    });
  });

test("errors name sizes and the fix", () => {
  expect(() => new BatchNorm2d(3).forward(zeros([2, 4, 5, 5]))).toThrow(
    "takes [N, 3, ·, ·], got [2, 4, 5, 5].",
  );
  expect(() => new BatchNorm1d(3).forward(zeros([2, 3, 5, 5]))).toThrow(
    "takes [N, 3] or [N, 3, ·], got [2, 3, 5, 5].",
  );
  expect(() => new BatchNorm1d(3).forward(zeros([1, 3]))).toThrow(
    "1 value per channel in [1, 3] has no variance to train with.",
  );
  expect(() => new LayerNorm([3, 2]).forward(zeros([3, 4]))).toThrow(
    "takes inputs that end in [3, 2], got [3, 4].",
  );
  expect(() => new GroupNorm(2, 3)).toThrow("3 channels do not divide into 2 groups.");
  expect(() => new GroupNorm(1, 3).forward(zeros([2, 4]))).toThrow("takes [N, 3, …], got [2, 4].");
  expect(() => new LocalResponseNorm({ size: 4 })).toThrow("size is 4.");
});

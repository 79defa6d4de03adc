/** Labels that a loss cannot mean are errors that name the value and the convention, when it is computed. */
import { compile, DataError, grad, oneHot, setEngine, type Tensor, tensor } from "gradus";
import {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  exponentialLoss,
  hinge,
  logisticLoss,
  squaredHinge,
  zeroOneLoss,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../support/engines.ts";

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as Error).message;
  }
  return "no error";
};

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    const scores = tensor([0.5, 0.2, 0.9]);

    for (const [name, loss] of Object.entries({
      hinge,
      squaredHinge,
      logisticLoss,
      exponentialLoss,
      zeroOneLoss,
    })) {
      test(`${name} takes −1 and 1, of any dtype`, () => {
        for (const dtype of ["float32", "float64", "int32"] as const)
          expect(loss(scores, tensor([-1, 1, 1], dtype)).item()).toBeGreaterThanOrEqual(0);
      });
      test(`${name} refuses 0, 2, ½ and NaN`, () => {
        for (const bad of [0, 2, 0.5, Number.NaN, -1e9])
          for (const dtype of ["float32", "float64"] as const) {
            const text = messageOf(() => loss(scores, tensor([1, bad, -1], dtype)).item());
            expect(text).toContain(name);
            expect(text).toContain(bad === -1e9 ? "-524288 or beyond" : `a value is ${bad}, not`);
            expect(text).toContain("targets.mul(2).sub(1)");
          }
        expect(messageOf(() => loss(scores, tensor([0, 1, 1], "int32")).item())).toContain("is 0,");
        expect(messageOf(() => loss(scores, tensor([0, 1, 1], "bool")).item())).toContain("is 0,");
      });
    }

    for (const [name, loss] of Object.entries({
      binaryCrossEntropy,
      binaryCrossEntropyWithLogits,
    })) {
      test(`${name} takes 0 to 1 and refuses −1, 2 and NaN`, () => {
        expect(loss(scores, tensor([0, 0.5, 1])).item()).toBeGreaterThan(0);
        expect(loss(scores, tensor([0, 1, 1], "bool")).item()).toBeGreaterThan(0);
        for (const bad of [-1, 2, Number.NaN]) {
          const text = messageOf(() => loss(scores, tensor([0, bad, 1])).item());
          expect(text).toContain(`${name}: a value is ${bad}, not a target of 0 to 1.`);
        }
      });
    }

    test("a gradient alone fails, too, and so does a compiled step, both ways", async () => {
      const g = grad((f: Tensor, y: Tensor) => hinge(f, y));
      expect(messageOf(() => g(scores, tensor([0, 1, 1])).toArray())).toContain("is 0,");
      const step = compile((f: Tensor, y: Tensor) => hinge(f, y));
      expect(messageOf(() => step.sync(scores, tensor([0, 1, 1])).item())).toContain("hinge");
      await expect(step(scores, tensor([1, 3, 1]))).rejects.toThrow(/hinge: a value is 3/);
      expect(step.sync(scores, tensor([1, -1, 1])).item()).toBeGreaterThan(0);
    });

    test("oneHot refuses what has no column", () => {
      expect(oneHot(tensor([2, 0], "int32"), 3).toArray()).toEqual([
        [0, 0, 1],
        [1, 0, 0],
      ]);
      for (const bad of [-1, 3, 2147483647])
        expect(messageOf(() => oneHot(tensor([0, bad], "int32"), 3).toArray())).toMatch(
          /oneHot: a value is (-1|3|536870912 or beyond), not an index of 0…2/,
        );
    });

    test("infinite logits cost nothing where they are right, and pull nothing", () => {
      const f = (z: Tensor) =>
        binaryCrossEntropyWithLogits(z, tensor([1, 0]), { reduction: "sum" });
      const z = tensor([Infinity, -Infinity]);
      expect(f(z).item()).toBe(0);
      expect(grad(f)(z).toArray()).toEqual([-0, 0].map((x) => expect.closeTo(x)));
      expect(f(tensor([-Infinity, 0])).item()).toBe(Infinity);
    });
  });

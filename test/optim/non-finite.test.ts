/** Gradients whose squares overflow or underflow, and those that are not finite. */
import { ConfigError, compile, DataError, grad, setEngine, type Tensor, tensor } from "gradus";
import { Linear, valueAndGrad } from "gradus/nn";
import { adam, chain, clipByGlobalNorm, globalNorm, Optimizer } from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../support/engines.ts";

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("norms of numbers whose squares leave the range, alone and together", () => {
      const cases = [
        ["float32", [3e20, 4e20], 5e20],
        ["float32", [3e-30, 4e-30], 5e-30],
        ["float64", [3e200, 4e200], 5e200],
        ["float64", [3e-200, 4e-200], 5e-200],
      ] as const;
      for (const [dtype, g, norm] of cases) {
        const [a, b] = g.map((x) => tensor([x], dtype)) as [Tensor, Tensor];
        expect(globalNorm({ g: tensor([...g], dtype) }).item() / norm).toBeCloseTo(1, 6);
        expect(globalNorm({ a, b }).item() / norm).toBeCloseTo(1, 6);
      }
      const mixed = { a: tensor([3e20]), b: tensor([4e200], "float64") };
      expect(globalNorm(mixed).item() / 4e200).toBeCloseTo(1, 12);
      expect(globalNorm({}).item()).toBe(0);
    });

    test("clipping huge gradients keeps their direction, and tiny ones as they are", () => {
      const clip = clipByGlobalNorm(1).transform;
      const { g } = clip({ g: tensor([3e20, 4e20]) }, {});
      expect(g!.toArray()).toEqual([0.6, 0.8].map((x) => expect.closeTo(x, 6)));
      expect(clip({ g: tensor([3e-30, 0]) }, {}).g!.toArray()).toEqual([Math.fround(3e-30), 0]);
      expect(clip({ g: tensor([0, 0]) }, {}).g!.toArray()).toEqual([0, 0]);
    });

    test("the norm can be differentiated, at 0 as well", () => {
      const norm = (x: Tensor) => globalNorm({ x, y: tensor([4]) }).cast("float32");
      expect(grad(norm)(tensor([3])).item()).toBeCloseTo(0.6, 6);
      const alone = (x: Tensor) => globalNorm({ x }).cast("float32");
      expect(grad(alone)(tensor([0, 0])).toArray()).toEqual([0, 0]);
    });

    const setting = (nonFinite: "error" | "skip" | undefined) => {
      const model = new Linear(1, 1, { bias: false });
      model.weight.value = tensor([[2]]);
      const rule = chain(clipByGlobalNorm(1), adam());
      const optimizer = new Optimizer(model, rule, { lr: 0.5, nonFinite });
      const gradients = valueAndGrad(model, (x: Tensor) => model.forward(x).square().sum());
      const step = compile((x: Tensor) => optimizer.update(gradients(x).grads));
      const state = () => Object.entries(optimizer.state()).map(([k, v]) => [k, v.value.toArray()]);
      return { model, step, state };
    };

    test("a step that is skipped leaves parameters, state and count; the next goes on", () => {
      const [a, b] = [setting("skip"), setting("skip")];
      a.step.sync(tensor([[1]]));
      b.step.sync(tensor([[1]]));
      const before = a.state();
      for (const bad of [Number.NaN, Infinity]) a.step.sync(tensor([[bad]]));
      expect(a.state()).toEqual(before);
      expect(a.model.weight.value.toArray()).toEqual(b.model.weight.value.toArray());
      a.step.sync(tensor([[2]]));
      b.step.sync(tensor([[2]]));
      expect(a.state()).toEqual(b.state());
      expect(a.model.weight.value.toArray()).toEqual(b.model.weight.value.toArray());
    });

    test("or it is an error that changes nothing", () => {
      const { model, step, state } = setting("error");
      step.sync(tensor([[1]]));
      const [weight, before] = [model.weight.value.toArray(), state()];
      expect(() => step.sync(tensor([[Number.NaN]]))).toThrow(DataError);
      expect(() => step.sync(tensor([[Number.NaN]]))).toThrow(/Optimizer: a value is NaN/);
      expect(model.weight.value.toArray()).toEqual(weight);
      expect(state()).toEqual(before);
    });

    test("by default it is taken; another word is an error", () => {
      const { model, step } = setting(undefined);
      step.sync(tensor([[Number.NaN]]));
      expect(model.weight.value.toArray()).toEqual([[Number.NaN]]);
      expect(() => setting("ignore" as never)).toThrow(ConfigError);
    });
  });

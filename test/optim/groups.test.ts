import { compile, setEngine, tensor } from "gradus";
import { Linear, Sequential } from "gradus/nn";
import { adamW, chain, clipByGlobalNorm, Optimizer, plateau, sgd, weightDecay } from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

/** Two layers of one weight and one bias each, all 1. */
function ones(): Sequential {
  const model = new Sequential(
    new Linear(1, 1, { dtype: "float64" }),
    new Linear(1, 1, { dtype: "float64" }),
  );
  for (const p of Object.values(model.parameters()))
    p.value = tensor(new Float64Array([1])).reshape(p.shape);
  return model;
}
/** The gradient 1 for every parameter. */
const gradients = (model: Sequential) =>
  Object.fromEntries(
    Object.entries(model.parameters()).map(([path, p]) => [
      path,
      tensor(new Float64Array([1])).reshape(p.shape),
    ]),
  );
const values = (model: Sequential) =>
  Object.values(model.parameters()).map((p) => p.value.dataSync()[0]!);

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("scales multiply, rules replace, the rest keeps the optimiser's; compiled or not", () => {
      const groups = {
        "layers.0": { lrScale: 0.5 },
        "*.bias": { lrScale: 0.1 },
        "*.weight": { rule: chain(weightDecay(3), sgd()) },
      };
      for (const compiled of [false, true]) {
        const model = ones();
        const optimizer = new Optimizer(model, sgd(), { lr: 0.1, groups });
        const plain = () => optimizer.update(gradients(model));
        if (compiled) compile(plain).sync();
        else plain();
        // weights: g + 3 θ = 4 at 0.05 and 0.1; biases: 1 at 0.005 and 0.01
        expectClose("θ", values(model), [0.8, 0.995, 0.6, 0.99], 1e-15);
      }
    });
    test("a schedule's rate is scaled, too", () => {
      const model = ones();
      const groups = { "layers.1": { lrScale: 0.1 } };
      new Optimizer(model, sgd(), { groups }).update(gradients(model), { lr: 0.5 });
      expectClose("θ", values(model), [0.5, 0.5, 0.95, 0.95], 1e-15);
    });
    test("clipping sees all parameters of its rule, whatever their scale", () => {
      const model = ones();
      const rule = chain(clipByGlobalNorm(1), sgd()); // ‖(1, 1, 1, 1)‖ = 2
      const groups = { "layers.1": { lrScale: 2 } };
      new Optimizer(model, rule, { lr: 0.1, groups }).update(gradients(model));
      expectClose("θ", values(model), [0.95, 0.95, 0.9, 0.9], 1e-15);
    });
    test("decay of chosen parameters only: in the gradient, or apart from it by groups", () => {
      const some = ones();
      const rule = chain(weightDecay(3, { of: "*.weight" }), sgd());
      new Optimizer(some, rule, { lr: 0.1 }).update(gradients(some));
      expectClose("θ", values(some), [0.6, 0.9, 0.6, 0.9], 1e-15);
      const apart = ones();
      const groups = { "*.bias": { rule: adamW({ weightDecay: 0, eps: 0 }) } };
      const decayed = adamW({ weightDecay: 0.5, eps: 0 });
      new Optimizer(apart, decayed, { lr: 0.1, groups }).update(gradients(apart));
      expectClose("θ", values(apart), [0.85, 0.9, 0.85, 0.9], 1e-15);
      const none = new Optimizer(ones(), chain(weightDecay(3, { of: "*.weigth" }), sgd()));
      expect(() => none.update(gradients(ones()))).toThrow('no parameter matches "*.weigth".');
    });
    test("frozen parameters of a group stay", () => {
      const model = ones().freeze("layers.0");
      const groups = { "layers.0": { lrScale: 0.5 } };
      new Optimizer(model, sgd(), { lr: 0.1, groups }).update(gradients(model));
      expectClose("θ", values(model), [1, 1, 0.9, 0.9], 1e-15);
    });
  });

test("groups that match nothing or contradict each other are errors", () => {
  const group = { rule: sgd() };
  expect(() => new Optimizer(ones(), sgd(), { groups: { "layer.0": {} } })).toThrow(
    'no parameter matches "layer.0".',
  );
  expect(
    () => new Optimizer(ones(), sgd(), { groups: { "layers.0": group, "*.bias": group } }),
  ).toThrow('"layers.0.bias" gets a rule from the groups "layers.0" and "*.bias".');
});

describe("plateau", () => {
  test("its state survives JSON", () => {
    const rate = plateau({ patience: 0, factor: 0.5 });
    const copy = JSON.parse(JSON.stringify(rate.update(rate.init(1), 2)));
    expect(rate.update(copy, 2)).toEqual({ lr: 0.5, best: 2, bad: 0, cooling: 0 });
    expect(JSON.parse(JSON.stringify(rate.init(1)))).toEqual(rate.init(1));
  });
  test("NaN is never an improvement", () => {
    const rate = plateau({ patience: 0, factor: 0.5 });
    const state = rate.update(rate.init(1), Number.NaN);
    expect(state).toEqual({ lr: 0.5, best: null, bad: 0, cooling: 0 });
    expect(rate.update(state, 3).best).toBe(3);
  });
  test("a factor that does not lower the rate is an error", () => {
    expect(() => plateau({ factor: 2 })).toThrow("the factor is 2.");
  });
});

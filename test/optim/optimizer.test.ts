import {
  ConfigError,
  compile,
  DTypeError,
  ShapeError,
  setEngine,
  type Tensor,
  tensor,
  type Variable,
  zeros,
} from "gradus";
import {
  Dropout,
  Linear,
  Module,
  meanSquaredError,
  Parameter,
  ReLU,
  Sequential,
  seeded,
  valueAndGrad,
} from "gradus/nn";
import {
  adadelta,
  adagrad,
  adam,
  adamW,
  type ChainPart,
  chain,
  clipByGlobalNorm,
  clipByValue,
  decoupledDecay,
  globalNorm,
  heavyBall,
  lion,
  momentum,
  nadam,
  nesterov,
  Optimizer,
  type Rule,
  rmsprop,
  sgd,
  weightDecay,
} from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const x = () =>
  tensor([
    [1, 2],
    [3, -1],
    [0, 0.5],
  ]);
const y = () => tensor([[1], [0], [-1]]);

/** A small net with dropout, its optimiser and its step. */
function training(rule: Rule, lr = 0.05) {
  const model = seeded(
    3,
    () => new Sequential(new Linear(2, 4), new ReLU(), new Dropout(0.3), new Linear(4, 1)),
  );
  const optimizer = new Optimizer(model, rule, { lr });
  const both = valueAndGrad(model, (a: Tensor, b: Tensor) => meanSquaredError(model.forward(a), b));
  const plain = (rate: number | Tensor) => {
    const { value, grads } = both(x(), y());
    optimizer.update(grads, { lr: rate });
    return value;
  };
  const compiled = compile((a: Tensor, b: Tensor, rate: number) => {
    const { value, grads } = both(a, b);
    optimizer.update(grads, { lr: rate });
    return value;
  });
  const all = { ...model.state(), ...optimizer.state() };
  return { model, optimizer, plain, compiled, all };
}

const snapshot = (state: Record<string, Variable>) =>
  Object.fromEntries(Object.entries(state).map(([path, v]) => [path, [...v.value.dataSync()]]));

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("a compiled step does what a plain one does, and a schedule never compiles again", () => {
      const [a, b] = [training(adamW()), training(adamW())];
      for (const rate of [0.1, 0.05, 0.025]) {
        a.plain(rate);
        b.compiled.sync(x(), y(), rate);
      }
      expect(b.compiled.traces).toBe(1);
      const [plain, compiled] = [snapshot(a.all), snapshot(b.all)];
      expect(Object.keys(plain)).toEqual(Object.keys(compiled));
      for (const [path, values] of Object.entries(plain))
        expectClose(path, compiled[path]!, values, 1e-5);
      expect(compiled.step).toEqual([3]);
    });

    test("resuming from a saved state is exact to the bit", () => {
      const rules = [
        sgd(),
        momentum(),
        adam({ amsgrad: true }),
        chain(clipByGlobalNorm(0.1), adamW()),
      ];
      for (const rule of rules) {
        const first = training(rule);
        for (let i = 0; i < 3; i++) first.compiled.sync(x(), y(), 0.1);
        const saved = Object.entries(first.all).map(
          ([path, v]) => [path, v.value.toHost()] as const,
        );
        const second = training(rule);
        for (const [path, { data, shape }] of saved)
          second.all[path]!.value = tensor(data).reshape(shape);
        for (let i = 0; i < 3; i++) {
          const [a, b] = [first, second].map((run) => run.compiled.sync(x(), y(), 0.1).item());
          expect(a).toBe(b);
        }
        expect(snapshot(second.all)).toEqual(snapshot(first.all));
      }
    });

    test("the learning rate: from the optimiser, as a number, as a scalar tensor of any dtype", () => {
      const updated = (update: (o: Optimizer, g: Record<string, Tensor>) => void) => {
        const model = new Linear(1, 1, { bias: false });
        model.weight.value = tensor([[1]]);
        const optimizer = new Optimizer(model, sgd(), { lr: 0.5 });
        update(optimizer, { weight: tensor([[1]]) });
        expect(model.weight.value.dtype).toBe("float32");
        return model.weight.value.item();
      };
      expect(updated((o, g) => o.update(g))).toBe(0.5);
      expect(updated((o, g) => o.update(g, { lr: 0.25 }))).toBe(0.75);
      expect(updated((o, g) => o.update(g, { lr: tensor(0.25) }))).toBe(0.75);
      expect(updated((o, g) => o.update(g, { lr: tensor(0.25, "float64") }))).toBe(0.75);
      expect(
        updated((o, g) => {
          o.lr = 2;
          o.update(g);
        }),
      ).toBe(-1);
    });

    test("a compiled step follows the optimiser's learning rate", () => {
      const model = new Linear(1, 1, { bias: false });
      model.weight.value = tensor([[0]]);
      const optimizer = new Optimizer(model, sgd(), { lr: 1 });
      const step = compile(() => optimizer.update({ weight: tensor([[1]]) }));
      step.sync();
      optimizer.lr = 10;
      step.sync();
      expect(model.weight.value.item()).toBe(-11);
      expect([optimizer.lr, step.traces]).toEqual([10, 1]);
    });

    test("a parameter that is a scalar keeps its dtype", () => {
      class Scale extends Module {
        readonly factor = new Parameter(tensor(2));
        forward(input: Tensor): Tensor {
          return input.mul(this.factor.value);
        }
      }
      const model = new Scale();
      const optimizer = new Optimizer(model, chain(clipByGlobalNorm(1), adam()), { lr: 0.5 });
      const { grads } = valueAndGrad(model, (input: Tensor) => model.forward(input).sum())(
        tensor([1, 2]),
      );
      optimizer.update(grads);
      expect(model.factor.value.item()).toBeCloseTo(1.5, 6);
      expect(optimizer.state()["factor.m"]!.value.dtype).toBe("float32");
    });

    test("frozen parameters and their state stay; the rest learns", () => {
      const run = training(adam());
      run.model.freeze("layers.0.*");
      const before = snapshot(run.all);
      run.compiled.sync(x(), y(), 0.1);
      const after = snapshot(run.all);
      const changed = Object.keys(after).filter((p) => `${after[p]}` !== `${before[p]}`);
      expect(changed.filter((p) => p.startsWith("layers.0"))).toEqual([]);
      expect(changed).toContain("layers.3.weight");
      expect(changed).toContain("layers.3.weight.m");
    });

    test("groups: two optimisers share the gradients of one model", () => {
      const model = new Linear(1, 1);
      model.weight.value = tensor([[1]]);
      const { weight, bias } = model.parameters();
      const decayed = new Optimizer({ weight: weight! }, chain(weightDecay(1), sgd()), { lr: 0.5 });
      const plain = new Optimizer({ bias: bias! }, sgd(), { lr: 0.1 });
      const grads = { weight: tensor([[0]]), bias: tensor([1]) };
      decayed.update(grads);
      plain.update(grads);
      expect(model.weight.value.item()).toBe(0.5);
      expect(model.bias!.value.item()).toBeCloseTo(-0.1, 7);
    });

    describe("before a rule", () => {
      test("the global norm is that of all gradients together", () => {
        const g = { a: tensor([3]), b: tensor([[4], [12]]) };
        expect(globalNorm(g).item()).toBe(13);
        const { a, b } = clipByGlobalNorm(6.5).transform(g, {});
        expect([a!.toArray(), b!.toArray()]).toEqual([[1.5], [[2], [6]]]);
        expect(clipByGlobalNorm(100).transform(g, {}).b!.toArray()).toEqual([[4], [12]]);
        expect(
          clipByGlobalNorm(1)
            .transform({ a: zeros([2]) }, {})
            .a!.toArray(),
        ).toEqual([0, 0]);
      });
      test("transforms act in their order, then the rule", () => {
        const model = new Linear(2, 1, { bias: false });
        model.weight.value = tensor([[10, 0]]);
        const rule = chain(weightDecay(1), clipByValue(4), clipByGlobalNorm(2.5), sgd());
        expect(rule.name).toBe("weightDecay, clipByValue, clipByGlobalNorm, sgd");
        // (−1, −3) + (10, 0) = (9, −3) → (4, −3), of norm 5 → (2, −1.5)
        new Optimizer(model, rule, { lr: 1 }).update({ weight: tensor([[-1, -3]]) });
        expect(model.weight.value.toArray()).toEqual([[8, 1.5]]);
      });
      test("what comes after the rule changes its direction, before the learning rate", () => {
        const rule = chain(weightDecay(1), sgd(), decoupledDecay(0.5));
        const w = new Parameter(tensor([2]));
        // g = 1 + 2, u = 3 + 0.5·2 = 4, θ = 2 − 0.25·4
        new Optimizer({ w }, rule, { lr: 0.25 }).update({ w: tensor([1]) });
        expect(w.value.toArray()).toEqual([1]);
      });
      test("AdamW is Adam and then a decoupled decay, to the last bit", () => {
        const [g, theta] = [tensor([0.1, -3, 7]), tensor([0.3, 0.7, -0.9])];
        const hyper = { t: tensor(1, "float64"), lr: 0.0123 };
        const deltaOf = (rule: Rule) => rule.update(g, rule.init(theta), hyper, theta).delta;
        const composed = chain(adam({ beta1: 0.8 }), decoupledDecay(0.03));
        expect(deltaOf(composed).toArray()).toEqual(
          deltaOf(adamW({ beta1: 0.8, weightDecay: 0.03 })).toArray(),
        );
      });
      test("every rule but heavyBall has a direction that a decay can follow", () => {
        for (const make of [adadelta, adagrad, adam, lion, momentum, nadam, nesterov, rmsprop, sgd])
          expect(chain(make() as Rule, decoupledDecay(0.1)).name).toMatch(/, decoupledDecay$/);
        expect(() => chain(heavyBall(), decoupledDecay(0.1))).toThrow(
          /chain: decoupledDecay changes the direction .* heavyBall has none/,
        );
      });
      test.each([
        ["no rule", [clipByValue(1)], "its parts are clipByValue."],
        ["two rules", [sgd(), adam()], "its parts are sgd, adam."],
        ["clipping after the rule", [sgd(), clipByValue(1)], "its parts are sgd, clipByValue."],
        ["decay before the rule", [decoupledDecay(1), sgd()], "its parts are decoupledDecay, sgd."],
        ["nothing", [], "its parts are none."],
      ] as [string, ChainPart[], string][])("a chain of %s is an error", (_, parts, problem) => {
        expect(() => chain(...parts)).toThrow(`chain: ${problem}`);
      });
      test("a chain may hold a chain", () => {
        const rule = chain(clipByValue(2), chain(clipByValue(1), sgd()));
        const model = new Linear(1, 1, { bias: false });
        model.weight.value = tensor([[0]]);
        new Optimizer(model, rule, { lr: 1 }).update({ weight: tensor([[9]]) });
        expect(model.weight.value.item()).toBe(-1);
      });
    });

    test("a long plain loop neither recompiles nor keeps its history", () => {
      const run = training(momentum());
      for (let i = 0; i < 50; i++) run.plain(0.01 + i * 1e-4);
      const { node } = run.model.parameters()["layers.0.weight"]!.value;
      expect(node.inputs).toEqual([]);
    });
  });

describe("what does not fit is said", () => {
  const linear = () => new Linear(2, 1, { bias: false });
  const update = (grads: Record<string, Tensor>) => () =>
    new Optimizer(linear(), sgd()).update(grads);
  test("a missing gradient", () => {
    expect(update({})).toThrow(ConfigError);
    expect(update({})).toThrow(/no gradient for "weight"/);
  });
  test("another shape or dtype", () => {
    expect(update({ weight: zeros([2]) })).toThrow(ShapeError);
    expect(update({ weight: zeros([1, 2], { dtype: "float64" }) })).toThrow(DTypeError);
  });
  test("no parameter, or only frozen ones", () => {
    expect(() => new Optimizer(new ReLU(), sgd())).toThrow(/ReLU has no parameter to learn/);
    expect(() => new Optimizer({}, sgd())).toThrow(ConfigError);
    expect(() => new Optimizer(linear().freeze(), sgd()).update({})).toThrow(/all parameters/);
  });
  test("a limit of 0", () => {
    expect(() => clipByValue(0).transform({}, {})).toThrow(ConfigError);
  });
  test("an update that fails leaves everything as it was", () => {
    const model = new Sequential(new Linear(1, 1), new Linear(1, 1));
    const optimizer = new Optimizer(model, adam());
    const all = { ...model.state(), ...optimizer.state() };
    const before = snapshot(all);
    const grads = Object.fromEntries(
      Object.entries(model.parameters()).map(([path, p]) => [path, zeros(p.shape)]),
    );
    expect(() => optimizer.update({ ...grads, "layers.1.bias": zeros([7]) })).toThrow(ShapeError);
    expect(snapshot(all)).toEqual(before);
  });
});

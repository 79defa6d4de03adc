/** Gradients of several updates make one step: that of one batch as large as all of them. */
import { compile, setEngine, type Tensor, tensor } from "gradus";
import { Linear, meanSquaredError, Sequential, seeded, Tanh, valueAndGrad } from "gradus/nn";
import { adam, chain, clipByGlobalNorm, momentum, Optimizer, type Rule, sgd } from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const wave = (n: number, shift: number): Tensor =>
  tensor(Float64Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + shift)));
const [x, y] = [wave(24, 1).reshape([12, 2]), wave(12, 2).reshape([12, 1])];

function training(rule: Rule, accumulate: number, compiled = true) {
  const o = { dtype: "float64" } as const;
  const model = seeded(
    5,
    () => new Sequential(new Linear(2, 3, o), new Tanh(), new Linear(3, 1, o)),
  );
  const optimizer = new Optimizer(model, rule, { lr: 0.1, accumulate });
  const both = valueAndGrad(model, (a: Tensor, b: Tensor) => meanSquaredError(model.forward(a), b));
  const plain = (a: Tensor, b: Tensor): void => optimizer.update(both(a, b).grads);
  const traced = compile(plain);
  const step = (from: number, to: number) =>
    (compiled ? traced.sync : plain)(x.slice([from, to]), y.slice([from, to]));
  const theta = () => Object.values(model.parameters()).flatMap((p) => [...p.value.dataSync()]);
  return { model, optimizer, step, theta, traced };
}

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    const rules: [string, () => Rule][] = [
      ["sgd", sgd],
      ["momentum", momentum],
      ["adam", adam],
      ["clipping, which sees the mean", () => chain(clipByGlobalNorm(0.01), adam())],
    ];
    for (const [name, rule] of rules)
      test.each([true, false])(`${name}: 3 of 4 examples are 1 of 12, compiled: %s`, (compiled) => {
        const [big, small] = [training(rule(), 1), training(rule(), 3, compiled)];
        for (let epoch = 0; epoch < 4; epoch++) {
          big.step(0, 12);
          const before = small.theta();
          small.step(0, 4);
          small.step(4, 8);
          expect(small.theta()).toEqual(before); // nothing moves before the last
          small.step(8, 12);
          expectClose(`θ after ${epoch + 1}`, small.theta(), big.theta(), 1e-14);
        }
        const { step, accumulated } = small.optimizer.state();
        expect([step!.value.item(), accumulated!.value.item()]).toEqual([4, 0]);
        if (compiled) expect(small.traced.traces).toBe(1);
      });

    test("it goes on exactly from a state that was saved between two updates", () => {
      const first = training(adam(), 3);
      for (const from of [0, 4, 8, 0, 4]) first.step(from, from + 4);
      const second = training(adam(), 3);
      const all = (run: typeof first) => ({ ...run.model.state(), ...run.optimizer.state() });
      const [saved, fresh] = [all(first), all(second)];
      expect(Object.keys(saved)).toContain("layers.0.weight.sum of gradients");
      expect(saved.accumulated!.value.item()).toBe(2);
      for (const [path, variable] of Object.entries(fresh))
        variable.value = tensor(saved[path]!.value.toHost().data).reshape(variable.shape);
      for (const run of [first, second]) run.step(8, 12);
      expect(second.theta()).toEqual(first.theta());
    });
  });

test("without accumulation the state has no place for it", () => {
  expect(Object.keys(new Optimizer(new Linear(1, 1), sgd()).state())).toEqual(["step", "lr"]);
});
test.each([0, 1.5, -2])("%s updates a step are an error", (accumulate) => {
  expect(() => new Optimizer(new Linear(1, 1), sgd(), { accumulate })).toThrow(
    `accumulate is ${accumulate}, not a whole number of 1 or more.`,
  );
});

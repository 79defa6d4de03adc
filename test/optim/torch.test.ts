/** Against PyTorch in float64; the numbers come from tools/fixtures/torch-optim.py. */
import { readFileSync } from "node:fs";
import { compile, setEngine, type Tensor, tensor } from "gradus";
import { Module, Parameter } from "gradus/nn";
import {
  adadelta,
  adagrad,
  adam,
  adamW,
  momentum,
  nadam,
  nesterov,
  Optimizer,
  oneCycle,
  type PlateauOptions,
  plateau,
  type Rule,
  rmsprop,
  sgd,
} from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const oracle: { rules: Record<string, number[]>; rates: Record<string, number[]> } = JSON.parse(
  readFileSync(new URL("torch.json", import.meta.url), "utf8"),
);

const rules: Record<string, Rule> = {
  sgd: sgd(),
  momentum: momentum(),
  nesterov: nesterov(),
  rmsprop: rmsprop(),
  adagrad: adagrad(),
  adadelta: adadelta(),
  nadam: nadam(),
  nadamDecay: nadam({ beta1: 0.8, beta2: 0.6, momentumDecay: 0.1 }),
  adam: adam(),
  adamDecay: adam({ weightDecay: 0.1 }),
  adamAmsgrad: adam({ amsgrad: true, beta1: 0.8, beta2: 0.6 }),
  adamMaximize: adam({ maximize: true, weightDecay: 0.1 }),
  adamW: adamW(),
  adamWAmsgrad: adamW({ amsgrad: true, beta1: 0.8, beta2: 0.6, eps: 0.01 }),
};

/** scale · sin(1.7 i + shift), as the script makes its numbers. */
const wave = ({ scale = 1, shift = 0 }): Tensor =>
  tensor(Float64Array.from({ length: 4 }, (_, i) => scale * Math.sin(1.7 * i + shift)));

class Point extends Module<[]> {
  readonly theta = new Parameter(wave({}));
  forward(): Tensor {
    return this.theta.value;
  }
}

const steps = Array.from({ length: 30 }, (_, t) => t);
const loss = (t: number) => Math.max(0.2, 2 - 0.3 * t) + 0.1 * Math.sin(1.7 * t);
const measured = (options: PlateauOptions, value = loss): number[] => {
  const rate = plateau(options);
  let state = rate.init(0.5);
  return steps.map((t) => {
    state = rate.update(state, value(t));
    return state.lr;
  });
};
test("learning rates of 30 steps", () => {
  const rates = {
    oneCycle: steps.map(oneCycle(0.5, { steps: 30 })),
    oneCycleOptions: steps.map(oneCycle(2, { steps: 30, rise: 0.5, divide: 10, finalDivide: 100 })),
    plateau: measured({ patience: 3, factor: 0.5 }),
    plateauCooldown: measured({ patience: 1, cooldown: 2, min: 0.02, threshold: 0.1 }),
    plateauMaximize: measured({ patience: 2, maximize: true }, (t) => 5 - loss(t)),
  };
  expect(Object.keys(rates)).toEqual(Object.keys(oracle.rates));
  for (const [name, rate] of Object.entries(rates))
    expectClose(name, rate, oracle.rates[name]!, 1e-14);
});

test("every rule is compared", () => {
  expect(Object.keys(rules)).toEqual(Object.keys(oracle.rules));
});

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    test.each(Object.keys(rules))("%s, 12 steps at a falling rate", (name) => {
      const model = new Point();
      const optimizer = new Optimizer(model, rules[name]!);
      const [a, b] = [wave({ shift: 1 }).add(1.5), wave({ scale: 2, shift: 2 })];
      const step = compile((cosine: number | Tensor, lr: number) => {
        const theta = a.mul(model.forward()).add(b.mul(cosine)); // ∇ of a quadratic form
        optimizer.update({ theta }, { lr });
      });
      for (let t = 1; t <= 12; t++) step.sync(Math.cos(t), 0.1 / t);
      expectClose("θ", model.forward().dataSync(), oracle.rules[name]!, 1e-13);
    });
  });

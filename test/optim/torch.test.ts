/** Against PyTorch in float64; the numbers come from tools/fixtures/torch-optim.py. */
import { readFileSync } from "node:fs";
import { compile, setEngine, type Tensor, tensor } from "gradus";
import { Module, Parameter } from "gradus/nn";
import {
  adadelta,
  adagrad,
  adam,
  adamW,
  chain,
  constant,
  cosine,
  cosineRestarts,
  exponential,
  inverseSqrt,
  inverseTime,
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
  stepDecay,
  WeightAverage,
  warmup,
  weightDecay,
} from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

type Table = Record<string, number[]>;
const oracle: { rules: Table; rates: Table; averages: { mean: number[]; decayed: number[] } } =
  JSON.parse(readFileSync(new URL("torch.json", import.meta.url), "utf8"));

const rules: Record<string, Rule> = {
  sgd: sgd(),
  momentum: momentum(),
  nesterov: nesterov(),
  rmsprop: rmsprop(),
  sgdDecay: chain(weightDecay(0.1), sgd()),
  momentumDecay: chain(weightDecay(0.1), momentum({ rho: 0.8 })),
  nesterovDecay: chain(weightDecay(0.1), nesterov({ rho: 0.8 })),
  rmspropEps: rmsprop({ rho: 0.9, eps: 1e-5 }),
  rmspropMomentum: rmsprop({ rho: 0.8, momentum: 0.9 }),
  rmspropCentered: rmsprop({ rho: 0.8, centered: true, eps: 0.01 }),
  rmspropAll: chain(weightDecay(0.1), rmsprop({ centered: true, momentum: 0.5 })),
  adagrad: adagrad(),
  adagradDecay: chain(weightDecay(0.1), adagrad({ eps: 0.01 })),
  adadeltaDecay: chain(weightDecay(0.1), adadelta({ rho: 0.5, eps: 0.01 })),
  adadelta: adadelta(),
  nadam: nadam(),
  nadamDecay: nadam({ beta1: 0.8, beta2: 0.6, momentumDecay: 0.1 }),
  adam: adam(),
  adamDecay: adam({ weightDecay: 0.1 }),
  adamAmsgrad: adam({ amsgrad: true, beta1: 0.8, beta2: 0.6 }),
  adamMaximize: adam({ maximize: true, weightDecay: 0.1 }),
  adamAll: adam({ amsgrad: true, maximize: true, weightDecay: 0.2 }),
  adamW: adamW(),
  adamWMaximize: adamW({ maximize: true, weightDecay: 0.1 }),
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
    constant: steps.map(constant(0.5)),
    inverseTime: steps.map(inverseTime(0.5)),
    inverseSqrt: steps.map(inverseSqrt(0.5)),
    stepDecay: steps.map(stepDecay(0.5, { every: 7, factor: 0.3 })),
    exponential: steps.map(exponential(0.5, { factor: 0.9 })),
    cosine: steps.map(cosine(0.5, { steps: 29, min: 0.02 })),
    cosineRestarts: steps.map(cosineRestarts(0.5, { steps: 5, min: 0.02 })),
    cosineRestartsGrowth: steps.map(cosineRestarts(0.5, { steps: 4, growth: 2 })),
    warmup: steps.map(warmup(constant(0.5), { steps: 5 })),
    warmupCosine: steps.map(warmup(cosine(0.5, { steps: 24 }), { steps: 5 })),
    oneCycle: steps.map(oneCycle(0.5, { steps: 30 })),
    oneCycleOptions: steps.map(oneCycle(2, { steps: 30, rise: 0.5, divide: 10, finalDivide: 100 })),
    oneCycleRise: steps.map(oneCycle(0.5, { steps: 30, rise: 1 })),
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

    test.each([true, false])("averages of the weights along 12 steps, compiled: %s", (compiled) => {
      const model = new Point();
      const optimizer = new Optimizer(model, momentum());
      const mean = new WeightAverage(model);
      const decayed = new WeightAverage(model, { decay: 0.9 });
      const [a, b] = [wave({ shift: 1 }).add(1.5), wave({ scale: 2, shift: 2 })];
      const plain = (cosine: number | Tensor) => {
        optimizer.update({ theta: a.mul(model.forward()).add(b.mul(cosine)) }, { lr: 0.1 });
        mean.update();
        decayed.update();
      };
      const step = compile(plain);
      for (let t = 1; t <= 12; t++) (compiled ? step.sync : plain)(Math.cos(t));
      const read = () => model.forward().dataSync();
      expectClose("mean", mean.apply(read), oracle.averages.mean, 1e-13);
      expectClose("decayed", decayed.apply(read), oracle.averages.decayed, 1e-13);
    });
  });

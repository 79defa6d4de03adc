import { setEngine, type Tensor, tensor } from "gradus";
import {
  type AdamOptions,
  adadelta,
  adagrad,
  adam,
  adamW,
  heavyBall,
  lion,
  momentum,
  nadam,
  nesterov,
  type Rule,
  rmsprop,
  sgd,
  subgradient,
} from "gradus/optim";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const f64 = (x: number[] | number) => tensor(x, "float64");

/** θ after each step with these gradients and learning rates, from θ₀ = 1. */
function path(rule: Rule, gradients: readonly number[], lr: readonly number[]): number[] {
  let theta = f64([1]);
  let state = rule.init(theta);
  return gradients.map((g, i) => {
    const step = rule.update(f64([g]), state, { t: f64(i + 1), lr: lr[i]! }, theta);
    theta = theta.add(step.delta);
    state = step.state;
    return theta.dataSync()[0]!;
  });
}
const rates = [0.1, 0.1, 0.1];

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("gradient descent: 1 − 0.1·2, then 0.1·(−4), then 0.1·1", () => {
      expectClose("θ", path(sgd(), [2, -4, 1], rates), [0.8, 1.2, 1.1], 1e-15);
    });

    test("momentum by hand: v = 2, −2.2, −0.98 at ρ = 0.9", () => {
      const expected = [1 - 0.2, 1 - 0.2 + 0.22, 1 - 0.2 + 0.22 + 0.098];
      expectClose("θ", path(momentum(), [2, -4, 1], rates), expected, 1e-15);
      expectClose("θ", path(heavyBall(), [2, -4, 1], rates), expected, 1e-15);
    });
    test("when the rate falls, momentum scales the velocity as a whole, heavyBall keeps it", () => {
      const fall = [0.1, 0.01, 0.01];
      // v = 1, 1.9, 2.71
      expectClose("θ", path(momentum(), [1, 1, 1], fall), [0.9, 0.881, 0.8539], 1e-15);
      // v = 0.1, 0.1, 0.1
      expectClose("θ", path(heavyBall(), [1, 1, 1], fall), [0.9, 0.8, 0.7], 1e-15);
    });
    test("Nesterov by hand: g + 0.9 v = 3.8, −5.98, 0.118", () => {
      const expected = [1 - 0.38, 1 - 0.38 + 0.598, 1 - 0.38 + 0.598 - 0.0118];
      expectClose("θ", path(nesterov(), [2, -4, 1], rates), expected, 1e-15);
    });

    test("Adagrad by hand: v = 9, 25, 169 for gradients 3, 4, 12", () => {
      const expected = [1 - 0.1, 1 - 0.1 - 0.08, 1 - 0.1 - 0.08 - 1.2 / 13];
      expectClose("θ", path(adagrad({ eps: 0 }), [3, 4, 12], rates), expected, 1e-15);
    });
    test("Lion by hand: signs of 0.2, 0.18 − 0.1 and 0.9 · (0.0198 − 0.01) − 2, and decay", () => {
      const steps = [1, 1, -1];
      let theta = 1;
      const expected = steps.map((sign) => {
        theta -= 0.1 * (sign + 0.5 * theta);
        return theta;
      });
      expectClose("θ", path(lion({ weightDecay: 0.5 }), [2, -0.1, -20], rates), expected, 1e-15);
      // the direction forgets faster than the momentum: c = 0.9 · 0.02 − 0.1 · 0.1 = 0.008 > 0
      const { delta } = lion().update(
        f64([-0.1]),
        { m: f64([0.02]) },
        { t: f64(2), lr: 1 },
        f64([0]),
      );
      expect(delta.toArray()).toEqual([-1]);
    });
    test("RMSProp by hand, with ε beside and under the root", () => {
      // ρ = ½: v = 2, 9, 5
      const rule = rmsprop({ rho: 0.5, eps: 1 });
      const steps = [2 / (Math.SQRT2 + 1), -4 / (3 + 1), 1 / (Math.sqrt(5) + 1)];
      const sums = (s: readonly number[]) =>
        s.map((_, i) => s.slice(0, i + 1).reduce((a, b) => a - 0.1 * b, 1));
      expectClose("beside", path(rule, [2, -4, 1], rates), sums(steps), 1e-15);
      const under = [2 / Math.sqrt(3), -4 / Math.sqrt(10), 1 / Math.sqrt(6)];
      const inRoot = rmsprop({ rho: 0.5, eps: 1, epsInRoot: true });
      expectClose("under", path(inRoot, [2, -4, 1], rates), sums(under), 1e-15);
    });

    test("RMSProp as courses write it: ε = 10⁻⁵ beside the root of v = 0.4, 1.96, 1.864", () => {
      const rule = rmsprop({ rho: 0.9, eps: 1e-5 });
      const steps = [2 / (Math.sqrt(0.4) + 1e-5), -4 / (1.4 + 1e-5), 1 / (Math.sqrt(1.864) + 1e-5)];
      let theta = 1;
      const expected = steps.map((step) => {
        theta -= 0.1 * step;
        return theta;
      });
      expectClose("θ", path(rule, [2, -4, 1], rates), expected, 1e-15);
    });

    test("Adam, three steps by hand", () => {
      // g = 2, −4, 1: m = 0.2, −0.22, −0.098; v = 0.004, 0.019996, 0.020976004
      const mHat = [0.2 / 0.1, -0.22 / 0.19, -0.098 / 0.271];
      const vHat = [0.004 / 0.001, 0.019996 / 0.001999, 0.020976004 / 0.002997001];
      let theta = 1;
      const expected = mHat.map((m, i) => {
        theta -= (0.1 * m) / (Math.sqrt(vHat[i]!) + 1e-8);
        return theta;
      });
      expectClose("θ", path(adam(), [2, -4, 1], rates), expected, 1e-13);
      expect(expected[0]).toBeCloseTo(0.9, 8); // the first step is lr · sign(g)
    });

    const options: [string, AdamOptions][] = [
      ["weight decay", { weightDecay: 0.1 }],
      ["amsgrad", { amsgrad: true, beta2: 0.5 }],
      ["amsgrad of corrected moments", { amsgrad: "corrected", beta2: 0.9 }],
      ["maximize with weight decay", { maximize: true, weightDecay: 0.1 }],
      [
        "all",
        { beta1: 0.8, beta2: 0.9, eps: 0.01, weightDecay: 0.2, amsgrad: true, maximize: true },
      ],
    ];
    for (const [what, option] of options)
      for (const decoupled of [false, true])
        test(`${decoupled ? "AdamW" : "Adam"}, ${what}: as PyTorch's pseudo-code`, () => {
          const gradients = [2, -4, 1, 0.1];
          const four = [...rates, 0.05];
          const expected = pseudoCode(gradients, four, { weightDecay: 0, ...option, decoupled });
          const rule = decoupled ? adamW({ weightDecay: 0, ...option }) : adam(option);
          expectClose("θ", path(rule, gradients, four), expected, 1e-13);
        });

    describe("moments of a gradient that has become 0 are 0 before they are subnormal", () => {
      const rules: Record<string, Rule> = {
        ...{ adam: adam(), amsgrad: adam({ amsgrad: true }), adamW: adamW(), nadam: nadam() },
        ...{ momentum: momentum(), nesterov: nesterov(), heavyBall: heavyBall(), lion: lion() },
        rmsprop: rmsprop({ rho: 0.9, momentum: 0.9, centered: true }),
        adadelta: adadelta(),
      };
      /** The smallest numbers that are not subnormal: 2⁻¹²⁶ and 2⁻¹⁰²². */
      const smallest = { float32: 2 ** -126, float64: 2 ** -1022 };
      for (const [name, rule] of Object.entries(rules))
        for (const dtype of ["float32", "float64"] as const)
          test(`${name}, ${dtype}`, () => {
            const limit = dtype === "float32" ? 1e-30 : 1e-300;
            const theta = tensor([1, 1, 1], dtype);
            const zero = tensor([0, 0, 0], dtype);
            // each moment just above, below, and far below the limit after one step without a gradient
            const start = Object.entries(rule.init(theta)).map(([key, x]) => [
              key,
              x.rank === 0 ? x : tensor([limit * 4, limit / 2, smallest[dtype]], dtype),
            ]);
            const before = Object.fromEntries(start) as typeof state;
            const hyper = { t: f64(5), lr: 0.1 };
            const { state } = rule.update(zero, before, hyper, theta);
            for (const [key, x] of Object.entries(state)) {
              if (x.rank === 0 || key === "vMax") continue;
              const [above, ...below] = x.dataSync();
              expect([key, ...below]).toEqual([key, 0, 0]);
              expect(above).toBeGreaterThan(0);
            }
          });
      test("NaN and negative moments stay what they are", () => {
        const update = (m: number) =>
          adam()
            .update(
              tensor([0]),
              { m: tensor([m]), v: tensor([1]) },
              { t: f64(1), lr: 1 },
              tensor([0]),
            )
            .state.m.dataSync()[0]!;
        expect(update(Number.NaN)).toBeNaN();
        expect(update(-1)).toBeCloseTo(-0.9, 6);
        expect(update(-1e-31)).toBe(0);
      });
    });

    test("the state is what the formulas name", () => {
      const zero = (x: Tensor) => x.toArray();
      const theta = tensor([1, 2]);
      expect(Object.keys(adam().init(theta))).toEqual(["m", "v"]);
      expect(Object.keys(adamW({ amsgrad: true }).init(theta))).toEqual(["m", "v", "vMax"]);
      expect(Object.values(momentum().init(theta)).map(zero)).toEqual([[0, 0]]);
    });

    test("in float32, the correction 1 − β₂ᵗ keeps its digits", () => {
      const theta = tensor([0]);
      const rule = adam({ beta2: 0.9999999 });
      const g = tensor([3]);
      const { delta } = rule.update(g, rule.init(theta), { t: f64(1), lr: 0.1 }, theta);
      expect(delta.dtype).toBe("float32");
      // 1 − β₂ is 1e-7: with t or β₂ᵗ in float32 the step would be off by a fifth
      expectClose("first step", delta.dataSync(), [-0.1], 1e-6);
    });
  });

/** torch.optim.Adam and AdamW, as their documentation writes them, on one number. */
function pseudoCode(
  gradients: readonly number[],
  lr: readonly number[],
  {
    beta1 = 0.9,
    beta2 = 0.999,
    eps = 1e-8,
    weightDecay = 0,
    amsgrad = false,
    maximize = false,
    decoupled = false,
  }: AdamOptions & { decoupled: boolean },
): number[] {
  let [theta, m, v, vMax] = [1, 0, 0, 0];
  return gradients.map((gradient, i) => {
    const t = i + 1;
    let g = maximize ? -gradient : gradient;
    if (decoupled) theta -= lr[i]! * weightDecay * theta;
    else g += weightDecay * theta;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const correction = 1 - beta2 ** t;
    vMax = Math.max(vMax, amsgrad === "corrected" ? v / correction : v);
    const mHat = m / (1 - beta1 ** t);
    const vHat = amsgrad === "corrected" ? vMax : (amsgrad ? vMax : v) / correction;
    theta -= (lr[i]! * mHat) / (Math.sqrt(vHat) + eps);
    return theta;
  });
}

test.each<[string, () => unknown, string]>([
  ["adam", () => adam({ beta1: 1 }), "adam: beta1 is 1, expected a number from 0 to below 1"],
  ["adamW", () => adamW({ eps: -1 }), "adamW: eps is -1, expected a finite number of 0 or more"],
  ["momentum", () => momentum({ rho: 2 }), "momentum: rho is 2"],
  ["rmsprop", () => rmsprop({ rho: Number.NaN }), "rmsprop: rho is NaN"],
  ["lion", () => lion({ weightDecay: -0.1 }), "lion: weightDecay is -0.1"],
])("%s refuses constants that mean nothing", (_, make, message) => {
  expect(make).toThrow(message);
});

test("a learning rate among the constants of a rule: the error says where it belongs", () => {
  const rules = [sgd, subgradient, momentum, heavyBall, nesterov, adagrad, adadelta, rmsprop];
  for (const rule of [...rules, adam, adamW, nadam, lion] as ((options: object) => unknown)[])
    for (const name of ["lr", "learningRate", "learning_rate"])
      expect(() => rule({ [name]: 0.5 })).toThrow(
        /unknown option ".+": a rule has no learning rate of its own.*new Optimizer\(model, \w+\(\), \{ lr: 0.5 \}\)/s,
      );
  expect(() => (sgd as (options: object) => unknown)({ rho: 0.9 })).toThrow('unknown option "rho"');
});

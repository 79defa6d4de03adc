import { setEngine, type Tensor } from "gradus";
import { Conv2d, fans, type Initializer, init, Linear, seeded } from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../support/engines.ts";

/** Mean, variance and largest magnitude. */
function statistics(x: Tensor) {
  const data = [...x.dataSync()];
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
  return { mean, variance, largest: data.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
}

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    const shape = [100, 60]; // 60 inputs, 100 outputs
    const laws: [string, Initializer, number][] = [
      ["Glorot", init.glorotUniform, 2 / 160],
      ["Glorot", init.glorotNormal, 2 / 160],
      ["He", init.heUniform, 2 / 60],
      ["He", init.heNormal, 2 / 60],
      ["LeCun", init.lecunUniform, 1 / 60],
      ["LeCun", init.lecunNormal, 1 / 60],
      ["PyTorch's", init.torchUniform, 1 / 180],
    ];
    laws.forEach(([name, law, variance], i) => {
      const isUniform = i % 2 === 0;
      test(`${name}, ${isUniform ? "uniform" : "normal"}: mean 0, variance ${variance.toFixed(4)}`, () => {
        const s = statistics(law(shape, { seed: 3 }));
        const std = Math.sqrt(variance);
        expect(Math.abs(s.mean)).toBeLessThan((4 * std) / Math.sqrt(6000));
        expect(Math.abs(s.variance / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 6000));
        // a uniform law has hard bounds, a normal one has not
        if (isUniform) expect(s.largest).toBeLessThanOrEqual(Math.sqrt(3 * variance) + 1e-7);
        else expect(s.largest).toBeGreaterThan(3 * std);
      });
    });
    test("constants, uniform and normal", () => {
      expect(init.zeros([2]).toArray()).toEqual([0, 0]);
      expect(init.constant(0.5)([2], { dtype: "float64" }).dtype).toBe("float64");
      const u = init.uniform(2, 4)([1000], { seed: 1 }).dataSync();
      expect(Math.min(...u)).toBeGreaterThanOrEqual(2);
      expect(Math.max(...u)).toBeLessThan(4);
      const n = statistics(init.normal(5, 2)([4000], { seed: 1 }));
      expect(n.mean).toBeCloseTo(5, 0);
      expect(n.variance).toBeGreaterThan(3.6);
      expect(n.variance).toBeLessThan(4.4);
    });
    test("a seed gives the same numbers again, and another seed others", () => {
      const draw = (seed: number) => init.heNormal([5], { seed }).toArray();
      expect(draw(1)).toEqual(draw(1));
      expect(draw(1)).not.toEqual(draw(2));
    });
  });

test("the same numbers on every engine", () => {
  const drawn = engines.map((engine) => {
    setEngine(engine);
    return [...init.heUniform([4, 4], { seed: 9 }).dataSync()];
  });
  for (const numbers of drawn) expect(numbers).toEqual(drawn[0]);
});

test("fans of dense layers and convolutions", () => {
  expect(fans([10, 784])).toEqual({ fanIn: 784, fanOut: 10 });
  expect(fans([16, 8, 5, 5])).toEqual({ fanIn: 200, fanOut: 400 });
  expect(fans([7])).toEqual({ fanIn: 7, fanOut: 7 });
});

test("within seeded, layers differ from each other but not from one time to the next", () => {
  const build = () => seeded(5, () => [new Linear(3, 3), new Linear(3, 3)] as const);
  const [a, b] = build();
  const [c] = build();
  expect(a.weight.value.toArray()).toEqual(c.weight.value.toArray());
  expect(a.weight.value.toArray()).not.toEqual(b.weight.value.toArray());
});

test("layers take PyTorch's law for weight and bias, with the fan of the weight", () => {
  const layer = new Conv2d(4, 50, 3, { init: init.torchUniform, biasInit: init.torchUniform });
  const bound = 1 / Math.sqrt(36);
  for (const p of [layer.weight, layer.bias!]) {
    const { largest } = statistics(p.value);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.85 * bound);
  }
});

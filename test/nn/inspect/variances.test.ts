/** Laws that are matrices, and what every law does to signals through depth. */
import { eye, linspace, normal, ones, ShapeError, setEngine, type Tensor, tensor } from "gradus";
import {
  Conv1d,
  Conv2d,
  Conv3d,
  Dropout,
  Identity,
  type Initializer,
  init,
  Linear,
  type Module,
  ReLU,
  Residual,
  Sequential,
  Tanh,
  variancesThroughDepth,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    const gram = (w: Tensor) => w.matmul(w.transpose());

    test.each([
      [6, 6],
      [3, 7],
      [7, 3],
      [4, 2, 3, 2],
      [9, 2, 2],
    ])("orthogonal: rows or columns are orthonormal, [%i, %i …]", (...shape) => {
      const sizes = shape.filter((d) => d !== undefined);
      const w = init.orthogonal(2)(sizes, { seed: 1, dtype: "float64" });
      expect([w.shape, w.dtype]).toEqual([sizes, "float64"]);
      const matrix = w.flatten({ startAxis: 1 });
      const [rows, columns] = matrix.shape as [number, number];
      const product = gram(rows <= columns ? matrix : matrix.transpose());
      const expected = eye(Math.min(rows, columns), { dtype: "float64" }).mul(4);
      expectClose("W Wᵀ", product.dataSync(), expected.dataSync(), 1e-14);
    });
    test("identity: layers that pass on what they get", () => {
      const options = { init: init.identity, padding: "same" } as const;
      const cases: [Module, number[]][] = [
        [new Linear(3, 3, { init: init.identity }), [2, 3]],
        [new Conv1d(2, 2, 3, options), [2, 2, 4]],
        [new Conv2d(3, 3, [5, 3], options), [1, 3, 4, 6]],
        [new Conv3d(2, 2, [1, 3, 3], options), [1, 2, 2, 3, 3]],
      ];
      for (const [layer, shape] of cases) {
        const x = normal(shape, { key: 1 });
        expect(layer.forward(x).toArray()).toEqual(x.toArray());
      }
      const wide = new Linear(2, 4, { init: init.identity });
      expect(wide.forward(tensor([5, 6])).toArray()).toEqual([5, 6, 0, 0]);
      const narrow = new Linear(3, 2, { init: init.identity });
      expect(narrow.forward(tensor([5, 6, 7])).toArray()).toEqual([5, 6]);
    });
  });

test("orthogonal matrices differ by seed, are the same on every engine, and favour no sign", () => {
  const draw = (seed: number) => [...init.orthogonal()([8, 8], { seed }).dataSync()];
  const first = engines.map((engine) => {
    setEngine(engine);
    return draw(3);
  });
  for (const numbers of first) expectClose("engine", numbers, first[0]!, 1e-6);
  expect(draw(4)).not.toEqual(first[0]);
  // Haar's law: the diagonal is as often negative as positive
  const diagonal = Array.from({ length: 200 }, (_, seed) => draw(seed)[0]!);
  const positive = diagonal.filter((x) => x > 0).length;
  expect(Math.abs(positive - 100)).toBeLessThan(4 * Math.sqrt(50));
});

test("laws of matrices do not serve for biases", () => {
  for (const law of [init.identity, init.orthogonal()])
    expect(() => new Linear(2, 2, { biasInit: law })).toThrow(ShapeError);
  expect(() => init.identity([3])).toThrow("[3] is no weight [out, in, …kernel].");
});

describe("variancesThroughDepth", () => {
  const dtype = "float64";
  test("by hand: y = w₂ (w₁ x), L = Σ c y", () => {
    const weights = (value: number) =>
      ({ init: init.constant(value), bias: false, dtype }) as const;
    const model = new Sequential(
      new Linear(1, 1, weights(3)),
      new Dropout(0.5),
      new Linear(1, 1, weights(-2)),
    );
    const x = tensor([[1], [2], [3], [4]], dtype);
    const c = tensor([[1], [0], [0], [1]], dtype);
    const layers = variancesThroughDepth(model, x, { loss: (y) => y.mul(c).sum() });
    expect(layers).toEqual([
      { path: "layers.0", kind: "Linear", activations: 9 * 1.25, gradients: 4 * 0.25 },
      { path: "layers.1", kind: "Dropout", activations: 9 * 1.25, gradients: 4 * 0.25 },
      { path: "layers.2", kind: "Linear", activations: 36 * 1.25, gradients: 0.25 },
    ]);
    expect(model.layers[1]!.training).toBe(true);
  });
  test("branches count together, and what the loss does not see has no gradient", () => {
    const body = new Linear(1, 1, { init: init.constant(1), bias: false, dtype });
    const model = new Sequential(new Identity(), new Residual(new Sequential(body)));
    const x = tensor([[1], [-1]], dtype);
    const c = tensor([[1], [-1]], dtype);
    const seen = variancesThroughDepth(model, x, { loss: (y) => y.mul(c).sum() });
    expect(seen.find(({ path }) => path === "layers.0")!.gradients).toBe(4); // both ways
    const unseen = variancesThroughDepth(body, x, { loss: () => tensor(1, dtype) });
    expect(unseen).toEqual([{ path: "", kind: "Linear", activations: 1, gradients: 0 }]);
  });

  const [width, depth] = [128, 12];
  const ends = (law: Initializer, activation: () => Module) => {
    const layers = Array.from({ length: depth }, (_, seed) => [
      new Linear(width, width, { init: (shape, o) => law(shape, { ...o, seed }) }),
      activation(),
    ]);
    const model = new Sequential(...layers.flat());
    const x = normal([width, width], { key: 7 });
    const dense = variancesThroughDepth(model, x, { seed: 1 }).filter((l) => l.kind === "Linear");
    const [first, last] = [dense[0]!, dense.at(-1)!];
    const rate = (a: number, b: number) => (b / a) ** (1 / (depth - 1)); // per layer
    return [
      rate(first.activations, last.activations),
      rate(last.gradients, first.gradients),
    ] as const;
  };
  const linear = () => new Identity();
  const relu = () => new ReLU();
  test.each<[string, Initializer, () => Module, number]>([
    ["Glorot, linear", init.glorotUniform, linear, 1],
    ["Glorot, ReLU", init.glorotNormal, relu, 1 / 2],
    ["He, ReLU", init.heNormal, relu, 1],
    ["He, uniform, ReLU", init.heUniform, relu, 1],
    ["He, linear", init.heNormal, linear, 2],
    ["LeCun, linear", init.lecunNormal, linear, 1],
    ["PyTorch's, linear", init.torchUniform, linear, 1 / 3],
    ["orthogonal, linear", init.orthogonal(), linear, 1],
    ["orthogonal by √2, ReLU", init.orthogonal(Math.SQRT2), relu, 1],
    ["N(0, 0.01²), linear", init.normal(0, 0.01), linear, width * 1e-4],
    ["U(−0.2, 0.2), linear", init.uniform(-0.2, 0.2), linear, (width * 0.16) / 12],
    ["identity, linear", init.identity, linear, 1],
  ])(
    "%s: a layer multiplies variances by a factor, forward and backward",
    (_, law, activation, factor) => {
      const [forward, backward] = ends(law, activation);
      expect(Math.abs(forward / factor - 1)).toBeLessThan(0.12);
      expect(Math.abs(backward / factor - 1)).toBeLessThan(0.12);
    },
  );
  test("zeros kill the signal; a constant makes all units the same", () => {
    const dead = new Sequential(new Linear(4, 4, { init: init.zeros }), new Linear(4, 4));
    const x = linspace(0, 1, 8).reshape([2, 4]);
    expect(variancesThroughDepth(dead, x)[0]!.activations).toBe(0);
    const alike = new Sequential(new Linear(4, 4, { init: init.constant(0.5) }), new Tanh());
    const y = alike
      .forward(ones([1, 4]).add(x))
      .slice(0)
      .dataSync();
    expect(new Set(y).size).toBe(1);
  });
});

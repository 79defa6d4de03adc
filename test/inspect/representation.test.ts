/** What layers compute: captured, projected, maximized, compared, probed. */
import { normal, type Tensor, tensor } from "gradus";
import {
  captureActivations,
  cka,
  confusionTree,
  firstFilters,
  layerSimilarity,
  linearProbes,
  maximizeActivation,
  projectActivation,
  topPatches,
} from "gradus/inspect";
import {
  Conv2d,
  Flatten,
  gelu,
  init,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Residual,
  Sequential,
  seeded,
} from "gradus/nn";
import { describe, expect, test } from "vitest";

const values = (x: Tensor) => Array.from(x.dataSync());

/** Two linear layers with activations that are called, not kept. */
class Called extends Module {
  readonly first = new Linear(2, 3);
  readonly second = new Linear(3, 2);
  readonly relu = new ReLU();
  forward(x: Tensor): Tensor {
    const hidden = this.relu.forward(this.first.forward(x).relu());
    return gelu(this.second.forward(hidden)).sigmoid().relu();
  }
}

describe("captureActivations", () => {
  const x = tensor([
    [1, -2],
    [0.5, 3],
  ]);
  test("finds layers, and activations that are called as methods or functions", () => {
    const { outputs, activations } = captureActivations(new Called(), x);
    expect(activations.map(({ path, kind }) => [path, kind])).toEqual([
      ["first", "Linear"],
      ["relu", "relu"], // the method
      ["relu#2", "ReLU"], // the layer of the same path
      ["second", "Linear"],
      ["gelu", "gelu"],
      ["sigmoid", "sigmoid"],
      ["relu#3", "relu"],
      ["", "Called"],
    ]);
    expect(activations.at(-1)!.output.node).toBe(outputs.node);
  });
  test("gives what the layers compute, also of a module that is called twice", () => {
    const layer = new Linear(2, 2);
    const model = new Sequential(layer, new ReLU(), layer, new Residual(new Linear(2, 2)));
    const { activations } = captureActivations(model, x);
    const found = Object.fromEntries(activations.map(({ path, output }) => [path, output]));
    const y = layer.forward(x);
    expect(values(found["layers.0"]!)).toEqual(values(y));
    expect(values(found["layers.1"]!)).toEqual(values(y.relu()));
    expect(values(found["layers.0#2"]!)).toEqual(values(layer.forward(y.relu())));
    expect(found["layers.3.inner"] ?? found["layers.3.branch"] ?? found["layers.3"]).toBeDefined();
  });
  test("only of some paths; refuses one that there is not", () => {
    const model = new Called();
    const { activations } = captureActivations(model, x, { paths: ["second"] });
    expect(activations.map(({ path }) => path)).toEqual(["second"]);
    expect(() => captureActivations(model, x, { paths: ["secnd"] })).toThrow(
      'did you mean "second"?',
    );
  });
  test("the tensors are part of the graph: gradients with respect to inputs go through", () => {
    const model = new Called();
    const { activations } = captureActivations(model, x, { paths: ["first"] });
    expect(activations[0]!.output.shape).toEqual([2, 3]);
  });
});

describe("projectActivation", () => {
  /** By hand: x → conv [1, −1] → ReLU → max-pool 2 → dense. */
  const net = () => {
    const conv = new Conv2d(1, 1, [1, 2], { bias: false, dtype: "float64" });
    conv.weight.value = tensor([[[[1, -1]]]], "float64");
    const dense = new Linear(2, 1, { bias: false, dtype: "float64" });
    dense.weight.value = tensor([[2, -3]], "float64");
    return new Sequential(conv, new ReLU(), new MaxPool2d([1, 2]), new Flatten(), dense);
  };
  // conv: 3, −2, 1, 4; pooled: 3 (place 0), 4 (place 3); output 6 − 12 = −6
  const x = tensor([[[[4, 1, 3, 2, -2]]]], "float64");

  test("the net is what the hand computation takes", () => {
    expect(values(net().forward(x))).toEqual([-6]);
  });
  test("gradient: −6 · (2 at place 0, −3 at place 3), through the filter", () => {
    // maps: −12 at 0, +18 at 3 → x0 −12, x1 +12, x3 +18, x4 −18
    const projected = projectActivation(net(), x, { method: "gradient" });
    expect(projected.toArray()).toEqual([[[[-12, 12, 0, 18, -18]]]]);
  });
  test("deconvnet passes what is positive: 18 at place 3", () => {
    expect(projectActivation(net(), x).toArray()).toEqual([[[[0, 0, 0, 18, -18]]]]);
  });
  test("deconvnet does not ask what went forward, guided back-propagation does", () => {
    const first = new Linear(1, 2, { bias: false, dtype: "float64" });
    first.weight.value = tensor([[1], [-1]], "float64");
    const second = new Linear(2, 1, { bias: false, dtype: "float64" });
    second.weight.value = tensor([[1], [1]], "float64").transpose();
    const model = new Sequential(first, new ReLU(), second);
    const one = tensor([[2]], "float64"); // hidden 2, −2 → 2, 0; output 2
    expect(values(projectActivation(model, one, { method: "guided" }))).toEqual([2]);
    expect(values(projectActivation(model, one))).toEqual([0]); // 2 · 1 + 2 · (−1)
  });
  test("starts from a unit of a layer inside", () => {
    // the pooled map's largest, 4 at place 1 of 2, so 4 at place 3 of the maps
    const projected = projectActivation(net(), x, { path: "layers.2", unit: 0 });
    expect(projected.toArray()).toEqual([[[[0, 0, 0, 4, -4]]]]);
    expect(() => projectActivation(net(), x, { path: "layers.2", unit: 1 })).toThrow("unit 1");
    // biome-ignore lint/suspicious/noExplicitAny: a misspelt method of plain JavaScript
    expect(() => projectActivation(net(), x, { method: "deconv" as any })).toThrow('"guided"');
  });
  test("sees a ReLU that is called as a method", () => {
    class Method extends Module {
      readonly inner = net();
      forward(x: Tensor): Tensor {
        const [conv, , pool, flat, dense] = this.inner.layers as readonly Module[];
        return dense!.forward(flat!.forward(pool!.forward(conv!.forward(x).relu())));
      }
    }
    expect(projectActivation(new Method(), x).toArray()).toEqual([[[[0, 0, 0, 18, -18]]]]);
  });
});

describe("maximizeActivation", () => {
  test("of a linear unit with a penalty is known: x = w D / 2 λ", async () => {
    const model = new Linear(4, 2, { bias: false, dtype: "float64" });
    const w = values(model.weight.value.slice(1));
    const { input, activations } = await maximizeActivation(model, {
      inputShape: [4],
      unit: 1,
      l2: 2,
      lr: 0.02,
      steps: 800,
    });
    values(input).forEach((x, i) => {
      expect(x).toBeCloseTo(w[i]!, 3); // D / 2 λ = 1
    });
    expect(activations).toHaveLength(801);
    expect(activations.at(-1)!).toBeGreaterThan(activations[0]!);
  });
  test("of a filter finds the filter; variation makes the image smoother", async () => {
    const model = seeded(2, () => new Conv2d(1, 2, 3, { padding: 1 }));
    const options = { inputShape: [1, 8, 8], unit: 0, steps: 60, seed: 1 } as const;
    const rough = await maximizeActivation(model, { ...options, totalVariation: 0 });
    const soft = await maximizeActivation(model, { ...options, totalVariation: 10 });
    const variation = (x: Tensor) =>
      values(
        x
          .slice(null, null, [1, 8])
          .sub(x.slice(null, null, [0, 7]))
          .square()
          .sum(),
      )[0]!;
    expect(rough.activations.at(-1)!).toBeGreaterThan(rough.activations[0]! + 0.1);
    expect(variation(soft.input)).toBeLessThan(variation(rough.input));
    const again = await maximizeActivation(model, { ...options, totalVariation: 0 });
    expect(values(again.input)).toEqual(values(rough.input));
    await expect(maximizeActivation(model, { ...options, unit: 2 })).rejects.toThrow("2 units");
  });
});

describe("topPatches", () => {
  test("the strongest inputs of each unit, with what it sees there", () => {
    const conv = new Conv2d(1, 2, 2, { bias: false });
    conv.weight.value = tensor([
      [
        [
          [1, 0],
          [0, 0],
        ],
      ],
      [
        [
          [0, 0],
          [0, -1],
        ],
      ],
    ]);
    const model = new Sequential(conv, new ReLU(), new MaxPool2d(2));
    const images = normal([10, 1, 5, 5], { key: 4 });
    const patches = topPatches(model, images, { path: "layers.0", count: 3, batchSize: 4 });
    expect(patches).toHaveLength(2);
    for (const [unit, sign] of [1, -1].entries())
      for (const { example, activation, position, box } of patches[unit]!) {
        const [y, x] = [position[0]! + unit, position[1]! + unit];
        expect(activation).toBeCloseTo(sign * images.slice(example, 0, y, x).item(), 6);
        expect(box).toEqual(position.map((p) => [p, p + 2]));
      }
    const [first] = patches;
    expect(first!.map((p) => p.activation)).toEqual(
      first!.map((p) => p.activation).toSorted((a, b) => b - a),
    );
    const best = Math.max(...values(images.slice(null, null, [0, 4], [0, 4])));
    expect(first![0]!.activation).toBeCloseTo(best, 6);
    expect(new Set(first!.map((p) => p.example)).size).toBe(3);
  });
  test("boxes end with the image where padding begins", () => {
    const model = new Sequential(new Conv2d(1, 1, 3, { padding: 1, init: init.constant(1) }));
    const images = tensor([
      [
        [
          [9, 0],
          [0, 0],
        ],
      ],
    ]); // prettier-ignore
    const [[patch] = []] = topPatches(model, images, { path: "layers.0" });
    expect(patch!.box).toEqual([
      [0, 2],
      [0, 2],
    ]);
    expect(() => topPatches(model, images, { path: "layers.0", units: [1] })).toThrow("1 units");
  });
});

describe("cka", () => {
  const x = normal([40, 6], { key: 1 }).cast("float64");
  const y = normal([40, 9], { key: 2 }).cast("float64");
  test.each(["linear", "rbf"] as const)(
    "%s: 1 with itself, symmetric, between 0 and 1",
    (kernel) => {
      expect(cka(x, x, { kernel })).toBeCloseTo(1, 12);
      expect(cka(x, y, { kernel })).toBeCloseTo(cka(y, x, { kernel }), 12);
      expect(cka(x, y, { kernel })).toBeGreaterThan(0);
      expect(cka(x, y, { kernel })).toBeLessThan(0.6);
    },
  );
  test.each(["linear", "rbf"] as const)(
    "%s: rotation, scale and shift change nothing",
    (kernel) => {
      const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
      const turn = tensor(
        Array.from({ length: 36 }, (_, i) => {
          const [r, k] = [Math.floor(i / 6), i % 6];
          if (r > 1 || k > 1) return r === k ? 1 : 0;
          return r === k ? c : r < k ? s : -s;
        }),
        "float64",
      ).reshape([6, 6]);
      const turned = x.matmul(turn).mul(3).add(5);
      expect(cka(turned, y, { kernel })).toBeCloseTo(cka(x, y, { kernel }), 10);
    },
  );
  test("linear agrees with ‖YᵀX‖²/(‖XᵀX‖ ‖YᵀY‖) of centred columns", () => {
    const centred = (a: Tensor) => a.sub(a.mean({ axis: 0 }));
    const norm = (a: Tensor, b: Tensor) => centred(a).transpose().matmul(centred(b)).norm().item();
    const expected = norm(y, x) ** 2 / (norm(x, x) * norm(y, y));
    expect(cka(x, y)).toBeCloseTo(expected, 12);
  });
  test("not for any linear map: CKA sees how variance is spread", () => {
    const stretched = x.mul(tensor([100, 1, 1, 1, 1, 1], "float64"));
    expect(cka(x, stretched)).toBeLessThan(0.8);
  });
  test("layers of a model, and of two", () => {
    const [a, b] = [1, 2].map((seed) =>
      seeded(seed, () => new Sequential(new Linear(6, 8), new ReLU(), new Linear(8, 3))),
    ) as [Sequential, Sequential];
    const inputs = x.cast("float32");
    const own = layerSimilarity(a, inputs);
    expect(own.paths).toEqual(["layers.0", "layers.1", "layers.2"]);
    own.similarity.forEach((row, i) => {
      expect(row[i]).toBeCloseTo(1, 6);
    });
    const both = layerSimilarity(a, inputs, { other: b, paths: ["layers.1"] });
    expect([both.paths.length, both.others.length]).toEqual([1, 3]);
    expect(() => cka(x, y.slice([0, 3]))).toThrow("same n");
  });
});

test("linear probes: classes become separable where the net makes them so", async () => {
  // x1 · x2 > 0 is not linear in x, but it is in the four half-planes of the hidden units
  const hidden = new Linear(2, 4, { bias: false });
  hidden.weight.value = tensor([
    [1, 1],
    [-1, -1],
    [1, -1],
    [-1, 1],
  ]);
  const model = new Sequential(hidden, new ReLU());
  const data = (key: number) => {
    const inputs = normal([200, 2], { key });
    const pairs = inputs.toArray() as number[][];
    return { inputs, labels: pairs.map(([a, b]) => (a! * b! > 0 ? "same" : "other")) };
  };
  const probes = await linearProbes(model, data(1), data(2));
  expect(probes.map(({ path, features }) => [path, features])).toEqual([
    ["layers.0", 4],
    ["layers.1", 4],
  ]);
  expect(probes[0]!.accuracy).toBeLessThan(0.7);
  expect(probes[1]!.accuracy).toBeGreaterThan(0.9);
  expect(probes[1]!.trainAccuracy).toBeGreaterThan(0.9);
});

test("confusionTree joins what is most confused first, with average linkage", () => {
  const tree = confusionTree([
    [6, 4, 0, 0],
    [2, 8, 0, 0],
    [0, 0, 9, 1],
    [1, 0, 0, 9],
  ]);
  expect(tree).toEqual({
    confusion: 1 / 20 / 4, // of four pairs one, (3, 0), is ever confused
    parts: [
      { confusion: 6 / 20, parts: [{ class: 0 }, { class: 1 }] },
      { confusion: 1 / 20, parts: [{ class: 2 }, { class: 3 }] },
    ],
  });
  expect(() =>
    confusionTree([
      [1, 2, 3],
      [4, 5, 6],
    ]),
  ).toThrow("got rows of 3, 3");
});

test("firstFilters of convolutional and dense nets", () => {
  const conv = new Conv2d(3, 4, 5);
  const net = new Sequential(conv, new ReLU(), new Flatten());
  expect(values(firstFilters(net).filters)).toEqual(values(conv.weight.value));
  const dense = new Linear(12, 7);
  const { path, filters } = firstFilters(new Sequential(new Flatten(), dense), [3, 2, 2]);
  expect([path, filters.shape]).toEqual(["layers.1", [7, 3, 2, 2]]);
  expect(values(filters.slice(4))).toEqual(values(dense.weight.value.slice(4)));
  expect(() => firstFilters(new Sequential(dense), [5])).toThrow("12 inputs, not [5]");
  expect(() => firstFilters(new ReLU())).toThrow("no Linear or Conv");
});

/** Attributions: against formulas, axioms, and checks that they depend on the model. */

import { grad, normal, ones, type Tensor, tensor } from "gradus";
import { gradCam, integratedGradients, occlusion, saliency, smoothGrad } from "gradus/inspect";
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  GlobalAvgPool,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  seeded,
  Tanh,
} from "gradus/nn";
import { describe, expect, test } from "vitest";

const values = (x: Tensor) => Array.from(x.dataSync());
const images = normal([3, 2, 8, 8], { key: 5 }).cast("float64");

const other = normal([3, 2, 8, 8], { key: 6 }).cast("float64");

const relu = () =>
  seeded(
    7,
    () =>
      new Sequential(
        new Conv2d(2, 4, 3, { dtype: "float64" }),
        new BatchNorm2d(4, { dtype: "float64" }),
        new ReLU(),
        new MaxPool2d(2),
        new Flatten(),
        new Linear(36, 5, { dtype: "float64" }),
      ),
  );
const smooth = () =>
  seeded(
    8,
    () =>
      new Sequential(
        new Conv2d(2, 4, 3, { dtype: "float64" }),
        new Tanh(),
        new AvgPool2d(2),
        new Flatten(),
        new Linear(36, 5, { dtype: "float64" }),
      ),
  );

describe("saliency", () => {
  test("is the gradient of the class's output", () => {
    const model = relu().eval();
    const direct = grad((x: Tensor) => model.forward(x).slice(null, 3).sum())(images);
    const signed = saliency(model, images, { target: 3, absolute: false });
    expect(values(signed)).toEqual(values(direct));
    expect(values(saliency(model, images, { target: 3 }))).toEqual(values(direct.abs()));
  });
  test("takes a class for each example, a function, or what is predicted", () => {
    const model = relu().eval();
    const each = saliency(model, images, { target: [0, 4, 2] });
    const alone = saliency(model, images.slice([1, 2]), { target: 4 });
    expect(values(each.slice([1, 2]))).toEqual(values(alone));
    const predicted = [...model.forward(images).argmax({ axis: 1 }).dataSync()];
    expect(values(saliency(model, images))).toEqual(
      values(saliency(model, images, { target: predicted })),
    );
    const sum = (outputs: Tensor) => outputs.sum({ axis: 1 });
    const whole = grad((x: Tensor) => model.forward(x).sum())(images).abs();
    expect(values(saliency(model, images, { target: sum }))).toEqual(values(whole));
  });
  test("leaves the mode of the model as it was", () => {
    const model = relu();
    saliency(model, images);
    expect(model.layers.every((layer) => layer.training)).toBe(true);
  });
  test("refuses what is no class, another number of targets, no batch", () => {
    const model = relu();
    expect(() => saliency(model, images, { target: 5 })).toThrow("the model has 5 outputs");
    expect(() => saliency(model, images, { target: [1] })).toThrow("3 examples and 1 targets");
    expect(() => saliency(model, images, { target: (y) => y })).toThrow("target gives [3, 5]");
    expect(() => saliency(new Linear(2, 2), ones([2]))).toThrow("takes a batch [N, …], got [2]");
    // biome-ignore lint/suspicious/noExplicitAny: a misspelt option of plain JavaScript
    expect(() => saliency(model, images, { tagret: 1 } as any)).toThrow('"tagret"');
  });
});

describe("integrated gradients", () => {
  test.each([
    ["kinks", relu],
    ["a smooth net", smooth],
  ])("add up to the change of the score: %s", (_, make) => {
    const model = make();
    const { attributions, change, gap, gradients } = integratedGradients(model, images, {
      target: 1,
      baseline: other,
    });
    expect(Math.min(...gradients)).toBeGreaterThanOrEqual(4);
    const score = (x: Tensor) => values(model.eval().forward(x).slice(null, 1));
    const [at, from] = [score(images), score(other)];
    change.forEach((d, n) => {
      expect(d).toBeCloseTo(at[n]! - from[n]!, 12);
      expect(gap[n]).toBeLessThan(1e-6);
      const sum = values(attributions.slice(n)).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - d)).toBeLessThan(1e-6);
    });
  });
  test("of a quadratic form are known: x_i (A x)_i / 2 for s = xᵀAx/2", () => {
    const a = tensor([
      [2, 1],
      [1, 3],
    ]).cast("float64");
    class Form extends Module {
      forward(x: Tensor): Tensor {
        return x.matmul(a).mul(x).sum({ axis: 1, keepDims: true }).mul(0.5);
      }
    }
    const x = tensor([[1, 2]]).cast("float64");
    const { attributions, gradients } = integratedGradients(new Form(), x, { target: 0 });
    expect(values(attributions)[0]).toBeCloseTo(2, 12); // 1 · (2 + 2) / 2
    expect(values(attributions)[1]).toBeCloseTo(7, 12); // 2 · (1 + 6) / 2
    expect(gradients).toEqual([4]); // exact at once
  });
  test("from a baseline of one's own; nothing for the baseline itself", () => {
    const model = smooth();
    const { attributions, change } = integratedGradients(model, images, { baseline: images });
    expect(values(attributions).every((x) => x === 0)).toBe(true);
    expect(change).toEqual([0, 0, 0]);
    expect(() => integratedGradients(model, images, { baseline: ones([9]) })).toThrow();
  });
  test("says the gap where the most gradients do not suffice", () => {
    const few = integratedGradients(relu(), images, {
      target: 1,
      baseline: other,
      maxGradients: 4,
    });
    expect(few.gradients).toEqual([4, 4, 4]);
    expect(Math.max(...few.gap)).toBeGreaterThan(1e-6);
  });
});

describe("SmoothGrad", () => {
  test("of a linear model is its weights, whatever the noise", () => {
    const model = new Linear(4, 2, { dtype: "float64" });
    const x = normal([2, 4], { key: 1 }).cast("float64");
    const smoothed = values(smoothGrad(model, x, { target: 1, samples: 3 }));
    const row = values(model.weight.value.slice(1));
    smoothed.forEach((g, i) => {
      expect(g).toBeCloseTo(row[i % 4]!, 12);
    });
  });
  test("without noise is the gradient; its square the square; a seed gives the same", () => {
    const model = smooth();
    const plain = saliency(model, images, { target: 0, absolute: false });
    const still = { target: 0, noise: 0, samples: 2 };
    expect(values(smoothGrad(model, images, still))).toEqual(values(plain));
    const squares = smoothGrad(model, images, { ...still, of: "square" });
    expect(values(squares)).toEqual(values(plain.square()));
    const options = { target: 0, samples: 2, seed: 3 };
    expect(values(smoothGrad(model, images, options))).toEqual(
      values(smoothGrad(model, images, options)),
    );
    expect(values(smoothGrad(model, images, { ...options, seed: 4 }))).not.toEqual(
      values(smoothGrad(model, images, options)),
    );
  });
});

describe("occlusion", () => {
  test("of whole numbers gives what the scores fall by, fractions and all", () => {
    class Codes extends Module {
      forward(x: Tensor): Tensor {
        return x.cast("float32").mul(0.25);
      }
    }
    const map = occlusion(new Codes(), tensor([[1, 3]], "int32"), { target: 1, size: 1 });
    expect(map.toArray()).toEqual([[0, 0.75]]);
  });
  test("of a linear model is what each window gives", () => {
    const model = new Sequential(
      new Flatten(),
      new Linear(16, 1, { bias: false, dtype: "float64" }),
    );
    const w = Array.from({ length: 16 }, (_, i) => i - 5);
    model.parameters()["layers.1.weight"]!.value = tensor(w, "float64").reshape([1, 16]);
    const x = ones([1, 1, 4, 4], { dtype: "float64" });
    const map = occlusion(model, x, { target: 0, size: 2 });
    // the upper left window covers 0, 1, 4, 5: −5 − 4 − 1 + 0
    expect(map.toArray()).toEqual([
      [
        [-10, -10, -2, -2],
        [-10, -10, -2, -2],
        [22, 22, 30, 30],
        [22, 22, 30, 30],
      ],
    ]);
    const filled = occlusion(model, x, { target: 0, size: 2, fill: 1 });
    expect(values(filled).every((d) => d === 0)).toBe(true);
  });
  test("averages over windows that overlap, and covers the last row", () => {
    const model = new Linear(5, 1, { bias: false, dtype: "float64" });
    model.weight.value = tensor([[1, 2, 4, 8, 16]], "float64");
    const x = ones([1, 5], { dtype: "float64" });
    // windows 0–1, 2–3 and, as the last, 3–4: 3, 12, 24
    const map = occlusion(model, x, { target: 0, size: 2, stride: 2 });
    expect(map.toArray()).toEqual([[3, 3, 12, 18, 24]]);
  });
  test("refuses windows that do not fit", () => {
    const model = new Linear(5, 1);
    expect(() => occlusion(model, ones([1, 5]), { size: [6] })).toThrow(
      "size is an array for inputs of [5]",
    );
    expect(() => occlusion(model, ones([1, 5]), { size: 0 })).toThrow("size is 0");
  });
});

describe("Grad-CAM", () => {
  test("after global average pooling is the class activation map over the positions", () => {
    const model = seeded(
      3,
      () =>
        new Sequential(
          new Conv2d(2, 4, 3, { dtype: "float64" }),
          new GlobalAvgPool(),
          new Linear(4, 3, { dtype: "float64" }),
        ),
    );
    const map = gradCam(model, images, { target: 2, path: "layers.0", resize: false });
    const maps = model.layers[0]!.forward(images);
    const weights = model.parameters()["layers.2.weight"]!.value.slice(2);
    const expected = maps
      .mul(weights.reshape([1, 4, 1, 1]))
      .sum({ axis: 1 })
      .div(36)
      .relu();
    values(map).forEach((v, i) => {
      expect(v).toBeCloseTo(values(expected)[i]!, 12);
    });
    expect(gradCam(model, images, { target: 2, path: "layers.0" }).shape).toEqual([3, 8, 8]);
  });
  test("enlarges as PyTorch does: F.interpolate(mode='bilinear', align_corners=False)", () => {
    const model = new Sequential(
      new AvgPool2d(2),
      new Flatten(),
      new Linear(4, 1, { bias: false }),
    );
    model.parameters()["layers.2.weight"]!.value = ones([1, 4]);
    const x = tensor([
      [
        [
          [0, 0, 1, 1],
          [0, 0, 1, 1],
          [2, 2, 3, 3],
          [2, 2, 3, 3],
        ],
      ],
    ]);
    // torch.nn.functional.interpolate of [[0, 1], [2, 3]] to 4 × 4
    expect(gradCam(model, x, { target: 0, path: "layers.0" }).toArray()).toEqual([
      [
        [0, 0.25, 0.75, 1],
        [0.5, 0.75, 1.25, 1.5],
        [1.5, 1.75, 2.25, 2.5],
        [2, 2.25, 2.75, 3],
      ],
    ]);
  });
  test("refuses a path that has no maps, and one that there is not", () => {
    const model = relu();
    expect(() => gradCam(model, images, { path: "layers.5" })).toThrow('"layers.5" gives maps');
    expect(() => gradCam(model, images, { path: "layers.9" })).toThrow("nothing under the path");
  });
});

test("attributions change where the weights do (Adebayo et al. 2018)", () => {
  const model = relu();
  const other = seeded(99, () => new Linear(36, 5, { dtype: "float64" }));
  const maps = () => [
    saliency(model, images, { target: 0 }),
    integratedGradients(model, images, { target: 0, tolerance: 1e-3 }).attributions,
    smoothGrad(model, images, { target: 0, samples: 2 }),
    occlusion(model, images, { target: 0, size: 4 }),
    gradCam(model, images, { target: 0, path: "layers.2" }),
  ];
  const before = maps().map(values);
  model.parameters()["layers.5.weight"]!.value = other.weight.value;
  maps().forEach((map, k) => {
    expect(Math.abs(correlation(values(map), before[k]!))).toBeLessThan(0.9);
  });
});

function correlation(a: number[], b: number[]): number {
  const mean = (x: number[]) => x.reduce((s, v) => s + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  const dot = (x: number[], mx: number, y: number[], my: number) =>
    x.reduce((s, v, i) => s + (v - mx) * (y[i]! - my), 0);
  return dot(a, ma, b, mb) / Math.sqrt(dot(a, ma, a, ma) * dot(b, mb, b, mb));
}

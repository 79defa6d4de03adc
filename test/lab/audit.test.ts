/** Nets with faults that were put in: the audit names exactly these. */
import { type Tensor, tensor, zeros } from "gradus";
import { auditModel, LossSurface } from "gradus/lab";
import {
  Conv2d,
  Flatten,
  GELU,
  init,
  LeakyReLU,
  Linear,
  Module,
  meanSquaredError,
  PReLU,
  ReLU,
  Sequential,
  Sigmoid,
  Sign,
  SiLU,
  Step,
  seeded,
  Tanh,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { norm } from "../../src/lab/vectors.ts";
import { data, smallNet } from "./support.ts";

const set = (model: Sequential, path: string, values: number[] | number[][]) => {
  model.parameters()[path]!.value = tensor(values);
};

describe("dead and saturated units", () => {
  const twoLayers = (activation: Module) => {
    const model = seeded(1, () => new Sequential(new Linear(2, 3), activation, new Linear(3, 1)));
    set(model, "layers.0.weight", [
      [1, 0],
      [0, 1],
      [0.3, 0.3],
    ]);
    return model;
  };

  test("ReLUs: below 0 on all examples is dead, on some is not", () => {
    const model = twoLayers(new ReLU());
    set(model, "layers.0.bias", [-50, 0, 5]);
    const [found] = auditModel(model, meanSquaredError, data).activations;
    expect(found).toMatchObject({
      path: "layers.1",
      kind: "ReLU",
      units: 3,
      dead: [0],
      saturated: [0],
    });
    expect(found!.meanSlope).toBeCloseTo((0 + 3 + 5) / 15, 12); // x₂ > 0 in three of five examples
  });

  test("sigmoids and tanhs: far out is saturated, and dead where the slope rounds to 0", () => {
    for (const activation of [new Sigmoid(), new Tanh()]) {
      const model = twoLayers(activation);
      set(model, "layers.0.bias", [9, 60, 0]);
      const [found] = auditModel(model, meanSquaredError, data).activations;
      expect(found).toMatchObject({ dead: [1], saturated: [0, 1] });
    }
  });

  test.each(["relu", "tanh", "sigmoid", "hardTanh", "hardSigmoid", "elu", "softplus"] as const)(
    "%s called as a method is seen like a layer",
    (name) => {
      class Called extends Module {
        readonly first = new Linear(2, 3);
        readonly last = new Linear(3, 1);
        forward(x: Tensor): Tensor {
          return this.last.forward(this.first.forward(x)[name]());
        }
      }
      const model = seeded(1, () => new Called());
      model.parameters()["first.bias"]!.value = tensor([-800, 0, 0]);
      const { activations } = auditModel(model, meanSquaredError, data);
      expect(activations).toMatchObject([{ path: name, kind: name, units: 3, dead: [0] }]);
    },
  );

  test("a layer of one's own that extends an activation is seen under its own name", () => {
    class Rectifier extends ReLU {}
    const model = twoLayers(new Rectifier());
    set(model, "layers.0.bias", [-50, 0, 5]);
    const [found] = auditModel(model, meanSquaredError, data).activations;
    expect(found).toMatchObject({ path: "layers.1", kind: "Rectifier", dead: [0] });
  });

  test("slopes of GELU, SiLU and leaky units come from derivatives; steps have none", () => {
    const audit = (activation: Module) => {
      const model = twoLayers(activation);
      set(model, "layers.0.bias", [-50, 0, 5]);
      return auditModel(model, meanSquaredError, data).activations[0]!;
    };
    expect(audit(new GELU())).toMatchObject({ kind: "GELU", dead: [0], saturated: [0] });
    expect(audit(new SiLU())).toMatchObject({ kind: "SiLU", dead: [], saturated: [0] });
    expect(audit(new LeakyReLU(0.2))).toMatchObject({ dead: [], saturated: [] });
    expect(audit(new LeakyReLU(0.01))).toMatchObject({ dead: [], saturated: [0] });
    expect(audit(new PReLU())).toMatchObject({ kind: "PReLU", dead: [], saturated: [] });
    expect(audit(new Step())).toMatchObject({ dead: [0, 1, 2], meanSlope: 0 });
    expect(audit(new Sign())).toMatchObject({ dead: [0, 1, 2], meanSlope: 0 });
  });

  test("after a convolution the units are channels", () => {
    const model = seeded(
      1,
      () => new Sequential(new Conv2d(1, 3, 2), new ReLU(), new Flatten(), new Linear(12, 1)),
    );
    set(model, "layers.0.bias", [0, -100, 0]);
    const images = {
      inputs: tensor([
        [
          [
            [1, 2, 3],
            [4, 5, 6],
            [7, 8, 9],
          ],
        ],
      ]),
      targets: zeros([1, 1]),
    };
    const [found] = auditModel(model, meanSquaredError, images).activations;
    expect(found).toMatchObject({ units: 3, dead: expect.arrayContaining([1]) });
  });
});

test("norms of weights and gradients per layer, against the parts of the whole gradient", () => {
  const model = smallNet();
  const { layers, loss } = auditModel(model, meanSquaredError, data);
  const surface = LossSurface.ofModel(model, meanSquaredError, data);
  const { value, gradient } = surface.valueAndGradient(surface.point());
  expect(loss).toBe(value);
  expect(layers.map(({ path }) => path)).toEqual(["layers.0", "layers.2"]);
  expect(layers[0]!.gradientNorm).toBeCloseTo(norm(gradient.subarray(0, 9)), 14);
  expect(layers[1]!.gradientNorm).toBeCloseTo(norm(gradient.subarray(9)), 14);
  expect(layers[1]!.weightNorm).toBeCloseTo(norm(surface.point().subarray(9)), 14);
});

describe("identical units", () => {
  const net = (out: number[]) => {
    const model = seeded(1, () => new Sequential(new Linear(2, 4), new Tanh(), new Linear(4, 1)));
    set(model, "layers.0.weight", [
      [1, 2],
      [3, 4],
      [1, 2],
      [1, -2],
    ]);
    set(model, "layers.2.weight", [out]);
    return auditModel(model, meanSquaredError, data).identical;
  };

  test("are locked where their way out is the same too", () => {
    expect(net([0.5, 1, 0.5, 1])).toEqual([{ path: "layers.0", units: [0, 2], locked: true }]);
    expect(net([0.5, 1, -0.7, 1])).toEqual([{ path: "layers.0", units: [0, 2], locked: false }]);
  });

  test("with other biases differ", () => {
    const model = smallNet();
    set(model, "layers.0.weight", [
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    set(model, "layers.0.bias", [0, 1, 0]);
    const [found, ...more] = auditModel(model, meanSquaredError, data).identical;
    expect(found).toMatchObject({ path: "layers.0", units: [0, 2] });
    expect(more).toEqual([]);
  });

  test("of a constant initialisation stay identical in training", () => {
    const half = { init: init.constant(0.5) };
    const model = new Sequential(new Linear(2, 3, half), new Tanh(), new Linear(3, 1, half));
    expect(auditModel(model, meanSquaredError, data).identical).toEqual([
      { path: "layers.0", units: [0, 1, 2], locked: true },
    ]);
  });

  test("are looked for within the groups of a convolution", () => {
    const model = new Sequential(
      new Conv2d(2, 4, 1, { groups: 2, init: init.zeros }),
      new Flatten(),
    );
    const images = { inputs: zeros([1, 2, 1, 1]), targets: zeros([1, 4]) };
    const loss = (y: Tensor, t: Tensor) => y.sub(t).sub(1).square().mean();
    expect(auditModel(model, loss, images).identical.map(({ units }) => units)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });
});

/** Nets with faults that were put in: the audit names exactly these. */
import { type Tensor, tensor, zeros } from "gradus";
import { auditModel, diagnose, LossSurface } from "gradus/lab";
import {
  Conv2d,
  Flatten,
  GELU,
  HardSigmoid,
  HardTanh,
  init,
  LeakyReLU,
  Linear,
  Module,
  meanSquaredError,
  PReLU,
  ReLU,
  relu,
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

  test.each([
    ...(["relu", "tanh", "sigmoid", "hardTanh", "hardSigmoid", "elu", "softplus"] as const).map(
      (name) => ({ name, dead: [0], saturated: [0] }),
    ),
    ...(["gelu", "silu"] as const).map((name) => ({ name, dead: [0], saturated: [0] })),
    { name: "leakyRelu" as const, dead: [], saturated: [0] },
    ...(["step", "sign"] as const).map((name) => ({ name, dead: [0, 1, 2], saturated: [0, 1, 2] })),
  ])("$name called as a method is seen like a layer", ({ name, dead, saturated }) => {
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
    expect(activations).toMatchObject([
      { path: name, kind: name, activation: name, units: 3, dead, saturated },
    ]);
  });

  test("layers inside a module of one's own are seen, and functions of the library", () => {
    const layers = [new Step(), new Sign(), new HardTanh(), new HardSigmoid(), new LeakyReLU()];
    for (const layer of [...layers, new PReLU(), new GELU(), new SiLU(), new ReLU()]) {
      class Around extends Module {
        readonly first = new Linear(2, 3);
        readonly inner = layer;
        forward(x: Tensor): Tensor {
          return relu(this.inner.forward(this.first.forward(x)));
        }
      }
      const { activations } = auditModel(new Around(), meanSquaredError, {
        inputs: data.inputs,
        targets: zeros([5, 3]),
      });
      const kind = layer.constructor.name;
      expect(activations).toMatchObject([{ path: "inner", kind }, { path: "relu" }]);
    }
  });

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

describe("causes and cures", () => {
  const kindsOf = (model: Module) =>
    diagnose(auditModel(model, meanSquaredError, data)).map(({ kind, path }) => [kind, path]);
  const net = (activation: Module, bias: number[]) => {
    const model = seeded(2, () => new Sequential(new Linear(2, 3), activation, new Linear(3, 1)));
    set(model, "layers.0.bias", bias);
    return model;
  };

  test("nothing is said of a net with nothing wrong", () => {
    expect(kindsOf(smallNet())).toEqual([]);
  });
  test("rectifiers die of negative biases, sigmoids of large weights, steps have no slope", () => {
    expect(kindsOf(net(new ReLU(), [-50, 9, 9]))).toEqual([["dead units", "layers.1"]]);
    expect(kindsOf(net(new LeakyReLU(0.01), [-50, 9, 9]))).toEqual([
      ["saturated units", "layers.1"],
    ]);
    const [relu] = diagnose(auditModel(net(new ReLU(), [-50, 9, 9]), meanSquaredError, data));
    expect(relu).toMatchObject({
      what: "1 of 3 units has slope 0 on every example.",
      cause: expect.stringContaining("bias very negative"),
      cure: expect.stringContaining("learning rate"),
    });
    const [tanh] = diagnose(auditModel(net(new Tanh(), [60, 60, 0]), meanSquaredError, data));
    expect(tanh).toMatchObject({
      kind: "dead units",
      cause: expect.stringContaining("far from 0"),
      cure: expect.stringContaining("mean 0 and deviation 1"),
    });
    expect(kindsOf(net(new Step(), [0, 0, 0]))).toEqual([
      ["no slope", "layers.1"],
      ["no gradient", "layers.0"],
    ]);
  });
  test("a deep net of sigmoids with large weights vanishes, one of large linear layers explodes", () => {
    const deep = (make: () => Module, scale: number) =>
      seeded(3, () => {
        const all = Array.from({ length: 9 }, (_, i) => [new Linear(i ? 8 : 2, 8), make()]).flat();
        const model = new Sequential(...all, new Linear(8, 1));
        for (const p of Object.values(model.parameters())) p.value = p.value.mul(scale);
        return model;
      });
    expect(kindsOf(deep(() => new Sigmoid(), 1))).toEqual([["vanishing gradient", "layers.0"]]);
    const grows = new Sequential(
      new Linear(2, 2, { init: init.constant(1e-3), bias: false }),
      new Linear(2, 1, { init: init.constant(40), bias: false }),
    );
    expect(kindsOf(grows)).toContainEqual(["exploding gradient", "layers.0"]);
  });
  test("what is no number, and units that cannot be parted", () => {
    const model = smallNet();
    set(model, "layers.2.bias", [Number.NaN]);
    expect(kindsOf(model)[0]![0]).toBe("not finite");
    const half = { init: init.constant(0.5) };
    const same = new Sequential(new Linear(2, 3, half), new Tanh(), new Linear(3, 1, half));
    const found = diagnose(auditModel(same, meanSquaredError, data));
    expect(found).toMatchObject([
      { kind: "identical units", cure: expect.stringContaining("random") },
    ]);
  });
});

/** Values, gradients and both curvature matrices of a net, against formulas and float64 hessians. */
import { ConfigError, hessian, randomKey, ShapeError, type Tensor, tensor, uniform } from "gradus";
import { eigenSymmetric, LossSurface } from "gradus/lab";
import { Contrastive } from "gradus/models";
import {
  AvgPool2d,
  Conv2d,
  crossEntropy,
  Dropout,
  type ExampleLosses,
  Flatten,
  functional,
  Linear,
  MaxPool2d,
  meanSquaredError,
  ntXent,
  type OwnLoss,
  ReLU,
  Sequential,
  seeded,
  Tanh,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { data, smallNet, smallSurface } from "./support.ts";

const close = (x: ArrayLike<number>, y: ArrayLike<number>, digits = 12) => {
  expect(x.length).toBe(y.length);
  for (let i = 0; i < y.length; i++) expect(x[i]).toBeCloseTo(y[i]!, digits);
};

/** L and ∇L of the small net, written out with loops in float64. */
function byHand(theta: Float64Array) {
  const x = data.inputs.toArray() as number[][];
  const y = (data.targets.toArray() as number[][]).map(([t]) => t!);
  const w = (i: number, j: number) => theta[2 * i + j]!;
  const gradient = new Float64Array(13);
  let value = 0;
  x.forEach((row, n) => {
    const h = [0, 1, 2].map((i) =>
      Math.tanh(w(i, 0) * row[0]! + w(i, 1) * row[1]! + theta[6 + i]!),
    );
    const z = h.reduce((s, hi, i) => s + theta[9 + i]! * hi, theta[12]!);
    value += (z - y[n]!) ** 2 / x.length;
    const dz = (2 * (z - y[n]!)) / x.length;
    h.forEach((hi, i) => {
      const dh = dz * theta[9 + i]! * (1 - hi * hi);
      gradient[2 * i]! += dh * row[0]!;
      gradient[2 * i + 1]! += dh * row[1]!;
      gradient[6 + i]! += dh;
      gradient[9 + i]! += dz * hi;
    });
    gradient[12]! += dz;
  });
  return { value, gradient };
}

describe("a float32 model's surface", () => {
  test("lays the parameters out by path", () => {
    const { surface } = smallSurface();
    expect(surface.size).toBe(13);
    expect(surface.leaves.map(({ path, offset }) => [path, offset])).toEqual([
      ["layers.0.weight", 0],
      ["layers.0.bias", 6],
      ["layers.2.weight", 9],
      ["layers.2.bias", 12],
    ]);
  });

  test("has value and gradient to float64's rounding", () => {
    const { surface } = smallSurface();
    const theta = surface.point();
    const { value, gradient } = byHand(theta);
    expect(surface.value(theta)).toBeCloseTo(value, 14);
    close(surface.gradient(theta), gradient, 14);
  });

  test("has the Hessian that central differences of the gradient by hand give", () => {
    const { surface } = smallSurface();
    const theta = surface.point();
    const h = 1e-5;
    const rows = surface.hessian(theta);
    rows.forEach((row, i) => {
      const at = (sign: number) => byHand(theta.map((t, k) => (k === i ? t + sign * h : t)));
      const [up, down] = [at(1).gradient, at(-1).gradient];
      close(
        row,
        up.map((g, k) => (g - down[k]!) / (2 * h)),
        8,
      );
      rows.forEach((other, k) => {
        expect(row[k]).toBe(other[i]);
      });
    });
  });

  test("has the Hessian that the transform gives for a float64 model", () => {
    const options = { dtype: "float64" } as const;
    const make = () =>
      new Sequential(new Linear(2, 3, options), new Tanh(), new Linear(3, 1, options));
    const model = seeded(1, make);
    const f64 = { inputs: data.inputs.cast("float64"), targets: data.targets.cast("float64") };
    const surface = LossSurface.ofModel(model, meanSquaredError, f64);
    const f = functional(model);
    const oracle = hessian((t: Tensor) => {
      const values = Object.fromEntries(
        surface.leaves.map(({ path, shape, offset, size }) => [
          path,
          t.slice([offset, offset + size]).reshape(shape),
        ]),
      );
      return meanSquaredError(f(values, f64.inputs), f64.targets);
    }, tensor(surface.point())).toArray() as number[][];
    surface.hessian(surface.point()).forEach((row, i) => {
      close(row, oracle[i]!, 13);
    });
  });

  test("moves the model by assign, and follows it by point", () => {
    const { model, surface } = smallSurface();
    const theta = surface.point().map((_, i) => i / 8);
    surface.assign(theta);
    close(surface.point(), theta, 15);
    expect(model.parameters()["layers.2.weight"]!.value.toArray()).toEqual([
      [9 / 8, 10 / 8, 11 / 8],
    ]);
  });

  test("leaves frozen parameters out, and takes dropout as in evaluation", () => {
    const make = (...extra: Dropout[]) =>
      seeded(2, () => new Sequential(new Linear(2, 3), ...extra, new Linear(3, 1)));
    const dropped = make(new Dropout(0.5, { seed: 1 })).freeze("layers.0");
    const plain = make().freeze("layers.0");
    const a = LossSurface.ofModel(dropped, meanSquaredError, data);
    const b = LossSurface.ofModel(plain, meanSquaredError, data);
    expect(a.leaves.map(({ path }) => path)).toEqual(["layers.2.weight", "layers.2.bias"]);
    expect(a.value(b.point())).toBe(b.value(b.point()));
    expect(dropped.training).toBe(true);
  });
});

describe("Gauss–Newton", () => {
  const labels = { inputs: data.inputs, targets: tensor([0, 2, 1, 1, 0], "int32") };

  test("is the Hessian where the net is linear in its parameters: softmax regression", () => {
    const surface = LossSurface.ofModel(
      seeded(3, () => new Linear(2, 3)),
      crossEntropy,
      labels,
    );
    const theta = surface.point();
    const h = surface.hessian(theta);
    surface.gaussNewton(theta).forEach((row, i) => {
      close(row, h[i]!, 13);
    });
    // (1/N) Σ xxᵀ ⊗ (diag p − ppᵀ), at row (class 0, input 0), column (class 1, input 1)
    const x = data.inputs.toArray() as number[][];
    const entry = x.reduce((sum, [a, b]) => {
      const z = [0, 1, 2].map((k) => theta[2 * k]! * a! + theta[2 * k + 1]! * b! + theta[6 + k]!);
      const p = z.map((v) => Math.exp(v) / z.reduce((s, u) => s + Math.exp(u), 0));
      return sum - (p[0]! * p[1]! * a! * b!) / 5;
    }, 0);
    expect(h[0]![3]).toBeCloseTo(entry, 13);
  });

  test("is positive semidefinite where the Hessian is not", () => {
    const model = seeded(4, () => new Sequential(new Linear(2, 4), new Tanh(), new Linear(4, 3)));
    const surface = LossSurface.ofModel(model, crossEntropy, labels);
    const theta = surface.point();
    expect(eigenSymmetric(surface.hessian(theta)).values.at(-1)).toBeLessThan(-1e-3);
    expect(eigenSymmetric(surface.gaussNewton(theta)).values.at(-1)).toBeGreaterThan(-1e-14);
  });

  test("is not known for a function", () => {
    const surface = LossSurface.of((x: Tensor) => x.square().sum(), tensor([1]));
    expect(() => surface.gaussNewtonProduct([1], [1])).toThrow(ConfigError);
  });
});

test("a function of a tree, with a leaf that it does not use", () => {
  const f = (p: { a: Tensor; b: Tensor[] }) => p.a.square().sum().mul(p.b[0]!.sum());
  const surface = LossSurface.of(f, { a: tensor([1, 2]), b: [tensor(3), tensor([7])] });
  expect(surface.leaves.map(({ path }) => path)).toEqual(["a", "b.0", "b.1"]);
  close(surface.point(), [1, 2, 3, 7]);
  close(surface.gradient([1, 2, 3, 7]), [6, 12, 5, 0]);
  close(surface.hvp([1, 2, 3, 7], [1, 0, 0, 1]), [6, 0, 2, 0]);
});

test("errors say what is wrong", () => {
  const { surface } = smallSurface();
  expect(() => surface.value([1, 2])).toThrow("θ has 2 numbers, not 13");
  expect(() => surface.hvp(surface.point(), [1])).toThrow(ShapeError);
  expect(() => LossSurface.ofModel(smallNet().freeze(), meanSquaredError, data)).toThrow(
    "there are no parameters",
  );
  expect(() => LossSurface.of((x: Tensor) => x, tensor([1, 2])).value([1, 2])).toThrow(
    "sum or average",
  );
  expect(() => LossSurface.of((x: Tensor) => x.sum(), tensor([1])).assign([1])).toThrow(
    ConfigError,
  );
});

test("a convolutional net: the Hessian is the central difference of the gradient", () => {
  const model = seeded(
    1,
    () =>
      new Sequential(
        ...[new Conv2d(1, 2, 3), new Tanh(), new MaxPool2d(2)],
        ...[new Conv2d(2, 3, 2), new Tanh(), new AvgPool2d(2), new Flatten(), new Linear(3, 3)],
      ),
  );
  const inputs = uniform([4, 1, 8, 8], { key: 1 });
  const surface = LossSurface.ofModel(model, crossEntropy, {
    inputs,
    targets: tensor([0, 1, 2, 1], "int32"),
  });
  const theta = surface.point();
  const h = 1e-5;
  for (const i of [0, 7, 20, 33, 47, 58]) {
    const at = (sign: number) =>
      surface.gradient(theta.map((t, k) => (k === i ? t + sign * h : t)));
    const [up, down] = [at(1), at(-1)];
    const unit = theta.map((_, k) => (k === i ? 1 : 0));
    close(
      surface.hvp(theta, unit),
      up.map((g, k) => (g - down[k]!) / (2 * h)),
      8,
    );
  }
});

test("a deep ReLU net: the product is the dense Hessian times the vector", () => {
  const model = seeded(
    5,
    () =>
      new Sequential(new Linear(2, 5), new ReLU(), new Linear(5, 4), new ReLU(), new Linear(4, 1)),
  );
  const surface = LossSurface.ofModel(model, meanSquaredError, data);
  const theta = surface.point();
  const v = theta.map((_, i) => Math.sin(i));
  const byRows = surface.hessian(theta).map((row) => row.reduce((s, x, i) => s + x * v[i]!, 0));
  close(surface.hvp(theta, v), byRows, 13);
});

describe("a model with a loss of its own", () => {
  class Penalized extends Linear implements OwnLoss {
    readonly objective = "regression";
    learn(x: Tensor, targets: Tensor, losses: ExampleLosses) {
      const outputs = this.forward(x);
      return {
        outputs,
        losses: losses(outputs, targets).add(this.weight.value.square().sum().mul(3)),
      };
    }
  }
  test("its penalty counts: mean (wx − 1)² + 3w² at x = 2, 0", () => {
    const examples = { inputs: tensor([[2], [0]]), targets: tensor([[1], [1]]) };
    const model = new Penalized(1, 1, { bias: false });
    const surface = LossSurface.ofModel(model, meanSquaredError, examples);
    expect(surface.value([1])).toBe(1 + 3);
    expect(surface.gradient([1])[0]).toBe(2 + 6);
    expect(surface.hessian([1])[0]![0]).toBe(4 + 6);
    expect(() => surface.gaussNewtonProduct([1], [1])).toThrow(/a model's own loss/);
  });
  test("of pairs it is NT-Xent, and not the error of the similarity", () => {
    const pairs = uniform([4, 2, 3], { key: randomKey(1, 2) });
    const model = seeded(0, () => new Contrastive(new Linear(3, 2)));
    const targets = tensor([1, 1, 1, 1]);
    const surface = LossSurface.ofModel(model, meanSquaredError, { inputs: pairs, targets });
    const [a, b] = [0, 1].map((view) => model.encoder.forward(pairs.slice([0, 4], view)));
    const expected = ntXent(a!, b!, { temperature: 0.5 }).item();
    expect(surface.value(surface.point())).toBeCloseTo(expected, 6);
  });
});

/** Against PyTorch in float64; the numbers come from tools/fixtures/torch-oracle.py. */
import { readFileSync } from "node:fs";
import { grad, type Shape, setEngine, type Tensor, tensor } from "gradus";
import {
  AvgPool2d,
  binaryCrossEntropyWithLogits,
  Conv2d,
  crossEntropy,
  ELU,
  Flatten,
  GELU,
  huber,
  LeakyReLU,
  Linear,
  LogSoftmax,
  type LossOptions,
  MaxPool2d,
  type Module,
  meanAbsoluteError,
  meanSquaredError,
  ReLU,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
  valueAndGrad,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

interface WithGradient {
  readonly value: number;
  readonly gradient: number[];
}
const oracle: {
  losses: Record<string, Record<"mean" | "sum", WithGradient>>;
  activations: Record<string, WithGradient & { values: number[] }>;
  network: { logits: number[]; loss: number; gradients: Record<string, number[]> };
} = JSON.parse(readFileSync(new URL("torch.json", import.meta.url), "utf8"));

/** scale · sin(1.7 i + shift), as the script makes its numbers. */
const wave = (shape: Shape, { scale = 1, shift = 0 } = {}): Tensor =>
  tensor(
    Float64Array.from(
      { length: shape.reduce((n, d) => n * d, 1) },
      (_, i) => scale * Math.sin(1.7 * i + shift),
    ),
  ).reshape(shape);

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    const labels = () => tensor([3, 0, 4, 4], "int32");
    const answers = () => wave([4, 5], { shift: 2 }).greater(0);
    const targets = () => wave([4, 5], { shift: 3 });
    const losses: Record<string, (z: Tensor, options: LossOptions) => Tensor> = {
      crossEntropy: (z, options) => crossEntropy(z, labels(), options),
      crossEntropyProbabilities: (z, options) =>
        crossEntropy(z, wave([4, 5], { shift: 1 }).softmax(), options),
      binaryCrossEntropyWithLogits: (z, options) =>
        binaryCrossEntropyWithLogits(z, answers(), options),
      meanSquaredError: (z, options) => meanSquaredError(z, targets(), options),
      meanAbsoluteError: (z, options) => meanAbsoluteError(z, targets(), options),
      huber: (z, options) => huber(z, targets(), { ...options, delta: 0.7 }),
    };
    test.each(Object.keys(oracle.losses))("%s", (name) => {
      for (const reduction of ["mean", "sum"] as const) {
        const { value, gradient } = oracle.losses[name]![reduction];
        // PyTorch averages the cross-entropy over rows, and so do we
        const f = (z: Tensor) => losses[name]!(z, { reduction });
        const z = wave([4, 5], { scale: 3 });
        expectClose("value", f(z).dataSync(), [value], 1e-14);
        expectClose("gradient", grad(f)(z).dataSync(), gradient, 1e-14);
      }
    });

    const layers: Record<string, Module> = {
      ReLU: new ReLU(),
      LeakyReLU: new LeakyReLU(),
      ELU: new ELU(),
      GELU: new GELU(),
      SiLU: new SiLU(),
      Softplus: new Softplus(),
      Sigmoid: new Sigmoid(),
      Tanh: new Tanh(),
      Softmax: new Softmax(),
      LogSoftmax: new LogSoftmax(),
    };
    test.each(Object.keys(oracle.activations))("%s", (name) => {
      const { values, gradient } = oracle.activations[name]!;
      const x = wave([12], { scale: 4 });
      // PyTorch replaces softplus by x itself beyond 20, which this range does not reach
      expectClose("values", layers[name]!.forward(x).dataSync(), values, 1e-14);
      const f = (z: Tensor) =>
        layers[name]!.forward(z)
          .mul(wave([12], { shift: 1 }))
          .sum();
      expectClose("gradient", grad(f)(x).dataSync(), gradient, 1e-14);
    });

    test("a network of convolutions, pooling and a dense layer", () => {
      const dtype = "float64";
      const model = new Sequential(
        new Conv2d(2, 4, 3, { padding: 1, dtype }),
        new Tanh(),
        new MaxPool2d(2),
        new Conv2d(4, 6, 2, { stride: [2, 1], dilation: [2, 1], groups: 2, dtype }),
        new SiLU(),
        new AvgPool2d([1, 2]),
        new Flatten(),
        new Linear(24, 3, { dtype }),
      );
      Object.values(model.parameters()).forEach((p, i) => {
        p.value = wave(p.shape, { scale: 0.5, shift: i });
      });
      const x = wave([2, 2, 12, 10], { shift: 0.5 });
      const { logits, loss, gradients } = oracle.network;
      expectClose("logits", model.forward(x).dataSync(), logits, 1e-13);
      const { value, grads } = valueAndGrad(model, () =>
        crossEntropy(model.forward(x), tensor([2, 0], "int32")),
      )();
      expectClose("loss", value.dataSync(), [loss], 1e-13);
      expect(Object.keys(grads)).toEqual(Object.keys(gradients));
      for (const [path, expected] of Object.entries(gradients))
        expectClose(path, grads[path]!.dataSync(), expected, 1e-13);
    });
  });

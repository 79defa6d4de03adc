import {
  ConfigError,
  compile,
  Generator,
  grad,
  hvp,
  ones,
  ShapeError,
  setEngine,
  type Tensor,
  tensor,
  zeros,
} from "gradus";
import {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  Conv1d,
  Conv2d,
  Conv3d,
  Dropout,
  ELU,
  Embedding,
  Flatten,
  functional,
  GELU,
  GlobalAvgPool,
  Identity,
  LeakyReLU,
  Linear,
  LogSoftmax,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type Module,
  ReLU,
  Reshape,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
  valueAndGrad,
  valuesOf,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const f64 = (x: Parameters<typeof tensor>[0]) => tensor(x as number[], "float64");

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    describe("Linear", () => {
      test("y = x Wᵀ + b, over any leading axes", () => {
        const layer = new Linear(2, 3);
        layer.weight.value = tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]);
        layer.bias!.value = tensor([10, 20, 30]);
        expect(layer.forward(tensor([1, -1])).toArray()).toEqual([9, 19, 29]);
        expect(layer.forward(tensor([[[1, 0]], [[0, 1]]])).toArray()).toEqual([
          [[11, 23, 35]],
          [[12, 24, 36]],
        ]);
      });
    });

    describe("convolution", () => {
      test("Conv2d adds its bias to each channel; stride, padding and groups arrive", () => {
        const layer = new Conv2d(2, 2, [1, 2], { groups: 2, stride: [1, 2], padding: [0, 1] });
        expect(layer.weight.shape).toEqual([2, 1, 1, 2]);
        layer.weight.value = tensor([[[[1, 10]]], [[[1, -1]]]]);
        layer.bias!.value = tensor([0.5, 100]);
        // rows padded to 0 1 2 0 and 0 3 4 0, windows of 2 at stride 2
        expect(layer.forward(tensor([[[[1, 2]], [[3, 4]]]])).toArray()).toEqual([
          [[[10.5, 2.5]], [[97, 104]]],
        ]);
      });
      test("one and three dimensions, dilation, no bias", () => {
        const line = new Conv1d(1, 1, 2, { dilation: 2, bias: false });
        line.weight.value = tensor([[[1, 10]]]);
        expect(line.forward(tensor([[[1, 2, 3, 4]]])).toArray()).toEqual([[[31, 42]]]);
        expect(line.bias).toBeNull();
        const cube = new Conv3d(1, 1, 2, { bias: false });
        cube.weight.value = ones([1, 1, 2, 2, 2]);
        expect(cube.forward(ones([1, 1, 2, 3, 2])).toArray()).toEqual([[[[[8], [8]]]]]);
      });
      test("gradients with respect to weight and bias agree with central differences", () => {
        const layer = new Conv2d(2, 2, 2, { stride: 2, padding: 1, dtype: "float64" });
        const x = f64(Array.from({ length: 18 }, (_, i) => Math.sin(i))).reshape([1, 2, 3, 3]);
        const loss = () => layer.forward(x).tanh().sum();
        const { grads } = valueAndGrad(layer, loss)();
        for (const [path, p] of Object.entries(layer.parameters())) {
          const { value } = p;
          const difference = Array.from({ length: value.size }, (_, i) => {
            const at = (h: number) => {
              const data = value.dataSync();
              data[i]! += h;
              p.value = tensor(data).reshape(value.shape);
              return loss().item();
            };
            return (at(1e-5) - at(-1e-5)) / 2e-5;
          });
          p.value = value;
          expectClose(path, grads[path]!.dataSync(), difference, 1e-8);
        }
      });
    });

    describe("pooling", () => {
      const image = () =>
        tensor([
          [
            [
              [1, 5, 2],
              [4, 3, 0],
              [7, 8, 6],
            ],
          ],
        ]);
      test("maxima and means of windows", () => {
        expect(new MaxPool2d(2, { stride: 1 }).forward(image()).toArray()).toEqual([
          [
            [
              [5, 5],
              [8, 8],
            ],
          ],
        ]);
        expect(new AvgPool2d(3).forward(image()).item()).toBe(4);
        expect(new MaxPool1d(2).forward(tensor([[[3, 1, 2, 9]]])).toArray()).toEqual([[[3, 9]]]);
        expect(new AvgPool1d(2).forward(tensor([[[3, 1, 2, 9]]])).toArray()).toEqual([[[2, 5.5]]]);
        expect(new MaxPool3d(2).forward(ones([1, 1, 2, 2, 2])).item()).toBe(1);
        expect(new AvgPool3d(2).forward(ones([1, 1, 2, 2, 2])).item()).toBe(1);
      });
      test("padding is never a maximum, and counts in a mean", () => {
        const negative = tensor([[[[-1]]]]);
        expect(new MaxPool2d(2, { padding: 1 }).forward(negative).item()).toBe(-1);
        expect(new AvgPool2d(2, { stride: 1, padding: "same" }).forward(negative).item()).toBe(
          -0.25,
        );
      });
      test("global average keeps batch and channels", () => {
        expect(new GlobalAvgPool().forward(image()).toArray()).toEqual([[4]]);
        expect(new GlobalAvgPool().forward(zeros([2, 3, 5])).shape).toEqual([2, 3]);
      });
    });

    describe("activations", () => {
      const points = [-30, -2, -0.5, 0, 0.5, 2, 30];
      const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
      const elementwise: [Module, (x: number) => number][] = [
        [new Identity(), (x) => x],
        [new ReLU(), (x) => Math.max(x, 0)],
        [new LeakyReLU(), (x) => (x > 0 ? x : 0.01 * x)],
        [new LeakyReLU(0.1), (x) => (x > 0 ? x : 0.1 * x)],
        [new ELU(), (x) => (x > 0 ? x : Math.expm1(x))],
        [new ELU(2), (x) => (x > 0 ? x : 2 * Math.expm1(x))],
        [new SiLU(), (x) => x * sigmoid(x)],
        [new Softplus(), (x) => Math.log1p(Math.exp(x))],
        [new Sigmoid(), sigmoid],
        [new Tanh(), Math.tanh],
      ];
      for (const [layer, f] of elementwise)
        test(`${layer}: values, and derivatives away from kinks`, () => {
          expectClose("f", layer.forward(f64(points)).dataSync(), points.map(f), 1e-13);
          const smooth = points.filter((x) => x !== 0);
          const derivative = grad((x: Tensor) => layer.forward(x).sum())(f64(smooth));
          const h = 1e-6;
          const difference = smooth.map((x) => (f(x + h) - f(x - h)) / (2 * h));
          expectClose("f′", derivative.dataSync(), difference, 1e-8);
        });
      test("GELU is x Φ(x)", () => {
        // Φ(1) and Φ(−2) from tables of the normal distribution
        const expected = [0.8413447460685429, -2 * 0.022750131948179195, 0];
        expectClose("x Φ(x)", new GELU().forward(f64([1, -2, 0])).dataSync(), expected, 1e-14);
      });
      test("ELU's derivative is finite where eˣ is not, and 1 at 0", () => {
        const derivative = grad((x: Tensor) => new ELU().forward(x).sum());
        expect(derivative(tensor([1000, 0, -1000])).toArray()).toEqual([1, 1, 0]);
      });
      test("softmax sums to 1 along its axis, and its logarithm is LogSoftmax", () => {
        const x = f64([
          [1, 1001],
          [3, 1001],
        ]);
        const down = new Softmax(0).forward(x);
        const e = Math.exp(-2) / (1 + Math.exp(-2));
        expectClose("axis 0", down.dataSync(), [e, 0.5, 1 - e, 0.5], 1e-14);
        expectClose("log", new LogSoftmax(0).forward(x).exp().dataSync(), down.dataSync(), 1e-13);
        expect(new Softmax().forward(x).sum({ axis: 1 }).toArray()).toEqual([1, 1]);
      });
    });

    describe("dropout", () => {
      test("keeps 1 − p of the elements, scaled so that the expectation stays", () => {
        const y = new Dropout(0.2, { seed: 1 }).forward(ones([10_000])).dataSync();
        const kept = y.filter((v) => v !== 0);
        expect(new Set(kept)).toEqual(new Set([1.25]));
        expect(Math.abs(kept.length / 10_000 - 0.8)).toBeLessThan(4 * Math.sqrt(0.16 / 10_000));
      });
      test("is the identity in evaluation and for p = 0", () => {
        const x = ones([5]);
        expect(new Dropout(0.9).eval().forward(x)).toBe(x);
        expect(new Dropout(0).forward(x)).toBe(x);
      });
      test("draws anew each time, and a saved state repeats the draw", () => {
        const layer = new Dropout(0.5, { seed: 3 });
        const draw = () => [...layer.forward(ones([64])).dataSync()];
        const first = draw();
        const { state } = layer.random;
        const saved = state.value;
        const second = draw();
        expect(second).not.toEqual(first);
        state.value = saved;
        expect(draw()).toEqual(second);
      });
      test("draws anew in each call of a compiled function, the same as without", () => {
        const [a, b] = [new Dropout(0.5, { seed: 4 }), new Dropout(0.5, { seed: 4 })];
        const compiled = compile((x: Tensor) => a.forward(x));
        for (let i = 0; i < 3; i++)
          expect(compiled.sync(ones([64])).toArray()).toEqual(b.forward(ones([64])).toArray());
        expect(a.random.state.value.toArray()).toEqual([4, 3]);
      });
      test("the derivative is the mask", () => {
        const layer = new Dropout(0.5, { seed: 5 });
        const seen = layer.random.state.value;
        const g = grad((x: Tensor) => layer.forward(x).sum())(ones([32])).toArray();
        layer.random.state.value = seen;
        expect(g).toEqual(layer.forward(ones([32])).toArray());
      });
    });
  });

describe("shape layers", () => {
  test("Flatten and Reshape keep the batch", () => {
    expect(new Flatten().forward(zeros([2, 3, 4, 5])).shape).toEqual([2, 60]);
    expect(new Reshape([4, 15]).forward(zeros([2, 3, 4, 5])).shape).toEqual([2, 4, 15]);
  });
  test("a shape of other size is an error", () => {
    expect(() => new Reshape([7]).forward(zeros([2, 6]))).toThrow(
      /Reshape: examples of \[6\] do not fill \[7\] \(6 ≠ 7\)/,
    );
  });
});

describe("what does not fit is said", () => {
  const cases: [string, () => unknown, typeof ShapeError | typeof ConfigError, RegExp][] = [
    ["features", () => new Linear(2, 3).forward(zeros([4, 5])), ShapeError, /takes \[…, 2\]/],
    ["a scalar", () => new Linear(2, 3).forward(tensor(1)), ShapeError, /got \[\]\./],
    [
      "channels",
      () => new Conv2d(3, 8, 5).forward(zeros([1, 1, 9, 9])),
      ShapeError,
      /Conv2d: takes \[N, 3, ·, ·\], got \[1, 1, 9, 9\][\s\S]*give this layer 1 input channels/,
    ],
    [
      "axes",
      () => new Conv2d(1, 8, 5).forward(zeros([1, 28, 28])),
      ShapeError,
      /reshape the input to 4 axes/,
    ],
    ["groups", () => new Conv2d(3, 8, 5, { groups: 2 }), ConfigError, /3 → 8 channels/],
    ["kernel", () => new Conv1d(3, 8, [5, 5]), ConfigError, /\[5, 5\] for 1 spatial axis/],
    [
      "pooling",
      () => new MaxPool2d(2).forward(zeros([3, 4, 4])),
      ShapeError,
      /takes \[N, C, ·, ·\]/,
    ],
    ["p", () => new Dropout(1.5), ConfigError, /p is 1.5/],
    [
      "an image too small for its kernel",
      () => new Sequential(new Conv2d(1, 1, 5)).forward(zeros([1, 1, 4, 4])),
      ShapeError,
      /in layers\.0 \(Conv2d 1 → 1, 5×5\)/,
    ],
  ];
  for (const [what, f, kind, message] of cases)
    test(what, () => {
      expect(f).toThrow(kind);
      expect(f).toThrow(message);
    });
});

test("a dropout layer without a seed takes the next one", () => {
  const states = [new Dropout(), new Dropout()].map((layer) => layer.random.state.value.toArray());
  expect(states[0]).not.toEqual(states[1]);
  expect(new Dropout().random).toBeInstanceOf(Generator);
});

test("sizes that no layer has: ConfigError", () => {
  for (const make of [
    () => new Linear(0, 3),
    () => new Linear(2, -1),
    () => new Conv2d(0, 1, 3),
    () => new Conv2d(1, 1, 0),
    () => new Conv2d(1, 1.5, 3),
  ]) {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/whole number of 1 or more/);
  }
});

for (const engine of engines)
  describe(`${engine}: what drops or pads`, () => {
    beforeAll(() => setEngine(engine));

    test("dropout of everything is 0 with gradient 0, for ∞ and NaN, too", () => {
      const layer = new Dropout(1);
      const x = tensor([1, Infinity, Number.NaN]);
      expect(layer.forward(x).toArray()).toEqual([0, 0, 0]);
      expect(grad((x: Tensor) => layer.forward(x).sum())(x).toArray()).toEqual([0, 0, 0]);
      expect(layer.eval().forward(x).toArray()).toEqual([1, Infinity, Number.NaN]);
    });

    test("the padding row of an embedding starts at 0 and gets no gradient, in any order", () => {
      const layer = new Embedding(4, 2, { paddingIndex: 1, dtype: "float64" });
      expect(layer.weight.value.slice(1).toArray()).toEqual([0, 0]);
      expect(layer.weight.value.slice(0).toArray()).not.toEqual([0, 0]);
      layer.weight.value = tensor(
        [
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
        ],
        "float64",
      );
      const words = tensor(
        [
          [0, 1],
          [1, 3],
        ],
        "int32",
      );
      const loss = () => layer.forward(words).pow(3).sum();
      expect(layer.forward(words).slice(0, 1).toArray()).toEqual([3, 4]); // what is put there is read
      const { weight } = valueAndGrad(layer, loss)().grads;
      expect(weight!.toArray()).toEqual([
        [3, 12],
        [0, 0],
        [0, 0],
        [147, 192],
      ]);
      const along = { weight: ones([4, 2], { dtype: "float64" }) };
      expect(
        hvp(functional(layer, loss), valuesOf(layer.parameters()), along).weight!.toArray(),
      ).toEqual([
        [6, 12],
        [0, 0],
        [0, 0],
        [42, 48],
      ]);
    });

    test("a padding index that there is not is an error, and so is a misspelt one", () => {
      expect(() => new Embedding(4, 2, { paddingIndex: 4 })).toThrow(/paddingIndex is 4 of 4/);
      expect(() => new Embedding(4, 2, { padding: 0 } as never)).toThrow(
        /unknown option "padding"/,
      );
    });
  });

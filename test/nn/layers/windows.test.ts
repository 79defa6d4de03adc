/** What the numbers of PyTorch do not say of convolutions, poolings and activations: laws and errors. */
import {
  ConfigError,
  grad,
  linspace,
  type Padding,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from "gradus";
import {
  AvgPool3d,
  binaryCrossEntropyWithLogits,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  elu,
  GELU,
  GlobalMaxPool,
  gelu,
  hardSigmoid,
  hardTanh,
  type InitOptions,
  logisticLoss,
  MaxPool1d,
  MaxPool2d,
  MaxUnpool1d,
  MaxUnpool2d,
  PReLU,
  Sequential,
  silu,
  step,
} from "gradus/nn";
import { describe, expect, test } from "vitest";

describe("convolution", () => {
  test("a law hears of the fans of one group, in both directions", () => {
    const heard: InitOptions[] = [];
    const init = (shape: readonly number[], options: InitOptions = {}) => {
      heard.push(options);
      return zeros(shape);
    };
    new Conv2d(4, 8, 3, { groups: 2, init, biasInit: init });
    new ConvTranspose2d(4, 8, 3, { groups: 2, init, biasInit: init });
    // an output sees 2 channels, an input reaches 4
    for (const { fanIn, fanOut } of heard) expect([fanIn, fanOut]).toEqual([18, 36]);
    expect(heard).toHaveLength(4);
  });
  test("a window that does not fit: which layer, both sizes, the formula, the fix", () => {
    const model = new Sequential(new MaxPool2d(4), new Conv2d(3, 8, 5));
    const bad = () => model.forward(zeros([1, 3, 12, 16]));
    expect(bad).toThrow(ShapeError);
    expect(bad).toThrow(
      /window of \[5, 5\] does not fit into input \[3, 4\] .*⌊\(n \+ 2p − d\(f − 1\) − 1\)\/s⌋ \+ 1 < 1\)\.\n {2}in layers\.1 \(Conv2d 3 → 8, 5×5\), built at .*windows\.test\.ts.*\n {2}fix: .*padding of 2 more in all/,
    );
    expect(() => new MaxPool2d(5).forward(zeros([1, 1, 4, 9]))).toThrow(
      /maxPool2d: a window of \[5, 5\][\s\S]*in MaxPool2d 5×5/,
    );
    expect(() => new ConvTranspose3d(2, 1, 2).forward(zeros([1, 2, 3, 3]))).toThrow(
      "takes [N, 2, ·, ·, ·], got [1, 2, 3, 3].",
    );
  });
});

describe("maximum pooling", () => {
  test("a window of padding alone has no largest value", () => {
    const pool =
      (padding: Padding, stride = 1) =>
      () =>
        new MaxPool1d(2, { stride, padding }).forward(zeros([1, 1, 3])).shape;
    expect(pool(1)()).toEqual([1, 1, 4]);
    expect(pool(2)).toThrow(
      "maxPool1d: padding [2, 2] of axis 0 holds a whole window of 2, which has no largest value.",
    );
    expect(pool([[0, 2]])).toThrow("padding [0, 2]");
    expect(pool([[0, 2]], 2)()).toEqual([1, 1, 2]); // the last window begins at 2
  });
});

describe("unpooling", () => {
  test("needs the size where pooling left a rest", () => {
    const x = tensor([
      [
        [
          [1, 2, 9],
          [4, 3, 9],
          [9, 9, 9],
        ],
      ],
    ]);
    const { values, indices } = new MaxPool2d(2).withIndices(x);
    const layer = new MaxUnpool2d(2);
    expect(() => layer.forward(values, indices)).not.toThrow(); // [2, 2], a guess
    expect(layer.forward(values, indices, { outputSize: [3, 3] }).toArray()).toEqual([
      [
        [
          [0, 0, 0],
          [4, 0, 0],
          [0, 0, 0],
        ],
      ],
    ]);
    expect(() => new MaxUnpool1d(2).forward(values, indices)).toThrow(
      "takes [N, C, ·], got [1, 1, 1, 1].",
    );
  });
  test("global maxima need space", () => {
    expect(() => new GlobalMaxPool().forward(zeros([2, 3]))).toThrow(
      /GlobalMaxPool: takes \[N, C, …\][\s\S]*put it before what flattens/,
    );
  });
});

describe("activations", () => {
  test("the two forms of GELU part by less than 5·10⁻⁴, and do part", () => {
    const x = linspace(-6, 6, 1201, { dtype: "float64" });
    const apart = gelu(x).sub(gelu(x, "tanh")).abs().max().item();
    expect(apart).toBeGreaterThan(4e-4);
    expect(apart).toBeLessThan(5e-4);
    expect(() => new GELU("fast" as "tanh").forward(x)).toThrow(ConfigError);
  });
  test("laws that bind them, and no overflow at ±1000", () => {
    const x = linspace(-9, 9, 73, { dtype: "float64" });
    const apart = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();
    expect(apart(x.neg().sigmoid(), x.sigmoid().neg().add(1))).toBeLessThan(1e-15);
    expect(apart(x.tanh(), x.mul(2).sigmoid().mul(2).sub(1))).toBeLessThan(1e-15);
    expect(apart(x.softmax(), x.add(1000).softmax())).toBeLessThan(1e-15);
    expect(apart(x.logSoftmax(), x.softmax().log())).toBeLessThan(1e-14);
    const far = tensor([-1000, 1000]);
    expect(far.sigmoid().toArray()).toEqual([0, 1]);
    expect(far.tanh().toArray()).toEqual([-1, 1]);
    expect(far.softplus().toArray()).toEqual([0, 1000]);
    expect(far.softmax().toArray()).toEqual([0, 1]);
    expect(far.logSoftmax().toArray()).toEqual([-2000, 0]);
    expect(gelu(far).toArray()).toEqual([-0, 1000]);
    expect(silu(far).toArray()).toEqual([-0, 1000]);
    expect(elu(far).toArray()).toEqual([-1, 1000]);
    const slope = (f: (x: Tensor) => Tensor) => grad((z: Tensor) => f(z).sum())(far).toArray();
    for (const f of [gelu, silu, elu, (z: Tensor) => gelu(z, "tanh"), (z: Tensor) => z.softplus()])
      expect(slope(f).toString()).toMatch(/^-?0,1$/);
  });
  test("what is chosen at kinks and jumps", () => {
    const at = (f: (x: Tensor) => Tensor, x: number) =>
      grad((z: Tensor) => f(z).sum())(tensor([x])).toArray();
    expect(step(tensor([-1, 0])).toArray()).toEqual([0, 1]);
    for (const x of [-1, 0, 1]) expect([at(step, x), at((z) => z.sign(), x)]).toEqual([[0], [0]]);
    expect(at((z) => z.relu(), 0)).toEqual([0]);
    expect(at((z) => z.leakyRelu(0.5), 0)).toEqual([0.5]);
    expect([-1, 1].map((x) => at(hardTanh, x))).toEqual([[0], [0]]);
    expect([-3, 3].map((x) => at(hardSigmoid, x))).toEqual([[0], [0]]);
    expect(at(elu, 0)).toEqual([1]);
  });
  test("PReLU wants a slope per channel, or one", () => {
    expect(() => new PReLU(3).forward(zeros([2, 4]))).toThrow("takes [N, 3, …], got [2, 4].");
    expect(new PReLU(1, { slope: 0.5 }).forward(tensor([-2, 2])).toArray()).toEqual([-1, 2]);
  });
});

test("the logistic loss of signs is the cross-entropy of answers", () => {
  const z = linspace(-3, 3, 7, { dtype: "float64" });
  const answers = tensor([0, 1, 0, 1, 1, 0, 1]);
  const signs = answers.mul(2).sub(1);
  expect(logisticLoss(z, signs, { reduction: "none" }).toArray()).toEqual(
    binaryCrossEntropyWithLogits(z, answers, { reduction: "none" }).toArray(),
  );
  expect(logisticLoss(tensor([1e4]), tensor([-1])).item()).toBe(1e4);
});

test.each<[what: string, make: () => unknown, message: string | RegExp]>([
  ["Conv2d", () => new Conv2d(1, 2, 3, { stride: 0 }), "stride 0 for 2 spatial axes"],
  ["Conv2d", () => new Conv2d(1, 2, 3, { stride: "2" as never }), 'stride "2" for 2 spatial axes'],
  ["Conv2d", () => new Conv2d(1, 2, [3]), "size [3] for 2 spatial axes"],
  ["Conv2d", () => new Conv2d(1, 2, null as never), "size null for 2 spatial axes"],
  ["Conv2d", () => new Conv2d(1, 2, 3, { padding: -1 }), "padding -1 for 2 spatial axes"],
  ["Conv2d", () => new Conv2d(1, 2, 3, { padding: "Same" as never }), 'unknown padding "Same"'],
  ["Conv2d", () => new Conv2d(1, 2, 3, { padding: [[1, 1]] }), "padding [1, 1] for 4 spatial axes"],
  ["Conv2d", () => new Conv2d(1, 2, 3, { dilation: [1, 1, 1] }), "dilation [1, 1, 1] for 2"],
  [
    "Conv2d",
    () => new Conv2d(1, 2, 3, { paddingMode: "reflection" as never }),
    /unknown paddingMode "reflection".*did you mean "reflect"\?/s,
  ],
  [
    "ConvTranspose2d",
    () => new ConvTranspose2d(1, 2, 3, { padding: "same" as never }),
    'padding "same" for 2 spatial axes',
  ],
  [
    "ConvTranspose1d",
    () => new ConvTranspose1d(1, 2, 3, { outputPadding: 0.5 }),
    "outputPadding 0.5",
  ],
  ["MaxPool2d", () => new MaxPool2d(null as never), "size null for 2 spatial axes"],
  ["AvgPool3d", () => new AvgPool3d([2, 2]), "size [2, 2] for 3 spatial axes"],
  ["MaxPool1d", () => new MaxPool1d(2, { stride: Number.NaN }), "stride NaN for 1 spatial axis"],
  ["MaxUnpool2d", () => new MaxUnpool2d(2, { padding: 1.5 }), "padding 1.5 for 2 spatial axes"],
])("%s refuses what no input suits where it is made: %#", (what, make, message) => {
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
  expect(make).toThrow(`${what}: `);
});

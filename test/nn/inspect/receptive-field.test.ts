import { eye, ones, type Shape, type Tensor, zeros } from "gradus";
import {
  AvgPool2d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose2d,
  Dropout,
  evaluating,
  Flatten,
  GlobalAvgPool,
  GroupNorm,
  Identity,
  init,
  Linear,
  LocalResponseNorm,
  MaxPool1d,
  MaxPool2d,
  Module,
  MultiHeadAttention,
  Parallel,
  ReLU,
  Reshape,
  Residual,
  receptiveField,
  Sequential,
  Softmax,
} from "gradus/nn";
import { describe, expect, test } from "vitest";

/** Weights and inputs above 0, so that whatever a unit sees raises it. */
const seeing = { init: init.constant(0.1) };
const uneven = (seed: number) => ({
  init: (shape: Shape) => init.uniform(0, 1)(shape, { seed }),
});

/**
 * Along each axis of the image, the first and last pixel that changes unit `at` of the first channel,
 * found by lighting one pixel after the other.
 */
function lit(model: Module, inputShape: Shape, at: readonly number[]): [number, number][] {
  const [, ...space] = inputShape as [number, ...number[]];
  const pixels = space.reduce((n, d) => n * d, 1);
  const channels = inputShape[0]!;
  // image k has pixel k lit in all channels
  const images = eye(pixels)
    .reshape([pixels, 1, ...space])
    .broadcastTo([pixels, channels, ...space]);
  const unit = (x: Tensor) =>
    evaluating(model, () => model.forward(x))
      .slice(null, 0, ...at)
      .dataSync();
  const dark = unit(zeros([1, channels, ...space]))[0]!;
  const seen = [...unit(images)].flatMap((y, k) => (y === dark ? [] : [k]));
  const strides = space.map((_, i) => space.slice(i + 1).reduce((n, d) => n * d, 1));
  return space.map((d, i) => {
    const places = seen.map((k) => Math.floor(k / strides[i]!) % d);
    return [Math.min(...places), Math.max(...places)];
  });
}

/** The same by the field's numbers, cut off at the image's edges. */
function stated(model: Module, inputShape: Shape, at: readonly number[]): [number, number][] {
  const { size, jump, start } = receptiveField(model, inputShape)!;
  return size.map((n, i) => {
    const from = start[i]! + at[i]! * jump[i]!;
    return [
      Math.max(0, Math.ceil(from)),
      Math.min(inputShape[1 + i]! - 1, Math.floor(from + n - 1)),
    ];
  });
}

const nets: Record<string, [model: () => Module, inputShape: Shape]> = {
  "strides, padding, dilation": [
    () =>
      new Sequential(
        new Conv2d(1, 2, 3, { ...seeing, stride: 2, padding: 1 }),
        new ReLU(),
        new Conv2d(2, 2, [3, 2], { ...seeing, dilation: [2, 3] }),
        new ReLU(),
      ),
    [1, 17, 15],
  ],
  "a LeNet without its dense layers": [
    () =>
      new Sequential(
        new Reshape([1, 20, 20]),
        new Conv2d(1, 2, 5, seeing),
        new ReLU(),
        new MaxPool2d(2),
        new Conv2d(2, 2, 5, seeing),
        new MaxPool2d(2),
      ),
    [1, 20, 20],
  ],
  "normalisation, dropout, overlapping pools": [
    () =>
      new Sequential(
        new Conv2d(2, 3, 3, { ...uneven(1), padding: "same" }),
        new BatchNorm2d(3),
        new LocalResponseNorm({ alpha: 1e-6 }),
        new Dropout(0.5),
        new MaxPool2d(3, { stride: 2 }),
        new AvgPool2d(3, { stride: 2, padding: 1 }),
        new Softmax(1),
        new Conv2d(3, 1, 1, uneven(2)),
      ),
    [2, 12, 13],
  ],
  "branches that are added and joined": [
    () =>
      new Sequential(
        new Residual(
          new Sequential(
            new Conv2d(1, 1, 3, { ...seeing, padding: 1 }),
            new Conv2d(1, 1, 3, { ...seeing, padding: 1 }),
          ),
        ),
        new Parallel([
          new Conv2d(1, 1, 5, { ...seeing, padding: 2, stride: 2 }),
          new MaxPool2d(1, { stride: 2 }),
        ]),
        new Conv2d(2, 1, 1, seeing),
      ),
    [1, 11, 12],
  ],
  "there and back": [
    () =>
      new Sequential(
        new Conv2d(1, 2, 2, { ...seeing, stride: 2 }),
        new ConvTranspose2d(2, 1, 4, { ...seeing, stride: 2, padding: 1 }),
      ),
    [1, 8, 8],
  ],
};

describe.each(Object.keys(nets))("%s", (name) => {
  const [build, inputShape] = nets[name]!;
  test("every unit sees what the numbers say", () => {
    const model = build();
    const [, , height, width] = evaluating(model, () => model.forward(zeros([1, ...inputShape])))
      .shape as [number, number, number, number];
    expect(height * width).toBeGreaterThan(3);
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const found = lit(model, inputShape, [i, j]);
        const said = stated(model, inputShape, [i, j]);
        // behind a transposed convolution neighbours see by turns, and the numbers bound both
        if (name !== "there and back") expect([i, j, found]).toEqual([i, j, said]);
        else
          found.forEach(([first, last], axis) => {
            expect(first).toBeGreaterThanOrEqual(said[axis]![0]);
            expect(last).toBeLessThanOrEqual(said[axis]![1]);
          });
      }
  });
});

test("pooling doubles what the next kernel adds", () => {
  const conv = () => new Conv2d(1, 1, 3);
  const pool = () => new MaxPool2d(2);
  const fields = (...layers: Module[]) =>
    receptiveField(new Sequential(...layers), [1, 64, 64])!.size[0];
  expect([fields(conv()), fields(conv(), conv()), fields(conv(), conv(), conv())]).toEqual([
    3, 5, 7,
  ]);
  expect([fields(pool(), conv()), fields(pool(), pool(), conv())]).toEqual([6, 12]);
  expect(fields(pool(), conv(), pool(), conv())).toBe(16); // 1 + 1 + 2·2 + 2·1 + 4·2
});

test("one and three axes", () => {
  const line = new Sequential(new Conv1d(2, 2, 4, { stride: 3 }), new MaxPool1d(2));
  expect(receptiveField(line, [2, 40])).toEqual({ size: [7], jump: [6], start: [0] });
  expect(receptiveField(new Conv3d(1, 1, [1, 3, 5], { padding: "same" }), [1, 4, 9, 9])).toEqual({
    size: [1, 3, 5],
    jump: [1, 1, 1],
    start: [0, -1, -2],
  });
});

test("dense layers, global pooling and whole-image norms see all that is seen", () => {
  const all = { size: [9, 9], jump: [0, 0], start: [0, 0] };
  const padded = () => new Conv2d(1, 4, 5, { padding: 2 });
  const dense = new Sequential(padded(), new Flatten(), new Linear(324, 3), new Softmax());
  expect(receptiveField(dense, [1, 9, 9])).toEqual(all);
  expect(receptiveField(new Sequential(padded(), new GlobalAvgPool()), [1, 9, 9])).toEqual(all);
  expect(receptiveField(new Sequential(padded(), new GroupNorm(2, 4)), [1, 9, 9])).toEqual(all);
  // valid windows of 4 at stride 4 never see the ninth pixel
  const rest = new Sequential(new Conv2d(1, 1, 4, { stride: 4 }), new GlobalAvgPool());
  expect(receptiveField(rest, [1, 9, 9])).toEqual({ ...all, size: [8, 8] });
  expect(receptiveField(new Linear(7, 3), [7])).toEqual({ size: [7], jump: [0], start: [0] });
  // and a decoder behind them sees the same
  const decoder = new Sequential(dense, new Reshape([3, 1, 1]), new ConvTranspose2d(3, 1, 4));
  expect(receptiveField(decoder, [1, 9, 9])).toEqual(all);
});

test("what mixes places in a way that no layer tells is unknown, what is pointwise is not", () => {
  class Scaled extends Module {
    readonly inner = new Conv2d(1, 1, 3);
    forward(x: Tensor): Tensor {
      return this.inner
        .forward(x)
        .tanh()
        .mul(ones([1]))
        .add(1);
    }
  }
  class Mean extends Scaled {
    override forward(x: Tensor): Tensor {
      return super.forward(x).mean({ axis: 3, keepDims: true });
    }
  }
  expect(receptiveField(new Scaled(), [1, 5, 5])!.size).toEqual([3, 3]);
  expect(receptiveField(new Mean(), [1, 5, 5])).toBeNull();
  expect(receptiveField(new MultiHeadAttention(4, 2) as unknown as Module, [3, 4])).toBeNull();
  expect(receptiveField(new Identity(), [1, 5])).toEqual({ size: [1], jump: [1], start: [0] });
});

import fc from "fast-check";
import { avgPool, conv, grad, maxPool, setEngine, type Tensor, tensor } from "gradus";
import {
  type ConvolutionMode,
  convolve,
  correlate,
  findKernel,
  imageKernel,
  imageKernels,
} from "gradus/data";
import { equivarianceError, invarianceError } from "gradus/lab";
import { afterAll, expect, test } from "vitest";
import { ConfigError, ShapeError } from "../../src/base/index.ts";
import { engines } from "../support/engines.ts";

const modes: ConvolutionMode[] = ["full", "same", "valid"];

test("1-D by hand: numpy.convolve([1, 2, 3, 4], [1, 10, 100]) and its modes", () => {
  const [x, k] = [tensor([1, 2, 3, 4]), tensor([1, 10, 100])];
  expect(convolve(x, k).toArray()).toEqual([1, 12, 123, 234, 340, 400]);
  expect(convolve(x, k, "same").toArray()).toEqual([12, 123, 234, 340]);
  expect(convolve(x, k, "valid").toArray()).toEqual([123, 234]);
  expect(correlate(x, k).toArray()).toEqual([100, 210, 321, 432, 43, 4]);
  expect(correlate(x, k, "valid").toArray()).toEqual([321, 432]);
  // an even kernel: numpy's same is the part nearer to the start
  expect(convolve(x, tensor([1, 10]), "same").toArray()).toEqual([1, 12, 23, 34]);
});

test("2-D by the definition, of every image of a batch", () => {
  const image = [
    [1, 2, 0],
    [0, 3, 1],
  ];
  const kernel = [
    [1, 2],
    [3, 4],
  ];
  const full = Array.from({ length: 3 }, (_, y) =>
    Array.from({ length: 4 }, (_, x) => {
      let sum = 0;
      for (const [b, row] of kernel.entries())
        for (const [a, weight] of row.entries()) sum += weight * (image[y - b]?.[x - a] ?? 0);
      return sum;
    }),
  );
  expect(convolve(tensor(image), tensor(kernel)).toArray()).toEqual(full);
  const twice = convolve(tensor([image, image]), tensor(kernel)).toArray();
  expect(twice).toEqual([full, full]);
});

const list = (length: number) =>
  fc.array(fc.integer({ min: -9, max: 9 }), { minLength: length, maxLength: length });
/** Small whole numbers, whose sums float32 holds exactly, in one or two axes. */
const signal = (rank: number) =>
  fc
    .tuple(...Array.from({ length: rank }, () => fc.integer({ min: 1, max: 5 })))
    .chain((shape) =>
      list(shape.reduce((a, b) => a * b, 1)).map((values) => tensor(values).reshape(shape)),
    );
const pairs = fc.integer({ min: 1, max: 2 }).chain((rank) => fc.tuple(signal(rank), signal(rank)));
/** Of one shape and equal, where −0 is 0. */
function same(a: Tensor, b: Tensor): void {
  expect(a.shape).toEqual(b.shape);
  expect(Array.from(a.dataSync(), (v) => v + 0)).toEqual(Array.from(b.dataSync(), (v) => v + 0));
}
const runs = { numRuns: 60 };

test("convolution commutes in full mode", () => {
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      same(convolve(a, b), convolve(b, a));
    }),
    runs,
  );
});

test("convolution is linear in the signal and in the kernel, in every mode where it exists", () => {
  fc.assert(
    fc.property(pairs, fc.constantFrom(...modes), list(2), ([a, b], mode, [l, m]) => {
      fc.pre(mode !== "valid" || b.shape.every((f, i) => f <= a.shape[i]!));
      const other = a.flip(0).add(1);
      const whole = convolve(a.mul(l!).add(other.mul(m!)), b, mode);
      same(
        whole,

        convolve(a, b, mode)
          .mul(l!)
          .add(convolve(other, b, mode).mul(m!)),
      );
      const turned = b.flip(0);
      const sum = convolve(a, b.mul(l!).add(turned.mul(m!)), mode);
      same(
        sum,

        convolve(a, b, mode)
          .mul(l!)
          .add(convolve(a, turned, mode).mul(m!)),
      );
    }),
    runs,
  );
});

test("flipping the kernel maps one to the other; same and valid are the middle of full", () => {
  fc.assert(
    fc.property(pairs, fc.constantFrom(...modes), ([a, b], mode) => {
      fc.pre(b.shape.every((f, i) => f <= a.shape[i]!));
      const axes = b.shape.map((_, axis) => axis);
      same(correlate(a, b, mode), convolve(a, b.flip(axes), mode));
      const [from, size] = [
        b.shape.map((f) => (mode === "full" ? 0 : mode === "same" ? (f - 1) >> 1 : f - 1)),
        convolve(a, b, mode).shape,
      ];
      const part = convolve(a, b).slice(
        ...from.map((at, i): [number, number] => [at, at + size[i]!]),
      );
      same(convolve(a, b, mode), part);
      const expected = { full: 1, same: 0, valid: -1 }[mode];
      expect(size).toEqual(
        a.shape.map((n, i) => n + expected * (mode === "same" ? 0 : b.shape[i]! - 1)),
      );
    }),
    runs,
  );
});

test("the gradient by the kernel of Σ x ∗ k is the sum of the signal under each tap", () => {
  const x = tensor([1, 2, 4]);
  const g = grad((k: Tensor) => convolve(x, k, "valid").sum())(tensor([5, 6]));
  expect(g.toArray()).toEqual([6, 3]); // k[0] meets x[1], x[2]; k[1] meets x[0], x[1]
});

const before = engines.at(-1)!;
afterAll(() => setEngine(before));
test.each(engines)("on the %s engine", (engine) => {
  setEngine(engine);
  expect(convolve(tensor([1, 2, 3]), tensor([1, 10])).toArray()).toEqual([1, 12, 23, 30]);
});

test("ranks, modes and sizes that do not fit", () => {
  const x = tensor([1, 2]);
  expect(() => convolve(x, tensor(3))).toThrow(ShapeError);
  expect(() => convolve(x, tensor([[1]]))).toThrow(/signal \[2\] and kernel \[1, 1\]/);
  expect(() => correlate(x, tensor([1, 2, 3]), "valid")).toThrow(/\[3\] does not lie inside \[2\]/);
  expect(() => convolve(x, x, "whole" as "full")).toThrow(ConfigError);
});

const ramp = tensor(Array.from({ length: 5 }, () => [0, 1, 2, 3, 4]));
const inner = (name: string, image: Tensor) => [
  ...correlate(image, imageKernel(name), "valid").dataSync(),
];

test("weights sum to 1 where brightness shall stay, to 0 where edges are looked for", () => {
  const sums = Object.fromEntries(
    imageKernels.map(({ name, rows }) => [
      name,
      Math.round(1e9 * rows.flat().reduce((a, b) => a + b)) / 1e9,
    ]),
  );
  expect(sums).toEqual({
    identity: 1,
    shift: 1,
    blur: 1,
    box: 1,
    sharpen: 1,
    unsharp: 1,
    edge: 0,
    sobel: 0,
    "sobel-horizontal": 0,
    prewitt: 0,
    "prewitt-horizontal": 0,
    "twice-identity": 2,
    "blur-unscaled": 8,
  });
});

test("what kernels do to a ramp that grows to the right", () => {
  const middle = [1, 2, 3, 1, 2, 3, 1, 2, 3];
  const close = (name: string, expected: number[]) =>
    inner(name, ramp).forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i]!, 5);
    });
  for (const name of ["identity", "blur", "box", "sharpen", "unsharp"]) close(name, middle);
  close(
    "shift",
    middle.map((x) => x - 1),
  ); // moved to the right
  for (const name of ["edge", "sobel-horizontal", "prewitt-horizontal"])
    close(name, Array(9).fill(0));
  close("sobel", Array(9).fill(-8));
  close("prewitt", Array(9).fill(-6));
  const right = [...convolve(ramp, imageKernel("sobel"), "valid").dataSync()];
  expect(right).toEqual(Array(9).fill(8)); // true convolution turns it about
});

test("the wrongly printed ones: twice the identity only doubles; the blur of sum 8 is 8 blurs", () => {
  const bump = tensor([
    [0, 0, 0],
    [0, 1, 0],
    [0, 0, 0],
  ]);
  const spot = (name: string) => correlate(bump.add(1), imageKernel(name), "valid").item();
  expect([spot("twice-identity"), spot("blur-unscaled")]).toEqual([4, 12]);
  // twice the identity keeps the ratio of spot and surround at 2, sharpening raises it
  expect(spot("sharpen")).toBe(6);
  expect(spot("unsharp")).toBeCloseTo(2 + 8 / 9, 5);
  expect(spot("blur")).toBe(1.5);
  for (const { instead } of imageKernels)
    if (instead) expect(findKernel(instead).instead).toBeUndefined();
  expect(() => findKernel("sobell")).toThrow(/did you mean sobel/);
});

test("convolution moves with its image, to the last bit; pooling hardly changes, in numbers", () => {
  const spots = Array.from({ length: 16 }, (_, y) =>
    Array.from({ length: 16 }, (_, x) =>
      y > 3 && y < 11 && x > 3 && x < 11 ? ((7 * x + 5 * y) % 9) / 9 : 0,
    ),
  );
  const x = tensor(spots);
  const blurred = (image: Tensor) => correlate(image, imageKernel("blur"), "same");
  for (const by of [
    [1, 0],
    [-2, 3],
    [3, -2],
    [0, 0],
  ] as const)
    expect(equivarianceError(blurred, x, by)).toBe(0);
  const tall = x.reshape([1, 1, 16, 16]);
  const strided = (image: Tensor) =>
    conv(image, imageKernel("sobel").reshape([1, 1, 3, 3]), { stride: 2, padding: 1 });
  expect(equivarianceError(strided, tall, [2, 2], [1, 1])).toBe(0);
  expect(equivarianceError(strided, tall, [1, 0], [0, 0])).toBeGreaterThan(0.5);
  const moved = invarianceError((image) => image, tall, [0, 1]);
  const pooled = invarianceError((image) => maxPool(image, { size: 4 }), tall, [0, 1]);
  expect(pooled).toBeLessThan(moved / 2);
  expect(pooled).toBeGreaterThan(0);
  expect(invarianceError((image) => avgPool(image, { size: 16 }), tall, [2, -3])).toBeLessThan(
    1e-6,
  );
  // pushed over the border, part of the image is lost
  expect(equivarianceError(blurred, x, [0, 10])).toBeGreaterThan(0);
  expect(() => invarianceError((image) => image.sum(), tensor([1]), [1, 0])).toThrow(ShapeError);
});

import { hostArray } from "gradus";
import {
  augment,
  batches,
  colorization,
  contrastivePairs,
  contrastiveViews,
  digits,
  gaussianBlur,
  jigsaw,
  jigsawPermutations,
  makeSplit,
  maskedPatches,
  maskedTokens,
  nextStep,
  randomResizedCrop,
  rotation,
  type Split,
} from "gradus/data";
import { describe, expect, test } from "vitest";

/** N images whose values are 0, 1, 2, … in order. */
const counting = (count: number, channels: number, height: number, width: number): Split =>
  makeSplit(
    hostArray(
      [count, channels, height, width],
      Float32Array.from({ length: count * channels * height * width }, (_, i) => i),
    ),
    hostArray([count], new Int32Array(count)),
  );
const image = ({ inputs }: Split, n: number) => {
  const size = inputs.data.length / inputs.shape[0]!;
  return [...inputs.data.subarray(n * size, (n + 1) * size)];
};

describe("rotation", () => {
  test("a quarter turn counterclockwise brings the right column to the top, in every channel", () => {
    const { inputs, targets } = rotation(counting(8, 2, 2, 2), { seed: 3 });
    // [[0, 1], [2, 3]], turned by hand
    const turned = [
      [0, 1, 2, 3],
      [1, 3, 0, 2],
      [3, 2, 1, 0],
      [2, 0, 3, 1],
    ];
    targets.data.forEach((turn, n) => {
      const whole = image({ inputs, targets, size: 8 }, n).map((x) => x - 8 * n);
      expect(whole).toEqual([...turned[turn]!, ...turned[turn]!.map((x) => x + 4)]);
    });
    expect([...targets.data].sort()).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });
  test("the seed decides, and a side is not the other", () => {
    const [one, same, other] = [1, 1, 2].map((seed) => rotation(counting(20, 1, 3, 3), { seed }));
    expect(one!.targets.data).toEqual(same!.targets.data);
    expect(one!.targets.data).not.toEqual(other!.targets.data);
    expect(() => rotation(counting(1, 1, 27, 31))).toThrow(/images of 27×31 are not square/);
    expect(() =>
      rotation(
        makeSplit(hostArray([1, 2], new Float32Array(2)), hostArray([1], new Int32Array(1))),
      ),
    ).toThrow(/inputs are \[1, 2\], not images/);
  });
});

describe("jigsaw", () => {
  test("parts change places by the order that the target names", () => {
    const { inputs, targets, size } = jigsaw(counting(24, 1, 2, 2), { grid: 2 });
    const orders = jigsawPermutations(4, 24);
    expect(new Set(targets.data).size).toBe(24);
    for (let n = 0; n < size; n++)
      expect(image({ inputs, targets, size }, n)).toEqual(
        orders[targets.data[n]!]!.map((k) => 4 * n + k),
      );
  });
  test("parts of several pixels stay whole, on images that are not square", () => {
    const split = jigsaw(counting(6, 1, 4, 6), { grid: 2, permutations: 2, seed: 1 });
    const parts = [0, 1, 2, 3].map((p) => {
      const [top, left] = [2 * (p >> 1), 3 * (p % 2)];
      return [0, 1].flatMap((y) => [0, 1, 2].map((x) => 6 * (top + y) + left + x));
    });
    for (let n = 0; n < 6; n++) {
      const pixels = image(split, n).map((x) => x - 24 * n);
      const found = parts.map((at) => at.map((i) => pixels[i]!));
      for (const part of found) expect(parts).toContainEqual(part);
    }
  });
  test("few orders are far apart, and more than there are is an error", () => {
    const orders = jigsawPermutations(9, 10);
    const apart = orders.flatMap((p, i) =>
      orders.slice(i + 1).map((q) => p.filter((k, at) => k !== q[at]).length),
    );
    expect(Math.min(...apart)).toBeGreaterThanOrEqual(7);
    expect(() => jigsawPermutations(4, 25)).toThrow(/25 orders of 4 parts.*from 2 to 24/s);
    expect(() => jigsaw(counting(1, 1, 27, 31))).toThrow(/27×31 cannot be cut into 2×2/);
  });
});

describe("what was taken out", () => {
  test("masked patches are whole, as many as asked for, in all channels; the target is the image", () => {
    const split = counting(5, 2, 4, 6);
    const { inputs, targets } = maskedPatches(split, { patch: 2, share: 1 / 3, fill: -1, seed: 2 });
    expect(targets).toBe(split.inputs);
    for (let n = 0; n < 5; n++) {
      const pixels = image({ ...split, inputs }, n);
      const hidden = pixels.flatMap((x, i) => (x === -1 ? [i % 24] : []));
      expect(hidden.length).toBe(2 * 2 * 4); // 2 of 6 patches, 4 pixels, 2 channels
      const first = new Set(hidden.map((i) => `${(i / 12) | 0},${((i % 6) / 2) | 0}`));
      expect(first.size).toBe(2);
      pixels.forEach((x, i) => {
        if (x !== -1) expect(x).toBe(48 * n + i);
      });
    }
    expect(() => maskedPatches(counting(1, 1, 27, 31))).toThrow(
      /27×31 cannot be cut into patches of 4×4/,
    );
    expect(() => maskedPatches(counting(1, 1, 4, 4), { share: 1, patch: 2 })).toThrow(
      /a share of 1/,
    );
  });
  test("grey weighs red, green and blue as ITU-R BT.601 does", () => {
    const rgb = hostArray([1, 3, 1, 2], Float32Array.of(1, 0, 0, 1, 0, 0));
    const { inputs, targets } = colorization(makeSplit(rgb, hostArray([1], new Int32Array(1))));
    const expected = [0.299, 0.587, 0.299, 0.587, 0.299, 0.587];
    inputs.data.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i]!, 6);
    });
    expect(targets).toBe(rgb);
    expect(() => colorization(counting(1, 1, 2, 2))).toThrow(/1 channels, not red/);
  });
  test("a masked token is one of its sequence, and the mask no token", () => {
    const tokens = hostArray(
      [50, 4],
      Int32Array.from({ length: 200 }, (_, i) => i % 7),
    );
    const { inputs, targets } = maskedTokens(tokens, { mask: 7, seed: 1 });
    const places = new Set<number>();
    for (let n = 0; n < 50; n++) {
      const row = inputs.data.subarray(4 * n, 4 * n + 4);
      const at = row.indexOf(7);
      places.add(at);
      expect(row.filter((k) => k === 7).length).toBe(1);
      expect(targets.data[n]).toBe(tokens.data[4 * n + at]);
    }
    expect([...places].sort()).toEqual([0, 1, 2, 3]);
    expect(() => maskedTokens(tokens, { mask: 3 })).toThrow(/the mask is 3, which is a token/);
  });
  test("the next step of tokens is a class, of numbers a row", () => {
    const series = hostArray([1, 4, 2], Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    const { inputs, targets } = nextStep(series, 3);
    expect([inputs.shape, targets.shape]).toEqual([
      [1, 3, 2],
      [1, 2],
    ]);
    expect([...targets.data]).toEqual([6, 7]);
    const tokens = nextStep(hostArray([2, 3], Int32Array.of(1, 2, 3, 4, 5, 6)), 1);
    expect([...tokens.inputs.data]).toEqual([1, 2, 4, 5]);
    expect([...tokens.targets.data]).toEqual([2, 3, 5, 6]);
    expect(() => nextStep(series, 4)).toThrow(/the context is 4, and sequences have 4 steps/);
  });
});

describe("views of one image", () => {
  const { train } = digits({ train: 6, test: 1, seed: 1 });
  test("pairs are two images until they are changed, each view for itself", async () => {
    const plain = contrastivePairs(train, { transforms: [] });
    expect(image(plain, 3)).toEqual([...image(train, 3), ...image(train, 3)]);
    const { inputs } = contrastivePairs(train, { seed: 1 });
    const [a, b] = [inputs.data.subarray(0, 784), inputs.data.subarray(784, 1568)];
    expect(a).not.toEqual(b);
    const changed = augment(contrastiveViews({ flip: false }), { workers: 0 });
    for await (const batch of batches(plain, { batchSize: 6, augment: changed, seed: 1 }))
      expect(batch.inputs.data.subarray(0, 784)).not.toEqual(batch.inputs.data.subarray(784, 1568));
  });
  test("the blur of a point is the Gaussian, cut at 3 σ; of one value nothing changes", () => {
    const point = new Float32Array(15 * 15);
    point[7 * 15 + 7] = 1;
    const [blurred] = blurredBy(point);
    const g = (d: number) => Math.exp(-(d ** 2) / 2);
    const total = g(0) + 2 * (g(1) + g(2) + g(3));
    expect(blurred![7 * 15 + 8]).toBeCloseTo((g(0) * g(1)) / total ** 2, 6);
    expect(blurred![6 * 15 + 5]).toBeCloseTo((g(1) * g(2)) / total ** 2, 6);
    expect(blurred![3 * 15 + 7]).toBe(0);
    for (const x of blurredBy(new Float32Array(225).fill(0.5))[0]!) expect(x).toBeCloseTo(0.5, 6);
  });
  test("the crop of a ramp is a ramp within its range; of the whole image it is the image", async () => {
    const ramp = counting(1, 1, 8, 8);
    const whole = augment([randomResizedCrop({ area: [1, 1] })], { workers: 0 });
    const small = augment([randomResizedCrop({ area: [0.2, 0.3] })], { workers: 0 });
    for await (const { inputs } of batches(ramp, { batchSize: 1, augment: small })) {
      const [first, last] = [inputs.data[0]!, inputs.data[63]!];
      expect(first).toBeGreaterThanOrEqual(0);
      expect(last).toBeLessThanOrEqual(63);
      expect(last - first).toBeLessThan(50);
      const step = inputs.data[9]! - inputs.data[8]!;
      for (let x = 17; x < 23; x++)
        expect(inputs.data[x]! - inputs.data[x - 1]!).toBeCloseTo(step, 4);
    }
    for await (const { inputs } of batches(ramp, { batchSize: 1, augment: whole }))
      expect(inputs.data[0]).toBeLessThan(9);
    expect(() => randomResizedCrop({ area: [0, 1] })).toThrow(/0 < from ≤ to ≤ 1/);
    expect(() => gaussianBlur({ sigma: [0, 1] })).toThrow(/0 < from ≤ to/);
  });
});

/** An image of 15 × 15 blurred with σ = 1. */
function blurredBy(values: Float32Array): Float32Array[] {
  const split = makeSplit(hostArray([1, 1, 15, 15], values), hostArray([1], new Int32Array(1)));
  const pair = contrastivePairs(split, { transforms: [gaussianBlur({ sigma: [1, 1] })] });
  return [pair.inputs.data.subarray(0, 225) as Float32Array];
}

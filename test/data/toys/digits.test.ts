import { createHash } from "node:crypto";
import { digits, readIdxFolder, type Split } from "gradus/data";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/index.ts";
import { testOnRealData } from "../real-data.ts";

const pixels = 28 * 28;
const set = digits({ train: 3000, test: 1000, seed: 0 });
const [train, held] = [set.train, set.test!];
const imagesOf = ({ inputs, size }: Split): Float32Array[] =>
  Array.from(
    { length: size },
    (_, n) => inputs.data.subarray(n * pixels, (n + 1) * pixels) as Float32Array,
  );
const checksum = (split: Split): string =>
  createHash("sha256")
    .update(Uint8Array.from(split.inputs.data, (x) => Math.round(255 * x)))
    .digest("hex");

describe("form", () => {
  test("shape, type, range and labels are those of MNIST", () => {
    expect(train.inputs).toMatchObject({ dtype: "float32", shape: [3000, 1, 28, 28] });
    expect(held.inputs.shape).toEqual([1000, 1, 28, 28]);
    expect(train.targets.dtype).toBe("int32");
    expect(train.targets.data.every((label, i) => label === i % 10)).toBe(true);
    expect(set.classes).toEqual(Array.from("0123456789"));
    const inBytes = (x: number) => x >= 0 && x <= 1 && Math.fround(Math.round(255 * x) / 255) === x;
    expect(train.inputs.data.every(inBytes)).toBe(true);
  });
  test("test: 0 makes no test set; counts that are none are refused", () => {
    expect(digits({ train: 10, test: 0 })).not.toHaveProperty("test");
    expect(() => digits({ train: 0 })).toThrow("train is 0, not a whole number of 1 or more");
    expect(() => digits({ test: 1.5 })).toThrow(ConfigError);
  });
});

describe("determinism", () => {
  test("the bits are pinned: seed 0 gives these images on every machine", () => {
    expect(checksum(digits({ train: 200, test: 0, seed: 0 }).train)).toBe(
      "80b565079789ea0fe1909b9a77ab0e062fed3482ebc75b468a1d770a2bad442f",
    );
  });
  test("image i does not depend on how many are made", () => {
    const few = digits({ train: 20, test: 7, seed: 0 });
    expect(few.train.inputs.data).toEqual(train.inputs.data.slice(0, 20 * pixels));
    expect(few.test!.inputs.data).toEqual(held.inputs.data.slice(0, 7 * pixels));
  });
  test("no image occurs twice, neither within nor across sets nor with another seed", () => {
    const other = digits({ train: 1000, test: 0, seed: 1 }).train;
    const seen = [train, held, other].flatMap(imagesOf).map((image) => image.join());
    expect(new Set(seen).size).toBe(5000);
  });
});

describe("they look like handwriting", () => {
  test("as much ink as MNIST (mean 0.1307), on clean paper", () => {
    const mean = Array.from(train.inputs.data).reduce((sum, x) => sum + x) / (3000 * pixels);
    expect(mean).toBeGreaterThan(0.11);
    expect(mean).toBeLessThan(0.15);
    const blank = train.inputs.data.filter((x) => x === 0).length / (3000 * pixels);
    expect(blank).toBeGreaterThan(0.7);
  });
  test("every image has a bright stroke and is centered; hardly one touches the frame", () => {
    let touching = 0;
    for (const image of imagesOf(train)) {
      const { mass, x, y } = center(image);
      expect(Math.max(...image)).toBeGreaterThan(0.6);
      expect(mass).toBeGreaterThan(15);
      expect(Math.hypot(x - 13.5, y - 13.5)).toBeLessThan(5);
      const rim = image.filter((_, i) => [0, 27].includes(i % 28) || i < 28 || i >= 27 * 28);
      if (Math.max(...rim) > 0.5) touching++;
    }
    expect(touching / train.size).toBeLessThan(0.01);
  });
  test("classes are apart but spread: the nearest mean is far from chance and from perfect", () => {
    const found = accuracy(held, nearestMean(train));
    expect(found).toBeGreaterThan(0.7);
    expect(found).toBeLessThan(0.95);
  });
  test("the nearest image shows what can be learned", () => {
    const images = imagesOf(train);
    const first = { ...held, size: 200 };
    const found = accuracy(first, (image) => nearest(images, image) % 10);
    expect(found).toBeGreaterThan(0.92);
  });
  testOnRealData("the means of our digits tell those of MNIST apart", "mnist", async (path) => {
    const { test: real } = await readIdxFolder(path);
    expect(accuracy({ ...real!, size: 2000 }, nearestMean(train))).toBeGreaterThan(0.6);
  });
});

function center(image: Float32Array): { mass: number; x: number; y: number } {
  let [mass, x, y] = [0, 0, 0];
  image.forEach((ink, i) => {
    mass += ink;
    x += ink * (i % 28);
    y += ink * Math.floor(i / 28);
  });
  return { mass, x: x / mass, y: y / mass };
}

function accuracy(split: Split, classify: (image: Float32Array) => number): number {
  const right = imagesOf(split).filter((image, n) => classify(image) === split.targets.data[n]);
  return right.length / split.size;
}

function nearestMean(split: Split): (image: Float32Array) => number {
  const means = Array.from({ length: 10 }, () => new Float32Array(pixels));
  imagesOf(split).forEach((image, n) => {
    image.forEach((ink, i) => {
      means[split.targets.data[n]!]![i]! += (10 * ink) / split.size;
    });
  });
  return (image) => nearest(means, image);
}

function nearest(candidates: Float32Array[], image: Float32Array): number {
  let [best, least] = [0, Infinity];
  candidates.forEach((candidate, k) => {
    let distance = 0;
    for (let i = 0; i < pixels; i++) distance += (candidate[i]! - image[i]!) ** 2;
    if (distance < least) [best, least] = [k, distance];
  });
  return best;
}

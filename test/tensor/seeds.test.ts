import { describe, expect, test } from "vitest";
import { ConfigError, philox, RandomStream, seedWords } from "../../src/base/index.ts";
import { applyAll } from "../../src/data/augment/apply.ts";
import { FastRandom } from "../../src/data/fast-random.ts";
import { batches, blobs, digits, moons, splitDataset, xor } from "../../src/data/index.ts";
import { Dropout, init, seeded } from "../../src/nn/index.ts";
import {
  bernoulli,
  Generator,
  normal,
  randomKey,
  setEngine,
  tensor,
  uniform,
  zeros,
} from "../../src/tensor/index.ts";
import { float as between, kFold, search } from "../../src/train/index.ts";
import { engines } from "../support/engines.ts";

/** Neighbours, pairs that agree in their low or high 32 bits, and the largest. */
const seeds = [
  0,
  1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 33 + 1,
  5 * 2 ** 32,
  1_700_000_000_000,
  2 ** 53 - 1,
];
const set = moons({ size: 40, noise: 0.1 });

/** Everything that takes a seed, as numbers that depend on it. */
const uses: Record<string, (seed: number) => ArrayLike<number> | Promise<ArrayLike<number>>> = {
  uniform: (key) => uniform([4], { key }).dataSync(),
  "uniform in float64": (key) => uniform([4], { key, dtype: "float64" }).dataSync(),
  normal: (key) => normal([4], { key }).dataSync(),
  bernoulli: (key) => bernoulli(0.5, [64], { key }).dataSync(),
  randomKey: (seed) => randomKey(seed).dataSync(),
  Generator: (seed) => normal([4], { key: new Generator(seed).next() }).dataSync(),
  "the second key of a Generator": (seed) => {
    const random = new Generator(seed);
    random.next();
    return normal([4], { key: random.next() }).dataSync();
  },
  RandomStream: (seed) => {
    const random = new RandomStream(seed);
    return [random.bits(), random.bits()];
  },
  FastRandom: (seed) => {
    const random = new FastRandom();
    random.seek(seed, 0, 3);
    return [random.bits(), random.bits()];
  },
  Dropout: (seed) => new Dropout(0.5, { seed }).forward(zeros([64]).add(1)).dataSync(),
  seeded: (seed) => seeded(seed, () => init.heUniform([4, 4])).dataSync(),
  "a law": (seed) => init.heNormal([4, 4], { seed }).dataSync(),
  orthogonal: (seed) => init.orthogonal()([4, 4], { seed }).dataSync(),
  xor: (seed) => xor({ noise: 0.1, seed }).inputs.data,
  moons: (seed) => moons({ noise: 0.1, seed }).inputs.data,
  blobs: (seed) => blobs({ seed }).inputs.data,
  digits: (seed) => digits({ train: 2, test: 0, seed }).train.inputs.data,
  batches: (seed) => [...batches(set, { batchSize: 40, shuffle: true, seed })][0]!.rows,
  splitDataset: (seed) => splitDataset(set, 0.5, seed)[0].inputs.data,
  kFold: (seed) => [...kFold(set, 4, { seed })][0]!.validation!.inputs.data,
  augmentation: (seed) => {
    const inputs = new Float32Array(3 * 64).map((_, i) => i / 64);
    applyAll([{ kind: "noise", std: 1 } as never], {
      ...{
        inputs,
        targets: Int32Array.of(0, 1, 2),
        shape: [1, 8, 8],
        rows: Int32Array.of(0, 1, 2),
      },
      ...{ seed, epoch: 0 },
    });
    return inputs;
  },
  search: async (seed) => {
    const points: number[] = [];
    await search({ x: between(0, 1) }, ({ x }) => points.push(x as number), { trials: 3, seed });
    return points;
  },
};

for (const [name, use] of Object.entries(uses))
  describe(name, () => {
    test("whole numbers up to 2⁵³ − 1 all differ, and each repeats", async () => {
      const drawn = await Promise.all(
        seeds.map(async (seed) => Array.from(await use(seed)).join()),
      );
      expect(new Set(drawn).size).toBe(seeds.length);
      expect(Array.from(await use(2 ** 32 + 1)).join()).toBe(drawn[6]);
    });
    if (name !== "FastRandom" && name !== "augmentation")
      // their callers check
      test.each([0.3, 0.7, -1, Number.NaN, Infinity, 2 ** 53, "7", null, 7n, {}, tensor(7)])(
        "%s is an error",
        async (seed) => {
          const run = async () => use(seed as number);
          await expect(run()).rejects.toThrow(ConfigError);
        },
      );
  });

for (const engine of engines)
  describe(`${engine}: numbers of seeds below 2³² stay what they are`, () => {
    // word 0 of Philox at (counter, 0, 0, 0) under the key [seed, 0], 24 bits of it
    test.each([0, 1, 7, 2 ** 31, 2 ** 32 - 1])("%d", (seed) => {
      setEngine(engine);
      const want = [0, 1, 2].map((c) => (philox(seed, 0, [c, 0, 0, 0])[0] >>> 8) / 2 ** 24);
      expect(uniform([3], { key: seed }).toArray()).toEqual(want);
      expect(uniform([3], { key: randomKey(seed) }).toArray()).toEqual(want);
      expect(uniform([3], { key: new Generator(seed).next() }).toArray()).toEqual(want);
      expect(uniform([3], { key: tensor([seed | 0, 0], "int32") }).toArray()).toEqual(want);
    });
    test("above, the key is two words of Philox under all bits of the seed", () => {
      setEngine(engine);
      const seed = 3 * 2 ** 32 + 5;
      const words = philox(5, 3, [0, 0, 3, 0])
        .slice(0, 2)
        .map((w) => w | 0);
      expect(seedWords(seed)).toEqual(words);
      expect(randomKey(seed).toArray()).toEqual(words);
      expect(uniform([5], { key: seed }).toArray()).toEqual(
        uniform([5], { key: randomKey(seed) }).toArray(),
      );
    });
  });

test("a stream of the host keeps its numbers below 2³²", () => {
  expect(new RandomStream(7, 2).bits()).toBe(philox(7, 2, [0, 0, 1, 0])[0]);
  expect(new RandomStream(2 ** 32 + 7, 2).bits()).toBe(philox(7, 2, [0, 0, 1, 1])[0]);
});

test("streams of a seed differ", () => {
  for (const seed of seeds) {
    const keys = [0, 1, 2 ** 32 - 1].map((stream) => randomKey(seed, stream).toArray());
    expect(new Set(keys.map(String)).size).toBe(3);
  }
  for (const stream of [-1, 0.5, 2 ** 32, Number.NaN])
    expect(() => randomKey(1, stream)).toThrow(ConfigError);
});

test("a key is a seed or two int32 words", () => {
  for (const key of [tensor([1, 2]), tensor(7, "int32"), tensor([1, 2, 3], "int32"), undefined])
    for (const draw of [uniform, normal])
      expect(() => draw([2], { key: key as never })).toThrow(ConfigError);
});

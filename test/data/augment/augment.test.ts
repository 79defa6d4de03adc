import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  type Augmentation,
  affine,
  augment,
  type Batch,
  batches,
  blobs,
  colorJitter,
  cutout,
  digits,
  fitColorPca,
  horizontalFlip,
  makeSplit,
  mixup,
  noise,
  pcaColor,
  randomCrop,
  type Transform,
} from "gradus/data";
import { expect, test } from "vitest";
import { ConfigError, DTypeError, hostArray, ShapeError } from "../../../src/base/index.ts";
import { Pool } from "../../../src/data/augment/pool.ts";

/** N color images, whose values tell image and place apart. */
const images = (count: number, channels = 3, side = 6) =>
  makeSplit(
    hostArray(
      [count, channels, side, side],
      Float32Array.from(
        { length: count * channels * side * side },
        (_, i) => ((i * 37) % 101) / 101,
      ),
    ),
    hostArray(
      [count],
      Int32Array.from({ length: count }, (_, n) => n % 4),
    ),
  );

const data = images(20);
const all: Transform[] = [
  randomCrop({ padding: 2 }),
  horizontalFlip(),
  affine({ degrees: 20, scale: [0.8, 1.25], shift: 0.1 }),
  colorJitter({ brightness: 0.2, contrast: 0.2, saturation: 0.2 }),
  pcaColor({ pca: fitColorPca(data.inputs) }),
  noise({ std: 0.1 }),
  cutout({ size: 2 }),
];

const options = { batchSize: 4, shuffle: true, seed: 3, epoch: 2 };
async function walk(augmentation: Augmentation, more = {}): Promise<Batch[]> {
  const found: Batch[] = [];
  for await (const batch of batches(data, { ...options, ...more, augment: augmentation }))
    found.push(batch);
  return found;
}

test("the same seed and epoch give the same batches; another epoch or seed gives others", async () => {
  const first = await walk(augment(all, { workers: 0 }));
  expect(first).toHaveLength(5);
  expect(first[0]!.inputs.shape).toEqual([4, 3, 6, 6]);
  expect(await walk(augment(all, { workers: 2, ahead: 1 }))).toEqual(first);
  const byRow = (found: Batch[]) =>
    new Map(
      found.flatMap(({ rows, inputs }) =>
        [...rows].map((row, i) => [row, inputs.data.slice(i * 108, (i + 1) * 108)]),
      ),
    );
  for (const more of [{ epoch: 3 }, { seed: 4 }]) {
    const other = byRow(await walk(augment(all), more));
    for (const [row, image] of byRow(first)) expect(other.get(row)).not.toEqual(image);
  }
});

test("an example does not depend on its batch: resumed, or in batches of another size", async () => {
  const first = await walk(augment(all));
  expect(await walk(augment(all), { start: 3 })).toEqual(first.slice(3));
  const large = await walk(augment(all), { batchSize: 20 });
  expect([...large[0]!.inputs.data]).toEqual(first.flatMap(({ inputs }) => [...inputs.data]));
});

test("a transform keeps its random numbers when another follows", async () => {
  const alone = await walk(augment([horizontalFlip()]));
  const both = await walk(augment([horizontalFlip(), colorJitter({})]));
  for (const [i, { inputs }] of both.entries())
    inputs.data.forEach((x, j) => {
      expect(x).toBeCloseTo(alone[i]!.inputs.data[j]!, 6);
    });
});

test("labels stay, and the split itself is not changed", async () => {
  const before = data.inputs.data.slice();
  for (const { rows, targets } of await walk(augment(all)))
    expect([...targets.data]).toEqual([...rows].map((row) => row % 4));
  expect(data.inputs.data).toEqual(before);
});

test("what the transforms cannot take is said before the walk", () => {
  const flat = blobs({ size: 8 });
  const over =
    (split: typeof data, ...transforms: Transform[]) =>
    () =>
      batches(split, { batchSize: 2, augment: augment(transforms) });
  expect(over(flat, cutout({ size: 1 }))).toThrow(ShapeError);
  expect(over(images(2, 1), pcaColor({ pca: fitColorPca(data.inputs) }))).toThrow(/\[N, 3, H, W\]/);
  expect(over(flat, noise({ std: 1 }))).not.toThrow();
  const doubles = hostArray([1, 1], Float64Array.of(1));
  expect(over(makeSplit(doubles, doubles), noise({ std: 1 }))).toThrow(DTypeError);
  expect(over(data, mixup({ alpha: 1, classes: 3 }))).toThrow(/class 3, outside 0…2/);
  expect(() => augment([], { workers: -1 })).toThrow(ConfigError);
  expect(() => randomCrop({ padding: 0.5 })).toThrow(/padding is 0.5/);
  expect(() => affine({ scale: [0, 1] })).toThrow(/scale is \[0,1\]/);
  expect(() => mixup({ alpha: 0, classes: 2 })).toThrow(/alpha is 0/);
});

test("a list of transforms alone is not an augmentation", () => {
  const { train } = digits({ train: 4, test: 1 });
  const walk = () => batches(train, { batchSize: 2, augment: [cutout({ size: 2 })] as never });
  expect(walk).toThrow("the option is not what augment(transforms) returns");
});

test("an error while transforming reaches the walk", async () => {
  const broken = { kind: "pca", pca: {}, std: 1 } as unknown as Transform;
  await expect(walk(augment([broken], { workers: 1 }))).rejects.toThrow();
});

const built = new URL("../../../dist/", import.meta.url);
const isBuilt = existsSync(new URL("chunks/worker.js", built));
if (!isBuilt) console.warn("skipped: threads of the built library, which is not built");

test.runIf(isBuilt)(
  "threads of the built library give the same bits, and report their errors",
  async () => {
    const { augment: builtAugment, batches: builtBatches } = await import(`${built}data/index.js`);
    const expected = await walk(
      augment([...all, mixup({ alpha: 0.4, classes: 4 })], { workers: 0 }),
    );
    for (const workers of [1, 2, 3]) {
      const threads = builtAugment([...all, mixup({ alpha: 0.4, classes: 4 })], { workers });
      for (let round = 0; round < 2; round++) {
        const found: Batch[] = [];
        for await (const batch of builtBatches(data, { ...options, augment: threads }))
          found.push(batch);
        expect(found).toEqual(expected);
      }
      await threads.close();
    }
    const broken = { kind: "pca", pca: {}, std: 1 } as unknown as Transform;
    const failing = builtAugment([broken], { workers: 1 });
    const broke = async () => {
      for await (const _ of builtBatches(data, { ...options, augment: failing }));
    };
    await expect(broke).rejects.toThrow(/a thread that augments data failed: TypeError/);
    await failing.close();
  },
);

test.runIf(isBuilt)("a walk that is broken off does not keep the process alive", () => {
  const script = `
    import { augment, batches, cutout, digits } from ${JSON.stringify(`${built}data/index.js`)};
    const { train } = digits({ train: 64, test: 1 });
    for await (const { index } of batches(train, { batchSize: 8, augment: augment([cutout({ size: 4 })]) })) {
      console.log("batch", index);
      break;
    }`;
  const { stdout, status, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", script],
    {
      encoding: "utf8",
      timeout: 30_000,
    },
  );
  expect([stderr, stdout, status]).toEqual(["", "batch 0\n", 0]);
});

test("a pool without threads works on the caller's", async () => {
  const inputs = Float32Array.of(1, 2);
  const work = {
    inputs,
    shape: [1, 1, 2],
    targets: new Int32Array(1),
    rows: new Int32Array(1),
    seed: 0,
    epoch: 0,
  };
  const flip = horizontalFlip({ probability: 1 });
  expect([...(await new Pool(0).run([flip], work)).inputs]).toEqual([2, 1]);
});

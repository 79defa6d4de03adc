import { batches, makeSplit } from "gradus/data";
import { describe, expect, test } from "vitest";
import { ConfigError, hostArray } from "../../src/base/index.ts";

/** Row n is the image [[n, n + ½]] with target n. */
const split = makeSplit(
  hostArray(
    [10, 1, 1, 2],
    Float32Array.from({ length: 20 }, (_, i) => i / 2),
  ),
  hostArray(
    [10],
    Int32Array.from({ length: 10 }, (_, n) => n),
  ),
);

const targetsOf = (options: Parameters<typeof batches>[1]): number[][] =>
  [...batches(split, options)].map(({ targets }) => [...targets.data]);

describe("in order", () => {
  test("the last batch holds what is left", () => {
    expect(targetsOf({ batchSize: 4 })).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const last = [...batches(split, { batchSize: 4 })].at(-1)!;
    expect(last.inputs).toEqual(hostArray([2, 1, 1, 2], Float32Array.of(8, 8.5, 9, 9.5)));
    expect(last).toMatchObject({ index: 2, rows: Int32Array.of(8, 9) });
  });
  test("dropLast leaves it out", () => {
    expect(targetsOf({ batchSize: 4, dropLast: true })).toHaveLength(2);
  });
  test("length says how many come, start counted off", () => {
    expect(batches(split, { batchSize: 4 }).length).toBe(3);
    expect(batches(split, { batchSize: 4, dropLast: true, start: 1 }).length).toBe(1);
  });
});

describe("shuffled", () => {
  const epoch = (seed: number, e: number) =>
    targetsOf({ batchSize: 3, shuffle: true, seed, epoch: e }).flat();

  test("an epoch shows every example once, inputs beside their targets", () => {
    expect(epoch(1, 0).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { inputs, targets, rows } of batches(split, { batchSize: 3, shuffle: true }))
      targets.data.forEach((target, i) => {
        expect(rows[i]).toBe(target);
        expect(inputs.data[2 * i]).toBe(target);
      });
  });
  test("the order follows from seed and epoch alone, and each changes it", () => {
    expect(epoch(1, 0)).toEqual(epoch(1, 0));
    expect(epoch(1, 0)).not.toEqual(epoch(1, 1));
    expect(epoch(1, 0)).not.toEqual(epoch(2, 0));
  });
  test("the order is pinned: a run of an older version resumes exactly", () => {
    expect(epoch(1, 0)).toEqual([6, 3, 7, 4, 5, 2, 0, 9, 8, 1]);
  });
  test("resuming at batch k gives the rest of the same epoch", () => {
    const options = { batchSize: 3, shuffle: true, seed: 5, epoch: 7 };
    for (const start of [0, 1, 2, 3, 4])
      expect([...batches(split, { ...options, start })]).toEqual(
        [...batches(split, options)].slice(start),
      );
  });
  test("every example comes first about equally often", () => {
    const first = new Array(10).fill(0);
    for (let e = 0; e < 2000; e++)
      for (const { rows } of batches(split, { batchSize: 10, shuffle: true, epoch: e }))
        first[rows[0]!]++;
    const chi2 = first.reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0);
    expect(chi2).toBeLessThan(27.9); // 9 degrees of freedom, p = 0.001; the draw is fixed
  });
  test("two walks at once do not disturb each other", () => {
    const epochOf = batches(split, { batchSize: 5, shuffle: true });
    const [a, b] = [epochOf[Symbol.iterator](), epochOf[Symbol.iterator]()];
    expect(a.next()).toEqual(b.next());
    expect(a.next()).toEqual(b.next());
  });
});

test("a batch has buffers of its own", () => {
  const [first] = batches(split, { batchSize: 10 });
  first!.inputs.data.fill(-1);
  expect(split.inputs.data[1]).toBe(0.5);
});

test.each([
  [{ batchSize: 0 }, "batchSize is 0, not a whole number of 1 or more"],
  [{ batchSize: 2.5 }, "batchSize is 2.5"],
  [{ batchSize: 2, epoch: -1 }, "epoch is -1"],
  [{ batchSize: 2, start: Number.NaN }, "start is NaN"],
  [{ batchSize: 5, start: 3 }, "start is 3, but the epoch has 2 batches"],
  [{ batchSize: 11, dropLast: true }, "10 examples in batches of 11 give no batch"],
])("%j is refused when made, not when walked", (options, message) => {
  expect(() => batches(split, options)).toThrow(ConfigError);
  expect(() => batches(split, options)).toThrow(message);
});

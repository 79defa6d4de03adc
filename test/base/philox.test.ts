import { describe, expect, test } from "vitest";
import { philox, RandomStream, randomBits } from "../../src/base/index.ts";

const ones = 0xffffffff;

// The known answers that Random123 publishes for philox4x32, 10 rounds (tests/kat_vectors).
describe("Philox-4×32-10 gives the published words", () => {
  test.each([
    { key: [0, 0], counter: [0, 0, 0, 0], words: "6627e8d5 e169c58d bc57ac4c 9b00dbd8" },
    {
      key: [ones, ones],
      counter: [ones, ones, ones, ones],
      words: "408f276d 41c83b0e a20bc7c6 6d5451fd",
    },
    {
      // digits of π
      key: [0xa4093822, 0x299f31d0],
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      words: "d16cfe09 94fdcceb 5001e420 24126ea1",
    },
  ])("key $key, counter $counter", ({ key, counter, words }) => {
    const result = philox(key[0]!, key[1]!, counter as [number, number, number, number]);
    expect(result.map((w) => w.toString(16).padStart(8, "0")).join(" ")).toBe(words);
  });

  test("negative and unsigned integers are the same bits", () => {
    expect(philox(-1, -1, [-1, -1, -1, -1])).toEqual(philox(ones, ones, [ones, ones, ones, ones]));
    expect(randomBits(0, 0, 0)).toBe(0x6627e8d5);
    expect(randomBits(-1, 0, 0)).toBe(philox(ones, 0, [0, 0, 0, 0])[0] | 0);
  });
});

describe("a stream on the host", () => {
  test("continues from its counter, and streams of one seed differ", () => {
    const a = new RandomStream(3);
    const first = [a.bits(), a.bits(), a.bits()];
    const b = new RandomStream(3, 0, 1);
    expect([b.bits(), b.bits()]).toEqual(first.slice(1));
    expect(new RandomStream(3, 1).bits()).not.toBe(first[0]);
  });

  test("uniform, normal and integer have their moments", () => {
    const r = new RandomStream(1);
    const n = 20_000;
    const moments = (draw: () => number) => {
      const xs = Array.from({ length: n }, draw);
      const mean = xs.reduce((s, x) => s + x, 0) / n;
      return [mean, xs.reduce((s, x) => s + (x - mean) ** 2, 0) / n] as const;
    };
    const [um, uv] = moments(() => r.uniform());
    const [nm, nv] = moments(() => r.normal());
    // four standard deviations of the estimates
    expect(Math.abs(um - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(uv - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / n));
    expect(Math.abs(nm)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(nv - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) counts[r.integer(7)]!++;
    const chi2 = counts.reduce((s, c) => s + (c - n / 7) ** 2 / (n / 7), 0);
    expect(chi2).toBeLessThan(22.5); // χ²₆ beyond this once in a thousand seeds
  });

  test("a permutation holds every number once", () => {
    const order = [...new RandomStream(5).permutation(100)];
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect(order.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});

import { blobs, circles, moons, type Split, spirals, xor } from "gradus/data";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/index.ts";

type Point = { x: number; y: number; k: number };
const pointsOf = ({ inputs, targets, size }: Split): Point[] =>
  Array.from({ length: size }, (_, i) => ({
    x: inputs.data[2 * i]!,
    y: inputs.data[2 * i + 1]!,
    k: targets.data[i]!,
  }));
const counts = (split: Split): number[] => {
  const result: number[] = [];
  for (const k of split.targets.data) result[k] = (result[k] ?? 0) + 1;
  return result;
};

describe("without noise, points lie on their curves", () => {
  test("xor is its truth table", () => {
    expect([...xor().inputs.data]).toEqual([0, 0, 0, 1, 1, 0, 1, 1]);
    expect([...xor().targets.data]).toEqual([0, 1, 1, 0]);
  });
  test("moons: unit half circles around (0, 0) above and (1, ½) below", () => {
    for (const { x, y, k } of pointsOf(moons({ size: 101 }))) {
      const [dx, dy] = k === 0 ? [x, y] : [x - 1, y - 0.5];
      expect(Math.hypot(dx, dy)).toBeCloseTo(1, 6);
      expect(k === 0 ? dy : -dy).toBeGreaterThan(-1e-6);
    }
  });
  test("circles: radius 1 outside and `factor` inside, evenly spaced", () => {
    const points = pointsOf(circles({ size: 8, factor: 0.25 }));
    for (const { x, y, k } of points) expect(Math.hypot(x, y)).toBeCloseTo(k === 0 ? 1 : 0.25, 6);
    expect(points.reduce((sum, { x }) => sum + x, 0)).toBeCloseTo(0, 6);
  });
  test("spirals: the arm's angle grows with its radius, out to 1", () => {
    const points = pointsOf(spirals({ size: 90, classes: 3, turns: 1.5 }));
    for (const { x, y, k } of points) {
      const r = Math.hypot(x, y);
      const theta = 2 * Math.PI * (1.5 * r + k / 3);
      expect(x).toBeCloseTo(r * Math.cos(theta), 5);
      expect(y).toBeCloseTo(r * Math.sin(theta), 5);
    }
    expect(Math.max(...points.map(({ x, y }) => Math.hypot(x, y)))).toBeCloseTo(1, 6);
  });
  test("blobs: every point of a class is its center", () => {
    const centers = new Set(pointsOf(blobs({ noise: 0, classes: 4 })).map((p) => `${p.x},${p.y}`));
    expect(centers.size).toBe(4);
  });
});

const sets = { xor, moons, circles, spirals, blobs };
describe.each(Object.entries(sets))("%s", (_name, make) => {
  test("classes are as even as the size allows", () => {
    const found = counts(make({ size: 50 }));
    expect(Math.max(...found) - Math.min(...found)).toBeLessThanOrEqual(2);
    expect(found.reduce((a, b) => a + b)).toBe(50);
  });
  test("noise is normal with the deviation asked for", () => {
    const size = 4000;
    const [clean, noisy] = [make({ size, noise: 0 }), make({ size, noise: 0.3 })];
    const error = Array.from(noisy.inputs.data, (x, i) => x - clean.inputs.data[i]!);
    const moment = (p: number) => error.reduce((sum, e) => sum + e ** p, 0) / error.length;
    expect(noisy.targets).toEqual(clean.targets);
    expect(moment(1)).toBeCloseTo(0, 1.5);
    expect(Math.sqrt(moment(2))).toBeCloseTo(0.3, 1.7);
    expect(moment(4) / moment(2) ** 2).toBeCloseTo(3, 0.4); // the kurtosis of a normal
  });
  test("the seed decides all", () => {
    const noisy = { size: 30, noise: 0.2 };
    expect(make({ ...noisy, seed: 3 })).toEqual(make({ ...noisy, seed: 3 }));
    expect(make({ ...noisy, seed: 3 })).not.toEqual(make({ ...noisy, seed: 4 }));
  });
  test.each([{ size: 0 }, { size: Infinity }, { size: 2.5 }, { noise: -1 }, { noise: Number.NaN }])(
    "%j is refused",
    (options) => {
      expect(() => make(options)).toThrow(ConfigError);
    },
  );
});

test("points come shuffled: a prefix is no arc of one class", () => {
  const first = [...moons({ size: 200 }).targets.data.slice(0, 40)];
  const ones = first.filter((k) => k === 1).length;
  expect(ones).toBeGreaterThan(8);
  expect(ones).toBeLessThan(32);
});

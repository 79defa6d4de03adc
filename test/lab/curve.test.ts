/** A trained curve against barriers that are known, and a grid that is stopped and gone on with. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, tensor } from "gradus";
import {
  bezier,
  LossSurface,
  resumablePlane,
  sliceBetween,
  sliceCurve,
  slicePlane,
  trainCurve,
} from "gradus/lab";
import { afterAll, describe, expect, test } from "vitest";
import { smallSurface } from "./support.ts";

describe("a curve between two nets", () => {
  const ring = (x: Tensor) => x.square().sum().sub(1).square();
  const surface = LossSurface.of(ring, tensor([1, 0]));

  test("goes around the hill that the straight line crosses", () => {
    const c = trainCurve(surface, [-1, 0], [1, 0], { seed: 3 });
    expect(sliceBetween(surface, [-1, 0], [1, 0]).barrier).toBe(1);
    const { barrier, losses } = sliceCurve(surface, [-1, 0], c, [1, 0]);
    // of all parabolas through both ends, the mean of (r² − 1)² is least at ±2.121 (by a search in NumPy)
    expect(Math.abs(c[1]!)).toBeGreaterThan(1.8);
    expect(Math.abs(c[1]!)).toBeLessThan(2.5);
    expect(barrier).toBeLessThan(0.1);
    expect(losses[0]).toBe(0);
    expect(losses.at(-1)).toBe(0);
  });

  test("is the parabola of its three points", () => {
    expect([...bezier([0, 0], [1, 2], [2, 0], 0.5)]).toEqual([1, 1]);
    expect([...bezier([0, 0], [1, 2], [2, 0], 0)]).toEqual([0, 0]);
    expect([...bezier([0, 0], [1, 2], [2, 0], 0.25)]).toEqual([0.5, 0.75]);
  });

  test("wants two different ends", () => {
    expect(() => trainCurve(surface, [1, 0], [1, 0])).toThrow(/both ends are the same/);
    expect(() => sliceCurve(surface, [1, 0], [1], [0, 1])).toThrow(/c has 1 numbers, not 2/);
  });
});

describe("a grid in a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "gradus-grid-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const { surface } = smallSurface();
  const theta = surface.point();
  const directions = [theta.map((_, i) => Math.cos(i)), theta.map((_, i) => Math.sin(i))] as const;
  const axes = [{ points: 4 }, { points: 3 }] as const;
  const whole = slicePlane(surface, theta, directions, axes);

  test("is the same as one that is computed at once, stopped half way or not", async () => {
    const file = join(folder, "grid.safetensors");
    const controller = new AbortController();
    const onPoint = (done: number) => void (done === 5 && controller.abort());
    const { signal } = controller;
    const part = await resumablePlane(file, surface, theta, directions, { axes, onPoint, signal });
    expect([part.complete, part.computed]).toEqual([false, 5]);
    expect(part.losses[1]![1]).toBeNaN();
    const seen: number[] = [];
    const rest = await resumablePlane(file, surface, theta, directions, {
      axes,
      onPoint: (done) => void seen.push(done),
    });
    expect([rest.complete, rest.computed, seen[0]]).toEqual([true, 7, 5]);
    expect(rest.losses).toEqual(whole.losses);
    expect([rest.x, rest.y]).toEqual([whole.x, whole.y]);
    const again = await resumablePlane(file, surface, theta, directions, { axes });
    expect([again.complete, again.computed]).toEqual([true, 0]);
  });

  test("does not believe a file of another point, and begins anew where one is torn", async () => {
    const file = join(folder, "other.safetensors");
    await resumablePlane(file, surface, theta, directions, { axes });
    const moved = theta.map((x) => x + 1);
    const other = await resumablePlane(file, surface, moved, directions, { axes });
    expect(other.computed).toBe(12);
    writeFileSync(file, "torn");
    const anew = await resumablePlane(file, surface, theta, directions, { axes });
    expect([anew.computed, anew.losses]).toEqual([12, whole.losses]);
  });
});

/** Directions by their definitions, and slices of losses that are known in closed form. */
import { ConfigError, ShapeError, type Tensor, tensor } from "gradus";
import {
  eigenSymmetric,
  filterDirection,
  LossSurface,
  project,
  sliceBetween,
  sliceLine,
  slicePlane,
  topDirections,
  trajectoryDirections,
} from "gradus/lab";
import { describe, expect, test } from "vitest";
import { RandomStream } from "../../src/base/index.ts";
import { dot, norm, normalVector } from "../../src/lab/vectors.ts";
import { quadraticSurface, smallNet, smallSurface } from "./support.ts";

describe("filterDirection", () => {
  test("has each unit's length, and leaves biases alone", () => {
    const { surface } = smallSurface();
    const theta = surface.point();
    const d = filterDirection(surface, theta, { seed: 5 });
    for (const [from, to] of [
      [0, 2],
      [2, 4],
      [4, 6],
      [9, 12],
    ] as const)
      expect(norm(d.subarray(from, to))).toBeCloseTo(norm(theta.subarray(from, to)), 13);
    expect([...d.subarray(6, 9), d[12]]).toEqual([0, 0, 0, 0]);
    expect(filterDirection(surface, theta, { seed: 5 })).toEqual(d);
    expect(filterDirection(surface, theta, { seed: 6 })).not.toEqual(d);
  });

  test("scales with the net, so that its slices do not: ‖d‖ doubles with θ", () => {
    const { surface } = smallSurface();
    const theta = surface.point();
    const [once, twice] = [theta, theta.map((x) => 2 * x)].map((at) =>
      filterDirection(surface, at),
    );
    once!.forEach((x, i) => {
      expect(twice![i]).toBeCloseTo(2 * x, 13);
    });
  });

  test("has nothing to say of a plain vector", () => {
    expect(() => filterDirection(quadraticSurface([[1]]), [1])).toThrow(ConfigError);
  });
});

test("topDirections are the dense Hessian's first eigenvectors", () => {
  const { surface } = smallSurface();
  const theta = surface.point();
  const exact = eigenSymmetric(surface.hessian(theta));
  topDirections(surface, theta).forEach(({ value, vector }, i) => {
    expect(value).toBeCloseTo(exact.values[i]!, 10);
    expect(Math.abs(dot(vector, exact.vectors[i]!))).toBeCloseTo(1, 10);
  });
});

describe("trajectoryDirections", () => {
  test("finds the plane that points were put in, and the variances along its axes", () => {
    const random = new RandomStream(1);
    const [u, w] = eigenSymmetric(
      Array.from({ length: 20 }, (_, i) => Array.from({ length: 20 }, (_, j) => 1 / (i + j + 1))),
    ).vectors as [Float64Array, Float64Array];
    const shift = normalVector(20, random);
    // t on a circle: variance a²/2 along u and b²/2 along w, with a = 3 and b = 1
    const points = Array.from({ length: 12 }, (_, t) => {
      const angle = (2 * Math.PI * t) / 12;
      return shift.map((s, i) => s + 3 * Math.cos(angle) * u[i]! + Math.sin(angle) * w[i]!);
    });
    const { directions, variances, explained } = trajectoryDirections(points);
    expect(Math.abs(dot(directions[0]!, u))).toBeCloseTo(1, 12);
    expect(Math.abs(dot(directions[1]!, w))).toBeCloseTo(1, 12);
    expect(variances[0]).toBeCloseTo(4.5, 12);
    expect(variances[1]).toBeCloseTo(0.5, 12);
    expect(explained[0]).toBeCloseTo(0.9, 12);
    expect(() => trajectoryDirections(points, 3)).toThrow("12 points span 2 directions, not 3");
  });

  test("wants points that differ, all of one size", () => {
    expect(() =>
      trajectoryDirections(
        [
          [1, 2],
          [1, 2],
        ],
        1,
      ),
    ).toThrow("give points that differ");
    expect(() => trajectoryDirections([[1, 2], [1]], 1)).toThrow(ShapeError);
  });
});

describe("project", () => {
  test("undoes a walk along skew directions, whatever is orthogonal to them", () => {
    const [u, v] = [
      [1, 2, 0, 0],
      [0, 1, 1, 0],
    ];
    const point = [5, 5, 5, 5].map((x, i) => x + 0.7 * u![i]! - 1.3 * v![i]! + (i === 3 ? 9 : 0));
    const [c] = project([point], [5, 5, 5, 5], [u!, v!]);
    expect(c![0]).toBeCloseTo(0.7, 13);
    expect(c![1]).toBeCloseTo(-1.3, 13);
  });

  test("refuses directions that depend on each other", () => {
    expect(() =>
      project(
        [[1, 1]],
        [0, 0],
        [
          [1, 2],
          [2, 4],
        ],
      ),
    ).toThrow(ConfigError);
  });
});

describe("slices", () => {
  const bowl = quadraticSurface(
    [
      [4, 1],
      [1, 2],
    ],
    [1, 0],
  );
  const exact = (x: number, y: number) => 2 * x * x + x * y + y * y - x;

  test("along a line, and on a plane with two axes of its own", () => {
    const { t, losses } = sliceLine(bowl, [1, 2], [1, -1], { from: -2, to: 2, points: 9 });
    expect([...t]).toEqual([-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2]);
    losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(exact(1 + t[i]!, 2 - t[i]!), 12);
    });
    const grid = slicePlane(
      bowl,
      [1, 2],
      [
        [1, 0],
        [0, 3],
      ],
      [{ points: 4 }, { from: 0, points: 3 }],
    );
    expect(grid.losses.map((row) => row.length)).toEqual([4, 4, 4]);
    grid.losses.forEach((row, j) => {
      row.forEach((loss, i) => {
        expect(loss).toBeCloseTo(exact(1 + grid.x[i]!, 2 + 3 * grid.y[j]!), 12);
      });
    });
  });

  test("between two nets: ends are exact, and a convex loss has no barrier", () => {
    const path = sliceBetween(bowl, [1, 2], [-3, 4]);
    expect(path.losses[0]).toBeCloseTo(exact(1, 2), 12);
    expect(path.losses.at(-1)).toBeCloseTo(exact(-3, 4), 12);
    expect(path.barrier).toBe(0);
  });

  test("between wells of different depth the barrier stands on the line between them", () => {
    const f = (x: Tensor) => x.square().sub(1).square().add(x).sum(); // L(±1) = ±1, L(0) = 1
    const { barrier } = sliceBetween(LossSurface.of(f, tensor([0])), [-1], [1], { points: 21 });
    expect(barrier).toBeCloseTo(1, 12);
  });

  test("refuse axes and directions that cannot be", () => {
    expect(() => sliceLine(bowl, [0, 0], [1])).toThrow("the direction has 1 numbers, not 2");
    expect(() => sliceLine(bowl, [0, 0], [1, 0], { points: 1 })).toThrow(ConfigError);
    expect(() => sliceLine(bowl, [0, 0], [1, 0], { from: 2 })).toThrow("from < to");
  });

  test("do not move the model", () => {
    const { model, surface } = smallSurface();
    const theta = surface.point();
    sliceLine(surface, theta, filterDirection(surface, theta), { points: 3 });
    const path = "layers.0.weight";
    expect(model.parameters()[path]!.value.toArray()).toEqual(
      smallNet().parameters()[path]!.value.toArray(),
    );
  });
});

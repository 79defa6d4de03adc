import { tensor } from "gradus";
import { principalAngles } from "gradus/lab";
import { expect, test } from "vitest";

const rows = (x: readonly (readonly number[])[]) => tensor(x as number[][], "float64");

test("angles of planes by hand, from 1e-9 to a right angle", () => {
  for (const angle of [0, 1e-9, 1e-4, 0.3, 1.2, Math.PI / 2]) {
    const turned = [0, Math.cos(angle), Math.sin(angle)];
    const found = principalAngles(
      rows([
        [2, 0, 0],
        [1, 3, 0],
      ]),
      rows([[1, 0, 0], turned]),
    );
    expect(found[0]).toBeCloseTo(0, 12);
    expect(Math.abs(found[1]! - angle)).toBeLessThan(1e-12 + 1e-9 * angle);
  }
});

test("as many as the smaller span has dimensions, in either order; a row twice counts once", () => {
  const line = rows([
    [0, 1, 1],
    [0, 2, 2],
  ]);
  const plane = rows([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  for (const found of [principalAngles(line, plane), principalAngles(plane, line)]) {
    expect(found).toHaveLength(1);
    expect(found[0]).toBeCloseTo(Math.PI / 4, 12);
  }
  expect(principalAngles(rows([[0, 0, 0]]), plane)).toEqual([]);
});

test("more rows than columns span all", () => {
  const all = rows([
    [1, 0],
    [0, 1],
    [1, 1],
  ]);
  expect(principalAngles(all, rows([[3, 4]]))[0]).toBeCloseTo(0, 12);
});

test("rows of other lengths are an error", () => {
  expect(() => principalAngles(rows([[1, 0]]), rows([[1, 0, 0]]))).toThrow(
    /takes the rows of two matrices/,
  );
});

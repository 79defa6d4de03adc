/** The closed forms of gradient descent against the loops that they stand for. */
import { ShapeError } from "gradus";
import { Quadratic } from "gradus/lab";
import { describe, expect, test } from "vitest";
import { norm } from "../../src/lab/vectors.ts";

const a = [
  [3, 1, 0.2],
  [1, 2, -0.4],
  [0.2, -0.4, 0.5],
];
const b = [1, -2, 0.3];

/** θ ← θ − α∇L + β (θ − θ⁻), step by step. */
function simulate(
  q: Quadratic,
  steps: number,
  start: number[],
  lr: number,
  momentum: number,
): Float64Array {
  let before = Float64Array.from(start);
  let theta = Float64Array.from(start);
  for (let k = 0; k < steps; k++) {
    const g = q.gradient(theta);
    const next = theta.map((x, i) => x - lr * g[i]! + momentum * (x - before[i]!));
    before = theta;
    theta = next;
  }
  return theta;
}

const close = (x: Float64Array, y: Float64Array) => {
  const size = Math.max(1, norm(y));
  y.forEach((v, i) => {
    expect(Math.abs(x[i]! - v)).toBeLessThan(1e-12 * size);
  });
};

describe("after", () => {
  const cases: [string, number[][], number[]][] = [
    ["positive definite", a, b],
    [
      "indefinite",
      [
        [1, 2],
        [2, 1],
      ],
      [0.5, 1],
    ],
    [
      "singular, pushed along its flat direction",
      [
        [1, 1],
        [1, 1],
      ],
      [1, 0],
    ],
    [
      "zero",
      [
        [0, 0],
        [0, 0],
      ],
      [1, 2],
    ],
  ];
  for (const [name, matrix, linear] of cases)
    for (const momentum of [0, 0.5, 0.9])
      test(`${name}, momentum ${momentum}: the trajectory to rounding`, () => {
        const q = new Quadratic(matrix, linear);
        const start = matrix.map((_, i) => 1 - 2 * i);
        for (const steps of [0, 1, 2, 7, 40])
          close(
            q.after(steps, start, { lr: 0.3, momentum }),
            simulate(q, steps, start, 0.3, momentum),
          );
      });

  test("refuses steps and starts that do not fit", () => {
    expect(() => new Quadratic(a).after(1.5, [0, 0, 0], { lr: 1 })).toThrow("steps is 1.5");
    expect(() => new Quadratic(a).after(1, [0], { lr: 1 })).toThrow(ShapeError);
    expect(() => new Quadratic(a, [1])).toThrow("b has 1 numbers, not 3");
  });
});

test("value and gradient agree with the formula", () => {
  const q = new Quadratic(
    [
      [2, 1],
      [1, 4],
    ],
    [1, 1],
  );
  expect(q.value([1, 2])).toBe(0.5 * (2 + 4 + 16) - 3);
  expect([...q.gradient([1, 2])]).toEqual([3, 8]);
});

describe("stability", () => {
  test("just below 2 (1 + β)/λ_max shrinks, just above grows", () => {
    const q = new Quadratic(a);
    for (const momentum of [0, 0.5]) {
      const limit = q.stabilityLimit(momentum);
      expect(q.rate({ lr: 0.999 * limit, momentum })).toBeLessThan(1);
      expect(q.rate({ lr: 1.001 * limit, momentum })).toBeGreaterThan(1);
      expect(norm(q.after(100000, [1, 1, 1], { lr: 0.999 * limit, momentum }))).toBeLessThan(1e-3);
      expect(norm(q.after(100000, [1, 1, 1], { lr: 1.001 * limit, momentum }))).toBeGreaterThan(
        1e3,
      );
    }
  });

  test("no positive direction, no limit", () => {
    expect(new Quadratic([[-1]]).stabilityLimit()).toBe(Number.POSITIVE_INFINITY);
    expect(new Quadratic([[-1]]).rate({ lr: 0.1 })).toBeCloseTo(1.1, 15);
  });
});

describe("the best rates", () => {
  const q = new Quadratic([
    [100, 0],
    [0, 1],
  ]);
  test("are spectral radii, and no grid point beats them", () => {
    const plain = q.best();
    const ball = q.bestHeavyBall();
    expect(plain.rate).toBeCloseTo(99 / 101, 15);
    expect(ball.rate).toBeCloseTo(9 / 11, 15);
    expect(q.rate(plain)).toBeCloseTo(plain.rate, 14);
    expect(q.rate(ball)).toBeCloseTo(ball.rate, 7); // a double root: the square root of rounding
    for (let lr = 0.0005; lr < 0.08; lr += 0.0005) {
      expect(q.rate({ lr })).toBeGreaterThan(plain.rate - 1e-12);
      for (let momentum = 0; momentum < 1; momentum += 0.05)
        expect(q.rate({ lr, momentum })).toBeGreaterThan(ball.rate - 1e-7);
    }
  });

  test("momentum's gain is near √κ, and shows in the trajectory", () => {
    expect(q.momentumGain()).toBeCloseTo(Math.log(9 / 11) / Math.log(99 / 101), 12);
    expect(q.momentumGain()).toBeGreaterThan(0.99 * 10);
    const [plain, ball] = [q.best(), q.bestHeavyBall()];
    const left = (steps: number, options: typeof plain) => norm(q.after(steps, [1, 1], options));
    expect(left(1000, plain)).toBeGreaterThan(1e-9);
    expect(left(150, ball)).toBeLessThan(1e-9);
  });

  test("κ = 1 needs one step, κ = ∞ has no rate", () => {
    expect(
      new Quadratic([
        [2, 0],
        [0, 2],
      ]).best(),
    ).toEqual({ lr: 0.5, momentum: 0, rate: 0 });
    expect(
      new Quadratic([
        [2, 0],
        [0, 2],
      ]).momentumGain(),
    ).toBe(1);
    expect(
      new Quadratic([
        [2, 0],
        [0, 0],
      ]).best(),
    ).toEqual({ lr: 0.5, momentum: 0, rate: 1 });
    expect(
      new Quadratic([
        [2, 0],
        [0, -1],
      ]).bestHeavyBall().rate,
    ).toBe(1);
  });
});

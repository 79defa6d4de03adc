/** The subgradient method on functions with kinks. */
import { setEngine, type Tensor, tensor } from "gradus";
import { Parameter } from "gradus/nn";
import { inverseSqrt, Optimizer, type Schedule, subgradient } from "gradus/optim";
import { grad } from "gradus/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const f64 = (x: readonly number[]) => tensor(Float64Array.from(x));

/** |x| + 2 |y| */
const f = ({ x, y }: { x: Tensor; y: Tensor }) => x.abs().sum().add(y.abs().sum().mul(2));

/** θ₀, θ₁, … on f. */
function path(start: readonly [number, number], schedule: Schedule, steps: number): number[][] {
  const theta = { x: new Parameter(f64([start[0]])), y: new Parameter(f64([start[1]])) };
  const values = () => ({ x: theta.x.value, y: theta.y.value });
  const here = () => [theta.x.value.dataSync()[0]!, theta.y.value.dataSync()[0]!];
  const optimizer = new Optimizer(theta, subgradient());
  const way = [here()];
  for (let t = 0; t < steps; t++) {
    optimizer.update(grad(f)(values()), { lr: schedule(t) });
    way.push(here());
  }
  return way;
}

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("steps have the length of the rate, along g / ‖g‖; at the kink of |x| its part is 0", () => {
      const r = Math.sqrt(5);
      const way = path([1, 0.5], () => r / 4, 3);
      // g = (1, 2), then (1, 0) as y is exactly 0, then (1, 0) once more
      const expected = [
        [1, 0.5],
        [0.75, 0],
        [0.75 - r / 4, 0],
        [0.75 - r / 2, 0],
      ];
      expectClose("θ", way.flat(), expected.flat(), 1e-15);
    });
    test("at a minimum where all parts are at their kinks, it stays", () => {
      expect(path([0, 0], () => 1, 2)).toEqual([
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
    });
  });

test("the best value keeps the bound of the theory, at a constant and at a falling rate", () => {
  const [start, steps] = [[3, -2] as const, 400];
  const value = ([x, y]: readonly number[]) => Math.abs(x!) + 2 * Math.abs(y!);
  const best: number[] = [];
  for (const schedule of [() => 0.3, inverseSqrt(0.3)]) {
    const rates = Array.from({ length: steps }, (_, t) => schedule(t));
    const sum = rates.reduce((a, b) => a + b, 0);
    const squares = rates.reduce((a, b) => a + b * b, 0);
    const bound = (Math.sqrt(5) * (13 + squares)) / (2 * sum);
    best.push(Math.min(...path(start, schedule, steps).map(value)));
    expect(best.at(-1)).toBeLessThan(bound);
  }
  expect(best[1]).toBeLessThan(best[0]!); // a constant rate does not converge, a falling one does
});

test("it is no method of descent: a step may lead up, where a smaller one leads down", () => {
  const [before, after] = path([1, 0.01], () => 1, 1).map(
    ([x, y]) => Math.abs(x!) + 2 * Math.abs(y!),
  );
  expect(after).toBeGreaterThan(before!);
});

test("the derivative at kinks is an element of ∂f, as the description says", () => {
  const zero = f64([0]);
  expect(grad((x: Tensor) => x.abs().sum())(zero).toArray()).toEqual([0]);
  expect(grad((x: Tensor) => x.relu().sum())(zero).toArray()).toEqual([0]);
  expect(grad((x: Tensor) => x.max())(f64([1, 3, 3])).toArray()).toEqual([0, 0.5, 0.5]);
});

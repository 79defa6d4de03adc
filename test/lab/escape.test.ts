/** Escape from saddles, symmetry and plateaux, against recursions and facts that are known. */
import { type Tensor, tensor } from "gradus";
import {
  classify,
  LossSurface,
  measureEscape,
  measurePlateau,
  measureSymmetryBreaking,
} from "gradus/lab";
import {
  binaryCrossEntropyWithLogits,
  Linear,
  meanSquaredError,
  Sequential,
  seeded,
  Tanh,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { data, quadraticSurface } from "./support.ts";

describe("measureEscape", () => {
  const saddle = quadraticSurface([
    [2, 0],
    [0, -1],
  ]);

  test("each tenth of the push costs log 10 / log(1 + αλ) steps more", () => {
    const steps = (perturbation: number) =>
      measureEscape(saddle, [0, 0], { lr: 0.1, perturbation, fall: 0.5 }).steps!;
    const each = Math.log(10) / Math.log(1.1); // 24.2
    expect(Math.abs(steps(1e-4) - steps(1e-3) - each)).toBeLessThanOrEqual(1);
    expect(Math.abs(steps(1e-7) - steps(1e-4) - 3 * each)).toBeLessThanOrEqual(1);
  });

  test("without a push there is none, nor from a minimum with one", () => {
    expect(
      measureEscape(saddle, [0, 0], { lr: 0.1, perturbation: 0, maxSteps: 50 }).steps,
    ).toBeNull();
    const bowl = quadraticSurface([[1]]);
    const { steps, losses } = measureEscape(bowl, [0], { lr: 0.1, maxSteps: 20 });
    expect([steps, losses.length]).toEqual([null, 21]);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });

  test("a net at 0 is at a saddle, and leaves it", () => {
    const model = seeded(1, () => new Sequential(new Linear(2, 3), new Tanh(), new Linear(3, 1)));
    const surface = LossSurface.ofModel(model, meanSquaredError, data);
    const zero = new Float64Array(surface.size);
    zero[12] = 0.2; // the mean of the targets: no gradient anywhere
    expect(classify(surface, zero).kind).toBe("saddle");
    const { steps } = measureEscape(surface, zero, { lr: 0.2, maxSteps: 2000, fall: 0.01 });
    expect(steps).toBeGreaterThan(10);
  });
});

describe("measurePlateau", () => {
  const inputs = tensor([[-2], [-1], [1], [2]]);
  const targets = tensor([[0], [0], [1], [1]]);
  const at = (loss: (z: Tensor, y: Tensor) => Tensor) =>
    LossSurface.ofModel(new Linear(1, 1), loss, { inputs, targets });
  const wrong = [-60, 0]; // surely wrong on every example

  test("the 0-1 loss is flat everywhere, and not constant", () => {
    const zeroOne = LossSurface.of(
      (w: Tensor) =>
        tensor([-2, -1, 1, 2])
          .mul(w)
          .sign()
          .sub(tensor([-1, -1, 1, 1]))
          .abs()
          .mean(),
      tensor([1]),
    );
    expect(measurePlateau(zeroOne, [0])).toMatchObject({ share: 1, varies: true });
  });

  test("squares behind a sigmoid are flat where they are surely wrong; cross-entropy is not", () => {
    const squares = at((z, y) => meanSquaredError(z.sigmoid(), y));
    expect(measurePlateau(squares, wrong).share).toBe(1);
    expect(measurePlateau(squares, [0, 0], { radius: 0.5 }).share).toBe(0);
    const entropy = measurePlateau(at(binaryCrossEntropyWithLogits), wrong);
    expect(entropy.share).toBe(0);
    expect(entropy.norms[0]).toBeGreaterThan(1); // the mean of |x| over the examples is 1.5
  });
});

describe("measureSymmetryBreaking", () => {
  /** (v₁ tanh w₁x + v₂ tanh w₂x) towards a bump that one unit cannot make. */
  const x = tensor([0, 0.5, 1, 2], "float64");
  const y = tensor([0, 1, 0.6, 0], "float64");
  const f = (p: Tensor) => {
    const unit = (i: number) =>
      x
        .mul(p.slice(i))
        .tanh()
        .mul(p.slice(i + 2));
    return unit(0).add(unit(1)).sub(y).square().mean();
  };
  const surface = LossSurface.of(f, tensor([1, 1, 0.1, 0.1]));
  const units = [
    [0, 2],
    [1, 3],
  ] as const;

  test("identical units stay identical to the last bit, and end worse than those that part", () => {
    const options = { lr: 0.3, steps: 3000 };
    const together = measureSymmetryBreaking(surface, [1, 1, 0.1, 0.1], units, options);
    expect(Math.max(...together.distances)).toBe(0);
    const apart = measureSymmetryBreaking(surface, [1, 1, 0.1, 0.1], units, {
      ...options,
      perturbation: 1e-3,
    });
    expect(apart.distances[0]).toBeLessThan(2e-3);
    expect(apart.distances.at(-1)).toBeGreaterThan(1);
    expect(apart.losses.at(-1)!).toBeLessThan(0.9 * together.losses.at(-1)!);
  });

  test("wants as many places for both", () => {
    expect(() => measureSymmetryBreaking(surface, [1, 1, 1, 1], [[0], [1, 3]], { lr: 1 })).toThrow(
      /1 and 2 places/,
    );
  });
});

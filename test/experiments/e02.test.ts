import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E2: widths help, but not the polynomials", async () => {
  const { run } = await loadExperiment("E2");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  // the parabola of least squares misses cos 3πx at ⅓ by 1 + 5/(9π²)
  const least = 1 + 5 / (9 * Math.PI ** 2);
  expect(outcome.figures["least error of the polynomials"]).toBeCloseTo(least, 2);
});

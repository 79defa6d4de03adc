import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E20: three plateaux, saturation, and cross-entropy which has neither", async () => {
  const { run } = await loadExperiment("E20");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  expect(outcome.figures["e-folds of the gradient of squares per unit of z"]).toBeCloseTo(1, 3);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

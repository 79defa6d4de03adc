import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E11: four ways to close the generalisation gap, and one that is none", async () => {
  const { run } = await loadExperiment("E11");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  expect(outcome.figures.parameters).toBe(784 * 128 + 128 + 128 * 10 + 10);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

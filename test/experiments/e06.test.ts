import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E6: planted weights are found like 1/√n", async () => {
  const { run } = await loadExperiment("E6");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  expect(outcome.figures["minima of a sample, n = 5000, d = 5"]).toBe(1);
});

import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E22: the V of central differences, and the flat complex step", async () => {
  const { run } = await loadExperiment("E22");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  expect(outcome.figures["exponent of h of forward differences"]).toBeCloseTo(1, 1);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

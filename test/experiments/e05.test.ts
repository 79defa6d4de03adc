import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E5: squares have 6, 16 and 27 minima where cross-entropy has one", async () => {
  const { run } = await loadExperiment("E5");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  expect(outcome.figures["minima found"]).toEqual([2, 4, 6, 4, 9, 16, 8, 27]);
});

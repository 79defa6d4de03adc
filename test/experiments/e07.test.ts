import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E7: the 16 critical points have the indices of the closed form", async () => {
  const { run } = await loadExperiment("E7");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  expect(outcome.figures["directions down"]).toEqual([
    10, 4, 5, 6, 7, 8, 0, 1, 2, 3, 2, 3, 4, 4, 5, 6,
  ]);
});

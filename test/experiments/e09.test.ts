import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E9: near planted weights the loss is convex, for equal units it is flat", async () => {
  const { run } = await loadExperiment("E9");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  expect(outcome.figures["least / largest eigenvalue for equal units"]).toBeCloseTo(0, 9);
});

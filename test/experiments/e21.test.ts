import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E21: convolutions move along, pooling stays, a dense layer does neither", async () => {
  const { run } = await loadExperiment("E21");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  expect(outcome.figures["invariance error of global max pooling"]).toBe(0);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

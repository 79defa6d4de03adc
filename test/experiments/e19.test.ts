import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E19: a saddle holds until a push, and equal units stay equal", async () => {
  const { run } = await loadExperiment("E19");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  expect(outcome.figures["distance moved without a push"]).toBe(0);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

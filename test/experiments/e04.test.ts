import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E4: squares of one example stop to be convex at −ln 2", async () => {
  const { run } = await loadExperiment("E4");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  expect(outcome.figures["inflection of one example"]).toBeCloseTo(-Math.log(2), 9);
});

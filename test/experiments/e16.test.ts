import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E16: pre-training on five digits helps with five others", async () => {
  const { run } = await loadExperiment("E16");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  expect(outcome.figures["examples of each new digit"]).toEqual([3, 30]);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E1: no line parts XOR, and eight hidden units nearly always do", async () => {
  const { run } = await loadExperiment("E1");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  expect(outcome.figures["final loss of the single neuron, mean"]).toBeCloseTo(Math.log(2), 6);
});

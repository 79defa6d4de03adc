import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";
import { crossing } from "../../experiments/shared/four-layer-net.ts";

test("E10: ReLU needs fewer epochs than tanh from the paper's start, on digits", async () => {
  const { run } = await loadExperiment("E10");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

test("E10: the crossing is interpolated between the middles of epochs", () => {
  expect(crossing([0.5, 0.2], 0.35)).toBeCloseTo(1, 12);
  expect(crossing([0.5, 0.4], 0.35)).toBe(Number.POSITIVE_INFINITY);
});

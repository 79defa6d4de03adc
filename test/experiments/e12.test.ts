import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E12: constant steps stall, decreasing ones converge, averages help", async () => {
  const { run } = await loadExperiment("E12");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  const stalls = outcome.figures["loss above the least at which each stalls"] as number[];
  const predicted = outcome.figures["predicted, α d σ² / (2 (2 − α (d + 2)))"] as number[];
  for (const [i, stall] of stalls.entries()) expect(stall / predicted[i]!).toBeCloseTo(1, 0); // X is random
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

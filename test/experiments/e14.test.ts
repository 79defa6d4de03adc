import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E14: how steps grow with the condition of a ravine, and what bias correction does", async () => {
  const { run } = await loadExperiment("E14");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  const first = outcome.figures["first steps without bias correction / lr"] as number[];
  expect(first[0]).toBeCloseTo(0.1 / Math.sqrt(0.001), 5); // (1 − β₁)/√(1 − β₂)
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

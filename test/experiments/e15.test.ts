import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E15: random layers tend to the arc-cosine kernels like 1/√m, to no other degree's", async () => {
  const { run } = await loadExperiment("E15");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  const orthogonal = outcome.figures["k₁(e₁, e₂) of orthogonal unit vectors"];
  expect(orthogonal).toBeCloseTo(1 / Math.PI, 12); // J₁(π/2) = 1
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

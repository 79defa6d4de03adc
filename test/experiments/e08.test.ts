import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E8: a linear autoencoder spans what PCA spans, and no other eigenvectors", async () => {
  const { run } = await loadExperiment("E8");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  const angles = outcome.figures["angle to eigenvectors 2 … p + 1, degrees"] as number[];
  for (const angle of angles) expect(angle).toBeCloseTo(90, 3); // e₁ is orthogonal to all of them
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

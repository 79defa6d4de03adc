import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E24: a deep autoencoder beats PCA, a linear one does not", async () => {
  const { run } = await loadExperiment("E24");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  expect(outcome.figures["error of PCA, share of variance"]).toHaveLength(2);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

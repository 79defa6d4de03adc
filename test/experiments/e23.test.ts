import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E23: operations of a gradient are linear, of forward derivatives quadratic", async () => {
  const { run } = await loadExperiment("E23");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  const [loss] = outcome.figures["operations of the loss, deeper nets"] as number[];
  expect(loss).toBe(2 * (2 * 32 ** 3 + 32 * 32) + 2 * 32 * 32 + 1); // products, tanh, square, sum, division
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

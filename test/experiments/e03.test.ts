import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E3: the bound on mistakes is kept, and attained by orthogonal examples", async () => {
  const { run } = await loadExperiment("E3");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  expect(outcome.figures["mistakes on 50 orthogonal examples, bound 50"]).toBe(50);
});

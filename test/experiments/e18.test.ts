import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E18: the average of renumbered nets refutes convexity", async () => {
  const { run } = await loadExperiment("E18");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  // one unit cannot part a ring from what it surrounds: its average is not far from knowing nothing
  const averages = outcome.figures["loss of the average of all K! renumberings"] as number[];
  for (const loss of averages) expect(loss).toBeGreaterThan(0.4);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

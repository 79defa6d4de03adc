import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E17: naive Bayes leads with few examples, logistic regression with many", async () => {
  const { run } = await loadExperiment("E17");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  // Φ(−0.3 √20), and no classifier is better
  const least = outcome.figures["least possible error, independent features"] as number;
  expect(least).toBeCloseTo(0.089_85, 4);
  const errors = outcome.figures["error of naive Bayes, independent features"] as number[];
  for (const error of errors) expect(error).toBeGreaterThan(least);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

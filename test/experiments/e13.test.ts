import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";

test("E13: He with ReLU and Xavier with tanh keep the variance, others do not", async () => {
  const { run } = await loadExperiment("E13");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  const halved = "Xavier, ReLU: bits per layer of signal and gradient, measured and predicted";
  const [signal, gradient, ...predicted] = outcome.figures[halved] as number[];
  expect(predicted[0]).toBeCloseTo(-1, 6); // E max(0, z)² = ½ E z²
  expect(predicted[1]).toBeCloseTo(-1, 2);
  expect(signal).toBeCloseTo(-1, 0);
  expect(gradient).toBeCloseTo(-1, 0);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

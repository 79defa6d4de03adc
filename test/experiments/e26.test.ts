import { type Tensor, tensor } from "gradus";
import { loadExperiment } from "gradus/experiments";
import { eigenSymmetric } from "gradus/lab";
import { expect, test } from "vitest";
import { layerLosses, leastLoss } from "../../experiments/shared/deep-linear-net.ts";
import { matrix, regression } from "../../experiments/shared/linear-net.ts";

test("E26: descents of deep linear nets end at the global minimum, of ReLU nets not", async () => {
  const { run } = await loadExperiment("E26");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
  // at 0 the Hessian of ‖Y − ABX‖² pairs A with B by −2 Σ_YX, and of more layers it is 0
  const { x, y } = regression(0, 40);
  const yx = y.matmul(x.transpose());
  const largest = Math.sqrt(eigenSymmetric(matrix(yx.matmul(yx.transpose()))).values[0]!);
  const { figures } = outcome;
  const least = figures["least eigenvalue of the Hessian at weights of 0, 2 layers"];
  expect(least).toBeCloseTo(-2 * largest, 10);
  expect(figures["the same, 3 layers"]).toBe(0);
});

/** `[out, in]`, 1 on the diagonal. */
const eye = (out: number, into: number): Tensor =>
  tensor(
    Array.from({ length: out }, (_, i) => Array.from({ length: into }, (_, j) => Number(i === j))),
    "float64",
  );

test("E26: the least loss is that of the projection of least squares on the top eigenvectors", () => {
  const problem = regression(3, 40);
  const U = tensor(problem.U.slice(0, 2), "float64"); // [2, 5]
  const first = U.matmul(tensor(problem.best, "float64"));
  const layers = {
    W1: eye(3, 2).matmul(first),
    W2: eye(4, 3),
    W3: U.transpose().matmul(eye(2, 4)),
  };
  const nets = Object.fromEntries(
    Object.entries(layers).map(([name, W]) => [name, W.reshape([1, 1, ...W.shape])]),
  );
  const loss = layerLosses([problem], "linear")(nets).item();
  expect(loss / leastLoss(problem, 2)).toBeCloseTo(1, 12);
});

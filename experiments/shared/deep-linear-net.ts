/** Nets of several layers without biases, many at once, on regression problems. */
import { grad, stack, type Tensor } from "gradus";
import { gradientDescent } from "./gradient-descent.ts";
import { d, type Regression } from "./linear-net.ts";
import { gaussian } from "./random.ts";

/** The weights W₁, W₂, … of the layers, `[problem, start, out, in]`. */
export type Layers = Readonly<Record<string, Tensor>>;
export type Activation = "linear" | "ReLU";

/** Gaussian weights of variance 1/in for layers d → hidden → d. */
export function randomLayers(
  [problems, starts]: readonly [problems: number, starts: number],
  hidden: readonly number[],
  seed: number,
): Layers {
  const widths = [d, ...hidden, d];
  return Object.fromEntries(
    widths.slice(1).map((out, i) => {
      const shape = [problems, starts, out, widths[i]!];
      return [
        `W${i + 1}`,
        gaussian(shape, seed, 20 + i)
          .div(Math.sqrt(widths[i]!))
          .evalSync(),
      ];
    }),
  );
}

/** ‖Y − W_L … W₂W₁X‖² `[problem, start]`, or the same with ReLU between the layers. */
export function layerLosses(problems: readonly Regression[], activation: Activation) {
  const x = stack(problems.map((problem) => problem.x.unsqueeze(0))); // [problem, 1, d, n]
  const y = stack(problems.map((problem) => problem.y.unsqueeze(0)));
  return (layers: Layers): Tensor =>
    Object.values(layers)
      .reduce((h, W, i) => W.matmul(i > 0 && activation === "ReLU" ? h.relu() : h), x)
      .sub(y)
      .square()
      .sum({ axis: [-2, -1] });
}

/** ‖Y‖² minus the r largest eigenvalues of Σ: the least loss of a map of rank r. */
export const leastLoss = ({ total, lambda }: Regression, r: number): number =>
  lambda.slice(0, r).reduce((rest, l) => rest - l, total);

export interface Descent {
  readonly hidden: readonly number[];
  readonly activation: Activation;
  readonly starts: number;
  readonly steps: number;
  readonly seed: number;
}

/** How one start fared: its losses on the way, and its gradient at the end in units of ‖Y‖². */
export interface Path {
  readonly problem: number;
  readonly losses: readonly number[];
  readonly gradient: number;
}

/** How many times {@link descents} reads the losses on the way. */
export const readings = 40;

/** Gradient descent from random starts, on every problem. */
export function descents(
  problems: readonly Regression[],
  { hidden, activation, starts, steps, seed }: Descent,
): Path[] {
  const losses = layerLosses(problems, activation);
  let layers = randomLayers([problems.length, starts], hidden, seed);
  const read = () => Array.from(losses(layers).dataSync());
  const seen = [read()];
  for (let k = 0; k < readings; k++) {
    layers = gradientDescent(losses, layers, { rate: 0.01, steps: steps / readings });
    seen.push(read());
  }
  const squares = Object.values(grad((w: Layers) => losses(w).sum())(layers)).map((g) =>
    g
      .square()
      .sum({ axis: [-2, -1] })
      .dataSync(),
  );
  return seen[0]!.map((_, i) => {
    const problem = Math.floor(i / starts);
    return {
      problem,
      losses: seen.map((all) => all[i]!),
      gradient: Math.sqrt(squares.reduce((sum, g) => sum + g[i]!, 0)) / problems[problem]!.total,
    };
  });
}

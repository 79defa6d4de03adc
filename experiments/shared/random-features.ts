/** How far layers of random units, and nets on top of them, are from their kernels (E15). */
import { compile, type Tensor } from "gradus";
import { arcCosine, degrees, features, frozenNet, kernelRidge, meanSquare } from "./arc-cosine.ts";
import { gaussian } from "./random.ts";
import { mean } from "./statistics.ts";

const ridge = 0.5;

/** Root mean square of Φₙ Φₙᵀ − k_{n + shift} over all pairs and repetitions, for each m: [degree][m]. */
export function kernelErrors(
  x: Tensor,
  ms: readonly number[],
  repeats: number,
  seed: number,
  shift: 0 | 1,
) {
  const inputs = x.toArray() as number[][];
  const exact = degrees.map((n) => arcCosine(inputs, ((n + shift) % 3) as 0 | 1 | 2));
  const kernels = compile((w: Tensor) =>
    degrees.map((n) => {
      const phi = features(x, w, n);
      return phi.matmul(phi.transpose());
    }),
  );
  const squares = ms.map((m, j) =>
    Array.from({ length: repeats }, (_, r) =>
      kernels
        .sync(gaussian([m, x.shape[1]!], seed, 10_000 * j + r))
        .map((k, n) => meanSquare(k.dataSync(), exact[n]!)),
    ),
  );
  return degrees.map((n) => squares.map((each) => Math.sqrt(mean(each.map((s) => s[n]!)))));
}

/** A ReLU net with a frozen first layer against kernel machines: its own kernel's, and the limit's. */
export function netErrors(x: Tensor, ms: readonly number[], repeats: number, seed: number) {
  const inputs = x.toArray() as number[][];
  const y = inputs.slice(0, inputs.length / 2).map(([a, b]) => Math.sin(2 * a!) + a! * b!);
  const limit = kernelRidge(arcCosine(inputs, 1), y, ridge).predictions;
  return ms.map((m, j) => {
    const each = Array.from({ length: repeats }, (_, r) => {
      const phi = features(
        x,
        gaussian([m, x.shape[1]!], seed, 1_000_000 + 1000 * j + r),
        1,
      ).evalSync();
      const own = kernelRidge(Array.from(phi.matmul(phi.transpose()).dataSync()), y, ridge);
      const net = frozenNet(phi, y, ridge, own.largest);
      return { own: meanSquare(net, own.predictions), limit: meanSquare(net, limit) };
    });
    return {
      own: Math.sqrt(mean(each.map((e) => e.own))),
      limit: Math.sqrt(mean(each.map((e) => e.limit))),
    };
  });
}

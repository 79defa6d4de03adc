/** How far layers of random units, and nets on top of them, are from their kernels (E15). */
import { compile, type Tensor } from "gradus";
import { eigenSymmetric } from "gradus/lab";
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

/**
 * A ReLU net with a frozen first layer against kernel machines: with its own kernel, and with the
 * limit.
 */
export async function netErrors(x: Tensor, ms: readonly number[], repeats: number, seed: number) {
  const inputs = x.toArray() as number[][];
  const y = inputs.slice(0, inputs.length / 2).map(([a, b]) => Math.sin(2 * a!) + a! * b!);
  const limit = await kernelRidge(x, y, { kernel: "arc-cosine", degree: 1, alpha: ridge });
  const found: { own: number; limit: number }[] = [];
  for (const [j, m] of ms.entries()) {
    const each: typeof found = [];
    for (let r = 0; r < repeats; r++) {
      const w = gaussian([m, x.shape[1]!], seed, 1_000_000 + 1000 * j + r);
      const phi = features(x, w, 1).evalSync();
      const own = await kernelRidge(phi, y, { kernel: "linear", alpha: ridge });
      const net = frozenNet(phi, y, ridge, largestEigenvalue(phi.slice([0, y.length])));
      each.push({ own: meanSquare(net, own), limit: meanSquare(net, limit) });
    }
    const root = (name: "own" | "limit") => Math.sqrt(mean(each.map((e) => e[name])));
    found.push({ own: root("own"), limit: root("limit") });
  }
  return found;
}

/** The condition number of Φ Φᵀ, which determines how fast a net can descend. */
const largestEigenvalue = (phi: Tensor): number =>
  eigenSymmetric(phi.matmul(phi.transpose()).toArray() as number[][]).values[0]!;

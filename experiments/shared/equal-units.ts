/** Hidden units that start with equal weights, and what a single one could achieve. */
import { type Tensor, tensor } from "gradus";
import { gradientDescent } from "./gradient-descent.ts";
import { gaussian } from "./random.ts";
import { mean } from "./statistics.ts";

const hidden = 8;
const x = Array.from({ length: 41 }, (_, i) => -2 + i / 10);
const bump = x.map((t) => Math.exp(-4 * t * t));
const variance = mean(bump.map((y) => (y - mean(bump)) ** 2));

/** Nets Σ v σ(wx + b) + c, each of S: w, b, v `[S, 1, K]`, c `[S, 1]`. */
type Nets = { w: Tensor; b: Tensor; v: Tensor; c: Tensor };

/**
 * The fraction of the bump's variance that descent leaves, from zero, equal and different weights.
 */
export function bumpLosses(seed: number, starts: number, steps: number) {
  const [points, y] = [tensor(x, "float64").reshape([-1, 1]), tensor(bump, "float64")];
  const losses = ({ w, b, v, c }: Nets): Tensor =>
    points.mul(w).add(b).sigmoid().mul(v).sum({ axis: 2 }).add(c).sub(y).square().mean({ axis: 1 });
  const from = (scale: number, different: boolean) => {
    const make = (lane: number) =>
      gaussian([starts, 1, different ? hidden : 1], seed, 900 + lane)
        .mul(scale)
        .broadcastTo([starts, 1, hidden])
        .evalSync();
    const c = gaussian([starts, 1], seed, 903).mul(0).evalSync();
    const start = { w: make(0), b: make(1), v: make(2), c };
    const nets = gradientDescent<Nets>(losses, start, { rate: 0.2, steps });
    const spreads = [nets.w, nets.b, nets.v].map((p) =>
      p
        .max({ axis: 2 })
        .sub(p.min({ axis: 2 }))
        .max()
        .item(),
    );
    return {
      losses: Array.from(losses(nets).dataSync(), (loss) => loss / variance),
      spread: Math.max(...spreads),
    };
  };
  return { zero: from(0, false), equal: from(0.5, false), random: from(0.5, true) };
}

/**
 * The smallest fraction of the bump's variance that a monotone curve leaves, by the
 * pool-adjacent-violators algorithm. Equal units add up to one, and c + v σ(wx + b) is monotone.
 *
 * @see Ayer, Brunk, Ewing, Reid & Silverman 1955
 */
export function leastOfMonotone(): number {
  const pools: number[][] = [];
  for (const y of bump) {
    let pool = [y];
    while (pools.length > 0 && mean(pools.at(-1)!) > mean(pool)) pool = [...pools.pop()!, ...pool];
    pools.push(pool);
  }
  const squares = pools.flatMap((pool) => pool.map((y) => (y - mean(pool)) ** 2));
  return mean(squares) / variance; // the bump is even: a decreasing curve is no better
}

/** How signals and gradients grow or shrink through the layers of random nets. */
import { compile, full, type Tensor, valueAndGrad } from "gradus";
import type { init } from "gradus/nn";
import { gaussian } from "./random.ts";
import { mean } from "./statistics.ts";

type Name = "ReLU" | "tanh";
const activations = {
  ReLU: {
    f: (x: Tensor) => x.relu(),
    value: (z: number) => Math.max(z, 0),
    slope: (z: number) => Number(z > 0),
  },
  tanh: {
    f: (x: Tensor) => x.tanh(),
    value: Math.tanh,
    slope: (z: number) => 1 - Math.tanh(z) ** 2,
  },
};

/** An initializer with its activation; `gain` is n σ², and `keeps` the claim. */
export interface Pairing {
  readonly name: string;
  readonly initializer: init.Initializer;
  readonly gain: (n: number) => number;
  readonly activation: Name;
  readonly keeps?: true;
}

/** log₂ of the variance of z = W f(z⁻) at layers 1 … L, and of the gradient there. */
export interface Profile {
  readonly signal: readonly number[];
  readonly gradient: readonly number[];
}

/**
 * E f(√q u)², u ~ N(0, 1), by the trapezoidal rule: exact up to rounding for integrands that decay
 * like this.
 */
function average(f: (z: number) => number, q: number): number {
  const h = 1e-3;
  let sum = 0;
  for (let u = -8; u <= 8; u += h) sum += f(Math.sqrt(q) * u) ** 2 * Math.exp((-u * u) / 2);
  return (sum * h) / Math.sqrt(2 * Math.PI);
}

/** The limit of wide layers: q ← nσ² E f(√q u)², and backwards g⁻ = nσ² E f′(√q u)² g. */
export function theory({ gain, activation }: Pairing, n: number, depth: number): Profile {
  const { value, slope } = activations[activation];
  const q = [gain(n)]; // the input has variance 1
  while (q.length < depth) q.push(gain(n) * average(value, q.at(-1)!));
  const g = [1];
  for (let l = depth - 2; l >= 0; l--) g.unshift(g[0]! * gain(n) * average(slope, q[l]!));
  return { signal: q.map(Math.log2), gradient: g.map(Math.log2) };
}

/** One random net: the forward signal, and the gradient of a random projection of the last layer. */
function prober(depth: number, n: number, activation: Name) {
  const { f } = activations[activation];
  const moment = (x: Tensor) => x.square().mean().log().div(Math.LN2);
  return compile((x: Tensor, v: Tensor, weights: readonly Tensor[]) => {
    const signal: Tensor[] = [];
    const zeros = weights.map(() => full([1, n], 0, { dtype: "float64" }));
    const through = (probes: readonly Tensor[]) => {
      let h = x;
      weights.forEach((w, l) => {
        const z = h.matmul(w.transpose()).add(probes[l]!); // a probe is 0 and receives the gradient
        signal.push(moment(z));
        h = l + 1 < depth ? f(z) : z;
      });
      return h.mul(v).sum();
    };
    const { grads } = valueAndGrad(through)(zeros);
    return { signal, gradient: grads.map(moment) };
  });
}

export function measure(pairing: Pairing, { n, depth, nets }: Sizes, seed: number): Profile {
  const probe = prober(depth, n, pairing.activation);
  const all = Array.from({ length: nets }, (_, r) => {
    const weights = Array.from({ length: depth }, (_, l) =>
      pairing.initializer([n, n], { seed: seed * 1_000_003 + r * 1009 + l, dtype: "float64" }),
    );
    const input = [0, 1].map((stream) => gaussian([1, n], seed, 2 * r + stream));
    const { signal, gradient } = probe.sync(input[0]!, input[1]!, weights);
    return { signal: signal.map((t) => t.item()), gradient: gradient.map((t) => t.item()) };
  });
  const typical = (key: keyof Profile) =>
    Array.from({ length: depth }, (_, l) => mean(all.map((net) => net[key][l]!)));
  return { signal: typical("signal"), gradient: typical("gradient") };
}

export interface Sizes {
  readonly n: number;
  readonly depth: number;
  readonly nets: number;
}
/** Bits per layer, over the deeper half, where the start is forgotten. */
export const rate = (logs: readonly number[]): number => {
  const from = logs.length >> 1;
  return (logs.at(-1)! - logs[from]!) / (logs.length - 1 - from);
};

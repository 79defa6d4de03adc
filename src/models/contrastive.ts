import { ConfigError, checkOptions, describe, ShapeError, show } from "../base/index.ts";
import { type ExampleLosses, Module, ntXent, type OwnLoss } from "../nn/index.ts";
import { unit } from "../nn/losses/contrastive.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * A net that learns to know two views of the same example among others, without labels: `fit` it on
 * `contrastivePairs`. What it has learned is its encoder, whose last layer is the projection that the loss looks at.
 *
 *   z = f(x),   L = ntXent(f(views 1), f(views 2); τ)
 *
 * @see Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of visual representations"
 * @example
 * const model = new Contrastive(new Linear(4, 2));
 * model.forward(ones([3, 2, 4])).shape; // [3]
 */
export class Contrastive extends Module implements OwnLoss {
  readonly objective = "regression"; // of similarities, which are to be 1
  /** Examples to projections. */
  readonly encoder: Module;
  readonly temperature: number;

  /** @throws {ConfigError} for a temperature that is not above 0. */
  constructor(encoder: Module, options: { readonly temperature?: number | undefined } = {}) {
    super();
    checkOptions("Contrastive", options, { temperature: true });
    const { temperature = 0.5 } = options;
    if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY))
      throw new ConfigError({
        subject: "Contrastive",
        problem: `the temperature is ${describe(temperature)}.`,
        fix: "give a number above 0, such as 0.5.",
      });
    this.encoder = encoder;
    this.temperature = temperature;
  }

  /** The cosine similarity of two views: `[N, 2, …]` → `[N]`. */
  forward(x: Tensor): Tensor {
    return similarity(...this.#views(x));
  }

  learn(x: Tensor, _targets: Tensor, _losses: ExampleLosses) {
    const [a, b] = this.#views(x);
    const { temperature } = this;
    return { outputs: similarity(a, b), losses: ntXent(a, b, { temperature, reduction: "none" }) };
  }

  /** Projections of the first and of the second views: `[N, K]` each. */
  #views(x: Tensor): [a: Tensor, b: Tensor] {
    const [n, views, ...example] = x.shape as [number, number, ...number[]];
    if (views !== 2)
      throw new ShapeError({
        subject: "Contrastive",
        problem: `takes pairs of views [N, 2, …], got ${show(x.shape)}.`,
        fix: "make them by contrastivePairs; single examples are for its encoder.",
      });
    const z = this.encoder.forward(x.reshape([2 * n, ...example])).reshape([n, 2, -1]);
    const all = [0, n] as const;
    return [z.slice(all, 0), z.slice(all, 1)];
  }
}

const similarity = (a: Tensor, b: Tensor): Tensor => unit(a).mul(unit(b)).sum({ axis: 1 });

/** Fine-tuning a pretrained model: what is unfrozen when, and which learning rates. */
import { ConfigError, checkOptions } from "../../base/index.ts";
import { type AnyModule, select } from "../../nn/index.ts";
import { ownParameters } from "../../nn/module.ts";
import type { ParamGroup } from "../../optim/index.ts";
import type { Callback, Training } from "../training.ts";

/** Epoch, from 0 → patterns of the parameters that learn from then on. */
export type UnfreezingSchedule = Readonly<Record<number, string | readonly string[]>>;

/**
 * Gradual unfreezing: starts with most of a model frozen and unfreezes it part by part, from its
 * end to its beginning, so that pretrained weights are not overwritten while the new layers still
 * give large gradients.
 *
 * At the first step everything is frozen that the schedule names for a later epoch; the rest is not
 * changed. The epoch determines everything, so a resumed training continues exactly.
 *
 * @throws {ConfigError} for an epoch that is not an integer ≥ 0, and at the beginning of training
 * if a pattern matches nothing.
 * @see Howard & Ruder 2018, "Universal language model fine-tuning for text classification", §3.3
 * @example
 * const model = new Sequential(new Linear(2, 8), new Tanh(), new Linear(8, 2));
 * const callbacks = [new GradualUnfreezing({ schedule: { 2: "layers.0" } })]; // the rest learns at once
 * await fit(model, xor(), { epochs: 2, callbacks });
 * model.parameters()["layers.0.weight"].trainable; // false
 */
export class GradualUnfreezing implements Callback {
  readonly #schedule: readonly (readonly [epoch: number, pattern: string])[];

  constructor(options: { readonly schedule: UnfreezingSchedule }) {
    checkOptions("GradualUnfreezing", options ?? null, { schedule: true });
    const { schedule } = options;
    this.#schedule = Object.entries(schedule).flatMap(([epoch, patterns]) =>
      [patterns].flat().map((pattern) => [checkEpoch(epoch), pattern] as const),
    );
  }

  onTrainBegin({ model }: Training): void {
    for (const [, pattern] of this.#schedule) model.freeze(pattern);
  }

  /** Unfreezes the layers whose epoch has come. */
  onEpochBegin(epoch: number, { model }: Training): void {
    for (const [from, pattern] of this.#schedule) if (from <= epoch) model.unfreeze(pattern);
  }
}

function checkEpoch(text: string): number {
  const epoch = Number(text);
  if (Number.isSafeInteger(epoch) && epoch >= 0) return epoch;
  throw new ConfigError({
    subject: "GradualUnfreezing",
    problem: `the epoch "${text}" is not a whole number of 0 or more.`,
    fix: 'name epochs and patterns, such as { 0: "classifier", 3: "features" }.',
  });
}

/**
 * Discriminative learning rates: param groups for an `Optimizer` whose rates fall from the last
 * layer to the first, because early layers are common to many tasks:
 *
 *   lr_l = lr · decay^(L − l)   for layer l of L, the last with lr itself
 *
 * A layer is a module with parameters of its own, in the order of the fields.
 *
 * @param decay above 0 and at most 1; the paper uses 1/2.6.
 * @throws {ConfigError} for an invalid decay.
 * @see Howard & Ruder 2018, §3.2
 * @example
 * const model = new Sequential(new Linear(2, 8), new ReLU(), new Linear(8, 2, { bias: false }));
 * layerwiseLr(model, 0.5); // { "layers.0.weight": { lrScale: 0.5 }, "layers.0.bias": { lrScale: 0.5 }, "layers.2.weight": { lrScale: 1 } }
 * new Optimizer(model, adam(), { groups: layerwiseLr(model, 0.5) }).lr; // 0.001
 */
export function layerwiseLr(model: AnyModule, decay: number): Record<string, ParamGroup> {
  if (!(decay > 0 && decay <= 1))
    throw new ConfigError({
      subject: "layerwiseLr",
      problem: `decay is ${decay}.`,
      fix: "give a factor above 0 and at most 1, such as 0.4.",
    });
  const layers = Object.values(model.modules())
    .map((module) => new Set(ownParameters(module)))
    .filter((own) => own.size > 0);
  const parameters = Object.entries(select(model, "*"));
  return Object.fromEntries(
    parameters.map(([path, parameter]) => {
      const layer = layers.findIndex((own) => own.has(parameter));
      const depth = layers.length - 1 - layer;
      return [path, { lrScale: decay ** depth }];
    }),
  );
}

import path from "node:path";
import { ConfigError } from "../../base/index.ts";
import type { Preparation } from "../../data/index.ts";
import type { Source } from "../sources/data-source.ts";
import { optimizers } from "./rules.ts";
import type { Given, Settings } from "./settings.ts";

export const defaultSource = "digits";
const defaults = { optimizer: "adam", schedule: "cosine", warmup: 0, seed: 0 } as const;
/** Sets of images and texts are large, a table or a toy set small: more passes, in smaller steps. */
export const imageDefaults = { model: "conv", epochs: 5, batchSize: 64 } as const;
export const textDefaults = { model: "char-mlp", epochs: 5, batchSize: 128 } as const;
export const otherDefaults = { model: "mlp", epochs: 50, batchSize: 16 } as const;

/** Fills what was left out; what suits depends on the data. */
export function resolve(given: Given, { source, preparation }: Source["config"]): Settings {
  const { model, ...forShape } = defaultsFor(preparation);
  const training = { ...defaults, ...forShape, ...defined(given.training ?? {}) };
  const { from, ...transfer } = given.transfer ?? {};
  if (from === undefined && Object.keys(defined(transfer)).length > 0) throw noSource();
  const { lr, decay } = optimizers[training.optimizer];
  return {
    data: { ...defined(given.data ?? {}), source },
    model: { name: model, ...defined(given.model ?? {}) },
    training: { lr, weightDecay: decay, ...training },
    ...(from !== undefined && { transfer: { from: path.resolve(from), ...defined(transfer) } }),
  };
}

const defaultsFor = ({ inputs, inputShape }: Preparation) =>
  inputs.kind === "text" ? textDefaults : inputShape.length === 3 ? imageDefaults : otherDefaults;

const noSource = (): ConfigError =>
  new ConfigError({
    subject: "transfer",
    problem: "it says how to go on from a trained network, but not from which.",
    fix: "name a run with --from.",
  });

/** Without the names whose value is undefined. */
function defined<T extends object>(x: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(x).filter(([, value]) => value !== undefined)) as never;
}

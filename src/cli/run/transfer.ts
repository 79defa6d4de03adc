/** Transfer learning: starting from another run. */
import { ConfigError, sameShape, show } from "../../base/index.ts";
import { classesOf } from "../../data/index.ts";
import { isAutoencoder, type ModelConfig } from "../../models/index.ts";
import { type AnyModule, type Module, replaceHead, seeded } from "../../nn/index.ts";
import { type Callback, GradualUnfreezing } from "../../train/index.ts";
import type { Settings } from "../settings/settings.ts";
import { shownPath } from "../sources/data-file.ts";
import { isForeignNet, openForeignNet } from "./net-file.ts";
import type { DataConfig } from "./run-config.ts";
import { openRun, plainOf } from "./stored-run.ts";

type Transfer = NonNullable<Settings["transfer"]>;

/** A model to start from, and how to build one of its shape. */
export interface Start {
  readonly model: Module;
  readonly config: ModelConfig;
}

/**
 * The network of another run, with a new last layer unless the classes are the same, or it is an
 * autoencoder; or a net of another program, always with a new last layer.
 *
 * @throws {ConfigError} if it does not accept the examples. @throws {DataError} if there is no such
 * run.
 */
export async function transferred(
  { from }: Transfer,
  { source, preparation: data }: DataConfig,
  outputs: number,
  seed: number,
): Promise<Start> {
  if (await isForeignNet(from)) {
    const { inputShape } = data;
    const model = await openForeignNet(from, inputShape, outputs, seed);
    return { model, config: { name: "onnx", options: { inputShape, classes: outputs, seed } } };
  }
  const { model: whole, config } = await openRun(from);
  const model = plainOf(whole);
  const old = config.data.preparation;
  if (!sameShape(old.inputShape, data.inputShape))
    throw new ConfigError({
      subject: "--from",
      problem: `the network of ${from} takes examples of ${show(old.inputShape)}, but those of ${shownPath(source)} are ${show(data.inputShape)}.`,
      fix: "give data of the same shape (data.size scales images of a folder).",
    });
  if (isAutoencoder(config.model.name))
    return { model, config: { ...config.model, options: { ...config.model.options, seed } } };
  const isSame =
    old.target.task === data.target.task &&
    String(classesOf(old)) === String(classesOf(data)) &&
    config.model.options.classes === outputs;
  if (!isSame) seeded(seed, () => replaceHead(model, outputs));
  const options = { ...config.model.options, classes: outputs, seed };
  return { model, config: { ...config.model, options } };
}

/**
 * Freezes layers according to the settings. The new last layer, and everything that is not named,
 * learns.
 */
export function freezeAsSet(model: AnyModule, transfer: Transfer | undefined): void {
  for (const pattern of transfer?.freeze ?? []) model.freeze(pattern);
}

/** `2:features.*`: from epoch 2 on, counted from 1, these learn. */
export function unfreezing({ unfreeze = [] }: Partial<Transfer>): Callback[] {
  if (unfreeze.length === 0) return [];
  const schedule: Record<number, string[]> = {};
  for (const word of unfreeze) {
    const [, epoch, pattern] = /^(\d+):(.+)$/.exec(word) ?? [];
    if (epoch === undefined || pattern === undefined || Number(epoch) < 1)
      throw new ConfigError({
        subject: "transfer.unfreeze",
        problem: `"${word}" is not an epoch and a pattern.`,
        fix: "write the epoch, from 1, and the parameters that learn from then on, such as 3:features.*",
      });
    const list = schedule[Number(epoch) - 1] ?? [];
    schedule[Number(epoch) - 1] = [...list, pattern];
  }
  return [new GradualUnfreezing({ schedule })];
}

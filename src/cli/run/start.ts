/** The start of a training: complete settings, data and a model. */
import { ConfigError, sizeOf } from "../../base/index.ts";

import { classesOf } from "../../data/index.ts";
import { Contrastive, createModel, isAutoencoder } from "../../models/index.ts";
import type { Module } from "../../nn/index.ts";
import { RunFolder } from "../../train/index.ts";
import { checkPretext, projection } from "../settings/pretexts.ts";
import { defaultSource, resolve, textDefaults } from "../settings/resolve.ts";
import type { Given, Settings } from "../settings/settings.ts";
import { shownPath } from "../sources/data-file.ts";
import { checkLearnable, loadSource, type Source } from "../sources/data-source.ts";
import { asLearned } from "../sources/own-targets.ts";
import { version } from "../version.ts";
import { startAtMean } from "./image-head.ts";
import { isForeignNet, isNetFile, openNet } from "./net-file.ts";
import { type DataConfig, type RunConfig, readRunConfig } from "./run-config.ts";
import { type Start, transferred } from "./transfer.ts";

/** Settings completed from the data, and the data. */
export async function settingsAndData(
  given: Given,
  load = loadSource,
): Promise<{ settings: Settings; source: Source }> {
  const from = given.transfer?.from;
  const stored = from === undefined ? undefined : await storedConfig(from);
  const source = await load(
    given.data?.source ?? defaultSource,
    { ...given.data, seed: given.training?.seed },
    // a pretrained network needs its inputs in the form it knows
    stored && { preparation: stored.data.preparation, inputsOnly: true },
  );
  checkPretext(given.data?.pretext, given.data ?? {});
  const name = given.model?.name ?? stored?.model.name ?? "";
  if (!isAutoencoder(name)) checkLearnable(source.config);
  return { settings: resolve(given, source.config), source };
}

/** The configuration of a run, or of the net that was exported from one; none for another net. */
async function storedConfig(path: string): Promise<RunConfig | undefined> {
  if (!(await isNetFile(path))) return readRunConfig(await RunFolder.open(path));
  return (await isForeignNet(path)) ? undefined : (await openNet(path)).config;
}

/** A model with initial weights, the data, and the notes on both. */
export async function modelAndConfig(
  given: Given,
  { devRun = false, load = loadSource }: { devRun?: boolean; load?: typeof loadSource } = {},
): Promise<{ config: RunConfig; source: Source; model: Module }> {
  const { settings: asked, source: read } = await settingsAndData(given, load);
  const { model, config, source } = await startOf(asked, read, given.model?.name);
  const settings: Settings = {
    ...asked,
    model: { ...asked.model, name: config.name },
    training: { ...asked.training, ...(devRun && { epochs: 1 }) },
  };
  const whole = { gradus: await version(), settings, data: source.config, model: config };
  return { config: whole, source, model };
}

/** A new model, or that of the run in the settings, and its training data. */
export async function startOf(
  settings: Settings,
  source: Source,
  askedName: string | undefined,
): Promise<Start & { readonly source: Source }> {
  const { model, config } = await modelFor(settings, source, askedName);
  const { pretext, labels } = settings.data;
  if (isAutoencoder(config.name) && (pretext ?? labels) !== undefined)
    throw new ConfigError({
      subject: `data.${pretext ? "pretext" : "labels"}`,
      problem: `${config.name} learns from the examples themselves, without labels.`,
      fix: "leave it out, or name another model.",
    });
  if (pretext && source.train.targets.shape.length > 1) startAtMean(model, source.train);
  return {
    config,
    model: pretext === "contrastive" ? new Contrastive(model) : model,
    source: asLearned(config.name, source),
  };
}

async function modelFor(
  { data: { pretext }, model, training, transfer }: Settings,
  { config: data, train }: Source,
  askedName: string | undefined,
): Promise<Start> {
  const numbers = sizeOf(train.targets.shape.slice(1)); // one, or those of an image that is asked for
  const outputs =
    pretext === "contrastive" ? projection : classesOf(data.preparation).length || numbers;
  const { seed } = training;
  checkModel(model.name, data);
  if (!transfer) {
    const { name, ...rest } = model;
    const { inputShape } = data.preparation;
    const classes = !isAutoencoder(name) && { classes: outputs };
    const config = { name, options: { inputShape, ...classes, seed, ...rest } };
    return { model: createModel(config), config };
  }
  const start = await transferred(transfer, data, outputs, seed);
  if (askedName === undefined || askedName === start.config.name) return start;
  throw new ConfigError({
    subject: "--model",
    problem: `${transfer.from} holds the model "${start.config.name}", not "${askedName}".`,
    fix: "leave out --model, or --from.",
  });
}

/** @throws {ConfigError} if only one of data and model is of characters. */
function checkModel(name: string, { source, preparation }: DataConfig): void {
  const isText = preparation.inputs.kind === "text";
  if (isText === (name === textDefaults.model)) return;
  throw new ConfigError({
    subject: "--model",
    problem: isText
      ? `"${name}" takes numbers, and ${shownPath(source)} is read as text.`
      : `"${name}" takes the characters of a text, and ${shownPath(source)} is none.`,
    fix: isText
      ? `use --model ${textDefaults.model}, or data.format=table if it is a table.`
      : "leave it out, or name a text file with --data.",
  });
}

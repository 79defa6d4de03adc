/**
 * Models by name, so that a run folder can say which one it holds.
 *
 * @module gradus/models
 */
import { ConfigError, checkOptions, nearest, type OptionNames, type Shape } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import { alexnet } from "./alexnet.ts";
import { charMlp } from "./char-mlp.ts";
import { digitsNet } from "./digits-net.ts";
import { lenet } from "./lenet.ts";
import { mlp } from "./mlp.ts";
import { vgg } from "./vgg.ts";

export { alexnet } from "./alexnet.ts";
export { type CharMlpOptions, charMlp } from "./char-mlp.ts";
export { digitsNet } from "./digits-net.ts";
export type { ImageModelOptions } from "./image.ts";
export { ImageClassifier } from "./image-classifier.ts";
export { lenet } from "./lenet.ts";
export { type MlpOptions, mlp } from "./mlp.ts";
export { vgg } from "./vgg.ts";

/** The names that {@link createModel} knows. */
export type ModelName = "conv" | "mlp" | "lenet" | "vgg" | "alexnet" | "char-mlp";

/** What every model by name takes; plain data. */
export interface ModelOptions {
  /** The shape of one example, without the batch axis. */
  readonly inputShape: Shape;
  readonly classes: number;
  /** Units of the hidden layers, for models whose hidden layers are all dense: "mlp" and "char-mlp". */
  readonly hidden?: readonly number[] | undefined;
  readonly seed?: number | undefined;
}

/** A model as plain data, from which {@link createModel} makes it. */
export interface ModelConfig {
  readonly name: ModelName;
  readonly options: ModelOptions;
}

const builders: Readonly<Record<ModelName, (options: ModelOptions) => Module>> = {
  conv: digitsNet,
  mlp,
  lenet,
  vgg,
  alexnet,
  "char-mlp": charMlp,
};

/** Models whose hidden layers are all dense. */
const dense: readonly string[] = ["mlp", "char-mlp"];

const optionNames: OptionNames<ModelOptions> = {
  ...{ inputShape: true, classes: "count", hidden: true, seed: "number" },
};

/** All names that {@link createModel} knows. */
export const modelNames = Object.keys(builders) as readonly ModelName[];

/**
 * The model that a configuration describes.
 *
 * @throws {ConfigError} for an unknown name, or a shape that the model does not take.
 * @example
 * const config = { name: "mlp", options: { inputShape: [1, 28, 28], classes: 10, seed: 1 } };
 * createModel(config).forward(zeros([2, 1, 28, 28])).shape; // [2, 10]
 */
export function createModel(config: ModelConfig): Module {
  checkOptions("createModel", config ?? null, { name: "text", options: true });
  const { name, options } = config;
  if (Object.hasOwn(builders, name)) {
    checkOptions(`model "${name}"`, options ?? null, optionNames);
    const { hidden, ...image } = options;
    if (hidden && !dense.includes(name)) throw noHidden(name);
    return builders[name](dense.includes(name) ? options : image);
  }
  const near = nearest(name, modelNames);
  throw new ConfigError({
    subject: "model",
    problem: `there is no model "${name}".`,
    fix: `${near ? `did you mean "${near}"? ` : ""}Models: ${modelNames.join(", ")}.`,
  });
}

const noHidden = (name: string): ConfigError =>
  new ConfigError({
    subject: `model "${name}"`,
    problem: "the units of its hidden layers cannot be chosen.",
    fix: 'leave out hidden, or use the model "mlp".',
  });

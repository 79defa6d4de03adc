/**
 * Models by name, so that a run folder can store which one it contains.
 *
 * @module gradus/models
 */
import { ConfigError, checkOptions, nearest, type OptionNames, type Shape } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import { alexnet } from "./alexnet.ts";
import type { DenoisingOptions } from "./autoencoders/denoising.ts";
import { type AutoencoderName, autoencoders, isAutoencoder } from "./autoencoders/index.ts";
import type { MaskedOptions } from "./autoencoders/masked.ts";
import type { SparseOptions } from "./autoencoders/sparse.ts";
import type { VariationalOptions } from "./autoencoders/variational.ts";
import { charMlp } from "./char-mlp.ts";
import { digitsNet } from "./digits-net.ts";
import { lenet } from "./lenet.ts";
import { mlp } from "./mlp.ts";
import { alexnetOwt } from "./torchvision/alexnet.ts";
import { mobilenetV2 } from "./torchvision/mobilenet.ts";
import { resnet18, resnet50 } from "./torchvision/resnet.ts";
import { squeezenet } from "./torchvision/squeezenet.ts";
import { vgg11, vgg16 } from "./torchvision/vgg.ts";
import { vgg } from "./vgg.ts";

export { alexnet } from "./alexnet.ts";
export { Autoencoder, type Learned, type Likelihood } from "./autoencoders/autoencoder.ts";
export {
  ContractiveAutoencoder,
  type ContractiveOptions,
  contractiveAutoencoder,
} from "./autoencoders/contractive.ts";
export { convAutoencoder, unpoolingAutoencoder } from "./autoencoders/conv.ts";
export {
  DenoisingAutoencoder,
  type DenoisingOptions,
  denoisingAutoencoder,
} from "./autoencoders/denoising.ts";
export {
  deepAutoencoder,
  linearAutoencoder,
  undercompleteAutoencoder,
} from "./autoencoders/dense.ts";
export { type AutoencoderName, isAutoencoder } from "./autoencoders/index.ts";
export {
  MaskedAutoencoder,
  type MaskedOptions,
  maskedAutoencoder,
} from "./autoencoders/masked.ts";
export type { AutoencoderOptions, DenseAutoencoderOptions } from "./autoencoders/options.ts";
export {
  SparseAutoencoder,
  type SparseOptions,
  type SparsityOptions,
  sparseAutoencoder,
} from "./autoencoders/sparse.ts";
export {
  type DrawOptions,
  VariationalAutoencoder,
  type VariationalOptions,
  variationalAutoencoder,
} from "./autoencoders/variational.ts";
export { type CharMlpOptions, charMlp } from "./char-mlp.ts";
export { Contrastive } from "./contrastive.ts";
export { digitsNet } from "./digits-net.ts";
export type { ImageModelOptions } from "./image.ts";
export { ImageClassifier } from "./image-classifier.ts";
export { lenet } from "./lenet.ts";
export { type MlpOptions, mlp } from "./mlp.ts";
export type { TorchNames } from "./state-dict/link.ts";
export {
  type LoadReport,
  type LoadStateDictOptions,
  loadStateDict,
  type SaveStateDictOptions,
  saveStateDict,
} from "./state-dict/state-dict.ts";
export { alexnetOwt } from "./torchvision/alexnet.ts";
export { MobileNetV2, mobilenetV2 } from "./torchvision/mobilenet.ts";
export { PooledClassifier, type TorchvisionOptions } from "./torchvision/parts.ts";
export { ResNet, resnet18, resnet50 } from "./torchvision/resnet.ts";
export { SqueezeNet, squeezenet } from "./torchvision/squeezenet.ts";
export { vgg11, vgg16 } from "./torchvision/vgg.ts";
export { Bert, type BertInputs, type BertOptions, bert } from "./transformers/bert.ts";
export { Gpt, type GptOptions, gpt } from "./transformers/gpt.ts";
export { vgg } from "./vgg.ts";

/** The names of models that classify, or predict numbers. */
export type ClassifierName =
  | ("conv" | "mlp" | "lenet" | "vgg" | "alexnet" | "char-mlp")
  | ("alexnet-owt" | "vgg11" | "vgg16" | "resnet18" | "resnet50" | "squeezenet" | "mobilenet-v2");

/** The names that {@link createModel} knows, and `onnx` for a net that only its file describes. */
export type ModelName = ClassifierName | AutoencoderName | "onnx";

/** The options of a contractive autoencoder are among those of a sparse one. */
type AutoencoderChoices = DenoisingOptions & SparseOptions & VariationalOptions & MaskedOptions;

/** Options of models by name; plain data. Options that a model does not have are errors. */
export interface ModelOptions extends Partial<AutoencoderChoices> {
  /** The shape of one example, without the batch axis. */
  readonly inputShape: Shape;
  /** Outputs of a classifier or regressor, required there; autoencoders have none. */
  readonly classes?: number | undefined;
  /** Units of the hidden layers, for models whose hidden layers are all dense. */
  readonly hidden?: readonly number[] | undefined;
  readonly seed?: number | undefined;
  /** λ of the penalty of a sparse or contractive autoencoder. */
  readonly weight?: number | undefined;
}

/** A model as plain data, from which {@link createModel} builds it. */
export interface ModelConfig {
  readonly name: ModelName;
  readonly options: ModelOptions;
}

/** What a model that classifies takes. */
interface ClassifierOptions {
  readonly inputShape: Shape;
  readonly classes: number;
  readonly hidden?: readonly number[] | undefined;
  readonly seed?: number | undefined;
}

const classifiers: Readonly<Record<ClassifierName, (options: ClassifierOptions) => Module>> = {
  conv: digitsNet,
  mlp,
  lenet,
  vgg,
  alexnet,
  "char-mlp": charMlp,
  "alexnet-owt": alexnetOwt,
  vgg11,
  vgg16,
  resnet18,
  resnet50,
  squeezenet,
  "mobilenet-v2": mobilenetV2,
};

/** Models whose hidden layers are all dense. */
const dense: readonly string[] = ["mlp", "char-mlp"];

const optionNames: OptionNames<ClassifierOptions> = {
  ...{ inputShape: true, classes: "count", hidden: true, seed: "number" },
};

/** The names of models that classify, or predict numbers. */
export const classifierNames = Object.keys(classifiers) as readonly ClassifierName[];

/** All names that {@link createModel} knows. */
export const modelNames: readonly ModelName[] = [
  ...classifierNames,
  ...(Object.keys(autoencoders) as AutoencoderName[]),
];

/**
 * The model that a configuration describes.
 *
 * @throws {ConfigError} for an unknown name, or a shape that the model does not accept.
 * @example
 * const config = { name: "mlp", options: { inputShape: [1, 28, 28], classes: 10, seed: 1 } };
 * createModel(config).forward(zeros([2, 1, 28, 28])).shape; // [2, 10]
 */
export function createModel(config: ModelConfig): Module {
  checkOptions("createModel", config ?? null, { name: "text", options: true });
  const { name, options } = config;
  if (isAutoencoder(name)) return autoencoders[name](options as never);
  if (name !== "onnx" && Object.hasOwn(classifiers, name)) return classifier(name, options);
  const near = nearest(name, modelNames);
  throw new ConfigError({
    subject: "model",
    problem: `there is no model "${name}".`,
    fix: `${near ? `did you mean "${near}"? ` : ""}Models: ${modelNames.join(", ")}.`,
  });
}

function classifier(name: ClassifierName, options: ModelOptions): Module {
  checkOptions<object>(`model "${name}"`, options ?? null, optionNames);
  const { hidden, classes, ...rest } = options;
  if (classes === undefined)
    throw new ConfigError({
      subject: `model "${name}"`,
      problem: "classes, the number of its outputs, is missing.",
      fix: "give it, such as classes: 10.",
    });
  if (hidden && !dense.includes(name)) throw noHidden(name);
  const image = { ...rest, classes };
  return classifiers[name](dense.includes(name) ? { ...image, hidden } : image);
}

const noHidden = (name: string): ConfigError =>
  new ConfigError({
    subject: `model "${name}"`,
    problem: "the units of its hidden layers cannot be chosen.",
    fix: 'leave out hidden, or use the model "mlp".',
  });

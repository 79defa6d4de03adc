/**
 * The networks of `gradus/models` by their names on the command line: plain data, as for the
 * learners.
 */
import type { AutoencoderName, ModelName } from "../../models/index.ts";

export interface NetworkRow {
  readonly about: string;
  /** The options of its function that settings of `model` can set. */
  readonly options: readonly string[];
}

const narrow = ["code", "likelihood"];

const autoencoders: Readonly<Record<AutoencoderName, NetworkRow>> = {
  "undercomplete-autoencoder": {
    about: "one layer into a narrow code, one back",
    options: narrow,
  },
  "linear-autoencoder": {
    about: "without a nonlinearity: finds the subspace of PCA",
    options: narrow,
  },
  "deep-autoencoder": {
    about: "dense layers into a narrow code and back",
    options: [...narrow, "hidden"],
  },
  "conv-autoencoder": {
    about: "convolutions into a narrow code, transposed convolutions back, for images",
    options: narrow,
  },
  "unpooling-autoencoder": {
    about: "convolutions and pooling, and a decoder that unpools, for images",
    options: narrow,
  },
  "denoising-autoencoder": {
    about: "sees examples with noise and gives them back without",
    options: [...narrow, "hidden", "noise"],
  },
  "sparse-autoencoder": {
    about: "a wide code of which few units are active",
    options: [...narrow, "sparsity", "weight", "rho"],
  },
  "contractive-autoencoder": {
    about: "a code that changes little where the example does",
    options: [...narrow, "weight"],
  },
  "variational-autoencoder": {
    about: "a code that is a distribution, from which new examples are drawn",
    options: [...narrow, "hidden", "beta"],
  },
  "masked-autoencoder": {
    about: "a transformer that sees some patches of an image and gives the others",
    options: [...narrow, "patch", "withheld"],
  },
};

export const networks: Readonly<Record<ModelName, NetworkRow>> = {
  conv: { about: "a small convolutional net for images, 28 × 28 and the like", options: [] },
  mlp: { about: "dense layers with ReLU, for tables, points and images", options: ["hidden"] },
  lenet: { about: "LeNet-5 of 1998, for small grey images", options: [] },
  "char-mlp": {
    about: "the next character of a text, by an embedding and dense layers",
    options: ["hidden"],
  },
  vgg: { about: "a short VGG, 3 × 3 convolutions in blocks", options: [] },
  alexnet: { about: "AlexNet of 2012, for images of 67 pixels and more", options: [] },
  "alexnet-owt": { about: "AlexNet with torchvision's layout, from 63 pixels", options: [] },
  vgg11: { about: "VGG of 11 layers with torchvision's layout, from 32 pixels", options: [] },
  vgg16: { about: "VGG of 16 layers with torchvision's layout, from 32 pixels", options: [] },
  resnet18: { about: "a residual net of 18 layers with torchvision's layout", options: [] },
  resnet50: { about: "a residual net of 50 layers with torchvision's layout", options: [] },
  squeezenet: { about: "SqueezeNet 1.1 with torchvision's layout, from 17 pixels", options: [] },
  "mobilenet-v2": { about: "MobileNetV2 with torchvision's layout, depthwise", options: [] },
  onnx: { about: "a net of another program, with train --from net.onnx", options: [] },
  ...autoencoders,
};

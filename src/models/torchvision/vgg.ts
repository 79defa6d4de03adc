import { checkOptions } from "../../base/index.ts";
import { Conv2d, MaxPool2d, type Module, ReLU, Sequential, seeded } from "../../nn/index.ts";
import {
  AdaptiveAvgPool,
  denseClassifier,
  imageInput,
  optionNames,
  PooledClassifier,
  type TorchvisionOptions,
} from "./parts.ts";

/** Channels of the convolutions, 0 for a pooling: columns A and D of the paper's table 1. */
const columns = {
  vgg11: [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0],
  vgg16: [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0],
} as const;

function build(
  name: keyof typeof columns,
  { inputShape, classes, seed, dtype }: TorchvisionOptions,
): PooledClassifier {
  return seeded(seed, () => {
    const { input, channels } = imageInput(name, inputShape, 32);
    let inputs = channels;
    const layers = columns[name].flatMap((outputs): Module[] => {
      if (outputs === 0) return [new MaxPool2d(2)];
      const conv = new Conv2d(inputs, outputs, 3, { padding: 1, dtype });
      inputs = outputs;
      return [conv, new ReLU()];
    });
    const classifier = denseClassifier(512 * 49, classes, "last", dtype);
    return new PooledClassifier(input, new Sequential(layers), new AdaptiveAvgPool(7), classifier);
  });
}

/**
 * VGG with 11 layers and torchvision's names: 8 convolutions 3×3 in 5 blocks, three dense layers.
 * Its outputs are logits.
 *
 * @see Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image
 * recognition", table 1, column A; {@link loadStateDict}
 * @example
 * const model = vgg11({ inputShape: [3, 32, 32], classes: 10 });
 * Object.keys(model.parameters())[0]; // "features.layers.0.weight"
 */
export function vgg11(options: TorchvisionOptions): PooledClassifier {
  checkOptions("vgg11", options ?? null, optionNames);
  return build("vgg11", options);
}

/**
 * VGG with 16 layers and torchvision's names: 13 convolutions 3×3 in 5 blocks, three dense layers.
 * On `[3, 224, 224]` with 1000 classes it has 138 357 544 parameters.
 *
 * @see Simonyan & Zisserman 2015, table 1, column D; {@link loadStateDict}
 */
export function vgg16(options: TorchvisionOptions): PooledClassifier {
  checkOptions("vgg16", options ?? null, optionNames);
  return build("vgg16", options);
}

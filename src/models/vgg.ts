import { checkOptions } from "../base/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
  seeded,
} from "../nn/index.ts";
import { ImageInput } from "./examples.ts";
import { type ImageModelOptions, imageSizes } from "./image.ts";
import { ImageClassifier } from "./image-classifier.ts";

/** Convolution 3×3 that keeps the size; a bias would cancel in the normalisation. */
const block = (inputs: number, outputs: number): Module[] => [
  new Conv2d(inputs, outputs, 3, { padding: "same", bias: false }),
  new BatchNorm2d(outputs),
  new ReLU(),
];

/**
 * A small net for photographs in the style of VGG: convolutions 3×3, twice as many channels after
 * each pooling, with batch normalisation before each ReLU.
 *
 *   32 · 32 · pool · 64 · 64 · pool · 128 · pool · dense
 *
 * On `[3, 32, 32]` with 10 classes it has 160 234 parameters and takes 29.5 million multiplications
 * an image: CIFAR-10 in minutes on two cores. Its outputs are logits.
 *
 * @see Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image
 * recognition", §2; Ioffe & Szegedy 2015, "Batch normalization"
 * @example
 * const model = vgg({ inputShape: [3, 32, 32], classes: 10 });
 * summary(model, [3, 32, 32]).totals.parameters; // 160234
 */
export function vgg(options: ImageModelOptions): ImageClassifier {
  checkOptions("vgg", options ?? null, { inputShape: true, classes: "count", seed: "number" });
  const { inputShape, classes, seed } = options;
  const [channels, height, width] = imageSizes("vgg", inputShape, 8);
  const eighth = (n: number) => n >> 3; // three poolings, each rounding down
  return seeded(
    seed,
    () =>
      new ImageClassifier(
        new Sequential(
          new ImageInput(inputShape, [channels, height, width]),
          ...block(channels, 32),
          ...block(32, 32),
          new MaxPool2d(2),
          ...block(32, 64),
          ...block(64, 64),
          new MaxPool2d(2),
          ...block(64, 128),
          new MaxPool2d(2),
        ),
        new Sequential(
          new Flatten(),
          new Dropout(0.25),
          new Linear(128 * eighth(height) * eighth(width), classes),
        ),
      ),
  );
}

import { checkOptions } from "../base/index.ts";
import {
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
  seeded,
} from "../nn/index.ts";
import { ImageInput } from "./examples.ts";
import { type ImageModelOptions, imageSizes } from "./image.ts";
import { ImageClassifier } from "./image-classifier.ts";

/**
 * A small convolutional net for digits and other small images: two blocks of convolution 3×3, ReLU
 * and pooling, then two dense layers. Its outputs are logits.
 *
 * @example
 * const model = digitsNet({ inputShape: [1, 28, 28], classes: 10 });
 * model.forward(zeros([32, 1, 28, 28])).shape; // [32, 10]
 */
export function digitsNet(options: ImageModelOptions): ImageClassifier {
  checkOptions("digitsNet", options ?? null, {
    inputShape: true,
    classes: "count",
    seed: "number",
  });
  const { inputShape, classes, seed } = options;
  const [channels, height, width] = imageSizes("conv", inputShape, 4);
  const quarter = (n: number) => n >> 2; // two poolings, each rounding down
  return seeded(
    seed,
    () =>
      new ImageClassifier(
        new Sequential(
          new ImageInput(inputShape, [channels, height, width]),
          new Conv2d(channels, 16, 3, { padding: "same" }),
          new ReLU(),
          new MaxPool2d(2),
          new Conv2d(16, 32, 3, { padding: "same" }),
          new ReLU(),
          new MaxPool2d(2),
        ),
        new Sequential(
          new Flatten(),
          new Dropout(0.25),
          new Linear(32 * quarter(height) * quarter(width), 128),
          new ReLU(),
          new Dropout(0.25),
          new Linear(128, classes),
        ),
      ),
  );
}

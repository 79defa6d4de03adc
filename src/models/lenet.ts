import { checkOptions } from "../base/index.ts";
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, seeded } from "../nn/index.ts";
import { ImageInput } from "./examples.ts";
import { type ImageModelOptions, imageSizes } from "./image.ts";
import { ImageClassifier } from "./image-classifier.ts";

/**
 * LeNet-5 in its modern form: two convolutions 5×5 with pooling, of 8 and 16 channels, then dense
 * layers of 120, 84 and the classes; ReLU instead of sigmoids. On `[3, 32, 32]` it has 62 958
 * parameters. Its outputs are logits.
 *
 * @see LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document
 * recognition"
 * @example
 * summary(lenet({ inputShape: [3, 32, 32], classes: 10 }), [3, 32, 32]).totals.parameters; // 62958
 */
export function lenet(options: ImageModelOptions): ImageClassifier {
  checkOptions("lenet", options ?? null, { inputShape: true, classes: "count", seed: "number" });
  const { inputShape, classes, seed } = options;
  const [channels, height, width] = imageSizes("lenet", inputShape, 16);
  const pooledTwice = (n: number) => (((n - 4) >> 1) - 4) >> 1;
  return seeded(
    seed,
    () =>
      new ImageClassifier(
        new Sequential(
          new ImageInput(inputShape, [channels, height, width]),
          new Conv2d(channels, 8, 5),
          new ReLU(),
          new MaxPool2d(2),
          new Conv2d(8, 16, 5),
          new ReLU(),
          new MaxPool2d(2),
        ),
        new Sequential(
          new Flatten(),
          new Linear(16 * pooledTwice(height) * pooledTwice(width), 120),
          new ReLU(),
          new Linear(120, 84),
          new ReLU(),
          new Linear(84, classes),
        ),
      ),
  );
}

import { checkOptions } from "../base/index.ts";
import {
  Conv2d,
  Dropout,
  Flatten,
  init,
  Linear,
  LocalResponseNorm,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
  seeded,
} from "../nn/index.ts";
import { ImageInput } from "./examples.ts";
import { type ImageModelOptions, imageSizes } from "./image.ts";
import { ImageClassifier } from "./image-classifier.ts";

/**
 * Initialization as in the paper: N(0, 0.01²), and biases of 1 where ReLUs should be active from
 * the beginning.
 */
const weights = { init: init.normal(0, 0.01) };
const awake = { ...weights, biasInit: init.constant(1) };

/**
 * AlexNet as described in the paper: five convolutions, the second, fourth and fifth in two groups
 * (each GPU saw its own half of the channels), local response normalisation, overlapping pooling,
 * dropout, three dense layers. Its outputs are logits. On `[3, 227, 227]` with 1000 classes it has
 * 60 965 224 parameters and 659 272 units:
 *
 *   290 400 · 186 624 · 64 896 · 64 896 · 43 264 · 4096 · 4096 · 1000
 *
 * The paper prints 253 440 for the first layer, against its own 55 × 55 × 96 = 290 400: that number
 * is 55 · 48 · 96, with the 48 channels of one GPU in place of a side of the map. Its images of 224
 * do not give 55 either, as (224 − 11)/4 is not an integer; 227 do.
 *
 * @see Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural
 * networks", §3.5, §5
 * @example
 * const model = alexnet({ inputShape: [3, 227, 227], classes: 1000 });
 * summary(model, [3, 227, 227]).totals.parameters; // 60965224
 */
export function alexnet(options: ImageModelOptions): ImageClassifier {
  checkOptions("alexnet", options ?? null, { inputShape: true, classes: "count", seed: "number" });
  const { inputShape, classes, seed } = options;
  const [channels, height, width] = imageSizes("alexnet", inputShape, 67);
  const halved = (n: number) => (n - 3) >> 1; // windows of 3 at stride 2, less one
  const last = (n: number) => halved(halved(halved(((n - 11) >> 2) + 1) + 1) + 1) + 1;
  const pool = () => new MaxPool2d(3, { stride: 2 });
  const dense = (inputs: number, outputs: number): Module[] => [
    new Dropout(0.5),
    new Linear(inputs, outputs, awake),
    new ReLU(),
  ];
  return seeded(
    seed,
    () =>
      new ImageClassifier(
        new Sequential(
          new ImageInput(inputShape, [channels, height, width]),
          new Conv2d(channels, 96, 11, { ...weights, stride: 4 }),
          new ReLU(),
          new LocalResponseNorm(),
          pool(),
          new Conv2d(96, 256, 5, { ...awake, padding: 2, groups: 2 }),
          new ReLU(),
          new LocalResponseNorm(),
          pool(),
          new Conv2d(256, 384, 3, { ...weights, padding: 1 }),
          new ReLU(),
          new Conv2d(384, 384, 3, { ...awake, padding: 1, groups: 2 }),
          new ReLU(),
          new Conv2d(384, 256, 3, { ...awake, padding: 1, groups: 2 }),
          new ReLU(),
          pool(),
        ),
        new Sequential(
          new Flatten(),
          ...dense(256 * last(height) * last(width), 4096),
          ...dense(4096, 4096),
          new Linear(4096, classes, weights),
        ),
      ),
  );
}

import { checkOptions } from "../../base/index.ts";
import { Conv2d, MaxPool2d, ReLU, Sequential, seeded } from "../../nn/index.ts";
import {
  AdaptiveAvgPool,
  denseClassifier,
  imageInput,
  optionNames,
  PooledClassifier,
  type TorchvisionOptions,
} from "./parts.ts";

/**
 * AlexNet as torchvision has it, so that its weights load: one tower of convolutions, from
 * Krizhevsky's “One weird trick”, without local response normalisation. {@link alexnet} is the net of
 * 2012. Its outputs are logits.
 *
 * @see Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks"; {@link loadStateDict}
 * @example
 * const model = alexnetOwt({ inputShape: [3, 224, 224], classes: 1000 });
 * summary(model, [3, 224, 224]).totals.parameters; // 61100840
 */
export function alexnetOwt(options: TorchvisionOptions): PooledClassifier {
  checkOptions("alexnetOwt", options ?? null, optionNames);
  const { inputShape, classes, seed, dtype } = options;
  return seeded(seed, () => {
    const { input, channels } = imageInput("alexnet-owt", inputShape, 63);
    const pool = () => new MaxPool2d(3, { stride: 2 });
    const conv = (inputs: number, outputs: number, size: number, stride = 1) => {
      const padding = size === 11 ? 2 : size >> 1;
      return [new Conv2d(inputs, outputs, size, { stride, padding, dtype }), new ReLU()];
    };
    const features = new Sequential(
      ...conv(channels, 64, 11, 4),
      pool(),
      ...conv(64, 192, 5),
      pool(),
      ...conv(192, 384, 3),
      ...conv(384, 256, 3),
      ...conv(256, 256, 3),
      pool(),
    );
    const classifier = denseClassifier(256 * 36, classes, "first", dtype);
    return new PooledClassifier(input, features, new AdaptiveAvgPool(6), classifier);
  });
}

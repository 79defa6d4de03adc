/** Parts of torchvision's models. */
import type { FloatDType, OptionNames, Shape } from "../../base/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  type ConvLayerOptions,
  Dropout,
  Linear,
  Module,
  ReLU,
  Sequential,
} from "../../nn/index.ts";
import { maxPool, type Tensor, tensor } from "../../tensor/index.ts";
import { ImageInput } from "../examples.ts";
import { type ImageModelOptions, imageSizes } from "../image.ts";

/** Options of models with torchvision's layout. */
export interface TorchvisionOptions extends ImageModelOptions {
  readonly dtype?: FloatDType | undefined;
}

export const optionNames: OptionNames<TorchvisionOptions> = {
  ...{ inputShape: true, classes: "count", seed: "number", dtype: true },
};

/** Reshapes examples to images; its sizes. @throws {ConfigError} for smaller images. */
export function imageInput(name: string, inputShape: Shape, least: number) {
  const sizes = imageSizes(name, inputShape, least);
  return { input: new ImageInput(inputShape, sizes), channels: sizes[0] };
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return x.relu().minimum(6);
  }
}

/**
 * Means over a grid of `size` × `size` windows, whatever the size of the image: window i of n
 * elements reaches from ⌊i n / size⌋ to ⌈(i + 1) n / size⌉, as in PyTorch's adaptive pooling.
 */
export class AdaptiveAvgPool extends Module {
  readonly size: number;
  constructor(size: number) {
    super();
    this.size = size;
  }

  /** `[N, C, H, W]` → `[N, C, size, size]` */
  forward(x: Tensor): Tensor {
    const [height, width] = x.shape.slice(2) as [number, number];
    const rows = this.#means(height, x);
    const columns = this.#means(width, x);
    const y = rows ? rows.matmul(x) : x;
    return columns ? y.matmul(columns.transpose()) : y;
  }

  /** `[size, n]`, each row a mean; null where it would be the identity. */
  #means(n: number, { dtype }: Tensor): Tensor | null {
    const { size } = this;
    if (n === size) return null;
    const rows = Array.from({ length: size }, (_, i) => {
      const [from, to] = [Math.floor((i * n) / size), Math.ceil(((i + 1) * n) / size)];
      return Array.from({ length: n }, (_, j) => (j >= from && j < to ? 1 / (to - from) : 0));
    });
    return tensor(rows, dtype);
  }
}

/**
 * The largest of each window of 3 × 3 at stride 2, where the last window may end outside
 * (`ceil_mode`). After a ReLU, so that zeros around are as good as −∞.
 */
export class CeilMaxPool extends Module {
  forward(x: Tensor): Tensor {
    const [height, width] = x.shape.slice(2) as [number, number];
    const missing = (n: number): [number, number] => [0, (n + 1) % 2];
    const whole = x.pad([[0, 0], [0, 0], missing(height), missing(width)]);
    return maxPool(whole, { size: 3, stride: 2 });
  }
}

/** Features, pooled to a grid, and a classifier: the layout of AlexNet and VGG. */
export class PooledClassifier extends Module {
  readonly input: ImageInput;
  /** Images `[N, C, H, W]` to feature maps. */
  readonly features: Sequential;
  readonly avgpool: Module;
  /** Flat feature maps to logits `[N, classes]`. */
  readonly classifier: Sequential;

  constructor(input: ImageInput, features: Sequential, avgpool: Module, classifier: Sequential) {
    super();
    this.input = input;
    this.features = features;
    this.avgpool = avgpool;
    this.classifier = classifier;
  }

  forward(x: Tensor): Tensor {
    const y = this.avgpool.forward(this.features.forward(this.input.forward(x)));
    return this.classifier.forward(y.flatten({ startAxis: 1 }));
  }
}

/** A convolution with padding that keeps the size at stride 1, batch normalisation, a nonlinearity. */
export const convNorm = (
  inputs: number,
  outputs: number,
  size: number,
  options: Omit<ConvLayerOptions, "bias" | "padding">,
  activation: Module,
): Sequential =>
  new Sequential(
    new Conv2d(inputs, outputs, size, { ...options, padding: size >> 1, bias: false }),
    new BatchNorm2d(outputs, { dtype: options.dtype }),
    activation,
  );

/** Two hidden layers of 4096 and the logits, with dropout where each net has it. */
export function denseClassifier(
  inputs: number,
  classes: number,
  dropout: "first" | "last",
  dtype: FloatDType | undefined,
): Sequential {
  const width = 4096;
  const hidden = (n: number) => {
    const layers = [new Linear(n, width, { dtype }), new ReLU()];
    return dropout === "first" ? [new Dropout(0.5), ...layers] : [...layers, new Dropout(0.5)];
  };
  return new Sequential(...hidden(inputs), ...hidden(width), new Linear(width, classes, { dtype }));
}

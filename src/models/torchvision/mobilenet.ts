import { checkOptions, type FloatDType } from "../../base/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  GlobalAvgPool,
  Linear,
  Module,
  Sequential,
  seeded,
} from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { ImageInput } from "../examples.ts";
import { convNorm, imageInput, optionNames, ReLU6, type TorchvisionOptions } from "./parts.ts";

/** Expansion, channels, blocks, first stride: table 2 of the paper. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Many channels by a convolution 1×1, a depthwise 3×3, few channels again without a nonlinearity. */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly isResidual: boolean;

  constructor(
    inputs: number,
    outputs: number,
    stride: number,
    expansion: number,
    dtype: FloatDType | undefined,
  ) {
    super();
    const many = inputs * expansion;
    this.isResidual = stride === 1 && inputs === outputs;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [convNorm(inputs, many, 1, { dtype }, new ReLU6())]),
      convNorm(many, many, 3, { stride, groups: many, dtype }, new ReLU6()),
      new Conv2d(many, outputs, 1, { bias: false, dtype }),
      new BatchNorm2d(outputs, { dtype }),
    );
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.isResidual ? x.add(y) : y;
  }
}

/** Features, their mean over the map, a classifier; see {@link mobilenetV2}. */
export class MobileNetV2 extends Module {
  readonly input: ImageInput;
  readonly features: Sequential;
  readonly avgpool: GlobalAvgPool;
  readonly classifier: Sequential;

  constructor({ inputShape, classes, dtype }: TorchvisionOptions) {
    super();
    const { input, channels } = imageInput("mobilenet-v2", inputShape, 8);
    let inputs = 32;
    const blocks = stages.flatMap(([expansion, outputs, depth, first]) =>
      Array.from({ length: depth }, (_, i) => {
        const made = new InvertedResidual(inputs, outputs, i === 0 ? first : 1, expansion, dtype);
        inputs = outputs;
        return made;
      }),
    );
    this.input = input;
    this.features = new Sequential(
      convNorm(channels, 32, 3, { stride: 2, dtype }, new ReLU6()),
      ...blocks,
      convNorm(inputs, 1280, 1, { dtype }, new ReLU6()),
    );
    this.avgpool = new GlobalAvgPool();
    this.classifier = new Sequential(new Dropout(0.2), new Linear(1280, classes, { dtype }));
  }

  /** Images `[N, C, H, W]`, or flat ones → logits `[N, classes]` */
  forward(x: Tensor): Tensor {
    const y = this.features.forward(this.input.forward(x));
    return this.classifier.forward(this.avgpool.forward(y));
  }
}

/**
 * MobileNetV2 with torchvision's names: inverted residuals with depthwise convolutions, for small
 * machines. Its outputs are logits.
 *
 * @see Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks"; {@link loadStateDict}
 * @example
 * const model = mobilenetV2({ inputShape: [3, 224, 224], classes: 1000 });
 * summary(model, [3, 224, 224]).totals.parameters; // 3504872
 */
export function mobilenetV2(options: TorchvisionOptions): MobileNetV2 {
  checkOptions("mobilenetV2", options ?? null, optionNames);
  return seeded(options.seed, () => new MobileNetV2(options));
}

import { checkOptions, type FloatDType } from "../../base/index.ts";
import {
  Conv2d,
  Dropout,
  GlobalAvgPool,
  Module,
  ReLU,
  Sequential,
  seeded,
} from "../../nn/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import type { ImageInput } from "../examples.ts";
import { CeilMaxPool, imageInput, optionNames, type TorchvisionOptions } from "./parts.ts";

/** Few channels, then many again by convolutions 1×1 and 3×3 side by side. */
class Fire extends Module {
  readonly squeeze: Conv2d;
  readonly expand1x1: Conv2d;
  readonly expand3x3: Conv2d;

  constructor(inputs: number, few: number, many: number, dtype: FloatDType | undefined) {
    super();
    this.squeeze = new Conv2d(inputs, few, 1, { dtype });
    this.expand1x1 = new Conv2d(few, many, 1, { dtype });
    this.expand3x3 = new Conv2d(few, many, 3, { padding: 1, dtype });
  }

  forward(x: Tensor): Tensor {
    const y = this.squeeze.forward(x).relu();
    return concat([this.expand1x1.forward(y).relu(), this.expand3x3.forward(y).relu()], {
      axis: 1,
    });
  }
}

/** Features and a classifier that is a convolution; see {@link squeezenet}. */
export class SqueezeNet extends Module {
  readonly input: ImageInput;
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ inputShape, classes, dtype }: TorchvisionOptions) {
    super();
    const { input, channels } = imageInput("squeezenet", inputShape, 17);
    const fire = (inputs: number, few: number, many: number) => new Fire(inputs, few, many, dtype);
    this.input = input;
    this.features = new Sequential(
      new Conv2d(channels, 64, 3, { stride: 2, dtype }),
      new ReLU(),
      new CeilMaxPool(),
      fire(64, 16, 64),
      fire(128, 16, 64),
      new CeilMaxPool(),
      fire(128, 32, 128),
      fire(256, 32, 128),
      new CeilMaxPool(),
      fire(256, 48, 192),
      fire(384, 48, 192),
      fire(384, 64, 256),
      fire(512, 64, 256),
    );
    this.classifier = new Sequential(
      new Dropout(0.5),
      new Conv2d(512, classes, 1, { dtype }),
      new ReLU(),
      new GlobalAvgPool(),
    );
  }

  /** Images `[N, C, H, W]`, or flat ones → logits `[N, classes]` */
  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(this.input.forward(x)));
  }
}

/**
 * SqueezeNet 1.1 with torchvision's names: AlexNet's accuracy of 2016 with a fiftieth of its
 * parameters. Its outputs are logits, none below 0.
 *
 * @see Iandola et al. 2016, "SqueezeNet"; {@link loadStateDict}
 * @example
 * const model = squeezenet({ inputShape: [3, 224, 224], classes: 1000 });
 * summary(model, [3, 224, 224]).totals.parameters; // 1235496
 */
export function squeezenet(options: TorchvisionOptions): SqueezeNet {
  checkOptions("squeezenet", options ?? null, optionNames);
  return seeded(options.seed, () => new SqueezeNet(options));
}

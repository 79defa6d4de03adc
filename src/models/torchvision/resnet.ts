import { checkOptions, type FloatDType } from "../../base/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  GlobalAvgPool,
  Linear,
  MaxPool2d,
  Module,
  Sequential,
  seeded,
} from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { ImageInput } from "../examples.ts";
import { imageInput, optionNames, type TorchvisionOptions } from "./parts.ts";

interface BlockSizes {
  readonly inputs: number;
  /** Channels of the 3×3 convolution. */
  readonly width: number;
  readonly stride: number;
  readonly dtype: FloatDType | undefined;
}

/** What block and shortcut share: y = relu(f(x) + s(x)). */
abstract class Block extends Module {
  /** A projection where the shape changes, else null: the identity. */
  readonly downsample: Sequential | null;

  constructor({ inputs, stride, dtype }: BlockSizes, outputs: number) {
    super();
    this.downsample =
      stride === 1 && inputs === outputs
        ? null
        : new Sequential(
            new Conv2d(inputs, outputs, 1, { stride, bias: false, dtype }),
            new BatchNorm2d(outputs, { dtype }),
          );
  }

  protected abstract body(x: Tensor): Tensor;

  forward(x: Tensor): Tensor {
    return this.body(x)
      .add(this.downsample?.forward(x) ?? x)
      .relu();
  }
}

/** Two convolutions 3×3. @see He et al. 2016, figure 5, left */
class BasicBlock extends Block {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;

  constructor(sizes: BlockSizes) {
    const { inputs, width, stride, dtype } = sizes;
    super(sizes, width);
    this.conv1 = new Conv2d(inputs, width, 3, { stride, padding: 1, bias: false, dtype });
    this.bn1 = new BatchNorm2d(width, { dtype });
    this.conv2 = new Conv2d(width, width, 3, { padding: 1, bias: false, dtype });
    this.bn2 = new BatchNorm2d(width, { dtype });
  }

  protected body(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu();
    return this.bn2.forward(this.conv2.forward(y));
  }
}

/** Convolutions 1×1, 3×3 (with the stride, as torchvision has it) and 1×1. @see He et al. 2016, figure 5, right */
class Bottleneck extends Block {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;

  constructor(sizes: BlockSizes) {
    const { inputs, width, stride, dtype } = sizes;
    const outputs = width * Bottleneck.expansion;
    super(sizes, outputs);
    this.conv1 = new Conv2d(inputs, width, 1, { bias: false, dtype });
    this.bn1 = new BatchNorm2d(width, { dtype });
    this.conv2 = new Conv2d(width, width, 3, { stride, padding: 1, bias: false, dtype });
    this.bn2 = new BatchNorm2d(width, { dtype });
    this.conv3 = new Conv2d(width, outputs, 1, { bias: false, dtype });
    this.bn3 = new BatchNorm2d(outputs, { dtype });
  }

  protected body(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu();
    const z = this.bn2.forward(this.conv2.forward(y)).relu();
    return this.bn3.forward(this.conv3.forward(z));
  }
}

/**
 * A residual net with torchvision's names: a convolution 7×7, a pooling, four stages of blocks, the
 * mean over the map, a dense layer. See {@link resnet18} and {@link resnet50}.
 */
export class ResNet extends Module {
  readonly input: ImageInput;
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly maxpool: MaxPool2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly avgpool: GlobalAvgPool;
  readonly fc: Linear;

  /** @param depths the number of blocks of each stage. */
  constructor(
    name: string,
    block: typeof BasicBlock | typeof Bottleneck,
    depths: readonly [number, number, number, number],
    { inputShape, classes, dtype }: TorchvisionOptions,
  ) {
    super();
    const { input, channels } = imageInput(name, inputShape, 8);
    let inputs = 64;
    const stage = (width: number, depth: number, first: number): Sequential => {
      const blocks = Array.from({ length: depth }, (_, i) => {
        const made = new block({ inputs, width, stride: i === 0 ? first : 1, dtype });
        inputs = width * block.expansion;
        return made;
      });
      return new Sequential(blocks);
    };
    this.input = input;
    this.conv1 = new Conv2d(channels, 64, 7, { stride: 2, padding: 3, bias: false, dtype });
    this.bn1 = new BatchNorm2d(64, { dtype });
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = stage(64, depths[0], 1);
    this.layer2 = stage(128, depths[1], 2);
    this.layer3 = stage(256, depths[2], 2);
    this.layer4 = stage(512, depths[3], 2);
    this.avgpool = new GlobalAvgPool();
    this.fc = new Linear(inputs, classes, { dtype });
  }

  /** Images `[N, C, H, W]`, or flat ones → logits `[N, classes]` */
  forward(x: Tensor): Tensor {
    const stem = this.bn1.forward(this.conv1.forward(this.input.forward(x))).relu();
    let y = this.maxpool.forward(stem);
    for (const stage of [this.layer1, this.layer2, this.layer3, this.layer4]) y = stage.forward(y);
    return this.fc.forward(this.avgpool.forward(y));
  }
}

/**
 * ResNet with 18 layers and torchvision's names. Its outputs are logits.
 *
 * @see He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition", table 1; {@link loadStateDict}
 * @example
 * const model = resnet18({ inputShape: [3, 224, 224], classes: 1000 });
 * summary(model, [3, 224, 224]).totals.parameters; // 11689512
 */
export function resnet18(options: TorchvisionOptions): ResNet {
  checkOptions("resnet18", options ?? null, optionNames);
  return seeded(options.seed, () => new ResNet("resnet18", BasicBlock, [2, 2, 2, 2], options));
}

/**
 * ResNet with 50 layers and torchvision's names, whose blocks have their stride in the 3×3
 * convolution (“v1.5”). Its outputs are logits.
 *
 * @see He, Zhang, Ren & Sun 2016, table 1; {@link loadStateDict}
 * @example
 * const model = resnet50({ inputShape: [3, 224, 224], classes: 1000 });
 * summary(model, [3, 224, 224]).totals.parameters; // 25557032
 */
export function resnet50(options: TorchvisionOptions): ResNet {
  checkOptions("resnet50", options ?? null, optionNames);
  return seeded(options.seed, () => new ResNet("resnet50", Bottleneck, [3, 4, 6, 3], options));
}

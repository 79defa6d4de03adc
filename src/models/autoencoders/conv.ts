/** Convolutional autoencoders of images: an encoder, and two ways to decode. */
import type { FloatDType } from "../../base/index.ts";
import {
  Conv2d,
  ConvTranspose2d,
  Flatten,
  Linear,
  MaxPool2d,
  MaxUnpool2d,
  type Module,
  ReLU,
  Reshape,
  Sequential,
  seeded,
} from "../../nn/index.ts";
import { ImageInput } from "../examples.ts";
import { imageSizes } from "../image.ts";
import { Autoencoder } from "./autoencoder.ts";
import { type AutoencoderOptions, asExample, checkAutoencoder, narrowCode } from "./options.ts";

type Sizes = readonly [channels: number, height: number, width: number];
type DTypeOption = { readonly dtype: FloatDType | undefined };

const channels = [16, 32] as const;
/** Convolution of size 3 at stride 2 with padding 1, and pooling of size 2. */
const halved = { conv: (n: number) => (n + 1) >> 1, pool: (n: number) => n >> 1 };

/** Two convolutions, each to half the size: `[N, C, H, W]` → `[N, 32, ⌈H/4⌉, ⌈W/4⌉]`. */
export const downBlocks = ([from]: Sizes, { dtype }: DTypeOption): Module[] => {
  const options = { stride: 2, padding: 1, dtype };
  return [
    new Conv2d(from, channels[0], 3, options),
    new ReLU(),
    new Conv2d(channels[0], channels[1], 3, options),
    new ReLU(),
  ];
};

/**
 * Transposed convolutions back to the image. At stride 2 with padding 1 a kernel of 4 doubles a
 * side, one of 3 gives 2n − 1: so odd sides are restored as well.
 */
export function upBlocks([to, height, width]: Sizes, { dtype }: DTypeOption): Module[] {
  const kernel = (...sides: readonly number[]) => sides.map((n) => (n % 2 === 0 ? 4 : 3));
  const options = { stride: 2, padding: 1, dtype };
  const half = [height, width].map(halved.conv);
  return [
    new ConvTranspose2d(channels[1], channels[0], kernel(...half), options),
    new ReLU(),
    new ConvTranspose2d(channels[0], to, kernel(height, width), options),
  ];
}

/** Feature maps `[N, …maps]` to a code of K numbers and back, by a dense layer each. */
function bottleneck(maps: readonly number[], code: number, { dtype }: DTypeOption) {
  const size = maps.reduce((n, d) => n * d, 1);
  return {
    down: [new Flatten(), new Linear(size, code, { dtype })],
    up: () => [new Linear(code, size, { dtype }), new ReLU(), new Reshape(maps)],
  };
}

/**
 * The convolutional autoencoder: two convolutions of stride 2 and a dense layer into the code, a
 * dense layer and two transposed convolutions back.
 *
 *   C×H×W – 16 – 32 – K – 32 – 16 – C×H×W
 *
 * @throws {ConfigError} for examples that are not images, or a code that is not smaller than one.
 * @see Masci, Meier, Cireşan & Schmidhuber 2011, "Stacked convolutional auto-encoders"; Dumoulin &
 * Visin 2016, §4
 * @example
 * const model = convAutoencoder({ inputShape: [1, 28, 28], code: 16 });
 * model.encode(zeros([2, 1, 28, 28])).shape; // [2, 16]
 * model.reconstruct(zeros([2, 1, 28, 28])).shape; // [2, 1, 28, 28]
 */
export function convAutoencoder(options: AutoencoderOptions): Autoencoder {
  checkAutoencoder("convAutoencoder", options, {});
  const { inputShape, likelihood, dtype, seed } = options;
  const sizes = imageSizes("convAutoencoder", inputShape, 4, "deep-autoencoder");
  const code = narrowCode("convAutoencoder", options);
  const quarter = (n: number) => halved.conv(halved.conv(n));
  return seeded(seed, () => {
    const maps = [channels[1], quarter(sizes[1]), quarter(sizes[2])];
    const down = downBlocks(sizes, { dtype });
    const between = bottleneck(maps, code, { dtype });
    return new Autoencoder(
      new Sequential(new ImageInput(inputShape, sizes), ...down, ...between.down),
      new Sequential(...between.up(), ...upBlocks(sizes, { dtype }), asExample(options)),
      { likelihood },
    );
  });
}

/**
 * A convolutional autoencoder whose decoder unpools: every maximum goes back to the position where
 * the encoder's pooling found it, and a convolution spreads it.
 *
 *   C×H×W – 16 – pool – 32 – pool – K – 32 – unpool – 16 – unpool – C×H×W
 *
 * The positions bypass the code, so reconstructions are sharp, but a code alone has none:
 * `decode(code, like)` takes those of examples.
 *
 * @throws {ConfigError} for examples that are not images, or a code that is not smaller than one.
 * @see Zeiler, Taylor & Fergus 2011, "Adaptive deconvolutional networks for mid and high level
 *   feature learning"; Noh, Hong & Han 2015, "Learning deconvolution network for semantic
 *   segmentation", §3.2
 * @example
 * const model = unpoolingAutoencoder({ inputShape: [1, 28, 28], code: 16 });
 * const x = zeros([2, 1, 28, 28]);
 * model.decode(model.encode(x), x).shape; // [2, 1, 28, 28]
 */
export function unpoolingAutoencoder(options: AutoencoderOptions): Autoencoder {
  checkAutoencoder("unpoolingAutoencoder", options, {});
  const { inputShape, likelihood, dtype, seed } = options;
  const sizes = imageSizes("unpoolingAutoencoder", inputShape, 4, "deep-autoencoder");
  const code = narrowCode("unpoolingAutoencoder", options);
  const quarter = (n: number) => halved.pool(halved.pool(n));
  const conv = (from: number, to: number) => new Conv2d(from, to, 3, { padding: 1, dtype });
  return seeded(seed, () => {
    const [fine, coarse] = [new MaxPool2d(2), new MaxPool2d(2)];
    const [from] = sizes;
    const down = [conv(from, channels[0]), new ReLU(), fine, conv(...channels), new ReLU(), coarse];
    const maps = [channels[1], quarter(sizes[1]), quarter(sizes[2])];
    const between = bottleneck(maps, code, { dtype });
    return new Autoencoder(
      new Sequential(new ImageInput(inputShape, sizes), ...down, ...between.down),
      new Sequential(
        ...between.up(),
        ...[new MaxUnpool2d(coarse), conv(channels[1], channels[0]), new ReLU()],
        ...[new MaxUnpool2d(fine), conv(channels[0], from)],
        asExample(options),
      ),
      { likelihood },
    );
  });
}

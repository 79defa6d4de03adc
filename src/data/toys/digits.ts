import { ConfigError, checkOptions, checkSeed } from "../../base/index.ts";
import { type Dataset, makeSplit, type Split } from "../dataset.ts";
import { FastRandom } from "../fast-random.ts";
import { InkPath, writeDigit } from "./digit-pen.ts";
import { rasterise } from "./digit-raster.ts";

/** The size of {@link digits}. */
export interface DigitsOptions {
  /** Number of training images. Default 10 000. */
  readonly train?: number;
  /** Number of test images. Default 2000. */
  readonly test?: number;
  readonly seed?: number;
}

/** Height and width of an image, as in MNIST. */
const side = 28;

/** Random streams: a training image can never be a test image. */
const trainStream = 0xd1;
const testStream = 0xd2;

/**
 * Handwritten-looking digits that need no download: the pen's path of each digit in several styles,
 * with random points, proportions, slant, rotation, size, position, elastic bending, pen width and
 * pressure, drawn as ink with soft edges and grain. White on black, 28 × 28, as in MNIST.
 *
 * Image i is a pure function of (seed, i) and shows digit i mod 10, so that a larger set begins
 * with the smaller one and every ten consecutive images contain each digit once. Training and test
 * images come from separate streams.
 *
 * @returns inputs `[N, 1, 28, 28]` float32 in [0, 1], multiples of 1/255; targets `[N]` int32.
 * @see Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks", §2
 * @example
 * const { train } = digits({ train: 100, test: 20, seed: 1 });
 * train.inputs.shape; // [100, 1, 28, 28]
 */
export function digits(options: DigitsOptions = {}): Dataset {
  checkOptions("digits", options, { train: "number", test: "number", seed: "number" });
  const { train = 10_000, test = 2000, seed = 0 } = options;
  checkCount("train", train, 1);
  checkCount("test", test, 0);
  checkSeed("digits", seed);
  return {
    name: "digits",
    task: "classification",
    train: generate(train, seed, trainStream),
    ...(test > 0 && { test: generate(test, seed, testStream) }),
    classes: Array.from("0123456789"),
  };
}

function generate(count: number, seed: number, stream: number): Split {
  const pixels = side * side;
  const inputs = new Float32Array(count * pixels);
  const targets = Int32Array.from({ length: count }, (_, i) => i % 10);
  const random = new FastRandom();
  const path = new InkPath();
  for (let i = 0; i < count; i++) {
    random.seek(seed, stream, i);
    writeDigit(i % 10, side, random, path);
    const ink = {
      softness: random.uniform(1, 1.7),
      strength: random.uniform(0.88, 1.12), // above 1: the core of the stroke is saturated
      grain: random.uniform(0, 0.08),
    };
    rasterise(path, side, ink, random, inputs.subarray(i * pixels, (i + 1) * pixels));
  }
  return makeSplit(
    { dtype: "float32", shape: [count, 1, side, side], data: inputs },
    { dtype: "int32", shape: [count], data: targets },
  );
}

function checkCount(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError({
    subject: "digits",
    problem: `${option} is ${value}, not a whole number of ${least} or more.`,
    fix: `give ${option} as a number of images, such as 1000.`,
  });
}

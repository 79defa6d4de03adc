/** The examples of the settings, as splits of gradus. */
import { hostArray, randomKey, uniform } from "gradus";
import {
  blobs,
  circles,
  fitStandardization,
  makeSplit,
  moons,
  type Split,
  spirals,
  splitDataset,
  standardize,
  subset,
  xor,
} from "gradus/data";
import { isTruthTable, type Settings, taskOf } from "../state/settings.ts";

export interface Examples {
  readonly train: Split;
  readonly test: Split;
}

/** Training and test examples; points of the plane are standardised by the training part. */
export function examplesOf(settings: Settings): Examples {
  const { seed, split } = settings;
  const all = pointsOf(settings);
  if (isTruthTable(settings)) {
    const table = withTargets(standardize(all, fitStandardization(all.inputs)), settings);
    return { train: table, test: table }; // the truth table has no other part
  }
  const [train, test] = splitDataset(all, 1 - split / 100, seed);
  const scale = fitStandardization(train.inputs);
  return {
    train: withTargets(standardize(train, scale), settings),
    test: withTargets(standardize(test, scale), settings),
  };
}

function pointsOf({ data, size, noise, seed, classes }: Settings): Split {
  const options = { size, noise, seed };
  if (data === "moons") return moons(options);
  if (data === "circles") return circles(options);
  if (data === "xor") return xor(options);
  if (data === "blobs") return blobs({ ...options, noise: 10 * noise, classes });
  if (data === "spiral") return spirals({ ...options, noise: noise / 5, classes });
  return surface(data === "waves" ? waves : slope, options);
}

const waves = (x: number, y: number): number => Math.sin(3 * x) * Math.cos(2 * y);
const slope = (x: number, y: number): number => (x + y) / 2;

/** Points that are uniform in [−1, 1]², with a height. */
function surface(
  height: (x: number, y: number) => number,
  { size, noise, seed }: { size: number; noise: number; seed: number },
): Split {
  const drawn = uniform([size, 3], { key: randomKey(seed) }).dataSync();
  const inputs = new Float32Array(2 * size);
  const targets = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const [x, y] = [2 * drawn[3 * i]! - 1, 2 * drawn[3 * i + 1]! - 1];
    inputs.set([x, y], 2 * i);
    targets[i] = height(x, y) + noise * (2 * drawn[3 * i + 2]! - 1);
  }
  return makeSplit(hostArray([size, 2], inputs), hostArray([size], targets));
}

/** A net that reproduces its inputs has them as targets. */
function withTargets(split: Split, settings: Settings): Split {
  if (taskOf(settings) !== "reconstruction") return split;
  return { inputs: split.inputs, targets: split.inputs, size: split.size };
}

/** The first examples, at most `count`. */
export const firstOf = (split: Split, count: number): Split =>
  split.size <= count
    ? split
    : subset(
        split,
        Array.from({ length: count }, (_, i) => i),
      );

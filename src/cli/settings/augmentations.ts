import { ConfigError, nearest } from "../../base/index.ts";
import {
  colorJitter,
  cutout,
  fitColorPca,
  horizontalFlip,
  mixup,
  noise,
  randomCrop,
  rotate,
  type Split,
  scale,
  shift,
  type Transform,
} from "../../data/index.ts";

/** What a transform needs to know about the training data. */
interface Context {
  readonly train: Split;
  readonly classes: number;
}

interface Maker {
  /** The text after the colon, for help. */
  readonly unit: string;
  /** The default value. */
  readonly usual: number;
  readonly make: (x: number, context: Context) => Transform;
}

/** Transforms in the notation of settings: `crop:4`, `flip`. */
const makers: Readonly<Record<string, Maker>> = {
  crop: { unit: "pixels", usual: 4, make: (padding) => randomCrop({ padding }) },
  flip: { unit: "probability", usual: 0.5, make: (probability) => horizontalFlip({ probability }) },
  rotate: { unit: "degrees", usual: 10, make: (degrees) => rotate({ degrees }) },
  scale: { unit: "most factor", usual: 1.1, make: (most) => scale({ scale: [1 / most, most] }) },
  shift: { unit: "share", usual: 0.1, make: (share) => shift({ shift: share }) },
  noise: { unit: "std", usual: 0.05, make: (std) => noise({ std }) },
  color: {
    unit: "share",
    usual: 0.2,
    make: (x) => colorJitter({ brightness: x, contrast: x, saturation: x }),
  },
  pca: {
    unit: "std",
    usual: 0.1,
    make: (std, { train }) => ({ kind: "pca", pca: fitColorPca(train.inputs), std }),
  },
  cutout: { unit: "pixels", usual: 8, make: (size) => cutout({ size }) },
  mixup: { unit: "alpha", usual: 0.2, make: (alpha, { classes }) => mixup({ alpha, classes }) },
};

/** `crop:pixels, flip:probability, …`, for help. */
export const augmentationNames: string = Object.entries(makers)
  .map(([name, { unit, usual }]) => `${name}:${unit} (${usual})`)
  .join(", ");

/**
 * The transforms in the settings. @throws {ConfigError} for an unknown name, or an invalid number.
 */
export const readAugmentations = (
  words: readonly string[],
  context: Context,
): readonly Transform[] =>
  words.map((word) => {
    const [name = "", text] = word.split(":", 2);
    if (!Object.hasOwn(makers, name)) throw unknown(name);
    const { usual, make } = makers[name]!;
    const value = text === undefined ? usual : Number(text);
    if (!Number.isFinite(value) || text === "") throw notNumber(word, name, usual);
    return make(value, context);
  });

function unknown(name: string): ConfigError {
  const names = Object.keys(makers);
  const near = nearest(name, names);
  return new ConfigError({
    subject: "data.augment",
    problem: `"${name}" is not one of ${names.join(", ")}.`,
    fix: near ? `did you mean ${near}?` : "name transforms with their sizes, such as crop:4,flip.",
  });
}

const notNumber = (word: string, name: string, usual: number): ConfigError =>
  new ConfigError({
    subject: "data.augment",
    problem: `"${word}" has no number after the colon.`,
    fix: `write ${name}:${usual}, or ${name} alone.`,
  });

/** Pretext tasks as `--pretext` names them: data whose targets are made of the inputs. */
import { DataError, sameShape, show } from "../../base/index.ts";
import {
  colorization,
  contrastivePairs,
  contrastiveViews,
  jigsaw,
  jigsawPermutations,
  maskedPatches,
  type Preparation,
  rotation,
  type Split,
  type Transform,
} from "../../data/index.ts";
import type { DataConfig } from "../run/run-config.ts";
import type { PretextName } from "../settings/pretexts.ts";
import { shownPath } from "./data-file.ts";
import type { Parts } from "./readers/reader.ts";

/** What is used of loaded data. */
interface Loaded extends Parts {
  readonly config: DataConfig;
  readonly notes: readonly string[];
}

interface Task {
  /** Of a split; the seed is another for each. */
  readonly make: (split: Split, seed: number, isTrain: boolean) => Split;
  /** What the targets mean; none for images and pairs. */
  readonly classes: readonly string[];
}

const [grid, orders] = [2, 24];
/** Sides of patches, the first that divides those of the images. */
const sides = [4, 7, 8, 5, 3, 2];

const patchFor = ({ inputs: { shape } }: Split): number =>
  sides.find((side) => shape.slice(-2).every((n) => n % side === 0)) ?? sides[0]!;

const tasks = {
  rotation: {
    make: (split, seed) => rotation(split, { seed }),
    classes: ["0°", "90°", "180°", "270°"],
  },
  jigsaw: {
    make: (split, seed) => jigsaw(split, { seed, grid, permutations: orders }),
    classes: jigsawPermutations(grid ** 2, orders).map((order) => order.map((k) => k + 1).join("")),
  },
  "masked-patches": {
    make: (split, seed) => maskedPatches(split, { seed, patch: patchFor(split) }),
    classes: [],
  },
  colorization: { make: (split) => colorization(split), classes: [] },
  contrastive: {
    // in training, views are made anew in every epoch
    make: (split, seed, isTrain) =>
      contrastivePairs(split, { seed, transforms: isTrain ? [] : viewsOf(split) }),
    classes: [],
  },
} as const satisfies Record<PretextName, Task>;

/** The random views of a training of pairs: letters and digits, which have no color, have a left and a right. */
export const viewsOf = ({ inputs: { shape } }: Split): Transform[] =>
  contrastiveViews({ flip: shape.at(-3) === 3 });

/**
 * The task in place of the data's own.
 *
 * @param stored the preparation of the run whose data these are like, if any.
 * @throws {DataError} for examples of another shape than the run's. @throws {ShapeError} for what are no images.
 */
export function withPretext<S extends Loaded>(
  name: PretextName,
  source: S,
  stored?: Preparation,
): S {
  const { make, classes }: Task = tasks[name];
  const { train, validation, test, config, notes } = source;
  const { inputShape } = config.preparation;
  if (stored && !sameShape(stored.inputShape, inputShape))
    throw new DataError({
      subject: shownPath(config.source),
      problem: `its examples are ${show(inputShape)}, the network was trained on ${show(stored.inputShape)}.`,
      fix: "give data of the same shape.",
    });
  const target =
    classes.length > 0
      ? ({ task: "classification", column: null, classes } as const)
      : ({ task: "regression", column: null, scale: null } as const);
  return {
    ...source,
    train: make(train, 0, true),
    validation: make(validation, 1, false),
    test: make(test, 2, false),
    config: { ...config, preparation: { ...config.preparation, target } },
    notes: [...notes, `pretext task ${name}: labels are not looked at`],
  };
}

import { ConfigError, checkOptions, DTypeError, ShapeError, show } from "../../base/index.ts";
import type { Split } from "../dataset.ts";
import { mostTransforms } from "./apply.ts";
import { Pool } from "./pool.ts";
import type { Transform } from "./transforms.ts";

/** The threads of {@link augment}. */
export interface AugmentOptions {
  /** Threads that transform batches ahead of their use; 0 uses the caller's thread. Default 1. */
  readonly workers?: number;
  /** Batches prepared or in preparation. Default 2 per worker. */
  readonly ahead?: number;
}

/** Transforms with the threads that apply them; an option of {@link batches}. */
export interface Augmentation {
  readonly transforms: readonly Transform[];
  readonly workers: number;
  readonly ahead: number;
  /** @internal */
  readonly pool: Pool;
  /** Ends the threads now. They restart when needed, and never keep a process alive. */
  close(): Promise<void>;
}

/**
 * Data augmentation: random changes of training examples that preserve their labels.
 *
 * They run on worker threads, a few batches ahead of the engine. What happens to example n in epoch
 * e is a pure function of (seed, e, n), independent of the number of threads and of resuming; only
 * mixup's partner also depends on the batch. Without threads (in a browser, or from sources that
 * Node does not run itself), the caller's thread does the work, with the same results.
 *
 * @param transforms applied in this order; those for images take inputs `[N, C, H, W]`.
 * @throws {ConfigError} if an option is invalid or there are more than 64 transforms.
 * @see Goodfellow, Bengio & Courville 2016, §7.4
 * @example
 * const bent = augment([randomCrop({ padding: 2 }), cutout({ size: 6 })]);
 * for await (const { inputs } of batches(digits({ train: 64, test: 1 }).train, { batchSize: 32, augment: bent }))
 *   inputs.shape; // [32, 1, 28, 28]
 */
export function augment(
  transforms: readonly Transform[],
  options: AugmentOptions = {},
): Augmentation {
  checkOptions("augment", options, { workers: true, ahead: true });
  const { workers = 1 } = options;
  const { ahead = 2 * Math.max(1, workers) } = options;
  checkWhole("workers", workers, 0, 64);
  checkWhole("ahead", ahead, 1, 1024);
  checkWhole("the number of transforms", transforms.length, 0, mostTransforms);
  const pool = new Pool(workers);
  const list = [...transforms];
  return { transforms: list, workers, ahead, pool, close: () => pool.close() };
}

function checkWhole(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new ConfigError({
    subject: "augment",
    problem: `${option} is ${value}, expected a whole number from ${least} to ${most}.`,
    fix: `give ${option} as a whole number from ${least} to ${most}.`,
  });
}

const anyShape: readonly Transform["kind"][] = ["noise", "mixup"];

/** @throws if the examples of a split do not suit the transforms. */
export function checkAugmentable(
  { inputs, targets }: Split,
  { transforms, pool }: Augmentation,
): void {
  if (!Array.isArray(transforms) || !(pool instanceof Pool))
    throw new ConfigError({
      subject: "augment",
      problem: "the option is not what augment(transforms) returns.",
      fix: "write { augment: augment([horizontalFlip()]) }.",
    });
  if (inputs.dtype !== "float32")
    throw new DTypeError({
      subject: "augment",
      problem: `inputs are ${inputs.dtype}, but transforms work on float32.`,
      fix: "convert the inputs to float32.",
    });
  for (const transform of transforms) {
    const { kind } = transform;
    const { length } = inputs.shape;
    const areImages = (length === 4 || length === 5) && kind !== "pca"; // or views of images
    const areColored = length >= 4 && length <= 5 && inputs.shape.at(-3) === 3;
    if (!anyShape.includes(kind) && !areImages && !areColored)
      throw new ShapeError({
        subject: `augment (${kind})`,
        problem: `inputs are ${show(inputs.shape)}, expected images ${kind === "pca" ? "[N, 3, H, W]" : "[N, C, H, W]"}.`,
        fix: "leave this transform out, or give the inputs the axes of images.",
      });
    if (kind === "mixup") checkMixup(targets, transform.classes);
  }
}

function checkMixup({ dtype, shape, data }: Split["targets"], classes: number): void {
  const isRows = dtype === "float32" && shape.length === 2 && shape[1] === classes;
  const isLabels = dtype === "int32" && shape.length === 1;
  if (!isRows && !isLabels)
    throw new ShapeError({
      subject: "augment (mixup)",
      problem: `targets are ${dtype} ${show(shape)}, expected int32 class indices [N] or float32 rows [N, ${classes}].`,
      fix: "give targets as class indices.",
    });
  const strange = isLabels ? data.find((k) => k < 0 || k >= classes) : undefined;
  if (strange !== undefined)
    throw new ConfigError({
      subject: "augment (mixup)",
      problem: `a target is class ${strange}, outside 0…${classes - 1}.`,
      fix: "give mixup the number of classes that the data have.",
    });
}

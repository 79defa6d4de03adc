import {
  ConfigError,
  checkOptions,
  checkSeed,
  type HostArray,
  type OptionNames,
  RandomStream,
  type TypedArray,
} from "../base/index.ts";
import { type Augmentation, checkAugmentable } from "./augment/augment.ts";
import { checkSplit, type Split, takeRows } from "./dataset.ts";

/** How {@link batches} iterates over a split. */
export interface BatchOptions {
  readonly batchSize: number;
  /** Shuffles anew for each (seed, epoch). Default false: the order of the split. */
  readonly shuffle?: boolean;
  readonly seed?: number;
  readonly epoch?: number;
  /** Drops a last batch that is not full. Default false. */
  readonly dropLast?: boolean;
  /** The first batch to return, to resume in the middle of an epoch. Default 0. */
  readonly start?: number;
}

/** {@link BatchOptions} with augmentation. */
export interface AugmentedBatchOptions extends BatchOptions {
  /** Augments the examples at random, by `seed` and `epoch`. Iterate with `for await`. */
  readonly augment: Augmentation | undefined;
}

const names: OptionNames<AugmentedBatchOptions> = {
  ...{ batchSize: true, shuffle: "boolean", seed: true, epoch: true, dropLast: "boolean" },
  ...{ start: true, augment: true },
};

/** Some examples of a split, stacked. */
export interface Batch {
  /** `[B, ...]` */
  readonly inputs: HostArray;
  /** `[B]` or `[B, ...]` */
  readonly targets: HostArray;
  /** The number of the batch in the epoch, from 0. */
  readonly index: number;
  /** `[B]` the rows of the split in this batch. */
  readonly rows: Int32Array;
}

/** The batches of one epoch. It can be iterated more than once, with the same batches each time. */
export interface Batches extends Iterable<Batch> {
  /** The number of batches, not counting those before `start`. */
  readonly length: number;
}

/** The batches of one epoch, prepared ahead by other threads. */
export interface AsyncBatches extends AsyncIterable<Batch> {
  /** The number of batches, not counting those before `start`. */
  readonly length: number;
}

/**
 * Cuts a split into batches; each batch has buffers of its own.
 *
 * The order is a pure function of (seed, epoch), so a run that stopped in epoch e after k batches
 * resumes exactly with `{ epoch: e, start: k }` and needs no saved random state.
 *
 * @throws {ConfigError} if `batchSize`, `epoch` or `start` are invalid, or no batch is left.
 * @example
 * for (const { inputs, targets } of batches(xor(), { batchSize: 2, shuffle: true, seed: 1 })) {
 *   inputs.shape; // [2, 2]
 *   targets.shape; // [2]
 * }
 */
export function batches(
  split: Split,
  options: AugmentedBatchOptions & { augment: Augmentation },
): AsyncBatches;
export function batches(split: Split, options: AugmentedBatchOptions): Batches | AsyncBatches;
export function batches(split: Split, options: BatchOptions & { augment?: undefined }): Batches;
export function batches(
  split: Split,
  options: BatchOptions & { readonly augment?: Augmentation | undefined },
): Batches | AsyncBatches {
  checkSplit("batches", split, "the data");
  checkOptions("batches", options ?? null, names);
  const { batchSize, shuffle = false, seed = 0, epoch = 0, dropLast = false, start = 0 } = options;
  checkWhole("batchSize", batchSize, 1);
  checkWhole("epoch", epoch, 0);
  checkWhole("start", start, 0);
  checkSeed("batches", seed);
  const full = split.size / batchSize;
  const count = dropLast ? Math.floor(full) : Math.ceil(full);
  checkCount(count, start, split.size, batchSize);
  const plain: Batches = {
    length: count - start,
    *[Symbol.iterator]() {
      const order = shuffle ? epochOrder(split.size, seed, epoch) : inOrder(split.size);
      for (let index = start; index < count; index++) {
        const rows = order.slice(index * batchSize, (index + 1) * batchSize);
        const inputs = takeRows(split.inputs, rows);
        yield { inputs, targets: takeRows(split.targets, rows), index, rows };
      }
    },
  };
  if (!options.augment) return plain;
  checkAugmentable(split, options.augment);
  return augmented(plain, options.augment, { seed, epoch, isOwn: split.targets === split.inputs });
}

function augmented(
  plain: Batches,
  augmentation: Augmentation,
  { seed, epoch, isOwn }: { seed: number; epoch: number; isOwn: boolean },
): AsyncBatches {
  const change = async ({ inputs, targets, ...rest }: Batch): Promise<Batch> => {
    const { rows } = rest;
    const shape = inputs.shape.slice(1);
    const changed = await augmentation.pool.run(augmentation.transforms, {
      inputs: inputs.data as Float32Array,
      targets: targets.data,
      ...{ shape, rows, seed, epoch },
    });
    const own = isOwn ? changed.inputs.slice() : changed.targets; // what a changed example looks like
    return {
      ...rest,
      inputs: { ...inputs, data: changed.inputs },
      targets: withData(targets, own, rows.length),
    };
  };
  return {
    length: plain.length,
    async *[Symbol.asyncIterator]() {
      const ready: Promise<Batch>[] = [];
      for (const batch of plain) {
        const next = change(batch);
        next.catch(() => {}); // awaited below, or no longer needed
        ready.push(next);
        if (ready.length > augmentation.ahead) yield await ready.shift()!;
      }
      for (const batch of ready) yield await batch;
    },
  };
}

/** Targets, which mixup may have turned into rows of probabilities. */
function withData(targets: HostArray, data: TypedArray, count: number): HostArray {
  if (targets.dtype !== "int32" || data instanceof Int32Array) return { ...targets, data };
  return { dtype: "float32", shape: [count, data.length / count], data };
}

/** The random streams of shuffles, one per epoch, separate from all other uses of a seed. */
const shuffleStream = 0x5f00_0000;

/** The order of an epoch: a permutation of 0…size−1 that depends on (seed, epoch) alone. */
export const epochOrder = (size: number, seed: number, epoch: number): Int32Array =>
  new RandomStream(seed, shuffleStream + epoch).permutation(size);

const inOrder = (size: number): Int32Array => Int32Array.from({ length: size }, (_, i) => i);

function checkWhole(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError({
    subject: "batches",
    problem: `${option} is ${value}, not a whole number of ${least} or more.`,
    fix: `give ${option} as a whole number, such as ${least === 1 ? 32 : 0}.`,
  });
}

/** `start` may equal the count: a run that stopped after the last batch has none left. */
function checkCount(count: number, start: number, size: number, batchSize: number): void {
  if (count === 0)
    throw new ConfigError({
      subject: "batches",
      problem: `${size} examples in batches of ${batchSize} give no batch.`,
      fix: size === 0 ? "give a split with examples." : "lower batchSize, or leave dropLast off.",
    });
  if (start > count)
    throw new ConfigError({
      subject: "batches",
      problem: `start is ${start}, but the epoch has ${count} batches.`,
      fix: "resume with the batch size and data that the run was started with.",
    });
}

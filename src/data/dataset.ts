import {
  allocate,
  ConfigError,
  describe,
  dtypeOf,
  type HostArray,
  RandomStream,
  type Shape,
  ShapeError,
  show,
  sizeOf,
} from "../base/index.ts";

/** Examples with their targets: row n of `inputs` belongs to row n of `targets`. */
export interface Split {
  /** `[N, ...]` */
  readonly inputs: HostArray;
  /** `[N]` int32 class indices, or `[N, ...]` float values. */
  readonly targets: HostArray;
  /** N, the number of examples. */
  readonly size: number;
}

/** What the targets are: a class index per example, or a number to predict. */
export type Task = "classification" | "regression";

/** A training split, and optionally a validation and a test split, which training never sees. */
export interface Dataset {
  readonly name: string;
  readonly task: Task;
  readonly train: Split;
  /** The validation split, for choosing settings and when to stop. */
  readonly validation?: Split;
  readonly test?: Split;
  /** Class names; target k means `classes[k]`. */
  readonly classes?: readonly string[];
  /** What the reader skipped or decided, in sentences; absent if there is nothing to report. */
  readonly notes?: readonly string[];
}

/**
 * Pairs inputs with targets.
 *
 * @throws {ShapeError} if the numbers of rows differ.
 * @example
 * makeSplit(hostArray([2, 1], Float32Array.of(0, 1)), hostArray([2], Int32Array.of(0, 1))).size; // 2
 */
export function makeSplit(inputs: HostArray, targets: HostArray): Split {
  checkArray("makeSplit", "the inputs", inputs);
  checkArray("makeSplit", "the targets", targets);
  const [rows, answers] = [inputs.shape[0], targets.shape[0]];
  if (rows === undefined || rows !== answers)
    throw new ShapeError({
      subject: "makeSplit",
      problem: `inputs ${show(inputs.shape)} and targets ${show(targets.shape)} are not as many (${rows ?? "no axis"} ≠ ${answers ?? "no axis"}).`,
      fix: "give one target for each row of the inputs.",
    });
  return { inputs, targets, size: rows };
}

/**
 * @param what the name of the part, for errors. @throws {ConfigError} for anything but an array of
 * numbers with a shape.
 */
export function checkArray(subject: string, what: string, array: unknown): void {
  const { shape, data } = (
    typeof array === "object" && array !== null ? array : {}
  ) as Partial<HostArray>;
  if (Array.isArray(shape) && ArrayBuffer.isView(data) && dtypeOf(data) !== undefined) return;
  const list = Array.isArray(array) ? (array as readonly unknown[]).flat(8) : undefined;
  const fix =
    array instanceof Promise
      ? "await it first."
      : list?.some((x) => typeof x === "string")
        ? 'number the classes: hostArray([3], Int32Array.of(0, 2, 1)) for "cat", "owl", "dog" in that order.'
        : typeof (array as { toHost?: unknown })?.toHost === "function"
          ? "take its values: tensor.toHost()."
          : "give shape and numbers: hostArray([2, 3], Float32Array.of(…)), or tensor([[…], […]]).toHost().";
  throw new ConfigError({
    subject,
    problem: `${what} are ${describe(array)}, not an array of numbers with a shape.`,
    fix,
  });
}

/**
 * @param what its name in errors. @throws {ConfigError} for anything that is not a {@link Split}.
 */
export function checkSplit(subject: string, split: unknown, what: string): asserts split is Split {
  const isObject = typeof split === "object" && split !== null;
  if (!isObject || !("inputs" in split && "targets" in split)) {
    const isDataset = isObject && "train" in split;
    throw new ConfigError({
      subject,
      problem: `${what} are ${isDataset ? "a data set" : describe(split)}, not inputs with targets.`,
      fix:
        split instanceof Promise
          ? "await the data first."
          : isDataset
            ? "give one part of it, such as its `train` or `test`."
            : "give a split, as makeSplit(inputs, targets) makes it.",
    });
  }
  checkArray(subject, `the inputs of ${what}`, split.inputs);
  checkArray(subject, `the targets of ${what}`, split.targets);
  const { inputs, targets, size } = split as Split;
  if (inputs.shape[0] === targets.shape[0] && size === inputs.shape[0]) return;
  throw new ShapeError({
    subject,
    problem: `${what} have inputs ${show(inputs.shape)}, targets ${show(targets.shape)} and size ${size}.`,
    fix: "give one target for each row of the inputs: makeSplit(inputs, targets) checks it.",
  });
}

/**
 * The examples at `rows`, in that order, copied. Rows may repeat.
 *
 * @throws {ConfigError} if a row does not exist.
 */
export function subset(split: Split, rows: ArrayLike<number>): Split {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (Number.isInteger(row) && row >= 0 && row < split.size) continue;
    throw new ConfigError({
      subject: "subset",
      problem: `row ${row} does not exist in ${split.size} examples.`,
      fix: `use rows from 0 to ${split.size - 1}.`,
    });
  }
  const inputs = takeRows(split.inputs, rows);
  const isOwn = split.targets === split.inputs; // an autoencoder's, which stay one
  return { inputs, targets: isOwn ? inputs : takeRows(split.targets, rows), size: rows.length };
}

/**
 * Splits off a random part, for validation: `[rest, part]`, where `part` has ⌊fraction·N + ½⌋ rows.
 *
 * Each keeps the order of the original, and which row goes where depends on `seed` and N alone.
 *
 * @param fraction in (0, 1), the fraction of the second part; neither part may be empty.
 * @example
 * const [train, validation] = splitDataset(moons({ size: 200 }), 0.2, 0); // 160 and 40 rows
 */
export function splitDataset(split: Split, fraction: number, seed: number): [Split, Split] {
  const part = Math.round(split.size * fraction);
  if (!(fraction > 0 && fraction < 1) || part === 0 || part === split.size)
    throw new ConfigError({
      subject: "splitDataset",
      problem: `a fraction of ${fraction} of ${split.size} examples leaves one side empty.`,
      fix: "use a fraction between 0 and 1 that leaves at least one example on each side.",
    });
  const order = new RandomStream(seed, splitStream).permutation(split.size);
  return [subset(split, order.slice(part).sort()), subset(split, order.slice(0, part).sort())];
}

/** The random stream of splits, separate from those of shuffles and generators. */
const splitStream = 0x51;

/** Copies whole rows (of the leading axis) into a new array; the rows must exist. */
export function takeRows(array: HostArray, rows: ArrayLike<number>): HostArray {
  const rowShape: Shape = array.shape.slice(1);
  const width = sizeOf(rowShape);
  const data = allocate(array.dtype, rows.length * width);
  if (width === 1) for (let i = 0; i < rows.length; i++) data[i] = array.data[rows[i]!]!;
  else
    for (let i = 0; i < rows.length; i++) {
      const start = rows[i]! * width;
      data.set(array.data.subarray(start, start + width), i * width);
    }
  return { dtype: array.dtype, shape: [rows.length, ...rowShape], data };
}

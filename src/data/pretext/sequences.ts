/** Pretext tasks of sequences: a token that was hidden, and what comes next. */
import {
  allocate,
  ConfigError,
  checkOptions,
  checkSeed,
  describe,
  type HostArray,
  RandomStream,
  ShapeError,
  show,
  sizeOf,
} from "../../base/index.ts";
import { makeSplit, type Split } from "../dataset.ts";
import type { PretextOptions } from "./puzzles.ts";

/** The token that hides another. */
export interface MaskedTokensOptions extends PretextOptions {
  /** Its number: one that no token has, such as the size of the vocabulary. */
  readonly mask: number;
}

const stream = 0x7e00_0200;

/**
 * Sequences of tokens, one of each hidden; the target is the hidden token, a class. Both sides of the gap say what
 * belongs there.
 *
 * @param inputs `[N, T]` int32. @returns inputs `[N, T]` with `mask` in a random place each, targets `[N]`.
 * @throws {ConfigError} for a mask that is a token of the data.
 * @see Devlin, Chang, Lee & Toutanova 2019, "BERT", §3.1, with one token a sequence
 * @example
 * const words = hostArray([1, 3], Int32Array.of(4, 7, 5));
 * const { inputs, targets } = maskedTokens(words, { mask: 10 });
 * [...inputs.data].filter((k) => k !== 10).concat(targets.data[0]).sort(); // [4, 5, 7]
 */
export function maskedTokens(inputs: HostArray, options: MaskedTokensOptions): Split {
  checkOptions("maskedTokens", options ?? null, { mask: true, seed: true });
  const { mask, seed = 0 } = options;
  checkSeed("maskedTokens", seed);
  const { dtype, shape, data } = inputs;
  if (dtype !== "int32" || shape.length !== 2 || shape[1]! < 2)
    throw new ShapeError({
      subject: "maskedTokens",
      problem: `inputs are ${dtype} ${show(shape)}, not tokens [N, T], T of 2 or more.`,
      fix: "give int32 sequences of one length.",
    });
  if (!Number.isSafeInteger(mask) || mask < 0 || data.includes(mask as never))
    throw new ConfigError({
      subject: "maskedTokens",
      problem: `the mask is ${describe(mask)}, which ${Number.isSafeInteger(mask) && mask >= 0 ? "is a token of the data" : "is no token"}.`,
      fix: "give a number that no token has, such as the size of the vocabulary.",
    });
  const [count, length] = shape as [number, number];
  const random = new RandomStream(seed, stream);
  const hidden = Int32Array.from(data);
  const targets = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    const at = n * length + Math.floor(random.uniform() * length);
    targets[n] = hidden[at]!;
    hidden[at] = mask;
  }
  const masked = { dtype: "int32", shape, data: hidden } as const;
  return makeSplit(masked, { dtype: "int32", shape: [count], data: targets });
}

/**
 * Windows of sequences, and the step after each: what a model of language, of a series or of motion learns.
 *
 *   x = (sᵢ, …, sᵢ₊c₋₁),   y = sᵢ₊c   for every i
 *
 * @param sequences `[N, T]` tokens or numbers, or `[N, T, F]`. @param context c, steps of a window, below T.
 * @returns inputs `[N (T − c), c, …]`; targets `[N (T − c)]` for tokens, else `[N (T − c), …]`.
 * @throws {ConfigError} for a window that leaves no next step.
 * @see Elman 1990, "Finding structure in time"
 * @example
 * const { inputs, targets } = nextStep(hostArray([1, 4], Int32Array.of(1, 2, 3, 4)), 2);
 * inputs.data; // Int32Array [1, 2, 2, 3]
 * targets.data; // Int32Array [3, 4]
 */
export function nextStep(sequences: HostArray, context: number): Split {
  const { dtype, shape, data } = sequences;
  const [count, length, ...rest] = shape as [number, number, ...number[]];
  if (shape.length !== 2 && shape.length !== 3)
    throw new ShapeError({
      subject: "nextStep",
      problem: `sequences are ${show(shape)}, not [N, T] or [N, T, F].`,
      fix: "give sequences of one length, one below the other.",
    });
  if (!(Number.isSafeInteger(context) && context >= 1 && context < length))
    throw new ConfigError({
      subject: "nextStep",
      problem: `the context is ${describe(context)}, and sequences have ${length} steps.`,
      fix: `give a whole number from 1 to ${length - 1}.`,
    });
  const each = length - context;
  const width = sizeOf(rest);
  const inputs = allocate(dtype, count * each * context * width);
  const targets = allocate(dtype, count * each * width);
  for (let n = 0; n < count; n++)
    for (let i = 0; i < each; i++) {
      const start = (n * length + i) * width;
      const end = start + context * width;
      inputs.set(data.subarray(start, end), (n * each + i) * context * width);
      targets.set(data.subarray(end, end + width), (n * each + i) * width);
    }
  return makeSplit(
    { dtype, shape: [count * each, context, ...rest], data: inputs },
    { dtype, shape: [count * each, ...rest], data: targets },
  );
}

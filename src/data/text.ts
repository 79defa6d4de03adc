import { ConfigError, checkOptions, DataError, FormatError, RandomStream } from "../base/index.ts";
import { readBytes } from "../formats/index.ts";
import { makeSplit, type Split } from "./dataset.ts";

/** The characters of a text and their numbers. `characters` is plain state: save it. */
export interface Vocabulary {
  /** Distinct characters (Unicode code points), sorted; character k has the number k. */
  readonly characters: readonly string[];
  readonly size: number;
  /** @throws {DataError} if a character is not in the vocabulary. */
  encode(text: string): Int32Array;
  /** @throws {DataError} if a number is not in 0…size−1. */
  decode(codes: ArrayLike<number>): string;
}

/**
 * The vocabulary of a text, or of the characters of an earlier one.
 *
 * @example
 * const { characters, encode, decode } = makeVocabulary("banana");
 * characters; // ["a", "b", "n"]
 * encode("nab"); // Int32Array [2, 0, 1]
 * decode([1, 0, 2]); // "ban"
 */
export function makeVocabulary(text: string | readonly string[]): Vocabulary {
  const characters = [...new Set(text)].sort();
  const numbers = new Map(characters.map((character, k) => [character, k]));
  return {
    characters,
    size: characters.length,
    encode: (text) =>
      Int32Array.from(text, (character, i) => numbers.get(character) ?? unknown(character, i)),
    decode: (codes) =>
      Array.from(codes, (k, i) => characters[k] ?? outside(k, i, characters)).join(""),
  };
}

const unknown = (character: string, i: number): never => {
  throw new DataError({
    subject: "Vocabulary.encode",
    problem: `character ${i}, ${JSON.stringify(character)}, is not in the vocabulary.`,
    fix: "make the vocabulary of all of the text, or leave the character out.",
  });
};

const outside = (k: number, i: number, { length }: readonly string[]): never => {
  throw new DataError({
    subject: "Vocabulary.decode",
    problem: `number ${i} is ${k}, outside 0…${length - 1}.`,
    fix: "decode with the vocabulary that the text was encoded with.",
  });
};

/** Options of {@link readText}. */
export interface TextOptions {
  /** The fraction at the end of the text that is held out, from 0 to below 1. Default 0.1. */
  readonly test?: number;
  /**
   * Shuffles the lines first, for texts whose lines are independent examples, such as names.
   * Default false.
   */
  readonly shuffleLines?: boolean;
  /** The seed for the order of shuffled lines. Default 0. */
  readonly seed?: number;
  /** An existing vocabulary. Default: that of the whole file. */
  readonly vocabulary?: Vocabulary;
}

/** A text as numbers. */
export interface TextData {
  readonly vocabulary: Vocabulary;
  /** `[T]`, ends with a complete line. */
  readonly train: Int32Array;
  /** `[T′]`, empty if nothing is held out. */
  readonly test: Int32Array;
}

/**
 * Reads a UTF-8 text as character numbers, split between two lines into a training and a test part.
 * {@link characterSequences} and {@link characterContexts} turn it into examples.
 *
 * @throws {DataError} if the file cannot be read, is empty, or has no line break to split at.
 * @throws {FormatError} if it is not UTF-8. @throws {ConfigError} if `test` is not a fraction.
 * @example
 * const { train, test, vocabulary } = await readText("names.txt", { test: 0.25, shuffleLines: true });
 * vocabulary.decode(train).split("\n").length - 1; // 3
 */
export async function readText(path: string, options: TextOptions = {}): Promise<TextData> {
  checkOptions("readText", options, {
    ...{ test: "number", shuffleLines: "boolean", seed: "number", vocabulary: true },
  });
  const { test = 0.1, shuffleLines = false, seed = 0 } = options;
  if (!(test >= 0 && test < 1))
    throw new ConfigError({
      subject: "readText",
      problem: `test is ${test}, expected a share from 0 to below 1.`,
      fix: "give the share of the text to hold out, such as 0.1.",
    });
  const whole = decodeUtf8(await readBytes(path), path).replaceAll("\r\n", "\n");
  if (whole.trim() === "")
    throw new DataError({ subject: path, problem: "the text is empty.", fix: "give a text." });
  const text = shuffleLines ? shuffled(whole, seed) : whole;
  const vocabulary = options.vocabulary ?? makeVocabulary(text);
  if (test === 0) return { vocabulary, train: vocabulary.encode(text), test: new Int32Array() };
  const end = text.indexOf("\n", Math.max(0, Math.floor(text.length * (1 - test)) - 1)) + 1;
  if (end === 0 || end === text.length) throw noCut(path, test);
  return {
    vocabulary,
    train: vocabulary.encode(text.slice(0, end)),
    test: vocabulary.encode(text.slice(end)),
  };
}

/** @throws {FormatError} if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError({
      subject: path,
      problem: "the file is not UTF-8 text.",
      fix: "save the text in UTF-8.",
    });
  }
}

/** The random stream of line orders. */
const linesStream = 0x52;

function shuffled(text: string, seed: number): string {
  const lines = text.split("\n").filter((line) => line !== "");
  const order = new RandomStream(seed, linesStream).permutation(lines.length);
  return `${Array.from(order, (n) => lines[n]).join("\n")}\n`;
}

const noCut = (path: string, test: number): DataError =>
  new DataError({
    subject: path,
    problem: `no line ends in the last ${test} of the text, other than its last.`,
    fix: "break the text into lines, hold out more, or pass test: 0.",
  });

/**
 * Sequences of a running text for recurrent networks: the target of each character is the next one.
 *
 *   inputs[n, t] = codes[n·stride + t]    targets[n, t] = codes[n·stride + t + 1]
 *
 * @param options.length characters per sequence, L.
 * @param options.stride characters from one sequence to the next. Default L: no overlap.
 * @returns inputs and targets `[N, L]` int32. {@link batches} shuffles the sequences by a seed.
 * @throws {ConfigError} if an option is invalid. @throws {DataError} if the text is not longer than
 * a sequence.
 * @see Elman 1990, "Finding structure in time"
 * @example
 * const { inputs, targets } = characterSequences(makeVocabulary("abc").encode("abcab"), { length: 2 });
 * inputs.data; // Int32Array [0, 1, 2, 0]
 * targets.data; // Int32Array [1, 2, 0, 1]
 */
export function characterSequences(
  codes: Int32Array,
  options: { readonly length: number; readonly stride?: number },
): Split {
  checkOptions("characterSequences", options ?? null, { length: true, stride: true });
  const { length, stride = length } = options;
  checkWhole("characterSequences", "length", length);
  checkWhole("characterSequences", "stride", stride);
  const count = Math.floor((codes.length - 1 - length) / stride) + 1;
  if (codes.length <= length) throw tooShort(codes.length, length);
  const pieces = (offset: number) => {
    const data = new Int32Array(count * length);
    for (let n = 0; n < count; n++) {
      const at = n * stride + offset;
      data.set(codes.subarray(at, at + length), n * length);
    }
    return { dtype: "int32", shape: [count, length], data } as const;
  };
  return makeSplit(pieces(0), pieces(1));
}

/**
 * Every character of a text with those before it in its line: examples for networks with a fixed
 * context. Positions before the line are `boundary`, which also ends the line and is learned as its
 * end.
 *
 *   inputs[n] = (codes[n − L], …, codes[n − 1])    targets[n] = codes[n]
 *
 * @param options.length characters of context, L.
 * @param options.boundary the number of the line-end character.
 * @returns inputs `[N, L]` int32, targets `[N]` int32, N the length of the text.
 * @throws {ConfigError} if an option is invalid. @throws {DataError} if the text is empty.
 * @see Bengio, Ducharme, Vincent & Jauvin 2003, "A neural probabilistic language model", §2
 * @example
 * const { encode } = makeVocabulary("\nab");
 * const { inputs, targets } = characterContexts(encode("ab\nb\n"), { length: 2, boundary: 0 });
 * inputs.data; // Int32Array [0, 0, 0, 1, 1, 2, 0, 0, 0, 2]
 * targets.data; // Int32Array [1, 2, 0, 2, 0]
 */
export function characterContexts(
  codes: Int32Array,
  options: { readonly length: number; readonly boundary: number },
): Split {
  checkOptions("characterContexts", options ?? null, { length: true, boundary: "whole" });
  const { length, boundary } = options;
  checkWhole("characterContexts", "length", length);
  if (codes.length === 0) throw tooShort(0, 0);
  const data = new Int32Array(codes.length * length).fill(boundary);
  let start = 0;
  for (let n = 0; n < codes.length; n++) {
    const seen = Math.min(length, n - start);
    data.set(codes.subarray(n - seen, n), (n + 1) * length - seen);
    if (codes[n] === boundary) start = n + 1;
  }
  return makeSplit(
    { dtype: "int32", shape: [codes.length, length], data },
    { dtype: "int32", shape: [codes.length], data: codes.slice() },
  );
}

function checkWhole(subject: string, option: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new ConfigError({
    subject,
    problem: `${option} is ${value}, not a whole number of 1 or more.`,
    fix: `give ${option} as a number of characters, such as 32.`,
  });
}

const tooShort = (found: number, length: number): DataError =>
  new DataError({
    subject: "text",
    problem: `${found} characters are too few: a piece of ${length} and the one that follows take ${length + 1}.`,
    fix: "give a longer text, or take shorter pieces.",
  });

/** Texts as a next-character model expects them. */
import { DataError, show } from "../../base/index.ts";
import { makeSplit, type Split } from "../dataset.ts";
import { decodeUtf8, makeVocabulary } from "../text.ts";
import { filesOf } from "./files.ts";
import type { NamedInputs } from "./image.ts";
import { lineEndIn, type Preparation } from "./preparation.ts";

/** A text as character numbers, and the number used before its beginning, such as the line end. */
export interface EncodedText {
  readonly codes: Int32Array;
  readonly before: number;
}

/**
 * The characters `from` … `to` − 1 of a text, each with the L characters before it, including those
 * of other splits and earlier lines: examples for networks with a fixed context.
 *
 *   inputs[n] = (codes[n − L], …, codes[n − 1])    targets[n] = codes[n]
 *
 * @returns inputs `[N, L]` int32, targets `[N]` int32.
 * @see Bengio, Ducharme, Vincent & Jauvin 2003, "A neural probabilistic language model", §2
 */
export function textExamples(
  { codes, before }: EncodedText,
  length: number,
  from: number,
  to: number,
): Split {
  const size = to - from;
  const data = new Int32Array(size * length).fill(before);
  for (let n = from; n < to; n++) {
    const seen = codes.subarray(Math.max(0, n - length), n);
    data.set(seen, (n - from + 1) * length - seen.length);
  }
  return makeSplit(
    { dtype: "int32", shape: [size, length], data },
    { dtype: "int32", shape: [size], data: codes.slice(from, to) },
  );
}

/**
 * Reads a text, or all texts of a folder or archive: of each the last characters, to predict the
 * next one.
 *
 * @param from a path, or the bytes of one text.
 * @throws {DataError} if the network does not take text, there is none, or a character is unknown
 * to it.
 */
export async function prepareText(
  preparation: Preparation,
  from: string | Uint8Array,
): Promise<NamedInputs> {
  const { inputs, inputShape } = preparation;
  if (inputs.kind !== "text")
    throw new DataError({
      subject: typeof from === "string" ? from : "text",
      problem: `the network takes examples of ${show(inputShape)}, which are not text.`,
      fix: "give a run that was trained on a text.",
    });
  const [length] = inputShape as [number];
  const { encode } = makeVocabulary(inputs.characters);
  const { files, names } = await filesOf(from, (name) => /\.(txt|text|md)$/i.test(name), "text");
  const data = new Int32Array(files.length * length).fill(lineEndIn(inputs.characters));
  for (const [n, file] of files.entries()) {
    const text = decodeUtf8(await file.read(), names[n]!).replaceAll("\r\n", "\n");
    const end = [...text].slice(-length);
    checkKnown(names[n]!, end, inputs.characters);
    data.set(encode(end.join("")), (n + 1) * length - end.length);
  }
  return { names, inputs: { dtype: "int32", shape: [files.length, length], data }, notes: [] };
}

/** @throws {DataError} naming the first character that the network does not know. */
export function checkKnown(
  source: string,
  text: Iterable<string>,
  characters: readonly string[],
): void {
  const known = new Set(characters);
  for (const character of text)
    if (!known.has(character))
      throw new DataError({
        subject: source,
        problem: `the character ${JSON.stringify(character)} is not among the ${characters.length} that the network knows.`,
        fix: "leave it out, or train on a text that has it.",
      });
}

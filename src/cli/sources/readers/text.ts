import { DataError } from "../../../base/index.ts";
import { beyond, limitsOf } from "../../../data/folders/limits.ts";
import { makeVocabulary, preparationVersion } from "../../../data/index.ts";
import { lineEndIn } from "../../../data/preparation/preparation.ts";
import { checkKnown, textExamples } from "../../../data/preparation/text.ts";
import { looksLikeTable } from "../../../data/table/dialect.ts";
import { openText } from "../../../data/table/text-source.ts";
import { decodeUtf8 } from "../../../data/text.ts";
import { readBytes } from "../../../formats/index.ts";
import { shownPath } from "../data-file.ts";
import { testShare, validationShare } from "./parts.ts";
import type { Reader, Reading, SourceOptions, Stored } from "./reader.ts";

/** Context characters before the one to predict. */
const defaultContext = 16;

/** A text whose characters are each predicted from the preceding ones. */
export const textReader: Reader = {
  name: "text",
  reads: "a text (.txt, .md) to predict its next characters",
  kind: "file",
  options: ["context", "maxDecodedBytes"],
  async recognizes({ source }) {
    const isNamed = /\.(txt|text|md)$/i.test(source);
    return isNamed && !looksLikeTable(await headOf(source)) ? 2 : 0; // else it is a table
  },
  read: ({ source }, options, stored) => readTextParts(source, options, stored),
};

/** The beginning of a file, as text. */
async function headOf(source: string): Promise<string> {
  const { pieces } = await openText(source);
  for await (const piece of pieces()) return piece;
  return "";
}

async function readTextParts(
  source: string,
  options: SourceOptions,
  stored: Stored | undefined,
): Promise<Reading> {
  const from = stored?.preparation;
  if (from && from.inputs.kind !== "text") throw notText(shownPath(source));
  const characters = from?.inputs.kind === "text" ? from.inputs.characters : undefined;
  const context = from?.inputShape[0] ?? options.context ?? defaultContext;
  const shown = shownPath(source);
  const text = await wholeText(source);
  if (characters) checkKnown(shown, text, characters);
  const vocabulary = makeVocabulary(characters ?? text);
  const codes = vocabulary.encode(text);
  const { maxDecodedBytes } = limitsOf({ maxDecodedBytes: options.maxDecodedBytes }, "data");
  const bytes = 4 * context * codes.length;
  if (bytes > maxDecodedBytes)
    throw beyond(source, "bytes of all contexts", bytes, maxDecodedBytes, "maxDecodedBytes");
  const lineEnd = lineEndIn(vocabulary.characters);
  const testAt = lineStart(codes, testShare, lineEnd, shown);
  const validationAt = lineStart(codes.subarray(0, testAt), validationShare, lineEnd, shown);
  const split = (from: number, to: number) =>
    textExamples({ codes, before: lineEnd }, context, from, to);
  return {
    train: split(0, validationAt),
    validation: split(validationAt, testAt),
    test: split(testAt, codes.length),
    preparation: from ?? {
      version: preparationVersion,
      inputs: { kind: "text", characters: vocabulary.characters },
      inputShape: [context],
      target: { task: "classification", column: null, classes: vocabulary.characters },
    },
    notes: [
      `${codes.length} characters, ${vocabulary.size} different; the next one is predicted from the ${context} before it`,
    ],
    warnings: [],
  };
}

async function wholeText(source: string): Promise<string> {
  const text = decodeUtf8(await readBytes(source), source).replaceAll("\r\n", "\n");
  if (text.trim() !== "") return text;
  throw new DataError({ subject: source, problem: "the text is empty.", fix: "give a text." });
}

/** Where the last part of a text of about this fraction begins: at a line start. */
function lineStart(codes: Int32Array, share: number, lineEnd: number, source: string): number {
  const wanted = Math.floor(codes.length * (1 - share));
  const next = codes.indexOf(lineEnd, Math.max(0, wanted - 1)) + 1;
  const at = next > 0 && next < codes.length ? next : codes.lastIndexOf(lineEnd, wanted - 1) + 1;
  if (at > 0 && at < codes.length) return at;
  throw new DataError({
    subject: source,
    problem: "the text has too few lines to hold some out for validation and test.",
    fix: "break it into three lines or more.",
  });
}

const notText = (source: string): DataError =>
  new DataError({
    subject: source,
    problem: "it is a text, and the network was not trained on one.",
    fix: "give data like those of the training.",
  });

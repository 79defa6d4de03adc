import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  batches,
  characterContexts,
  characterSequences,
  makeVocabulary,
  preparationVersion,
  prepareText,
  readPreparation,
  readText,
} from "gradus/data";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConfigError, DataError, FormatError } from "../../src/base/index.ts";
import { textExamples } from "../../src/data/preparation/text.ts";
import { looksLikeTable } from "../../src/data/table/dialect.ts";
import { testOnRealData } from "./real-data.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gradus-text-"));
});
afterAll(() => rm(root, { recursive: true }));

let made = 0;
async function fileOf(content: string | Uint8Array): Promise<string> {
  const path = join(root, `${made++}.txt`);
  await writeFile(path, content);
  return path;
}

test("decode undoes encode, for any text; emoji are one character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const { encode, decode } = makeVocabulary(text);
      expect(decode(encode(text))).toBe(text);
    }),
  );
  const { characters, size, encode } = makeVocabulary("b🙂a🙂");
  expect([characters, size, [...encode("🙂a")]]).toEqual([["a", "b", "🙂"], 3, [2, 0]]);
  expect(makeVocabulary(characters).characters).toEqual(characters);
});

test("what the vocabulary has not is an error", () => {
  const { encode, decode } = makeVocabulary("abc");
  expect(() => encode("abxc")).toThrow('character 2, "x", is not in the vocabulary');
  expect(() => decode([0, 3])).toThrow("number 1 is 3, outside 0…2");
  expect(() => decode([-1])).toThrow(DataError);
});

test("the end of the text is held out, cut between lines", async () => {
  const path = await fileOf("first\r\nsecond\nthird\nlast\n");
  const { vocabulary, train, test: held } = await readText(path, { test: 0.3 });
  expect(vocabulary.decode(train)).toBe("first\nsecond\nthird\n");
  expect(vocabulary.decode(held)).toBe("last\n");
  const all = await readText(path, { test: 0, vocabulary });
  expect([all.train.length, all.test.length, all.vocabulary]).toEqual([24, 0, vocabulary]);
});

test("shuffled lines are the same lines, in an order of the seed", async () => {
  const names = Array.from({ length: 50 }, (_, n) => `name${n}`);
  const path = await fileOf(names.join("\n"));
  const read = async (seed: number) => {
    const { vocabulary, train, test: held } = await readText(path, { shuffleLines: true, seed });
    return [train, held].map((codes) => vocabulary.decode(codes).trimEnd().split("\n"));
  };
  const [train, held] = await read(1);
  expect([...train!, ...held!].sort()).toEqual([...names].sort());
  expect(held!.length).toBeGreaterThan(2);
  expect(await read(1)).toEqual([train, held]);
  expect(await read(2)).not.toEqual([train, held]);
});

test("sequences: pieces of the text and the same one later; with a stride they overlap", () => {
  const codes = Int32Array.from({ length: 8 }, (_, i) => i);
  const rows = (stride?: number) => {
    const { inputs, targets } = characterSequences(codes, { length: 3, ...(stride && { stride }) });
    expect([...targets.data]).toEqual([...inputs.data].map((k) => k + 1));
    expect(inputs.shape).toEqual([inputs.data.length / 3, 3]);
    return [...inputs.data];
  };
  expect(rows()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(rows(2)).toEqual([0, 1, 2, 2, 3, 4, 4, 5, 6]);
  expect(characterSequences(codes, { length: 7 }).size).toBe(1);
});

test("batches of sequences are shuffled by seed and epoch, whole pieces at a time", () => {
  const split = characterSequences(
    Int32Array.from({ length: 41 }, (_, i) => i),
    { length: 4 },
  );
  const starts = (epoch: number) =>
    [...batches(split, { batchSize: 5, shuffle: true, seed: 1, epoch })].flatMap(
      ({ inputs, targets }) => {
        expect([...targets.data]).toEqual([...inputs.data].map((k) => k + 1));
        return [...inputs.data].filter((_, i) => i % 4 === 0);
      },
    );
  expect(starts(0)).toEqual(starts(0));
  expect(starts(0)).not.toEqual(starts(1));
  expect(starts(0).sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => 4 * n));
});

test("contexts do not see the line before", () => {
  const { encode, decode } = makeVocabulary(".abc");
  const { inputs, targets } = characterContexts(encode("abc.ca."), { length: 2, boundary: 0 });
  const seen = Array.from({ length: 7 }, (_, n) => decode(inputs.data.slice(2 * n, 2 * n + 2)));
  expect(seen).toEqual(["..", ".a", "ab", "bc", "..", ".c", "ca"]);
  expect(decode(targets.data)).toBe("abc.ca.");
});

test("texts that are too short, numbers that mean nothing, files that are no text", async () => {
  const codes = new Int32Array(4);
  expect(() => characterSequences(codes, { length: 4 })).toThrow(/4 characters are too few/);
  expect(() => characterSequences(codes, { length: 0 })).toThrow(ConfigError);
  expect(() => characterSequences(codes, { length: 2, stride: 0.5 })).toThrow(/stride is 0.5/);
  expect(() => characterContexts(codes, { length: -1, boundary: 0 })).toThrow(ConfigError);
  expect(() => characterContexts(new Int32Array(), { length: 1, boundary: 0 })).toThrow(DataError);
  await expect(readText(await fileOf(" \n"))).rejects.toThrow("the text is empty");
  await expect(readText(await fileOf("one line"))).rejects.toThrow(/no line ends in the last 0.1/);
  await expect(readText(await fileOf("a\nb\n"), { test: 1 })).rejects.toThrow(ConfigError);
  await expect(readText(await fileOf(Uint8Array.of(0xe9, 0x0a)))).rejects.toThrow(FormatError);
  await expect(readText(join(root, "absent"))).rejects.toThrow(DataError);
});

testOnRealData(
  "names: 32 033 of them, 26 letters and the line's end",
  "text/names.txt",
  async (path) => {
    const { vocabulary, train, test: held } = await readText(path, { shuffleLines: true });
    expect(vocabulary.characters).toEqual([..."\nabcdefghijklmnopqrstuvwxyz"]);
    const count = (codes: Int32Array) => codes.filter((k) => k === 0).length;
    expect(count(train) + count(held)).toBe(32033);
    expect(count(held) / 32033).toBeCloseTo(0.1, 2);
    expect(characterContexts(train, { length: 3, boundary: 0 }).size).toBe(train.length);
  },
);

testOnRealData("Shakespeare: 65 characters", "text/tinyshakespeare.txt", async (path) => {
  const { vocabulary, train, test: held } = await readText(path);
  expect([vocabulary.size, train.length + held.length]).toEqual([65, 1115394]);
  expect(vocabulary.decode(train.subarray(0, 14))).toBe("First Citizen:");
  expect(characterSequences(train, { length: 64 }).inputs.shape).toEqual([
    Math.floor((train.length - 1) / 64),
    64,
  ]);
});

test("examples of the next character see the part before them, and what lies before the text", () => {
  const text = { codes: Int32Array.of(5, 6, 7, 8, 9), before: 1 };
  const { inputs, targets } = textExamples(text, 3, 0, 2);
  expect([inputs.shape, [...inputs.data]]).toEqual([
    [2, 3],
    [1, 1, 1, 1, 1, 5],
  ]);
  expect([targets.dtype, [...targets.data]]).toEqual(["int32", [5, 6]]);
  const later = textExamples(text, 3, 2, 5);
  expect([...later.inputs.data]).toEqual([1, 5, 6, 5, 6, 7, 6, 7, 8]);
  expect([...later.targets.data]).toEqual([7, 8, 9]);
});

test("a text to go on with: its last characters, after ends of lines where it is short", async () => {
  const preparation = readPreparation({
    version: preparationVersion,
    inputs: { kind: "text", characters: ["\n", "a", "b"] },
    inputShape: [3],
    target: { task: "classification", column: null, classes: ["\n", "a", "b"] },
  });
  const read = async (text: string) => (await prepareText(preparation, await fileOf(text))).inputs;
  expect(await read("abba\r\n")).toMatchObject({ dtype: "int32", shape: [1, 3] });
  expect([...(await read("abba\r\n")).data]).toEqual([2, 1, 0]);
  expect([...(await read("b")).data]).toEqual([0, 0, 2]);
  expect([...(await read("")).data]).toEqual([0, 0, 0]);
  await expect(read("abc")).rejects.toThrow(/the character "c" is not among the 3/);
  const table = { ...preparation, inputs: { kind: "arrays" } } as const;
  await expect(prepareText(table, await fileOf("a"))).rejects.toThrow(DataError);
});

test("a preparation of texts without the end of a line is refused", () => {
  const inputs = { kind: "text", characters: ["a", "b"] };
  const target = { task: "classification", column: null, classes: ["a", "b"] };
  const json = { version: preparationVersion, inputs, inputShape: [3], target };
  expect(() => readPreparation(json)).toThrow(/"inputs.characters" is \["a","b"\]/);
});

test.each([
  ["cells between commas", "a,b\n1,2\n3,4\n", true],
  ["numbers between spaces", "1 2 3\n4 5 6\n", true],
  ["words between tabs", "a\tb\nc\td\n", true],
  ["one name per line", "anna\nbea\n", false],
  ["words between spaces", "to be or\nnot to be\n", false],
  ["prose with commas here and there", "Yes, sir,\nhe said.\nNo, no.\nWell.\n", false],
  ["nothing", "", false],
])("looks like a table or not: %s", (_, text, isTable) => {
  expect(looksLikeTable(text)).toBe(isTable);
});

/** Files that are whole but for a few changes, and what a reader owes whoever gives it one. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GradusError } from "../../src/base/index.ts";

/** Inputs of each format: `GRADUS_FUZZ=1000000 npx vitest run test/fuzz`, GRADUS_FUZZ_SEED for others. */
const most = Number(process.env.GRADUS_FUZZ ?? 10_000);
let state = Number(process.env.GRADUS_FUZZ_SEED ?? 1) >>> 0 || 1;

// Most inputs end in an error, and mapping its stack to the sources takes longer than all else.
Error.prepareStackTrace = undefined as never;

/** A whole number below n. @see Marsaglia 2003, "Xorshift RNGs" */
export function below(n: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return Math.floor(((state >>> 0) / 2 ** 32) * n);
}
export const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

/** Numbers at which sizes and counts go wrong. */
const edges = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

/** The bytes with one to four changes: bits, bytes, numbers at edges, pieces cut, doubled or moved. */
export function mutate(whole: Uint8Array, headers: number): Uint8Array {
  let bytes = Buffer.from(whole);
  for (let n = 1 + below(4); n > 0 && bytes.length > 0; n--) {
    // Half of all changes hit the first bytes, where formats keep their sizes.
    const at = below(below(2) ? Math.min(headers, bytes.length) : bytes.length);
    const to = Math.min(bytes.length, at + 1 + below(64));
    switch (below(7)) {
      case 0:
        bytes[at]! ^= 1 << below(8);
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2:
        if (at + 4 <= bytes.length)
          bytes[pick(["writeUInt32LE", "writeUInt32BE"] as const)](pick(edges), at);
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
        break;
      default:
        bytes.fill(pick([0, 0x20, 0x30, 0xff]), at, to);
    }
  }
  return bytes;
}

/** One of the files, with changes. */
export const ofBytes = (seeds: readonly Uint8Array[], headers: number) => () =>
  mutate(pick(seeds), headers);

const odd = [
  ...["", '"', "{", "}", "[", "]", ",", "\0", "é", "\n", "__proto__", "constructor"],
  ...["null", "true", "-1", "0", "0.5", "1e999", "NaN", "4294967296", "9".repeat(400)],
  ...['""', "{}", "[]", "[null]", '{"a":1}', "[".repeat(5_000)],
];

/** Text with one to three words exchanged: for others of its own, and for such that break things. */
export function mutateText(whole: string): string {
  const words = whole.split(/(\W)/);
  for (let n = 1 + below(3); n > 0; n--)
    words[below(words.length)] = below(2) ? pick(words) : pick(odd);
  return words.join("");
}

/** Deeper than a parser that recurses has stack for. */
const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
const values = [
  ...[null, true, -1, 0, 0.5, 1e300, 2 ** 32, "", "x", "NaN", "deep"],
  ...[[], [[]], {}, { length: 3 }],
];

/** JSON with a value put in place of another one, anywhere: what passes for JSON and is not the format. */
export function mutateJson(whole: string): string {
  if (below(4) === 0) return mutateText(whole);
  const root = { top: JSON.parse(whole) as unknown };
  const places: [holder: object, key: string][] = [];
  const walk = (holder: object) => {
    for (const [key, value] of Object.entries(holder)) {
      places.push([holder, key]);
      if (typeof value === "object" && value !== null) walk(value);
    }
  };
  walk(root);
  for (let n = 1 + below(2); n > 0; n--) {
    const [holder, key] = pick(places);
    const [other, name] = pick(places);
    switch (below(4)) {
      case 0:
        Reflect.deleteProperty(holder, key);
        break;
      case 1:
        Reflect.set(holder, key, structuredClone(Reflect.get(other, name)));
        break;
      default:
        Reflect.set(holder, key, structuredClone(pick(values)));
    }
  }
  return (JSON.stringify(root.top) ?? "").replace('"deep"', deep);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradus-fuzz-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The path of a file of this test's own folder. */
export const pathIn = (name: string): string => join(folder, name);

/** The path of a file with this content. */
export async function inFile(name: string, content: Uint8Array | string): Promise<string> {
  await writeFile(pathIn(name), content);
  return pathIn(name);
}

export interface Format<Input extends Uint8Array | string> {
  readonly what: string;
  /** How inputs are made, one after another. */
  readonly make: () => Promise<() => Input>;
  readonly read: (input: Input) => unknown;
  /** A reader of some ms for each input gets a tenth as many, unless a number is asked for. */
  readonly isSlow?: boolean;
}

/** No input takes longer than this; the machine may be busy. */
const mostSeconds = 20;

/** A reader is given damaged files: it answers, or fails with an error of ours, and comes to an end. */
export function fuzz<Input extends Uint8Array | string>(format: Format<Input>): void {
  const { what, make, read, isSlow = false } = format;
  const runs = isSlow && !process.env.GRADUS_FUZZ ? most / 10 : most;
  const title = `${what}: of ${runs} damaged ones each gives an answer or an error of ours`;
  test(title, { timeout: 15_000 + 20 * runs }, async () => {
    const next = await make();
    let answers = 0;
    for (let n = 0; n < runs; n++) {
      const input = next();
      let late: NodeJS.Timeout | undefined;
      const never = new Promise((_, reject) => {
        late = setTimeout(() => reject(new Error("never settles")), 1000 * mostSeconds);
      });
      try {
        await Promise.race([Promise.resolve().then(() => read(input)), never]);
        answers++;
      } catch (thrown) {
        if (thrown instanceof GradusError && thrown.subject !== "internal") continue;
        const shown =
          typeof input === "string" ? JSON.stringify(input) : Buffer.from(input).toString("base64");
        throw new Error(`${what}, input ${n}: ${shown.slice(0, 4000)}`, { cause: thrown });
      } finally {
        clearTimeout(late);
      }
    }
    console.info(`${what}: ${runs} inputs, ${answers} of them read`);
    expect(answers).toBeGreaterThan(0); // some changes do no harm, so reading itself is tried
  });
}

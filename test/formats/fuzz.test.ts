import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseCsv } from "gradus/data";
import {
  decodeIdxFile,
  decodeSafetensors,
  decodeWav,
  encodeIdx,
  encodeSafetensors,
  idxTypes,
  writeSafetensors,
} from "gradus/formats";
import { loadCheckpoint, RunFolder } from "gradus/train";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GradusError, type HostArray, hostArray, sizeOf } from "../../src/base/index.ts";
import { fileTree } from "../../src/data/folders/file-tree.ts";
import { limitsOf } from "../../src/data/folders/limits.ts";
import { decodePicture } from "../../src/data/images/picture.ts";
import { tarOf } from "../data/files.ts";

/**
 * Each reader is given files that are whole but for a few changes: it answers, or fails with an error
 * of ours, and it comes to an end. `GRADUS_FUZZ=1000000 npx vitest run test/formats/fuzz.test.ts` tries
 * as many of each; GRADUS_FUZZ_SEED begins elsewhere.
 */
const runs = Number(process.env.GRADUS_FUZZ ?? 10_000);
let state = Number(process.env.GRADUS_FUZZ_SEED ?? 1) >>> 0;

/** A whole number below n. @see Marsaglia 2003, "Xorshift RNGs" */
function below(n: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return Math.floor(((state >>> 0) / 2 ** 32) * n);
}
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

/** Numbers at which sizes and counts go wrong. */
const edges = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

/** The bytes with one to four changes: bits, bytes, numbers at edges, pieces cut, doubled or moved. */
function mutate(whole: Uint8Array, headers: number): Uint8Array {
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

/** Text with words exchanged: names, numbers and signs of its own, and such that break things. */
function mutateText(whole: string): string {
  const words = whole.split(/(\W)/);
  const odd = [
    "",
    '"',
    "{",
    "[",
    ",",
    "null",
    "-1",
    "1e999",
    "__proto__",
    "\0",
    "é",
    "9".repeat(400),
  ];
  for (let n = 1 + below(3); n > 0; n--)
    words[below(words.length)] = below(2) ? pick(words) : pick(odd);
  return words.join("");
}

interface Format {
  readonly what: string;
  /** How many of the runs are made, as one takes longer than another. */
  readonly share?: number;
  readonly make: () => Promise<() => Uint8Array | string>;
  readonly read: (input: Uint8Array | string) => unknown;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradus-fuzz-"));
});
afterAll(() => rm(folder, { recursive: true }));

const checkArray = ({ shape, data }: { shape: readonly number[]; data: ArrayLike<number> }) =>
  expect(data.length).toBe(sizeOf(shape));

const ofBytes = (seeds: readonly Uint8Array[], headers: number) => () =>
  mutate(pick(seeds), headers);

/** 16 bits, two channels, a chunk of odd length before. */
function wav(): Buffer {
  const file = Buffer.alloc(76);
  file.write("RIFF....WAVELIST", "latin1");
  file.writeUInt32LE(7, 16);
  file.write("fmt ", 28);
  file.writeUInt32LE(16, 32);
  file.writeUInt16LE(1, 36);
  file.writeUInt16LE(2, 38);
  file.writeUInt32LE(8000, 40);
  file.writeUInt16LE(16, 50);
  file.write("data", 52);
  file.writeUInt32LE(16, 56);
  return file;
}

async function pictures(): Promise<Uint8Array[]> {
  const raw = { width: 5, height: 4, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: 60 }, (_, i) => (i * 37) & 255);
  const image = () => sharp(pixels, { raw });
  const bmp = Buffer.alloc(54 + 12 + 16);
  bmp.write("BM");
  bmp.writeUInt32LE(66, 10);
  for (const [at, value] of [
    [14, 40],
    [18, 4],
    [22, 4],
    [46, 3],
  ] as const)
    bmp.writeUInt32LE(value, at);
  bmp.writeUInt16LE(8, 28);
  const gray = image().toColorspace("grey16");
  const encoded = [
    image().png(),
    gray.png(),
    image().jpeg(),
    image().webp(),
    image().gif(),
    image().tiff(),
  ];
  return [
    ...(await Promise.all(encoded.map((each) => each.toBuffer()))),
    bmp,
    Buffer.from("P3 2 2 255\n1 2 3 4 5 6 7 8 9 10 11 12"),
    Buffer.concat([Buffer.from("P6\n# x\n2 2 65535\n"), Buffer.alloc(24, 7)]),
    Buffer.concat([Buffer.from("P4 9 2\n"), Buffer.alloc(4, 85)]),
  ];
}

/** The file of the last archive or checkpoint. */
const inFile = async (name: string, bytes: Uint8Array | string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
};

const formats: Format[] = [
  {
    what: "safetensors",
    make: async () => {
      const tensors = new Map<string, HostArray>([
        ["a", hostArray([2, 2], Float32Array.of(1, 2, 3, 4))],
        ["b", hostArray([3], Uint8Array.of(1, 0, 1))],
      ]);
      const ours = encodeSafetensors(tensors, { note: "x" });
      const header = (dtype: string, width: number) =>
        `{"w":{"dtype":"${dtype}","shape":[2],"data_offsets":[0,${2 * width}]}}`;
      const others = (["F16", "BF16", "I64", "U8", "F8_E4M3", "BOOL"] as const).map((dtype) => {
        const width = dtype === "I64" ? 8 : dtype.endsWith("F16") ? 2 : 1;
        const text = Buffer.from(header(dtype, width));
        const size = Buffer.alloc(8);
        size.writeBigUInt64LE(BigInt(text.length));
        return Buffer.concat([size, text, Buffer.alloc(2 * width, 1)]);
      });
      return ofBytes([ours, ...others, ...others], 120);
    },
    read: (bytes) => {
      for (const array of decodeSafetensors(bytes as Uint8Array).tensors.values())
        checkArray(array);
    },
  },
  {
    what: "IDX, plain and gzip",
    make: async () => {
      const values = [
        { dtypeCode: idxTypes.ubyte, shape: [2, 3, 1], data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
        { dtypeCode: idxTypes.int16, shape: [2], data: Int16Array.of(1, -2) },
        { dtypeCode: idxTypes.float64, shape: [1, 1], data: Float64Array.of(0.5) },
      ].map(encodeIdx);
      return ofBytes([...values, ...values.map((x) => gzipSync(x))], 16);
    },
    read: async (bytes) => checkArray(await decodeIdxFile(bytes as Uint8Array, "x", 2 ** 20)),
  },
  {
    what: "WAV",
    make: async () => ofBytes([wav()], 60),
    read: (bytes) => {
      const { samples, channels, sampleRate } = decodeWav(bytes as Uint8Array);
      expect(samples.length % channels).toBe(0);
      expect(sampleRate).toBeGreaterThan(0);
    },
  },
  {
    what: "pictures",
    share: 0.3,
    make: async () => ofBytes(await pictures(), 64),
    read: async (bytes) => {
      const form = below(2) ? { height: 3, width: 3 } : {};
      const limits = { maxPixels: 10_000 };
      const { data, ...size } = await decodePicture(bytes as Uint8Array, "x", form, limits);
      expect(data.length).toBe(size.height * size.width * size.channels);
    },
  },
  {
    what: "archives, plain and gzip",
    share: 0.3,
    make: async () => {
      const files = {
        "a/1.png": Buffer.alloc(700, 7),
        "b/2.txt": Buffer.alloc(3),
        [`${"c/".repeat(60)}3.png`]: Buffer.alloc(9),
      };
      const tar = await tarOf(files, [
        { name: "l.png", type: "symlink", linkname: "a/1.png" },
        { name: "h.png", type: "link", linkname: "a/1.png" },
        { name: "d", type: "directory" },
      ]);
      const bytes = ofBytes([tar], tar.length);
      return () => (below(4) ? bytes() : mutate(gzipSync(below(2) ? tar : bytes()), 20));
    },
    read: async (bytes) => {
      const limits = limitsOf({ maxFileBytes: 10_000, maxEntries: 100 }, "x");
      const tree = await fileTree(
        await inFile("x.tar", bytes),
        (name) => name.endsWith(".png"),
        limits,
      );
      for (const file of tree.files) expect((await file.read()).length).toBeLessThanOrEqual(10_000);
    },
  },
  {
    what: "CSV",
    share: 0.3,
    make: async () => () =>
      mutateText(
        'a,b,"c, d",y\n1,2.5,"x ""y""",u\n3,,z,v\n-1,4e3,x,u\n2,1,z,v\n7,8,x,u\n9,9,z,v\n',
      ),
    read: (text) => parseCsv(text as string, { fill: "mean" }),
  },
  {
    what: "a run's config.json and metrics",
    share: 0.3,
    make: async () => {
      await inFile("config.json", "{}");
      return () => mutateText('{"gradus":"0.1.0","a":[1,2,{"b":null}],"c":-1.5e3}\n');
    },
    read: async (text) => {
      await inFile("config.json", text);
      await inFile("metrics.jsonl", text);
      const run = await RunFolder.open(folder);
      await run.readMetrics();
      await run.readConfig();
    },
  },
  {
    what: "checkpoints whose sums are right and whose notes are not",
    share: 0.3,
    make: async () => () =>
      mutateText(
        JSON.stringify({
          format: "gradus checkpoint 1",
          position: '{"epoch":1,"batch":0,"step":3,"sums":{"examples":0,"sums":{}}}',
          settings: '{"seed":0,"batchSize":4,"examples":12}',
          history: '[{"loss":0.5,"val_loss":null}]',
          config: '{"a":1}',
          callbacks: '{"C":{"x":1}}',
        }),
      ),
    read: async (text) => {
      let notes: unknown;
      try {
        notes = JSON.parse(text as string);
      } catch {
        return;
      }
      const isNotes = typeof notes === "object" && notes !== null && !Array.isArray(notes);
      if (!isNotes || Object.values(notes as object).some((x) => typeof x !== "string")) return;
      const path = join(folder, "c.safetensors");
      await writeSafetensors(
        path,
        new Map([["w", hostArray([1], Float32Array.of(1))]]),
        notes as Record<string, string>,
      );
      await loadCheckpoint(path);
    },
  },
];

/** No input takes longer than this; the machine may be busy. */
const mostSeconds = 20;

for (const { what, share = 1, make, read } of formats)
  test(`${what}: an answer or an error of ours, in the end`, {
    timeout: 120_000 + 20 * runs,
  }, async () => {
    const next = await make();
    let answers = 0;
    for (let n = 0; n < Math.ceil(share * runs); n++) {
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
    expect(answers).toBeGreaterThan(0); // some changes do no harm, so reading itself is tried
  });

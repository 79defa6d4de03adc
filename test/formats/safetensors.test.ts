import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  writeSafetensors,
} from "gradus/formats";
import { describe, expect, test } from "vitest";
import {
  DataError,
  FormatError,
  GradusError,
  type HostArray,
  hostArray,
} from "../../src/base/index.ts";

/** A file with this header, as text or bytes, and this many bytes of values. */
function file(header: string | object, values = 0, length?: bigint): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const head = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + head.length + values);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(head.length), true);
  bytes.set(head, 8);
  return bytes;
}

const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

const anyArray: fc.Arbitrary<HostArray> = fc
  .array(fc.nat({ max: 3 }), { maxLength: 3 })
  .chain((shape) => {
    const size = shape.reduce((n, d) => n * d, 1);
    const exactly = { minLength: size, maxLength: size };
    return fc
      .oneof(
        fc.float32Array(exactly),
        fc.float64Array(exactly),
        fc.int32Array(exactly),
        fc.uint8Array({ ...exactly, max: 1 }),
      )
      .map((data) => hostArray(shape, data as HostArray["data"]));
  });
const anyName = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("__proto__", "constructor", "0", "-1", 'quote"d'),
);
const anyFile = fc.tuple(
  fc.uniqueArray(fc.tuple(anyName, anyArray), { selector: ([name]) => name, maxLength: 5 }),
  fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
);

describe("bytes", () => {
  test("one float32 tensor, byte for byte", () => {
    const bytes = encodeSafetensors(new Map([["w", hostArray([1], Float32Array.of(1))]]));
    const header = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ';
    expect(header.length % 8).toBe(0);
    expect([...bytes]).toEqual([
      ...[header.length, 0, 0, 0, 0, 0, 0, 0],
      ...new TextEncoder().encode(header),
      ...[0, 0, 0x80, 0x3f], // 1.0f, little-endian
    ]);
  });

  test("values begin on 8 bytes and every array is aligned for its type", () => {
    const tensors = new Map<string, HostArray>([
      ["mask", hostArray([3], Uint8Array.of(1, 0, 1))],
      ["half", hostArray([1], Float32Array.of(0.5))],
      ["pi", hostArray([], Float64Array.of(Math.PI))],
    ]);
    const bytes = encodeSafetensors(tensors, { epoch: "3" });
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
    expect(headerLength % 8).toBe(0);
    expect(header.pi.data_offsets).toEqual([0, 8]);
    expect(header.half.data_offsets).toEqual([8, 12]);
    expect(header.mask.data_offsets).toEqual([12, 15]);
    expect(header.__metadata__).toEqual({ epoch: "3" });
  });

  test("tensors, names and metadata come back as they went, whatever the names", () => {
    fc.assert(
      fc.property(anyFile, ([entries, metadata]) => {
        const tensors = new Map(entries);
        const back = decodeSafetensors(encodeSafetensors(tensors, metadata));
        expect(back.tensors).toEqual(tensors);
        expect(Object.entries(back.metadata).sort()).toEqual(Object.entries(metadata).sort());
      }),
    );
  });

  test("a decoded array is a copy: changing it leaves the file's bytes", () => {
    const bytes = encodeSafetensors(new Map([["w", hostArray([1], Float32Array.of(1))]]));
    const before = bytes.slice();
    decodeSafetensors(Buffer.from(bytes.buffer)).tensors.get("w")!.data.fill(9);
    expect(bytes).toEqual(before);
  });

  test("a tensor may not take the format's own key", () => {
    const tensors = new Map([["__metadata__", hostArray([0], new Float32Array())]]);
    expect(() => encodeSafetensors(tensors)).toThrow(FormatError);
  });
});

describe("hostile files", () => {
  const cases: [what: string, bytes: Uint8Array, error: typeof GradusError, message: RegExp][] = [
    ["no room for the length", new Uint8Array(7), FormatError, /has 7 bytes/],
    ["2⁶³ bytes of header", file("{}", 0, 2n ** 63n), FormatError, /9223372036854775808 bytes/],
    ["header beyond the end", file("{}", 0, 3n), DataError, /header has 3 bytes, only 2 follow/],
    ["not JSON", file("{nope"), FormatError, /not JSON/],
    ["not UTF-8", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe), FormatError, /not JSON/],
    ["a list", file([1]), FormatError, /not a JSON object/],
    ["an entry that is null", file({ w: null }), FormatError, /"w" is null/],
    ["a fractional size", file({ w: f32([0.5], 0, 2) }, 2), FormatError, /whole numbers/],
    ["a negative offset", file({ w: f32([1], -4, 0) }), FormatError, /whole numbers/],
    ["end before begin", file({ w: f32([1], 4, 0) }, 4), FormatError, /ends at 0, before 4/],
    ["outside the file", file({ w: f32([2], 0, 8) }, 4), DataError, /take 8 bytes.*has 4/],
    ["left-over values", file({ w: f32([1], 0, 4) }, 5), DataError, /take 4 bytes.*has 5/],
    ["a hole", file({ w: f32([1], 4, 8) }, 8), FormatError, /bytes 0 to 4 belong to no tensor/],
    [
      "an overlap",
      file({ v: f32([2], 0, 8), w: f32([1], 4, 8) }, 8),
      FormatError,
      /"w" overlaps another: 4 < 8/,
    ],
    [
      "a shape that its range does not hold",
      file({ w: f32([3], 0, 8) }, 8),
      FormatError,
      /F32 \[3\] needs 12 bytes, its offsets \[0, 8\] give 8/,
    ],
    [
      "a shape whose size overflows",
      file({ w: f32(new Array(40).fill(2 ** 32), 0, 4) }, 4),
      FormatError,
      /needs .* bytes/,
    ],
    [
      "a type that we lack",
      file({ w: { ...f32([1], 0, 2), dtype: "BF16" } }, 2),
      FormatError,
      /BF16; we read F32, F64, I32, BOOL/,
    ],
    ["metadata of numbers", file({ __metadata__: { a: 1 } }), FormatError, /map of strings/],
  ];
  for (const [what, bytes, error, message] of cases)
    test(`${what}: ${error.name}`, () => {
      expect(() => decodeSafetensors(bytes)).toThrow(error);
      expect(() => decodeSafetensors(bytes)).toThrow(message);
    });

  test("a BOOL byte that is neither 0 nor 1", () => {
    const bytes = encodeSafetensors(new Map([["m", hostArray([1], Uint8Array.of(2))]]));
    expect(() => decodeSafetensors(bytes)).toThrow(/"m" is BOOL but holds the byte 2/);
  });

  test("torn and flipped files end in an answer or in our own error", () => {
    const damage = fc.tuple(anyFile, fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }))));
    fc.assert(
      fc.property(damage, ([[entries, metadata], cut, flips]) => {
        const whole = encodeSafetensors(new Map(entries), metadata);
        const bytes = whole.slice(0, 1 + (cut % (whole.length * 2)));
        for (const [at, value] of flips) bytes[at % bytes.length] = value;
        try {
          decodeSafetensors(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(GradusError);
        }
      }),
    );
  });
});

test("a file on disk reads back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gradus-safetensors-"));
  const tensors = new Map([["b", hostArray([2], Int32Array.of(-1, 7))]]);
  await writeSafetensors(join(folder, "m.safetensors"), tensors, { by: "gradus" });
  const back = await readSafetensors(join(folder, "m.safetensors"));
  expect(back).toEqual({ tensors, metadata: { by: "gradus" } });
  await rm(folder, { recursive: true });
});

test("values that do not fill their shape are not written", () => {
  const torn = { dtype: "float32", shape: [3], data: new Float32Array(2) } as const;
  expect(() => encodeSafetensors(new Map([["w", torn]]))).toThrow(
    'encodeSafetensors: "w" has 2 values for the 3 places of [3]',
  );
});

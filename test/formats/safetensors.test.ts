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
import { crc32, plainCrc32 } from "../../src/formats/crc.ts";

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
    // The sums are those of Python's zlib.crc32.
    const header = `{"__metadata__":{"gradus.crc32":"{\\"w\\":\\"aca16a6a\\"}","gradus.crc32.header":"81fb3199"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  `;
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
    expect(header.__metadata__).toMatchObject({ epoch: "3" });
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
    ["metadata of numbers", file({ __metadata__: { a: 1 } }), FormatError, /map of strings/],
  ];
  for (const [what, bytes, error, message] of cases)
    test(`${what}: ${error.name}`, () => {
      expect(() => decodeSafetensors(bytes)).toThrow(error);
      expect(() => decodeSafetensors(bytes)).toThrow(message);
    });

  test("a BOOL byte that is neither 0 nor 1", () => {
    const bytes = encodeSafetensors(
      new Map([["m", { dtype: "bool", shape: [1], data: Uint8Array.of(2) } as const]]),
    );
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

describe("checksums", () => {
  const tensors = new Map<string, HostArray>([
    ["a.weight", hostArray([2, 3], Float32Array.of(1, -2, 3, 0, 5, 6))],
    ["b", hostArray([2], Int32Array.of(7, -8))],
    ["__proto__", hostArray([3], Uint8Array.of(1, 0, 1))],
  ]);
  const whole = encodeSafetensors(tensors, { position: '{"epoch":3}' });

  test("every single flipped bit is noticed, and where it lies in a tensor, the tensor is named", () => {
    const start = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const bytes = whole.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeSafetensors(bytes), `bit ${bit}`).toThrow(GradusError);
      if (bit >> 3 >= start)
        expect(() => decodeSafetensors(bytes)).toThrow(
          /tensor "(a.weight|b|__proto__)" has the ch/,
        );
    }
  });

  test("blocks of zeros, exchanged values and exchanged headers are noticed", () => {
    for (let at = 0; at + 8 <= whole.length; at++) {
      const bytes = whole.slice().fill(0, at, at + 8);
      if (bytes.every((x, i) => x === whole[i])) continue; // zeros over zeros change nothing
      expect(() => decodeSafetensors(bytes), `at ${at}`).toThrow(GradusError);
    }
    const swapped = new Map([...tensors, ["b", hostArray([2], Int32Array.of(-8, 7))] as const]);
    const other = encodeSafetensors(swapped, { position: '{"epoch":3}' });
    const start = other.length - 40;
    expect(other.length).toBe(whole.length);
    const mixed = whole.slice();
    mixed.set(other.subarray(start), start);
    expect(() => decodeSafetensors(mixed)).toThrow(/file is damaged: tensor "b"/);
  });

  test("files without sums are read; one sum without the other is damage", () => {
    const w = { w: f32([1], 0, 4) };
    expect(decodeSafetensors(file(w, 4)).tensors.get("w")!.data).toEqual(Float32Array.of(0));
    for (const key of ["gradus.crc32", "gradus.crc32.header"])
      expect(() => decodeSafetensors(file({ __metadata__: { [key]: "{}" }, ...w }, 4))).toThrow(
        /of its two notes on checksums "gradus.crc32(.header)?" lacks/,
      );
    expect(() => encodeSafetensors(tensors, { "gradus.crc32": "mine" })).toThrow(FormatError);
  });

  test("plain CRC-32 and that of Node's zlib agree with the catalogue's check value", () => {
    const digits = new TextEncoder().encode("123456789");
    expect([crc32(digits), plainCrc32(digits)]).toEqual([0xcbf43926, 0xcbf43926]);
  });
});

describe("element types that we lack", () => {
  const typed = (dtype: string, shape: number[], bytes: ArrayLike<number>): HostArray => {
    const made = file({ w: { dtype, shape, data_offsets: [0, bytes.length] } }, bytes.length);
    made.set(bytes, made.length - bytes.length);
    return decodeSafetensors(made).tensors.get("w")!;
  };

  // IEEE 754 half: 1, −2, largest 65504, least subnormal 2⁻²⁴, ∞, NaN
  test("F16 is float32 to the last bit", () => {
    const codes = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00];
    const { dtype, data } = typed(
      "F16",
      [6],
      codes.flatMap((x) => [x & 255, x >> 8]),
    );
    expect([dtype, [...data]]).toEqual([
      "float32",
      [1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, Number.NaN],
    ]);
  });

  test("BF16 is the upper half of a float32, for all its codes", () => {
    const codes = Uint16Array.from({ length: 65536 }, (_, code) => code);
    const { data } = typed("BF16", [65536], new Uint8Array(codes.buffer));
    const expected = new Float32Array(Uint32Array.from(codes, (code) => code << 16).buffer);
    expect(data).toEqual(expected);
  });

  // Micikevicius et al. 2022, table 1
  test("floats of 8 bits: largest, least normal, least subnormal, special", () => {
    const e5m2 = typed("F8_E5M2", [5], [0x7b, 0x04, 0x01, 0xfc, 0x7d]).data;
    const nothing = [Number.NEGATIVE_INFINITY, Number.NaN];
    expect([...e5m2]).toEqual([57344, 2 ** -14, 2 ** -16, ...nothing]);
    const e4m3 = typed("F8_E4M3", [5], [0x7e, 0x08, 0x01, 0x81, 0x7f]).data;
    expect([...e4m3]).toEqual([448, 2 ** -6, 2 ** -9, -(2 ** -9), Number.NaN]);
  });

  const minus = new Array(7).fill(255);
  const wholes: [dtype: string, bytes: number[], as: string, values: number[]][] = [
    ["U8", [0, 255], "int32", [0, 255]],
    ["I8", [127, 128], "int32", [127, -128]],
    ["I16", [0xff, 0x7f, 0, 0x80], "int32", [32767, -32768]],
    ["U16", [0xff, 0xff], "int32", [65535]],
    ["U32", [255, 255, 255, 127], "int32", [2147483647]],
    ["U32", [255, 255, 255, 255], "float64", [4294967295]],
    ["I64", [5, 0, 0, 0, 0, 0, 0, 0, 254, ...minus], "int32", [5, -2]],
    ["I64", [0, 0, 0, 0, 0, 0, 32, 0, 254, ...minus], "float64", [2 ** 53, -2]],
    ["U64", [0, 0, 0, 0, 0, 0, 0, 128], "float64", [2 ** 63]],
  ];
  for (const [dtype, bytes, as, values] of wholes)
    test(`${dtype} of ${values} is ${as}`, () => {
      const { dtype: got, data } = typed(dtype, [values.length], bytes);
      expect([got, [...data]]).toEqual([as, values]);
    });

  test("what cannot be had exactly is passed over and told, the rest is read", () => {
    const entries = {
      odd: { dtype: "I64", shape: [1], data_offsets: [0, 8] },
      complex: { dtype: "C64", shape: [1], data_offsets: [8, 16] },
      w: f32([1], 16, 20),
    };
    const bytes = file(entries, 20);
    bytes.set([1, 0, 0, 0, 0, 0, 32, 0], bytes.length - 20); // 2⁵³ + 1
    const { tensors, unread } = decodeSafetensors(bytes);
    expect([...tensors.keys()]).toEqual(["w"]);
    expect(unread!.get("odd")).toBe(
      "holds 9007199254740993, which neither int32 nor float64 has exactly",
    );
    expect(unread!.get("complex")).toMatch(/^has element type C64; we read F32, /);
  });

  test("a shape that its range does not hold is an error for them, too", () => {
    expect(() => typed("BF16", [2], [0, 0])).toThrow(/BF16 \[2\] needs 4 bytes/);
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

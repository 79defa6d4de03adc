import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { decodeIdx, encodeIdx, type IdxArray, idxTypes, readIdx, writeIdx } from "gradus/formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError, FormatError, GradusError } from "../../src/base/index.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gradus-idx-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** [2, 2] int32: 1, −2, 256, 2³¹ − 1, spelt out by hand. */
const int32File = Uint8Array.of(
  ...[0, 0, 0x0c, 2, 0, 0, 0, 2, 0, 0, 0, 2],
  ...[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0, 1, 0, 0x7f, 0xff, 0xff, 0xff],
);
const int32Array: IdxArray = {
  dtypeCode: idxTypes.int32,
  shape: [2, 2],
  data: Int32Array.of(1, -2, 256, 2147483647),
};

/** Any IDX array: a type, up to three axes, and values that fill them. */
const anyIdx: fc.Arbitrary<IdxArray> = fc
  .tuple(
    fc.constantFrom(...Object.values(idxTypes)),
    fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
  )
  .chain(([dtypeCode, shape]) => {
    const size = shape.reduce((n, d) => n * d, 1);
    const exactly = { minLength: size, maxLength: size };
    const data = {
      [idxTypes.ubyte]: fc.uint8Array(exactly),
      [idxTypes.int8]: fc.int8Array(exactly),
      [idxTypes.int16]: fc.int16Array(exactly),
      [idxTypes.int32]: fc.int32Array(exactly),
      [idxTypes.float32]: fc.float32Array(exactly),
      [idxTypes.float64]: fc.float64Array(exactly),
    }[dtypeCode] as fc.Arbitrary<IdxArray["data"]>;
    return data.map((values) => ({ dtypeCode, shape, data: values }));
  });

describe("bytes", () => {
  test("big-endian int32, both ways, as written by hand", () => {
    expect(decodeIdx(int32File)).toEqual(int32Array);
    expect(encodeIdx(int32Array)).toEqual(int32File);
  });

  test("a float64 is the eight bytes of IEEE 754 in network order", () => {
    const bytes = encodeIdx({
      dtypeCode: idxTypes.float64,
      shape: [1],
      data: Float64Array.of(-1.5),
    });
    expect([...bytes.subarray(8)]).toEqual([0xbf, 0xf8, 0, 0, 0, 0, 0, 0]);
  });

  test("decoding leaves the caller's bytes alone, even in a shared Buffer at an odd offset", () => {
    const shared = Buffer.concat([Buffer.of(99), int32File]).subarray(1);
    expect(decodeIdx(shared)).toEqual(int32Array);
    expect(new Uint8Array(shared)).toEqual(int32File);
  });

  test("what is encoded is decoded to the same bits", () => {
    fc.assert(
      fc.property(anyIdx, (array) => {
        expect(decodeIdx(encodeIdx(array))).toEqual(array);
      }),
    );
  });
});

test("int8 and int16 are signed, big-endian", () => {
  const int8 = decodeIdx(Uint8Array.of(0, 0, 9, 1, 0, 0, 0, 2, 0x7f, 0x80));
  expect([int8.shape, int8.data]).toEqual([[2], Int8Array.of(127, -128)]);
  const int16 = decodeIdx(Uint8Array.of(0, 0, 11, 1, 0, 0, 0, 2, 0x7f, 0xff, 0xff, 0xfe));
  expect([int16.shape, int16.data]).toEqual([[2], Int16Array.of(32767, -2)]);
});

describe("files that are torn, too long or something else", () => {
  test("wrong magic says what was found and what was expected", () => {
    expect(() => decodeIdx(Uint8Array.of(0x89, 0x50, 0x4e, 0x47), "cat.png")).toThrow(
      /^cat\.png: not an IDX file that we read: it starts with 0x89 0x50 0x4E 0x47, expected 0x00 0x00, a type \(0x08 ubyte, .*0x0E float64\)/,
    );
    expect(() => decodeIdx(new Uint8Array())).toThrow(/starts with nothing/);
    expect(() => decodeIdx(Uint8Array.of(0, 0, 10, 1, 0, 0, 0, 0))).toThrow(FormatError);
  });

  test("missing and left-over bytes are counted", () => {
    expect(() => decodeIdx(int32File.subarray(0, 20))).toThrow(
      "truncated: shape [2, 2] needs 16 bytes of values, the file has 8.",
    );
    expect(() => decodeIdx(Uint8Array.of(...int32File, 7))).toThrow(
      "trailing bytes: shape [2, 2] needs 16 bytes of values, the file has 17.",
    );
    expect(() => decodeIdx(int32File.subarray(0, 9))).toThrow(
      "truncated: a header of rank 2 needs 12 bytes, the file has 9.",
    );
  });

  test("sizes whose product no computer has are truncation, not a failed allocation", () => {
    const huge = Uint8Array.of(0, 0, 8, 3, ...new Array(12).fill(0xff), 1, 2, 3);
    expect(() => decodeIdx(huge)).toThrow(DataError);
  });

  test("an array that its type code does not describe is not encoded", () => {
    expect(() => encodeIdx({ ...int32Array, dtypeCode: idxTypes.ubyte })).toThrow(
      "4 values of Int32Array are not type 0x08 with shape [2, 2]",
    );
    expect(() => encodeIdx({ ...int32Array, shape: [5] })).toThrow(FormatError);
  });

  test("every prefix and every flipped byte ends in an answer or in our own error", () => {
    const tear = fc.tuple(anyIdx, fc.nat(), fc.nat(), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(tear, ([array, cut, at, value]) => {
        const bytes = encodeIdx(array).slice(0, cut % 60);
        if (bytes.length > 0) bytes[at % bytes.length] = value;
        expectOwnError(() => decodeIdx(bytes));
      }),
    );
  });
});

describe("files on disk", () => {
  test("gzip is told by the first bytes, not by the name", async () => {
    await writeFile(join(folder, "plain.gz"), int32File);
    await writeFile(join(folder, "packed"), gzipSync(int32File));
    expect(await readIdx(join(folder, "plain.gz"))).toEqual(int32Array);
    expect(await readIdx(join(folder, "packed"))).toEqual(int32Array);
  });

  test("a written .gz file is smaller and reads back", async () => {
    const zeros = { dtypeCode: idxTypes.ubyte, shape: [100, 28, 28], data: new Uint8Array(78400) };
    await writeIdx(join(folder, "zeros.gz"), zeros);
    expect(await readIdx(join(folder, "zeros.gz"))).toEqual(zeros);
  });

  test("every truncation of a gzip file is a DataError, and so is a missing file", async () => {
    const packed = gzipSync(int32File);
    for (let length = 2; length < packed.length; length++) {
      await writeFile(join(folder, "torn.gz"), packed.subarray(0, length));
      await expect(readIdx(join(folder, "torn.gz"))).rejects.toThrow(DataError);
    }
    await expect(readIdx(join(folder, "absent"))).rejects.toThrow(/absent: there is no such file/);
  });

  test("a corrupt gzip file says so", async () => {
    const packed = gzipSync(int32File);
    packed.fill(0xff, 10);
    await writeFile(join(folder, "corrupt.gz"), packed);
    await expect(readIdx(join(folder, "corrupt.gz"))).rejects.toThrow(/gzip stream is corrupt/);
  });

  test("a gzip bomb is refused at the size that its header announces", async () => {
    const bomb = new Uint8Array(2 ** 24);
    bomb.set(int32File);
    await writeFile(join(folder, "bomb.gz"), gzipSync(bomb));
    await expect(readIdx(join(folder, "bomb.gz"))).rejects.toThrow(
      /trailing bytes: the gzip stream holds more than the 28 bytes/,
    );
  });
});

/** Runs `f`, which may succeed, or throw what we throw on purpose. */
function expectOwnError(f: () => unknown): void {
  try {
    f();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(GradusError);
  }
}

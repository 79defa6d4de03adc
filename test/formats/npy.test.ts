/** NumPy's own files, from tools/fixtures/numpy-files.py, which also reads what is written here. */
import { readFileSync } from "node:fs";
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz, readNpy, writeNpz } from "gradus/formats";
import { describe, expect, test } from "vitest";
import { hostArray } from "../../src/base/index.ts";

interface Fixture {
  readonly arrays: Record<string, { npy: string; shape: number[]; values: number[] }>;
  readonly [name: string]: unknown;
}
const fixture: Fixture = JSON.parse(readFileSync("test/formats/npy.json", "utf8"));
const bytesOf = (base64: unknown) => new Uint8Array(Buffer.from(base64 as string, "base64"));

describe("NumPy's arrays", () => {
  test.each(Object.entries(fixture.arrays))("%s", (_, { npy, shape, values }) => {
    const array = decodeNpy(bytesOf(npy));
    expect(array.shape).toEqual(shape);
    expect([...array.data]).toEqual(values);
  });
  test("types: float16 is float32, integers are int32, or float64 beyond", () => {
    const types = Object.entries(fixture.arrays).map(([name, { npy }]) => [
      name,
      decodeNpy(bytesOf(npy)).dtype,
    ]);
    expect(Object.fromEntries(types)).toMatchObject({
      ...{ f2: "float32", u1: "int32", i8: "int32", "wide i8": "float64", bool: "bool" },
    });
  });
  test.each([
    ["object", /Python objects/],
    ["text", /elements of <U1/],
    ["records", /records of several fields/],
    ["too wide", /1152921504606846977, which neither int32 nor float64 has exactly/],
  ])("%s is refused", (name, message) => {
    expect(() => decodeNpy(bytesOf(fixture[name]))).toThrow(message);
  });
});

const arrays = new Map([
  ["x", hostArray([2, 3], Float32Array.of(0, 1, 2, 3, 4, 5))],
  ["flag", hostArray([], Uint8Array.of(1))],
  ["größe", hostArray([1], Float64Array.of(Math.PI))],
]);

test("written arrays are NumPy's to the byte, and read back", () => {
  for (const name of ["f4", "f8", "bool", "empty", "scalar"]) {
    const bytes = bytesOf(fixture.arrays[name]!.npy);
    const array = decodeNpy(bytes);
    expect(Buffer.from(encodeNpy(array)).toString("latin1")).toBe(
      Buffer.from(bytes).toString("latin1"),
    );
  }
});

test.each(["npz", "compressed"])("archives of NumPy: %s", async (name) => {
  const found = await decodeNpz(bytesOf(fixture[name]));
  expect([...found.keys()]).toEqual(["x", "y"]);
  expect(found.get("x")).toEqual(arrays.get("x"));
  expect(found.get("y")).toEqual(hostArray([3], Int32Array.of(0, 1, 2)));
});

test("archives read back, and every damaged byte of a value is noticed", async () => {
  const bytes = encodeNpz(arrays);
  expect(await decodeNpz(bytes)).toEqual(arrays);
  if (process.env.GRADUS_NPZ) await writeNpz(process.env.GRADUS_NPZ, arrays); // for NumPy
  const damaged = bytes.slice();
  damaged[damaged.indexOf(0x40)]! ^= 1; // of 2.0
  await expect(decodeNpz(damaged)).rejects.toThrow(/checksum of "x.npy" is wrong/);
});

test("a bomb, a truncated archive and a file of another kind are errors", async () => {
  const bomb = bytesOf(fixture.compressed);
  const at = Buffer.from(bomb).indexOf("PK\u0001\u0002", "latin1");
  new DataView(bomb.buffer).setUint32(at + 24, 0xf0000000, true);
  await expect(decodeNpz(bomb)).rejects.toThrow(/announces 4026531840 bytes/);
  await expect(decodeNpz(encodeNpz(arrays).subarray(0, -5))).rejects.toThrow(/list of files/);
  await expect(decodeNpz(encodeNpy(arrays.get("x")!))).rejects.toThrow(/not a NumPy archive/);
  await expect(readNpy("absent.npy")).rejects.toThrow(/no such file/);
});
